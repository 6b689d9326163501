"""Number of cores available to this process."""

import math
import os
from pathlib import Path


def core_count() -> int:
    """The cores available to this process: fewer than the computer's if its affinity is limited.

    A container may instead have a quota of CPU time (`docker run --cpus`), which is rounded up.
    """
    cores = os.cpu_count() or 1
    if hasattr(os, "sched_getaffinity"):
        cores = len(os.sched_getaffinity(0))
    quota = _quota(Path("/sys/fs/cgroup"))
    return cores if quota is None else min(cores, quota)


def _quota(cgroup: Path) -> int | None:
    """The CPU quota of this process's Linux control group, in cores; None without a limit."""
    try:
        quota, period = map(int, (cgroup / "cpu.max").read_text(encoding="ascii").split())
    except (OSError, ValueError):  # missing, or "max"
        return None
    return math.ceil(quota / period) if quota > 0 and period > 0 else None
