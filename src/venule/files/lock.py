"""Locks between processes."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from venule.errors import OutputError

if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int) -> None:
        msvcrt.locking(descriptor, msvcrt.LK_LOCK, 1)
else:
    import fcntl

    def _lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a lock that one process at a time can have, by a file which is created if missing.

    The system releases it if the process ends. On file systems without locks there is none.

    Raises:
        OutputError: the file cannot be opened.
    """
    try:
        file = path.open("ab")
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror})") from None
    with file:
        with suppress(OSError):  # a file system without locks
            _lock(file.fileno())
        yield
