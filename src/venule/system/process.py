"""Resources used by this process, and versions of installed packages."""

import sys
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path


def peak_memory_bytes() -> int | None:
    """Peak resident memory of this process; None on Windows and in some sandboxes."""
    status = Path("/proc/self/status")
    if status.exists():
        # Not getrusage: on Linux its maximum starts with that of the parent process.
        lines = status.read_text().splitlines()
        line = next((line for line in lines if line.startswith("VmHWM")), None)
        return None if line is None else int(line.split()[1]) * 1024
    if sys.platform == "win32":
        return None
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # macOS counts bytes


def installed(packages: Iterable[str]) -> dict[str, str]:
    """The versions of the installed packages among those named, by name."""
    found = {}
    for package in packages:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
