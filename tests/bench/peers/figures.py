"""What is measured: which load, of which servers, which figures come of it, and their targets."""

import fnmatch

from peers import limits, system_calls
from peers.measurement import Figure, Measurement, Target, run, under_load
from peers.processes import Failure
from peers.server import Role

TLS_SERVERS = (Role.SUBJECT, Role.PEER, Role.INTEREST)
ALL_PROXIES = (*TLS_SERVERS, Role.TUNED_PEER, Role.LIMIT)
PER_CPU = "per server CPU-second"

# Handshakes.


def handshakes(version, is_resumed, target):
    """The rate of handshakes, each with a byte there and back through the proxy."""
    kind = "resumed" if is_resumed else "full"
    return Measurement(
        f"{kind}-{version}",
        TLS_SERVERS,
        (
            Figure(
                f"{kind}-{version}",
                f"{kind.capitalize()} handshakes, TLS {version}",
                f"handshakes {PER_CPU}",
                "per_cpu_second",
                targets=(Target("best peer", target),),
                limits=limits.RESUMED[version] if is_resumed else limits.FULL,
            ),
        ),
        under_load(
            "echo",
            "handshakes",
            version=version,
            connections=lambda sizes: sizes.handshakes_at_once,
            **({"resume": "true"} if is_resumed else {}),
        ),
    )


def rsa_handshakes(version):
    """The same with a key of RSA-2048, at which BoringSSL is slower than OpenSSL."""
    return Measurement(
        f"rsa-{version}",
        TLS_SERVERS,
        (
            Figure(
                f"rsa-{version}",
                f"Full handshakes with RSA-2048, TLS {version}",
                f"handshakes {PER_CPU}",
                "per_cpu_second",
                targets=(Target("limit", 0.9),),
                limits=limits.rsa_handshake(f"full-{version}"),
            ),
        ),
        under_load(
            "rsa", "handshakes", version=version, connections=lambda sizes: sizes.handshakes_at_once
        ),
    )


def take_cleartext(bench, server):
    """The same without TLS."""
    service = "plain" if server.role is Role.SUBJECT else "echo"
    count = bench.sizes.handshakes_at_once
    return run(bench, server, service, "handshakes", version="none", connections=count)


CLEARTEXT = Measurement(
    "cleartext",
    (Role.SUBJECT, Role.LIMIT),
    (
        Figure(
            "cleartext",
            "Connections in the clear",
            f"connections {PER_CPU}",
            "per_cpu_second",
            limits=(Role.LIMIT,),
        ),
    ),
    take_cleartext,
)


def take_paced(bench, server):
    """Handshakes at half the rate that the server has just reached."""
    options = {"version": "1.3", "connections": bench.sizes.handshakes_at_once}
    saturated = run(bench, server, "echo", "handshakes", **options)
    rate = max(1, round(saturated["count"] / saturated["seconds"] / 2))
    return run(bench, server, "echo", "paced", version="1.3", rate=rate)


PACED = Measurement(
    "paced",
    TLS_SERVERS,
    (
        Figure(
            "handshake-p99",
            "p99 of a handshake's latency at half the saturation rate, TLS 1.3",
            "ms",
            "latency_p99_us",
            scale=1e-3,
            less_is_better=True,
            targets=(Target("best peer", 1),),
        ),
    ),
    take_paced,
)

# Bytes.


def bulk(direction, service, targets, tuned_targets):
    """Bytes through 16 connections, and how evenly they share."""
    return Measurement(
        direction,
        ALL_PROXIES,
        (
            Figure(
                f"bulk-{direction}",
                f"Bulk {direction}, 16 connections",
                f"MB {PER_CPU}",
                "per_cpu_second",
                targets=(Target("best peer", targets), Target("best tuned peer", tuned_targets)),
                limits=(Role.LIMIT,),
            ),
            Figure(
                f"fairness-{direction}",
                f"Fairness of bulk {direction}: the worst connection over the mean",
                "ratio",
                "fairness",
                targets=(Target("value", 0.95),),
            ),
        ),
        under_load(
            service, direction, version="1.3", connections=lambda sizes: sizes.bulk_connections
        ),
    )


