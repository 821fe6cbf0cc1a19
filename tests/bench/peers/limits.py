"""What is possible, as far as it follows from other figures of the same round.

Each limit is a function of a look-up, (figure, server) -> value or None; it returns the same.
"""


def unknown(_):
    """For figures of which nobody knows what is possible."""
    return None


def public_key(of):
    """What the public-key work alone allows with BoringSSL."""
    return per_second(of, "p256-sign", "x25519-key", "x25519-shared")


def key_exchange(of):
    """The same for a resumed handshake of TLS 1.3."""
    return per_second(of, "x25519-key", "x25519-shared")


def per_second(of, *operations):
    """How often all the operations can be done one after the other."""
    rates = [of(operation, "BoringSSL") for operation in operations]
    return 1 / sum(1 / rate for rate in rates) if all(rates) else None


def rsa(full):
    """tlsd's own handshake with ECDSA, with the signature's cost replaced by RSA's."""

    def limit(of):
        rates = of(full, "tlsd"), of("p256-sign", "BoringSSL"), of("rsa-2048-sign", "BoringSSL")
        if not all(rates):
            return None
        handshakes, ecdsa_signatures, rsa_signatures = rates
        return 1 / (1 / handshakes - 1 / ecdsa_signatures + 1 / rsa_signatures)

    return limit
