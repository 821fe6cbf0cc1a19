"""What a run was measured on."""

import os
import platform


def describe():
    """The machine, for people who compare runs."""
    return {
        "processor": processor(),
        "processors": os.cpu_count(),
        "memory_mib": os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") >> 20,
        "kernel": platform.release(),
        "system": system(),
    }


def processor():
    """The processor's name."""
    return field("/proc/cpuinfo", "model name", ":")


def system():
    """The distribution's name."""
    return field("/etc/os-release", "PRETTY_NAME", "=").strip('"')


def field(path, name, separator):
    """The value of the first line of a file that begins with a name."""
    try:
        with open(path, encoding="utf-8") as lines:
            for line in lines:
                key, _, value = line.partition(separator)
                if key.strip() == name:
                    return value.strip()
    except OSError:
        pass
    return "unknown"
