"""What is possible, as far as it follows from other figures of the same round: see Limit.

Each rate is a function of a look-up (figure, server or role) -> value or None; it returns the same.
"""

from peers.measurement import Limit
from peers.server import Role


def rate_of(figure, server):
    """What a server has reached."""
    return lambda of: of(figure, server)


def one_after_another(*rates):
    """How often all can be done, each after the other: their costs are added."""

    def together(of):
        found = [rate(of) for rate in rates]
        return 1 / sum(1 / rate for rate in found) if all(found) else None

    return together


# What every proxy pays: two sockets, a byte there and back through both.
cleartext = rate_of("cleartext", Role.LIMIT)
key_exchange = one_after_another(
    rate_of("x25519-key", "BoringSSL"), rate_of("x25519-shared", "BoringSSL")
)
ecdsa = rate_of("p256-sign", "BoringSSL")
rsa = rate_of("rsa-2048-sign", "BoringSSL")


def handshake(*public_key_work):
    """Of a handshake with this work: that alone, and with a connection around it."""
    return (
        Limit("public-key work alone", one_after_another(*public_key_work)),
        Limit(
            "a connection in the clear, and public-key work",
            one_after_another(cleartext, *public_key_work),
        ),
    )


FULL = handshake(ecdsa, key_exchange)
RESUMED = {
    "1.3": handshake(key_exchange),
    # It has no public-key work.
    "1.2": (Limit("a connection in the clear", cleartext),),
}


def rsa_handshake(full):
    """Of a handshake with RSA, `full` being the figure of the one with ECDSA."""

    def replaced(of):
        rates = of(full, "tlsd"), ecdsa(of), rsa(of)
        if not all(rates):
            return None
        handshakes, ecdsa_signatures, rsa_signatures = rates
        return 1 / (1 / handshakes - 1 / ecdsa_signatures + 1 / rsa_signatures)

    _, with_connection = handshake(rsa, key_exchange)
    return Limit("what its signing allows", replaced), with_connection


def stream(figure):
    """Of a stream of gRPC with TLS on the other side: each of the two alone, and what it would be
    if together they cost no more than apart."""
    both = one_after_another(rate_of(figure, Role.GRPC), rate_of(figure, Role.ECHO))
    return Role.GRPC, Role.ECHO, Limit("gRPC echo and tlsd echo, their costs added", both)
