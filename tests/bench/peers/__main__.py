"""The command line: chooses measurements and servers, runs the rounds, writes what they tell."""

import argparse
import contextlib
import dataclasses
import datetime
import fnmatch
import os
import resource
import signal
import sys
import tempfile

from peers import figures, libraries, load, machine, peer_servers, report, rounds, server
from peers import summary as summaries
from peers import tlsd_server
from peers.measurement import SMOKE_SIZES, Bench, Sizes
from peers.processes import Failure
from peers.server import Role

SERVERS = [
    tlsd_server.Tlsd,
    tlsd_server.TlsdTwoWorkers,
    tlsd_server.TlsdEcho,
    tlsd_server.GrpcEcho,
    *peer_servers.ALL,
    *libraries.ALL,
]
# Those that take part whichever servers are asked for.
OUR_ROLES = (Role.SUBJECT, Role.WORKERS, Role.ECHO, Role.GRPC, Role.LIBRARY)
CONNECTIONS_MAX = 8000


def parse(arguments):
    """The options of a run."""
    parser = argparse.ArgumentParser(
        prog="tools/dev bench",
        description="Measures tlsd beside haproxy, nginx, stunnel, hitch and Node, as many of them"
        " as are installed: all on one core, the load on another. docs/benchmarks/README.md says"
        " more.",
    )
    add = parser.add_argument
    add("--only", metavar="FIGURE,...", default="", help="these figures; * is anything (--list)")
    add("--servers", metavar="NAME,...", default="", help="these servers beside tlsd (--list)")
    add("--rounds", type=int, default=3, help="rounds (default: 3)")
    add("--time", default="2s", help="how long a load lasts in each round (default: 2s)")
    add(
        "--output",
        metavar="FOLDER",
        help="where to write the table, results.json and the plots (default: docs/benchmarks for a"
        " run of everything, else nowhere)",
    )
    add("--smoke", action="store_true", help="see that it works: one round of tiny loads")
    add("--list", action="store_true", help="list figures and servers")
    for name, path in server.Programs._field_defaults.items():
        add(f"--{name}", metavar="PATH", default=path, help=argparse.SUPPRESS)
    return parser.parse_args(arguments)


def seconds_of(text):
    """The seconds in a duration like 2s or 300ms."""
    for end, scale in (("ms", 1e-3), ("s", 1)):
        if text.endswith(end):
            with contextlib.suppress(ValueError):
                return float(text[: -len(end)]) * scale
    raise Failure(f"--time={text}: it is a duration like 2s or 300ms")


def choose_servers(names, measurements):
    """The servers that are wanted, take part and are installed."""
    wanted = names or ["*"]
    for name in names:
        if not any(fnmatch.fnmatchcase(kind.name, name) for kind in SERVERS):
            every = ", ".join(kind.name for kind in SERVERS)
            raise Failure(f"no server is called '{name}'; there are: {every}")
    chosen = []
    for kind in SERVERS:
        is_ours = kind.role in OUR_ROLES
        if not is_ours and not any(fnmatch.fnmatchcase(kind.name, name) for name in wanted):
            continue
        if not any(rounds.takes_part(kind, measurement) for measurement in measurements):
            continue
        if not is_ours and kind.path() is None:
            print(f"without {kind.name}: install the package {kind.package}", file=sys.stderr)
            continue
        chosen.append(kind)
    return chosen


def print_list():
    """Figures and servers, one a line."""
    for measurement in figures.ALL:
        for figure in measurement.figures:
            print(f"{figure.name:24} {figure.title} ({figure.unit})")
    print()
    for kind in SERVERS:
        print(f"{kind.name:24} {kind.role.value}")


def raise_descriptor_limit():
    """Lets the servers have as many descriptors as they may; returns how many, or a great many."""
    _, limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    return 2**20 if limit == resource.RLIM_INFINITY else limit


def measure(options, measurements, sizes, folder):
    """Runs the rounds in a folder; returns them."""
    # Two descriptors each, and some for other things.
    connections_max = min(CONNECTIONS_MAX, raise_descriptor_limit() // 2 - 500)
    sizes = dataclasses.replace(
        sizes, idle_connections=min(sizes.idle_connections, connections_max - 100)
    )
    cores = sorted(os.sched_getaffinity(0))
    with contextlib.closing(load.Backend(options.tcp_backend, cores[-1])) as backend:
        site = server.make_site(
            folder,
            backends=backend.ports,
            server_cores=cores[:2],
            load_core=cores[-1],
            has_room=len(cores) > 2,
            connections_max=connections_max,
            programs=server.Programs(
                *(os.path.abspath(getattr(options, name)) for name in server.Programs._fields)
            ),
        )
        bench = Bench(
            load.Load(
                site.programs,
                site.load_core,
                backend.ports["report"],
                sizes.seconds,
                sizes.warmup_seconds,
            ),
            sizes,
            folder,
        )
        kinds = choose_servers(options.servers.split(",") if options.servers else [], measurements)
        run = rounds.Rounds(bench, site, kinds)
        run.run(measurements, options.rounds)
        return run


def sizes_of(options):
    """How much a sample is."""
    if options.smoke:
        return SMOKE_SIZES
    return Sizes(seconds=seconds_of(options.time))


def output_of(options):
    """Where to write, or None."""
    is_whole = not (options.only or options.servers or options.smoke)
    # Where `bazel run` was called, and the tree that it belongs to.
    if options.output:
        return os.path.join(os.environ.get("BUILD_WORKING_DIRECTORY", ""), options.output)
    if is_whole:
        return os.path.join(os.environ.get("BUILD_WORKSPACE_DIRECTORY", ""), "docs", "benchmarks")
    return None


def main(arguments):
    """Returns the exit code: 1 if anything could not be measured."""
    options = parse(arguments)
    if options.list:
        print_list()
        return 0
    if options.smoke:
        options.rounds = 1
    if options.rounds < 1:
        raise Failure(f"--rounds={options.rounds}: there is one at least")
    sizes = sizes_of(options)
    measurements = figures.select(options.only.split(",") if options.only else [])
    # A path in it is the address of a unix socket, which must be short.
    with tempfile.TemporaryDirectory(prefix="tlsd-bench-", dir="/tmp") as folder:
        # Servers that are started as root may serve as somebody else.
        os.chmod(folder, 0o755)
        run = measure(options, measurements, sizes, folder)

    roles = {kind.name: kind.role for kind in SERVERS}
    summary = summaries.Summary(run.samples, roles)
    measured = [
        figure
        for measurement in measurements
        for figure in measurement.figures
        if summary.servers(figure.name)
    ]
    account = {
        "date": datetime.date.today().isoformat(),
        "machine": machine.describe(),
        "versions": {
            name: version
            for name, version in run.versions.items()
            if roles[name] in (Role.SUBJECT, Role.PEER, Role.INTEREST, Role.LIBRARY)
        },
        "rounds": options.rounds,
        "seconds": sizes.seconds,
        "failures": run.failures,
        "samples": [sample._asdict() for sample in run.samples],
    }
    print(report.table(account, measured, summary))
    output = output_of(options)
    if output is not None:
        report.write(output, account, measured, summary)
    return 1 if run.failures else 0


def stop(*_):
    """A signal to end is like Ctrl-C: whatever runs is ended."""
    raise KeyboardInterrupt


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, stop)
    try:
        sys.exit(main(sys.argv[1:]))
    except Failure as failure:
        print(f"tools/dev bench: {failure}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