def round_trips(size, size_title):
    """A request and a response of one size at a time on each of 32 connections."""
    return Measurement(
        f"round-trips-{size}",
        (*TLS_SERVERS, Role.LIMIT),
        (
            Figure(
                f"round-trips-{size}",
                f"Round trips of {size_title}, 32 connections",
                f"round trips {PER_CPU}",
                "per_cpu_second",
                targets=(Target("best peer", 1.1),),
                limits=(Role.LIMIT,),
            ),
            Figure(
                f"round-trips-{size}-p99",
                f"p99 of round trips of {size_title}, 32 connections",
                "ms",
                "latency_p99_us",
                scale=1e-3,
                less_is_better=True,
                targets=(Target("best peer", 1),),
            ),
        ),
        under_load(
            "echo",
            "round_trips",
            version="1.3",
            size=size,
            connections=lambda sizes: sizes.round_trip_connections,
        ),
    )


# System calls.


def traced(name, title, of, take):
    """How many system calls something costs. strace slows the server down: so no time is taken."""
    return Measurement(
        name,
        TLS_SERVERS,
        (
            Figure(
                name,
                title,
                f"system calls per {of}",
                "calls",
                less_is_better=True,
                targets=(Target("value", 20),),
            ),
        ),
        take,
        is_possible=system_calls.is_installed,
    )


def take_traced_connections(is_resumed, are_at_once):
    """Connections with a handshake and a byte there and back: one after the other, or as many at
    once as in other figures, where one call may do for several."""

    def take(bench, server):
        sizes = bench.sizes
        options = {"version": "1.3", "count": sizes.traced_connections}
        if are_at_once:
            options["count"] = sizes.traced_connections_at_once
            options["connections"] = sizes.handshakes_at_once
        if is_resumed:
            options["resume"] = "true"
        return traced_run(bench, server, "echo", "sequence", **options)

    return take


def take_traced_megabytes(direction, service):
    """Megabytes through one connection."""

    def take(bench, server):
        count = bench.sizes.traced_megabytes
        options = {"version": "1.3", "count": count, "direction": direction}
        return traced_run(bench, server, service, "megabytes", **options)

    return take


def traced_run(bench, server, service, mode, **options):
    """The calls of a load, for each of what it does."""

    def do():
        run(bench, server, service, mode, **options)

    calls = system_calls.count(server.service(service).pids, bench.folder, do)
    if calls == 0:
        raise Failure("strace has seen no system call")
    return {"calls": calls / options["count"]}


# Memory.


def idle(name, title, is_used):
    """What an established connection holds that does nothing."""
    return Measurement(
        name,
        TLS_SERVERS,
        (
            Figure(
                name,
                title,
                "KiB per connection",
                "bytes_per_connection",
                scale=1 / 1024,
                less_is_better=True,
                targets=(Target("value", 4),),
            ),
        ),
        under_load(
            "echo",
            "idle",
            version="1.3",
            connections=lambda sizes: sizes.idle_connections,
            **({"move": lambda sizes: sizes.idle_bytes} if is_used else {}),
        ),
        # What earlier loads have freed would be used again.
        needs_fresh_server=True,
    )


# Streams of gRPC.


def stream(name, title, unit, mode, size, connections):
    """Cleartext through streams of gRPC with TLS on the other side, beside the same bytes through
    gRPC alone, and through TLS alone. What uses the streams is beside the load."""

    def take(bench, server):
        count = connections(bench.sizes)
        options = {"warmup": f"{bench.sizes.streams_warmup_seconds}s"}
        if server.role is Role.GRPC:
            options.update(streams=count, size=size)
            return bench.load.run_grpc(server.service("stream"), mode, **options)
        options.update(version="1.3", connections=count)
        # In bulk it is tls_load that says how much is under way.
        if mode == "round_trips":
            options["size"] = size
        return run(bench, server, "stream", mode, **options)

    return Measurement(
        name,
        (Role.SUBJECT, Role.GRPC, Role.ECHO),
        (
            Figure(
                name,
                title,
                f"{unit} {PER_CPU}",
                "per_cpu_second",
                targets=(Target("limit", 0.8),),
                limits=limits.stream(name),
            ),
        ),
        take,
    )


