"""What a figure and a measurement are, and how a measurement puts a load on a server.

Which there are: figures.py.
"""

from dataclasses import dataclass, field
from typing import Callable, NamedTuple

from peers.server import Role


@dataclass(frozen=True)
class Sizes:
    """How much is done for one sample."""

    seconds: float = 2
    warmup_seconds: float = 0.3
    handshakes_at_once: int = 32
    bulk_connections: int = 16
    round_trip_connections: int = 32
    idle_connections: int = 5000
    idle_bytes: int = 64 * 1024
    # Handshakes that do not resume are a failure: but not if there are so few that the first count.
    needs_resumption: bool = True
    streams: int = 1000
    streams_warmup_seconds: float = 1
    traced_connections: int = 100
    # Of so many that only the first, which have nothing to resume, hardly count.
    traced_connections_at_once: int = 1000
    traced_megabytes: int = 64


SMOKE_SIZES = Sizes(
    seconds=0.1,
    warmup_seconds=0.02,
    handshakes_at_once=4,
    bulk_connections=2,
    round_trip_connections=2,
    idle_connections=20,
    idle_bytes=4096,
    needs_resumption=False,
    streams=8,
    streams_warmup_seconds=0.02,
    traced_connections=3,
    traced_connections_at_once=12,
    traced_megabytes=1,
)


class Target(NamedTuple):
    """What tlsd is to reach.

    `against` says of what: "best peer", "best tuned peer" and "limit", which is the first of the
    limits, mean the advantage over it (so much as many, or so much less if less is better) and at
    least the bound; "value" the figure itself, on the better side of the bound.
    """

    against: str
    bound: float


class Limit(NamedTuple):
    """What is possible, told from other figures of the same round.

    `of` takes a look-up (figure, server) -> value or None, and returns the same. In place of a
    server it may look up a Role, which stands for its best server.
    """

    title: str
    of: Callable


@dataclass(frozen=True)
class Figure:
    """One number of a server."""

    name: str
    title: str
    unit: str
    key: str  # in what was measured
    scale: float = 1
    less_is_better: bool = False
    targets: tuple = ()
    # Each is a Limit; or a Role, whose best server shows by this figure what is possible.
    limits: tuple = ()


@dataclass(frozen=True)
class Measurement:
    """One load on each server in turn."""

    name: str
    roles: tuple
    figures: tuple
    take: Callable = field(repr=False)  # of a Bench and a server -> dict
    needs_fresh_server: bool = False
    is_possible: Callable = field(default=lambda: True, repr=False)


@dataclass(frozen=True)
class Bench:
    """What a measurement works with."""

    load: object
    sizes: Sizes
    folder: str


def under_load(service, mode, **options):
    """A measurement's work: a load on a service. Options may be functions of the sizes."""

    def take(bench, server):
        given = {name: of(bench.sizes) if callable(of) else of for name, of in options.items()}
        return run(bench, server, service, mode, **given)

    return take


def run(bench, server, service, mode, **options):
    """A load on a service, with or without TLS."""
    if server.role is Role.LIMIT:
        options["version"] = "none"
    if "resume" in options and not bench.sizes.needs_resumption:
        options["allow_full"] = "true"
    return bench.load.run(server.service(service), mode, **options)
