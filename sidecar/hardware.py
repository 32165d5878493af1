"""What this machine gives us: processors, memory, devices. A container's limits count, not the host's numbers."""

from __future__ import annotations

import math
import os
import subprocess
from pathlib import Path

from sidecar.errors import EngineMissing

CGROUP = Path("/sys/fs/cgroup")
MEMINFO = Path("/proc/meminfo")
_UNLIMITED = 2**60  # cgroup v1 says a number of this size where there is no limit


def threads(cgroup: Path = CGROUP) -> int:
    """How many threads can really run: the smaller of the cgroup's quota (rounded up) and the processors we may use."""
    allowed = len(os.sched_getaffinity(0))
    quota = _quota(cgroup)
    return max(1, allowed if quota is None else min(allowed, math.ceil(quota)))


def memory_left(cgroup: Path = CGROUP, meminfo: Path = MEMINFO) -> int:
    """Bytes that can still be taken: the machine's, or what the cgroup's limit leaves if that is less."""
    machine = _available(meminfo)
    limit = _number(cgroup / "memory.max") or _number(cgroup / "memory/memory.limit_in_bytes")
    if limit is None or limit >= _UNLIMITED:
        return machine
    used = _number(cgroup / "memory.current") or _number(cgroup / "memory/memory.usage_in_bytes") or 0
    return min(machine, max(0, limit - used))


def devices(server: Path) -> tuple[str, ...]:
    """The devices that ``llama-server`` can compute on beside the CPU. Raises EngineMissing when it does not even run."""
    try:
        done = subprocess.run([server, "--list-devices"], capture_output=True, text=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise EngineMissing(
            f"{server} cannot be run ({type(error).__name__}). Build it again: see README.md."
        ) from None
    if done.returncode != 0:
        raise EngineMissing(
            f"{server} does not run on this machine (exit {done.returncode}). It was built for another processor or "
            "its libraries are gone: build it again, see README.md."
        )
    lines = done.stdout.partition("Available devices:")[2].splitlines()
    return tuple(line.partition(":")[0].strip() for line in lines if ":" in line)


def _quota(cgroup: Path) -> float | None:
    """Processors' worth of time the cgroup grants, None without a limit (cgroup v2, then v1)."""
    try:
        limit, period = (cgroup / "cpu.max").read_text().split()
        return None if limit == "max" else int(limit) / int(period)
    except (OSError, ValueError):
        limit_us, period_us = (_number(cgroup / "cpu" / f"cpu.cfs_{name}_us") for name in ("quota", "period"))
        return limit_us / period_us if limit_us and period_us and limit_us > 0 else None


def _available(meminfo: Path) -> int:
    for line in meminfo.read_text().splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return _UNLIMITED


def _number(path: Path) -> int | None:
    try:
        return int(path.read_text())
    except (OSError, ValueError):  # no such file, or "max"
        return None
