"""Resources that this process has used, and versions of what is installed."""

import sys
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path


def peak_memory_bytes() -> int | None:
    """The most memory that this process has had resident; None on Windows and in some sandboxes."""
    status = Path("/proc/self/status")
    if status.exists():
        # Not getrusage: on Linux its maximum starts with that of the process's parent.
        lines = status.read_text().splitlines()
        line = next((line for line in lines if line.startswith("VmHWM")), None)
        return None if line is None else int(line.split()[1]) * 1024
    if sys.platform == "win32":
        return None
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # macOS counts bytes


def installed(packages: Iterable[str]) -> dict[str, str]:
    """The versions of those of the packages that are installed, by name."""
    found = {}
    for package in packages:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
