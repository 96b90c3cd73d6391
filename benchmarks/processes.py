"""Of processes: a port for one, the CPU time and the memory of one that runs."""

from __future__ import annotations

import os
import socket
from pathlib import Path

__all__ = ["cpu", "free_port", "memory", "peak_memory"]


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def cpu(pid: int) -> float:
    """Seconds of CPU that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory(pid: int) -> float:
    """MB that a process holds in memory."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def peak_memory() -> float:
    """The most MB that this process has held so far."""
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6  # macOS: bytes
    # What getrusage says on Linux begins with what the parent had when it started this process.
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024 / 1e6
