"""Counts the system calls of processes with strace while something is done."""

import os
import re
import signal
import subprocess

from peers import processes

ATTACH_SECONDS = 30


def is_installed():
    """Whether there is an strace."""
    return any(os.access(os.path.join(path, "strace"), os.X_OK) for path in ("/usr/bin", "/bin"))


def count(pids, folder, do):
    """How many system calls the processes and their threads make while do() runs."""
    path = os.path.join(folder, "system-calls")
    arguments = ["strace", "-f", "-c", "-o", path]
    for pid in pids:
        arguments += ["-p", str(pid)]
    strace = subprocess.Popen(
        arguments,
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        bufsize=0,  # A line that has been read is not hidden from select.
        start_new_session=True,
    )
    try:
        for _ in pids:
            said = processes.read_line(strace.stderr, ATTACH_SECONDS, "strace")
            if "attached" not in said:
                raise processes.Failure(f"strace: {said}")
        do()
        # It detaches and writes its table.
        strace.send_signal(signal.SIGINT)
        strace.communicate(timeout=ATTACH_SECONDS)
    finally:
        if strace.poll() is None:
            strace.kill()
            strace.wait()
    with open(path, encoding="utf-8") as table:
        return total(table.read())


def total(table):
    """The sum of the calls in a table of strace -c, whose rows are: share, seconds, microseconds a
    call, calls, errors if there are any, name. The row "total" is not relied on."""
    calls = 0
    for line in table.splitlines():
        row = re.fullmatch(r"\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)\s+(?:\d+\s+)?(\w+)\s*", line)
        if row and row.group(2) != "total":
            calls += int(row.group(1))
    return calls
