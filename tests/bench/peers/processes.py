"""Starts processes on cores of their own, and ends them by their ids.

Not here: what the processes are (servers.py, load.py).
"""

import os
import select
import signal
import socket
import subprocess
import time

READY_SECONDS = 60
END_SECONDS = 10
POLL_SECONDS = 0.01


class Failure(Exception):
    """Something that a run needs does not work; the text says what."""


class Process:
    """A process and its descendants, in a session of their own; what it says goes to a file."""

    def __init__(self, arguments, cores, log_path, stdin=subprocess.DEVNULL, folder=None):
        self.log_path = log_path
        with open(log_path, "ab") as log:
            self._popen = subprocess.Popen(
                ["taskset", "--cpu-list", ",".join(map(str, cores)), *arguments],
                stdin=stdin,
                stdout=log,
                stderr=log,
                cwd=folder,
                # The terminal's Ctrl-C is for the run, which ends its processes itself.
                start_new_session=True,
            )

    @property
    def pid(self):
        return self._popen.pid

    def pids(self):
        """Its own id and those of its descendants."""
        return [self.pid, *descendants(self.pid)]

    def has_ended(self, within_seconds=0):
        """Waits for its end, but not longer."""
        try:
            self._popen.wait(within_seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def await_port(self, port):
        """Until it listens there."""
        self.await_that(lambda: is_open(port), f"listen at port {port}")

    def await_that(self, is_true, what):
        """Until something is true, for as long as the process runs."""
        deadline = time.monotonic() + READY_SECONDS
        while not is_true():
            if self.has_ended(POLL_SECONDS):
                raise Failure(f"{self._name()} has ended: {self.log()}")
            if time.monotonic() > deadline:
                raise Failure(f"{self._name()} does not {what}: {self.log()}")

    def log(self, characters_max=2000):
        """The end of what it has said."""
        with open(self.log_path, encoding="utf-8", errors="replace") as log:
            return log.read()[-characters_max:].strip() or "it says nothing"

    def end(self):
        """Ends it and its descendants. May be called again."""
        if self._popen.stdin is not None:
            self._popen.stdin.close()
        if not self.has_ended():
            self._popen.terminate()
            self.has_ended(END_SECONDS)
        try:
            # Its group is its own: whoever is left in it is a descendant.
            os.killpg(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self._popen.wait()

    def _name(self):
        return os.path.basename(self._popen.args[3])


def descendants(pid):
    """The ids of the children of a process, and of theirs."""
    children = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            children.setdefault(parent(int(entry)), []).append(int(entry))
    found = []
    ahead = [pid]
    while ahead:
        below = children.get(ahead.pop(), [])
        found += below
        ahead += below
    return found


def parent(pid):
    """The parent's id, or 0 for a process that is not there."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as stat:
            # After the name, which may hold anything: state and parent.
            return int(stat.read().rpartition(")")[2].split()[1])
    except (FileNotFoundError, ProcessLookupError):
        return 0


def is_open(port):
    """Whether somebody listens at a port of the loopback interface."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def free_ports(count):
    """Ports that nobody listens at, for servers that cannot choose one themselves."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


def read_line(stream, seconds, what):
    """A line of a pipe, which must come in time."""
    ready, _, _ = select.select([stream], [], [], seconds)
    line = stream.readline() if ready else b""
    if not line:
        raise Failure(f"{what} says nothing")
    return line.decode().strip()


def run(arguments, what, seconds=600):
    """What a command prints; it must succeed."""
    try:
        done = subprocess.run(
            arguments, capture_output=True, text=True, timeout=seconds, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Failure(f"{what}: {error}") from error
    if done.returncode != 0:
        raise Failure(f"{what}: {(done.stderr or done.stdout).strip()[-2000:]}")
    return done.stdout
