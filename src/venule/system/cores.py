"""Number of cores that this process may compute on."""

import math
import os
from pathlib import Path


def core_count() -> int:
    """The cores that this process may use: fewer than the computer's where it is bound to some.

    A container may have a share of their time instead (`docker run --cpus`): as many, rounded up.
    """
    cores = os.cpu_count() or 1
    if hasattr(os, "sched_getaffinity"):
        cores = len(os.sched_getaffinity(0))
    quota = _quota(Path("/sys/fs/cgroup"))
    return cores if quota is None else min(cores, quota)


def _quota(cgroup: Path) -> int | None:
    """The cores' worth of time that Linux allows this process's group; None without a limit."""
    files = (("cpu.max",), ("cpu/cpu.cfs_quota_us", "cpu/cpu.cfs_period_us"))  # versions 2 and 1
    for names in files:
        try:
            words = " ".join((cgroup / name).read_text(encoding="ascii") for name in names).split()
            quota, period = (int(word) for word in words)
        except (OSError, ValueError):  # not there, or "max"
            continue
        if quota > 0 and period > 0:
            return math.ceil(quota / period)
    return None
