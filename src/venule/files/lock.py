"""Locks between processes."""

import errno
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from venule.errors import OutputError

if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int, *, wait: bool) -> None:
        msvcrt.locking(descriptor, msvcrt.LK_LOCK if wait else msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _lock(descriptor: int, *, wait: bool) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)


@contextmanager
def locked(path: Path, *, refusal: str = "") -> Iterator[None]:
    """Hold a lock that one process at a time can have, by a file which is created if missing.

    The system releases it if the process ends. On file systems without locks there is none. With a
    `refusal`, there is no waiting for another process.

    Raises:
        OutputError: the file cannot be opened; or `refusal`, as another process has the lock.
    """
    try:
        file = path.open("ab")
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror})") from None
    with file:
        try:
            _lock(file.fileno(), wait=not refusal)
        except OSError as error:  # another process has it, or a file system without locks
            if refusal and error.errno in (errno.EACCES, errno.EAGAIN):
                raise OutputError(refusal) from None
        yield
