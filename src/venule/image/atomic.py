"""Files that are whole or not there."""

import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from venule.errors import OutputError


def require_folder(path: Path) -> None:
    """Raise OutputError unless `path` can be a file in a folder; asked before long work begins."""
    if not path.parent.is_dir():
        raise OutputError(f"{path}: its folder does not exist; make it first")
    if path.is_dir():
        raise OutputError(f"{path}: is a folder; name a file in it")


def write_bytes(path: Path, content: bytes | memoryview) -> None:
    """Write `content` to `path`: under another name first, flushed, then renamed in one step.

    Raises:
        OutputError: the folder is missing, full or read-only.
    """
    try:
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror})") from None
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(0o666 & ~_umask())
        Path(name).replace(path)
    except OSError as error:
        Path(name).unlink(missing_ok=True)
        raise OutputError(f"{path}: cannot be written ({error.strerror})") from None
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def write_same(paths: Sequence[Path], content: bytes) -> None:
    """Write `content` to each of `paths`, all in one folder: one file of several names.

    Where the disk knows no hard links, they are copies. Each path changes in one step.

    Raises:
        OutputError: the folder is missing, full or read-only.
    """
    first, *others = paths
    write_bytes(first, content)
    for path in others:
        other_name = path.with_name(f".{path.name}.same.tmp")
        try:
            other_name.unlink(missing_ok=True)
            try:
                os.link(first, other_name)
            except OSError:
                shutil.copyfile(first, other_name)
            other_name.replace(path)
        except OSError as error:
            raise OutputError(f"{path}: cannot be written ({error.strerror})") from None


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