# Libraries and cores.


def take_rates(_, library):
    return library.rates()


LIBRARIES = Measurement(
    "libraries",
    (Role.LIBRARY,),
    tuple(
        Figure(name, title, unit, name)
        for name, title, unit in [
            ("p256-sign", "Signatures with ECDSA P-256", "signatures per CPU-second"),
            ("rsa-2048-sign", "Signatures with RSA-2048", "signatures per CPU-second"),
            ("x25519-key", "Keys of X25519", "keys per CPU-second"),
            ("x25519-shared", "Shared secrets of X25519", "secrets per CPU-second"),
            ("aes-128-gcm", "AES-128-GCM, 16 KiB at a time", "MB per CPU-second"),
        ]
    ),
    take_rates,
)


def take_cores(bench, server):
    """What all workers do together. Where the second has to share its core with the load, it is
    told from the processor time: the rate of one processor, times the workers."""
    options = {"version": "1.3", "connections": bench.sizes.handshakes_at_once}
    measured = run(bench, server, "echo", "handshakes", **options)
    workers = server.workers
    if server.site.has_room:
        return {"rate": measured["count"] / measured["seconds"]}
    return {"rate": measured["per_cpu_second"] * workers}


CORES = Measurement(
    "cores",
    (Role.SUBJECT, Role.WORKERS),
    (
        Figure(
            "cores",
            "Full handshakes of TLS 1.3, by workers",
            "handshakes per second of all workers",
            "rate",
            targets=(Target("one worker", 1.9),),
        ),
    ),
    take_cores,
)

ALL = (
    LIBRARIES,
    handshakes("1.3", False, 1.85),
    handshakes("1.2", False, 1.7),
    rsa_handshakes("1.3"),
    rsa_handshakes("1.2"),
    handshakes("1.3", True, 1.8),
    handshakes("1.2", True, 1.6),
    CLEARTEXT,
    PACED,
    bulk("down", "source", 1.5, 1.3),
    bulk("up", "sink", 1.4, 1.15),
    bulk("echo", "echo", 1.6, 1.4),
    round_trips(1, "1 byte"),
    round_trips(1024, "1 KiB"),
    traced("calls-connection", "System calls of a connection, one at a time",
           "connection, full handshake", take_traced_connections(False, False)),
    traced("calls-resumed", "System calls of a resumed connection, one at a time",
           "connection, resumed", take_traced_connections(True, False)),
    traced("calls-connection-32", "System calls of a connection, 32 at once",
           "connection, full handshake", take_traced_connections(False, True)),
    traced("calls-resumed-32", "System calls of a resumed connection, 32 at once",
           "connection, resumed", take_traced_connections(True, True)),
    traced("calls-down", "System calls of a MiB down", "MiB",
           take_traced_megabytes("down", "request")),
    traced("calls-up", "System calls of a MiB up", "MiB", take_traced_megabytes("up", "sink")),
    idle("idle", "Memory of an idle connection", False),
    idle("idle-used", "Memory of an idle connection that has moved 64 KiB", True),
    CORES,
    stream("stream-bulk", "Bulk echo through streams of gRPC, 16 connections", "MB", "echo", 65536,
           lambda sizes: sizes.bulk_connections),
    stream("stream-messages", "Messages of 1 KiB through 1,000 streams of gRPC", "messages",
           "round_trips", 1024, lambda sizes: sizes.streams),
)  # fmt: skip


def select(patterns):
    """The measurements of which the name, or that of a figure, matches one of the patterns."""
    if not patterns:
        return list(ALL)
    for pattern in patterns:
        if not any(is_meant(each, [pattern]) for each in ALL):
            names = ", ".join(each.name for each in ALL)
            raise Failure(f"no figure is called '{pattern}'; there are: {names}")
    return [each for each in ALL if is_meant(each, patterns)]


def is_meant(measurement, patterns):
    """Whether a pattern matches it or one of its figures."""
    names = [measurement.name, *(figure.name for figure in measurement.figures)]
    return any(fnmatch.fnmatchcase(name, pattern) for name in names for pattern in patterns)
