"""How many cores there are to compute on."""

import os


def core_count() -> int:
    """The cores that this process may use: fewer than the computer's where it is bound to some."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
