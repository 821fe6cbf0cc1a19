"""The whole benchmark with tiny loads: every figure is a number, all is written, no time judged."""

import contextlib
import io
import json
import math
import os
import signal
import tempfile
import unittest
import xml.etree.ElementTree as ElementTree

from peers import __main__ as command
from peers import figures
from peers.processes import Failure
from peers.server import Role


def setUpModule():
    # A test that takes too long is told to end: then it ends its servers.
    signal.signal(signal.SIGTERM, command.stop)


def run(*arguments):
    """The exit code of the command, and what it prints."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        code = command.main(list(arguments))
    return code, printed.getvalue()


class SmokeTest(unittest.TestCase):
    def test_every_figure_of_every_server_is_a_number(self):
        with tempfile.TemporaryDirectory() as folder:
            code, table = run("--smoke", f"--output={folder}")
            with open(os.path.join(folder, "results.json"), encoding="utf-8") as file:
                results = json.load(file)
            with open(os.path.join(folder, "table.md"), encoding="utf-8") as file:
                self.assertIn(file.read(), table)
            self.assertEqual([], results["failures"])
            self.assertEqual(0, code)
            for measurement in figures.ALL:
                for figure in measurement.figures if measurement.is_possible() else ():
                    self.check_figure(measurement, figure, results, folder)

    def check_figure(self, measurement, figure, results, folder):
        servers = results["figures"][figure.name]["servers"]
        for kind in command.choose_servers([], [measurement]):
            # What libraries and proxies without TLS do not do is left out.
            if kind.role in (Role.LIBRARY, Role.LIMIT) and kind.name not in servers:
                continue
            with self.subTest(figure=figure.name, server=kind.name):
                self.assertTrue(math.isfinite(servers[kind.name]["median"]))
        if self.has_cleartext_proxies():
            self.assertNotIn(None, results["figures"][figure.name]["limits"], figure.name)
        plot = ElementTree.parse(os.path.join(folder, figure.name + ".svg"))
        self.assertIn(figure.title, "".join(plot.getroot().itertext()))

    def has_cleartext_proxies(self):
        kinds = command.choose_servers([], figures.ALL)
        return any(kind.role is Role.LIMIT for kind in kinds)

    def test_one_figure_of_one_server(self):
        _, table = run("--smoke", "--only=full-1.2", "--servers=haproxy")
        self.assertIn("Full handshakes, TLS 1.2", table)
        self.assertNotIn("TLS 1.3", table)
        self.assertNotIn("nginx", table)

    def test_what_does_not_work_is_told(self):
        code, table = run("--smoke", "--only=full-1.3", "--servers=haproxy", "--tlsd=/bin/false")
        self.assertEqual(1, code)
        self.assertIn("- tlsd, full-1.3: false has ended", table)

    def test_a_figure_that_is_not_there(self):
        with self.assertRaisesRegex(Failure, "no figure is called 'half-1.3'"):
            run("--smoke", "--only=half-1.3")

    def test_a_server_that_is_not_there(self):
        with self.assertRaisesRegex(Failure, "no server is called 'apache'"):
            run("--smoke", "--servers=apache")

    def test_no_round(self):
        with self.assertRaisesRegex(Failure, "--rounds=0: there is one at least"):
            run("--rounds=0")

    def test_a_time_that_is_none(self):
        with self.assertRaisesRegex(Failure, "--time=2: it is a duration like 2s or 300ms"):
            run("--time=2")


if __name__ == "__main__":
    unittest.main()
