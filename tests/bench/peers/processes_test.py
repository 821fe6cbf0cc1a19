"""Processes are started, watched and ended."""

import os
import select
import socket
import tempfile
import unittest

from peers import processes

CORES = sorted(os.sched_getaffinity(0))[:1]


class ProcessTest(unittest.TestCase):
    def setUp(self):
        self._folder = tempfile.TemporaryDirectory()
        self.addCleanup(self._folder.cleanup)

    def start(self, script):
        log = os.path.join(self._folder.name, "log")
        process = processes.Process(["sh", "-c", script], CORES, log)
        self.addCleanup(process.end)
        return process

    def test_its_descendants_are_known_and_end_with_it(self):
        process = self.start("(sh -c 'echo here; tail -f /dev/null' & wait) & wait")
        process.await_that(lambda: "here" in process.log(), "say so")
        pids = process.pids()
        self.assertEqual(process.pid, pids[0])
        self.assertGreaterEqual(len(pids), 3)
        descriptors = [os.pidfd_open(pid) for pid in pids]
        process.end()
        for descriptor in descriptors:
            # A process that has ended is readable.
            ready, _, _ = select.select([descriptor], [], [], processes.END_SECONDS)
            os.close(descriptor)
            self.assertTrue(ready)

    def test_it_runs_on_its_cores(self):
        process = self.start("taskset --cpu-list --pid $$")
        self.assertTrue(process.has_ended(processes.READY_SECONDS))
        self.assertTrue(process.log().endswith(f"list: {CORES[0]}"))

    def test_one_that_ends_early_is_told_of(self):
        process = self.start("echo this is why; exit 1")
        with self.assertRaisesRegex(processes.Failure, "sh has ended: this is why"):
            process.await_that(lambda: False, "serve")

    def test_one_that_has_ended_can_be_ended(self):
        process = self.start("exit 0")
        self.assertTrue(process.has_ended(processes.READY_SECONDS))
        process.end()
        process.end()
        self.assertTrue(process.has_ended())


class PortTest(unittest.TestCase):
    def test_free_ports_differ_and_nobody_listens(self):
        ports = processes.free_ports(5)
        self.assertEqual(5, len(set(ports)))
        self.assertFalse(processes.is_open(ports[0]))

    def test_somebody_listens(self):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self.assertTrue(processes.is_open(listener.getsockname()[1]))


class RunTest(unittest.TestCase):
    def test_what_it_prints(self):
        self.assertEqual("hello\n", processes.run(["echo", "hello"], "echo"))

    def test_what_fails_says_why(self):
        with self.assertRaisesRegex(processes.Failure, "listing: .*absent"):
            processes.run(["ls", "/absent"], "listing")

    def test_what_is_not_there(self):
        with self.assertRaisesRegex(processes.Failure, "absent"):
            processes.run(["/absent"], "nothing")


if __name__ == "__main__":
    unittest.main()
