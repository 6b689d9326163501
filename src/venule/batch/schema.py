"""The schema of a ledger, an SQLite file, and reading of what is in it."""

import json
import os
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any, Literal

from venule.analysis.columns import Cell
from venule.batch.refuse import Settings
from venule.errors import OutputError
from venule.files.cells import text

SCHEMA = 1
"""Version of the ledger's tables, its PRAGMA user_version; other versions are refused."""

TABLES = """
CREATE TABLE settings (id INTEGER PRIMARY KEY CHECK (id = 0), json TEXT NOT NULL);
CREATE TABLE files (
    name TEXT PRIMARY KEY,          -- of the results, see Job
    source TEXT NOT NULL,           -- as it was last given
    place TEXT NOT NULL,            -- the same as an absolute path, its bytes
    status TEXT NOT NULL,           -- pending, done, failed
    reason TEXT NOT NULL DEFAULT '',
    input_sha256 TEXT NOT NULL DEFAULT '',
    seconds REAL NOT NULL DEFAULT 0,
    notes TEXT NOT NULL DEFAULT '[]'
) WITHOUT ROWID;
CREATE TABLE outputs (              -- what is, or is about to be, written of a photograph
    name TEXT NOT NULL, path TEXT NOT NULL, sha256 TEXT NOT NULL, PRIMARY KEY (name, path)
);
CREATE TABLE cells (                -- one row a value, so that a new column needs no migration
    name TEXT NOT NULL, column_name TEXT NOT NULL, value, PRIMARY KEY (name, column_name)
) WITHOUT ROWID;
"""

_OUTSIDE = "(CAST({0} AS TEXT) GLOB '/*' OR '/' || {0} || '/' GLOB '*/../*')"
if os.name == "nt":
    _OUTSIDE = f"({_OUTSIDE} OR CAST({{0}} AS TEXT) GLOB '*[\\\\:]*')"
"""SQL that finds paths which are absolute or go up."""

Status = Literal["pending", "done", "failed"]


@dataclass(frozen=True, kw_only=True)
class Result:
    """A photograph in a ledger; `name` is that of its results.

    `place` is the path of the photograph, or a DICOM object's pseudonym. `input_sha256` is that of
    its file, empty without a result. `outputs` are the files' paths relative to the results folder.
    """

    name: str
    source: str
    place: str
    status: Status
    input_sha256: str = ""
    reason: str = ""
    seconds: float = 0.0
    notes: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    cells: Mapping[str, Cell] = field(default_factory=dict)  # by column; empty without a result


def read_only(path: Path) -> sqlite3.Connection:
    """A read-only connection; also reads what a killed run left in its journal."""
    uri = path.absolute().as_uri()
    base = sqlite3.connect(f"{uri}?mode=ro", uri=True, timeout=1)
    try:
        base.execute("SELECT count(*) FROM settings").fetchone()
    except sqlite3.OperationalError:
        base.close()
        if path.with_name(f"{path.name}-wal").exists():
            raise
        # In a read-only folder no lock is possible, nor needed.
        return sqlite3.connect(f"{uri}?mode=ro&immutable=1", uri=True, timeout=1)
    return base


def require_schema(base: sqlite3.Connection, path: Path, advice: str = "") -> None:
    """Raise OutputError if the ledger `path` is unsafe or of another version of venule.

    Unsafe are names of files outside its folder, which a run would replace or remove.
    """
    if base.execute("PRAGMA user_version").fetchone() != (SCHEMA,):
        raise OutputError(f"{path.parent} holds results of another version of venule{advice}")
    for column, table in (("name", "files"), ("path", "outputs")):
        query = f"SELECT CAST({column} AS BLOB) FROM {table} WHERE {_OUTSIDE} LIMIT 1"
        if found := base.execute(query.format(column)).fetchone():
            raise OutputError(
                f"{path}: names a file outside its folder ({text(path_of(found[0]))!r}), which "
                "venule never writes; do not use these results"
            )


def settings_in(base: sqlite3.Connection) -> Settings:
    """The settings of a ledger; empty if it has none yet."""
    row = base.execute("SELECT json FROM settings").fetchone()
    return {} if row is None else json.loads(row[0])


def results_in(base: sqlite3.Connection) -> Iterator[Result]:
    """Yield every photograph of a ledger, ordered by name of the results.

    They are streamed, however many there are; nothing may be entered meanwhile.
    """
    files = base.execute(
        "SELECT name, source, CAST(place AS BLOB), status, input_sha256, reason, seconds, notes"
        " FROM files ORDER BY name"
    )
    outputs = _Beside(
        base.execute(
            "SELECT name, CAST(outputs.path AS BLOB) FROM files CROSS JOIN outputs USING (name)"
            " WHERE status = 'done' ORDER BY name, outputs.rowid"
        )
    )
    cells = _Beside(
        base.execute(
            "SELECT name, column_name, value FROM files CROSS JOIN cells USING (name) ORDER BY name"
        )
    )
    for name, source, place, status, input_sha256, reason, seconds, notes in files:
        yield Result(
            name=name,
            source=source,
            place=path_of(place),
            status=status,
            input_sha256=input_sha256,
            reason=reason,
            seconds=seconds,
            notes=tuple(json.loads(notes)),
            outputs=tuple(path_of(path) for (path,) in outputs.of(name)),
            cells=dict(cells.of(name)),
        )


def bytes_of(path: str) -> bytes:
    """A path as bytes, whatever bytes the file name has; `path_of` is the inverse."""
    return path.encode("utf-8", "surrogatepass")


def path_of(stored: bytes) -> str:
    """The path that `bytes_of` gave as bytes."""
    return stored.decode("utf-8", "surrogatepass")


class _Beside:
    """Rows keyed and ordered by name, read in step with the names."""

    def __init__(self, rows: Iterator[tuple[Any, ...]]) -> None:
        self._groups = groupby(rows, itemgetter(0))
        self._next = next(self._groups, None)

    def of(self, name: str) -> Iterator[tuple[Any, ...]]:
        """The rows of a name, without the name; names must be requested in order."""
        if self._next is not None and self._next[0] == name:
            yield from (rest for _, *rest in self._next[1])  # type: ignore[misc]
            self._next = next(self._groups, None)
