"""Runs the rounds: in each, every measurement of every server in turn, so noise hits all alike."""

import contextlib
import math
import sys
from typing import NamedTuple

from peers.processes import Failure
from peers.server import Role


class Sample(NamedTuple):
    """What one round has told of one figure of one server."""

    figure: str
    server: str
    round: int
    value: float


def takes_part(kind, measurement):
    """Whether a server is one of those that are measured."""
    return kind.role in measurement.roles and measurement.name not in kind.unfit_for


class Rounds:
    """The servers of a run, started when they are first needed, and what has been measured."""

    def __init__(self, bench, site, server_kinds):
        self._bench = bench
        self._site = site
        self._kinds = server_kinds
        self._running = {}  # kind -> server
        self._unable = set()
        self._stops = contextlib.ExitStack()
        self.samples = []
        self.failures = []
        self.versions = {}

    def run(self, measurements, round_count):
        """All rounds. What fails is kept in `failures`, and the others go on."""
        possible = [measurement for measurement in measurements if measurement.is_possible()]
        with self._stops:
            for number in range(round_count):
                for measurement in possible:
                    for kind in self._turns(measurement, number):
                        self._take(measurement, kind, number)

    def _turns(self, measurement, number):
        """Who takes part; each round begins with another."""
        kinds = [kind for kind in self._kinds if takes_part(kind, measurement)]
        first = number % len(kinds) if kinds else 0
        return kinds[first:] + kinds[:first]

    def _take(self, measurement, kind, number):
        if kind in self._unable:
            return
        try:
            values = self._measure(measurement, kind)
        except Failure as failure:
            self._fail(f"{kind.name}, {measurement.name}: {failure}")
            return
        for figure in measurement.figures:
            value = values.get(figure.key)
            if value is None:
                if kind.role not in (Role.LIBRARY, Role.LIMIT):
                    self._fail(f"{kind.name}, {figure.name}: the load does not tell {figure.key}")
                continue
            value *= figure.scale
            if not math.isfinite(value):
                self._fail(f"{kind.name}, {figure.name}: {value}")
                continue
            self.samples.append(Sample(figure.name, kind.name, number, value))
            print(f"round {number + 1}: {figure.name} {kind.name} {value:.6g}", file=sys.stderr)

    def _measure(self, measurement, kind):
        if measurement.needs_fresh_server:
            server = kind(self._site)
            with contextlib.ExitStack() as stops:
                stops.callback(server.stop)
                self._start(server, kind)
                return measurement.take(self._bench, server)
        if kind not in self._running:
            server = kind(self._site)
            # It may be broken off in the middle of its start.
            self._stops.callback(server.stop)
            self._start(server, kind)
            self._running[kind] = server
        return measurement.take(self._bench, self._running[kind])

    def _start(self, server, kind):
        try:
            server.start()
        except Failure:
            self._unable.add(kind)
            raise
        self.versions[kind.name] = server.version()

    def _fail(self, text):
        self.failures.append(text)
        print(f"failed: {text}", file=sys.stderr)
