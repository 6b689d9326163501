"""Errors of SQLite as errors that say what can be done about a ledger."""

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
    """Raise OutputError instead of an error of SQLite's about the file."""
    try:
        yield
    except sqlite3.Error as error:
        folder = path.parent
        closed = [one for one in (path, folder) if one.exists() and not _writable(one)]
        if closed:
            what = "is read-only" if _is_ones_own(closed[0]) else "is another user's"
            raise OutputError(
                f"{closed[0]}: you may not write there, it {what}; choose another folder for -o"
            ) from error
        raise OutputError(f"{path}: cannot be used ({_todo(error)}") from error


def _writable(path: Path) -> bool:
    return os.access(path, os.W_OK)


def _is_ones_own(path: Path) -> bool:
    """Tell whether the user owns a file or folder; on Windows True, for there nothing tells."""
    return not hasattr(os, "getuid") or path.stat().st_uid == os.getuid()


def _todo(error: sqlite3.Error) -> str:
    """The reason and what can be done about it, as the rest of a parenthesis."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # without the details of its upper bytes
    if code == sqlite3.SQLITE_BUSY:
        return "another venule predict is at work there); wait for it"
    if code in _OF_THE_DISK:
        return f"{error}); see to the disk, then run it again"
    return f"{error}); if this goes on, delete it and use --overwrite"
