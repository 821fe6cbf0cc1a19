"""Runs the load generators and the backend of //tests/bench/load and //tests/bench/grpc."""

import json
import os
import subprocess

from peers import processes

READY_SECONDS = 30


class Backend:
    """What stands behind every server: an echo, a source and a sink of bytes."""

    def __init__(self, program, core):
        self._popen = subprocess.Popen(
            ["taskset", "--cpu-list", str(core), program],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,  # A line that has been read is not hidden from select.
            start_new_session=True,
        )
        try:
            self.ports = json.loads(processes.read_line(self._popen.stdout, READY_SECONDS, program))
        except processes.Failure:
            self.close()
            raise

    def close(self):
        """Ends it. May be called again."""
        self._popen.stdin.close()
        self._popen.stdout.close()
        try:
            self._popen.wait(processes.END_SECONDS)
        except subprocess.TimeoutExpired:
            self._popen.kill()
            self._popen.wait()


class Load:
    """The load generators, on a core of their own."""

    def __init__(self, programs, core, report_port, seconds, warmup_seconds):
        self._programs = programs
        self._report_port = report_port  # where the backend tells what has arrived
        self._flags = {"cpu": core, "time": f"{seconds}s", "warmup": f"{warmup_seconds}s"}

    def run(self, service, mode, **options):
        """What tls_load has measured of a service, as its JSON says it."""
        flags = {"port": service.port, "report_port": self._report_port, **options}
        return self._run(self._programs.tls_load, service, mode, flags)

    def run_grpc(self, service, mode, **options):
        """What grpc_load has measured of a service of gRPC alone."""
        flags = {"target": service.port, **options}
        return self._run(self._programs.grpc_load, service, mode, flags)

    def _run(self, program, service, mode, flags):
        flags = {
            "mode": mode,
            "cpu_of": service.pids[0],  # and its descendants
            **self._flags,
            **flags,
        }
        arguments = [f"--{name}={value}" for name, value in flags.items()]
        what = " ".join([os.path.basename(program), *arguments])
        return json.loads(processes.run([program, *arguments], what))
