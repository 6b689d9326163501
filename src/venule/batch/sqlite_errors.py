"""SQLite errors, translated into errors that say what to do about a ledger."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from venule.errors import OutputError

_OF_THE_DISK = frozenset(
    {sqlite3.SQLITE_FULL, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN}
)


@contextmanager
def sqlite_errors(path: Path) -> Iterator[None]:
    """Turn SQLite errors about the file into OutputError."""
    try:
        yield
    except sqlite3.Error as error:
        folder = path.parent
        closed = [one for one in (path, folder) if one.exists() and not _writable(one)]
        if closed:
            what = "is read-only" if _is_ones_own(closed[0]) else "is another user's"
            raise OutputError(
                f"{closed[0]}: no permission to write, as it {what}; choose another folder for -o"
            ) from error
        raise OutputError(f"{path}: cannot be used ({_todo(error)}") from error


def is_busy(error: BaseException) -> bool:
    """Return whether an error says that another connection has locked the file."""
    return _code(error) == sqlite3.SQLITE_BUSY


def _code(error: BaseException) -> int:
    """The primary error code of an SQLite error; 0 of others."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def _writable(path: Path) -> bool:
    return os.access(path, os.W_OK)


def _is_ones_own(path: Path) -> bool:
    """Return whether the user owns a file or folder; True on Windows, where this is unknown."""
    return not hasattr(os, "getuid") or path.stat().st_uid == os.getuid()


def _todo(error: sqlite3.Error) -> str:
    """The reason and what can be done about it, as the rest of a parenthesis."""
    if is_busy(error):
        return "another venule predict is running there); wait for it to end"
    if _code(error) in _OF_THE_DISK:
        return f"{error}); check the disk, then run it again"
    return f"{error}); if this persists, delete it and use --overwrite"
