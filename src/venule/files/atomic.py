"""Atomic writing: files are complete or absent."""

import hashlib
import os
import secrets
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO

from venule.errors import OutputError

_NEW_FILE = os.O_CREAT | os.O_EXCL | os.O_WRONLY | getattr(os, "O_BINARY", 0)

_LONGEST = 230  # bytes of a name to which 25 can be added


def require_folder(path: Path) -> None:
    """Raise OutputError unless `path` can be a file in a folder; called before long work begins."""
    if not path.parent.is_dir():
        raise OutputError(f"{path}: its folder does not exist; create it first")
    if path.is_dir():
        raise OutputError(f"{path}: is a folder; name a file in it")
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise OutputError(f"{path}: cannot be written, its folder is read-only; choose another")


def write_bytes(path: Path, content: bytes | memoryview, *, mode: int = 0o666) -> None:
    """Write `content` to `path` atomically: under another name first, flushed, then renamed.

    As for any new file, permissions follow from the folder and the process, limited by `mode`.

    Raises:
        OutputError: the folder is missing, full or read-only.
    """
    new = path.with_name(f".{temporary_stem(path.name)}.{secrets.token_hex(4)}.tmp")
    try:
        descriptor = os.open(new, _NEW_FILE, mode)
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror})") from None
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
    except BaseException as error:
        with suppress(OSError):
            new.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise OutputError(f"{path}: cannot be written ({error.strerror})") from None
        raise


def temporary_stem(name: str) -> str:
    """The name of temporary files of a file `name`, between "." and ".XXXXXXXX.tmp".

    A hash, if the whole would be longer than the 255 bytes that file systems allow.
    """
    stored = os.fsencode(name)
    return name if len(stored) <= _LONGEST else hashlib.sha256(stored).hexdigest()


@contextmanager
def writing(path: Path) -> Iterator[TextIO]:
    """Open `path` to write text incrementally; as with `write_bytes`, it is complete or absent.

    Raises:
        OutputError: the folder is missing, full or read-only.
    """
    new = path.with_name(f".{temporary_stem(path.name)}.{secrets.token_hex(4)}.tmp")
    try:
        try:
            with new.open("x", encoding="utf-8", newline="") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            new.replace(path)
        finally:
            new.unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror})") from None


def write_same(paths: Sequence[Path], content: bytes) -> None:
    """Write `content` to each of `paths`, all in one folder, as one file with several names.

    On file systems without hard links, they are copies. Each path changes atomically.

    Raises:
        OutputError: the folder is missing, full or read-only.
    """
    first, *others = paths
    write_bytes(first, content)
    for path in others:
        other_name = path.with_name(f".{temporary_stem(path.name)}.same.tmp")
        try:
            other_name.unlink(missing_ok=True)
            try:
                os.link(first, other_name)
            except OSError:
                shutil.copyfile(first, other_name)
            other_name.replace(path)
        except OSError as error:
            raise OutputError(f"{path}: cannot be written ({error.strerror})") from None


@contextmanager
def writing_together(contents: Mapping[Path, bytes]) -> Iterator[None]:
    """Write files as `write_bytes` does; if one of them or the body fails, restore all.

    Raises:
        OutputError: the folder is missing, full or read-only.
    """
    before: dict[Path, Path | None] = {}
    try:
        for path, content in contents.items():
            before[path] = _second_name(path)
            write_bytes(path, content)
        yield
    except BaseException:
        for path, old in before.items():
            with suppress(OSError):
                path.unlink(missing_ok=True) if old is None else old.replace(path)
        raise
    finally:
        for old in before.values():
            if old is not None:
                with suppress(OSError):
                    old.unlink(missing_ok=True)


def _second_name(path: Path) -> Path | None:
    """A second name of a file, or a copy if hard links are unsupported; None if it is missing.

    Raises:
        OutputError: it cannot be created.
    """
    if not path.exists():
        return None
    second = path.with_name(f".{temporary_stem(path.name)}.{secrets.token_hex(4)}.old.tmp")
    try:
        try:
            os.link(path, second)
        except OSError:
            shutil.copyfile(path, second)
    except OSError as error:
        with suppress(OSError):
            second.unlink(missing_ok=True)
        raise OutputError(f"{path}: cannot be written ({error.strerror})") from None
    return second


def make_folder(folder: Path) -> None:
    """Create a folder and its parents; raise OutputError if that fails."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError as error:
        raise OutputError(f"{folder}: is a file, not a folder; name a folder") from error
    except OSError as error:
        raise OutputError(f"{folder}: cannot be made ({error.strerror})") from error
