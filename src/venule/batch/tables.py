"""The tables of a ledger: an SQLite file with one writer."""

import json
import math
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from venule.analysis.columns import Cell
from venule.batch.refuse import Settings
from venule.batch.schema import (
    SCHEMA,
    TABLES,
    Result,
    Status,
    bytes_of,
    path_of,
    read_only,
    require_schema,
    results_in,
    settings_in,
)
from venule.batch.sqlite_errors import is_busy, sqlite_errors
from venule.errors import OutputError

_SYNC_S = 1.0
"""Seconds of outcomes that a power failure may cost; syncing each to disk may take 20 ms."""

_READ_S = 10.0
"""Seconds for which a run waits for a program that only reads the ledger."""

_COPIES = {
    "files": (
        "name, source, CAST(place AS BLOB), status, reason, input_sha256, seconds, notes",
        "name",
        "?, ?, CAST(? AS TEXT), ?, ?, ?, ?, ?",
    ),
    "outputs": ("name, CAST(path AS BLOB), sha256", "rowid", "?, CAST(? AS TEXT), ?"),
    "cells": ("*", "name", "?, ?, ?"),
}
"""For each table: the columns of a row to copy, their order, and the values to insert."""


class Known(NamedTuple):
    """The columns of a photograph that determine what is done with it."""

    status: Status
    source: str
    place: str
    input_sha256: str
    reason: str


class Tables:
    """An SQLite file with one writer; a second one is refused, a killed one leaves no trace.

    All failures raise OutputError. Rows are changed within a `transaction` only.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._synced = -math.inf
        self._synchronous = ""
        until = time.monotonic() + _READ_S
        with sqlite_errors(self.path):
            while True:
                self._base = sqlite3.connect(self.path, timeout=0, isolation_level=None)
                try:
                    self._open()
                    return
                except BaseException as error:
                    self._base.close()
                    if not is_busy(error) or not _is_only_read(self.path):
                        raise
                    if time.monotonic() > until:
                        raise OutputError(
                            f"{self.path}: is being read by another program, such as venule serve "
                            "or measure; wait for it to end, then run it again"
                        ) from error
                time.sleep(0.05)

    def _open(self) -> None:
        # Held until the process ends, in whatever way.
        self._base.execute("PRAGMA locking_mode = EXCLUSIVE")
        self._base.execute("PRAGMA journal_mode = WAL")
        with self._transaction():
            self._require_schema()

    def _require_schema(self) -> None:
        """Create the tables of a new ledger; refuse those of another version."""
        if self._base.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            require_schema(self._base, self.path, "; choose another folder for -o")
            return
        for statement in TABLES.split(";\n"):
            self._base.execute(statement)
        self._base.execute(f"PRAGMA user_version = {SCHEMA}")

    def close(self) -> None:
        """Release the file."""
        self._base.close()

    @contextmanager
    def transaction(self, *, often: bool = False) -> Iterator[None]:
        """All or nothing, even if the process is killed.

        Also on power failure, but an `often` transaction is only synced to disk with the first one
        that begins `_SYNC_S` seconds after the last sync. What is lost is processed again: no file
        counts as finished by its name alone.
        """
        with sqlite_errors(self.path), self._transaction(often=often):
            yield

    @property
    def settings(self) -> Settings:
        """The settings that all results depend on; empty before `keep_settings`."""
        with sqlite_errors(self.path):
            return settings_in(self._base)

    def keep_settings(self, settings: Settings) -> None:
        """Replace the settings."""
        self._base.execute("INSERT OR REPLACE INTO settings VALUES (0, ?)", [json.dumps(settings)])

    def known(self, name: str) -> Known | None:
        """The photograph of that name, if any."""
        rows = self._select(
            "SELECT status, source, CAST(place AS BLOB), input_sha256, reason FROM files"
            " WHERE name = ?",
            name,
        )
        known = Known(*rows[0]) if rows else None
        return known and known._replace(place=path_of(rows[0][2]))

    def outputs(self, name: str) -> dict[str, str]:
        """The SHA-256 of a photograph's files by path; empty strings before they are written."""
        query = "SELECT CAST(path AS BLOB), sha256 FROM outputs WHERE name = ?"
        return {path_of(path): digest for path, digest in self._select(query, name)}

    def places(self, *, unfinished: bool = False) -> Iterator[tuple[str, str]]:
        """Name and place of every photograph, or of those that are not done."""
        where = " WHERE status <> 'done'" if unfinished else ""
        for name, place in self._each(f"SELECT name, CAST(place AS BLOB) FROM files{where}"):
            yield name, path_of(place)

    def failed(self) -> set[str]:
        """The names of all that failed."""
        return {name for (name,) in self._each("SELECT name FROM files WHERE status = 'failed'")}

    def insert(self, name: str, source: str, place: str, outputs: Iterable[str]) -> None:
        """Enter a new photograph as pending, with the paths of its future files."""
        self._base.execute(
            "INSERT INTO files (name, source, place, status)"
            " VALUES (?, ?, CAST(? AS TEXT), 'pending')",
            (name, source, bytes_of(place)),
        )
        self._insert_outputs(name, dict.fromkeys(outputs, ""))

    def renew(self, name: str, outputs: Iterable[str]) -> None:
        """Make a photograph pending again."""
        self._base.execute(
            "UPDATE files SET status = 'pending', reason = '', seconds = 0, notes = '[]'"
            " WHERE name = ?",
            [name],
        )
        self._clear(name)
        self._insert_outputs(name, dict.fromkeys(outputs, ""))

    def move(self, name: str, source: str, place: str, reason: str) -> None:
        """Record a photograph's present location, and why it failed."""
        self._base.execute(
            "UPDATE files SET source = ?, place = CAST(? AS TEXT), reason = ? WHERE name = ?",
            (source, bytes_of(place), reason, name),
        )

    def give_reason(self, name: str, reason: str) -> None:
        """Record why a photograph failed, in this run or for good; empty if it did not."""
        self._base.execute("UPDATE files SET reason = ? WHERE name = ?", (reason, name))

    def replace(
        self,
        name: str,
        status: Status,
        *,
        input_sha256: str,
        seconds: float,
        notes: Sequence[str],
        outputs: Mapping[str, str],
        cells: Mapping[str, Cell],
    ) -> None:
        """Replace all results recorded for a photograph."""
        self._base.execute(
            "UPDATE files SET status = ?, input_sha256 = ?, seconds = ?, notes = ? WHERE name = ?",
            (status, input_sha256, seconds, json.dumps(notes), name),
        )
        self._clear(name)
        self._insert_outputs(name, outputs)
        self._base.executemany(
            "INSERT INTO cells VALUES (?, ?, ?)",
            ((name, column, cell) for column, cell in cells.items() if cell is not None),
        )

    def forget(self, name: str) -> None:
        """Remove all rows of a photograph."""
        self._base.execute("DELETE FROM files WHERE name = ?", [name])
        self._clear(name)

    def forget_all(self) -> None:
        """Remove the rows of all photographs."""
        for table in _COPIES:
            self._base.execute(f"DELETE FROM {table}")

    def add(self, other: "Tables") -> None:
        """Take over the settings and all photographs of another file."""
        settings = other.settings
        with sqlite_errors(self.path), sqlite_errors(other.path), self._transaction():
            self.keep_settings(settings)
            for (name,) in other._base.execute("SELECT name FROM files"):
                self._clear(name)
            for table, (columns, order, values) in _COPIES.items():
                self._base.executemany(
                    f"INSERT OR REPLACE INTO {table} VALUES ({values})",
                    other._base.execute(f"SELECT {columns} FROM {table} ORDER BY {order}"),
                )

    def mark(self, other: "Tables") -> None:
        """Note the names of another file's photographs for `unmarked`, until this is closed."""
        with sqlite_errors(self.path), sqlite_errors(other.path):
            self._base.execute("CREATE TEMP TABLE IF NOT EXISTS marked (name TEXT PRIMARY KEY)")
            with self._transaction():
                self._base.executemany(
                    "INSERT OR IGNORE INTO marked VALUES (?)",
                    other._base.execute("SELECT name FROM files"),
                )

    def unmarked(self) -> Iterator[str]:
        """The names of all photographs but those marked."""
        rows = self._each("SELECT name FROM files WHERE name NOT IN (SELECT name FROM marked)")
        return (name for (name,) in rows)

    def adopt(self, path: Path, names: Iterable[str]) -> None:
        """Take over the settings and the photographs `names` of another file, which is only read.

        This file is new; names that the other one lacks are passed over.
        """
        with sqlite_errors(self.path), sqlite_errors(path), closing(read_only(path)) as other:
            require_schema(other, path, "; choose another folder for -o")
            settings = settings_in(other)
            if not settings:
                return
            with self._transaction():
                self.keep_settings(settings)
                for name in names:
                    for table, (columns, order, values) in _COPIES.items():
                        self._base.executemany(
                            f"INSERT INTO {table} VALUES ({values})",
                            other.execute(
                                f"SELECT {columns} FROM {table} WHERE name = ? ORDER BY {order}",
                                [name],
                            ),
                        )

    def rows(self) -> Iterator[Result]:
        """Yield every photograph, ordered by name of the results.

        Rows are streamed, however many there are; nothing may be entered meanwhile.
        """
        with sqlite_errors(self.path):
            yield from results_in(self._base)

    def count(self) -> int:
        """The number of photographs."""
        ((count,),) = self._select("SELECT count(*) FROM files")
        return int(count)

    def columns(self) -> list[str]:
        """The names of all cells, in the order in which `rows` yields them."""
        rows = self._select(
            "SELECT column_name FROM cells GROUP BY column_name ORDER BY min(name), column_name"
        )
        return [name for (name,) in rows]

    def _insert_outputs(self, name: str, outputs: Mapping[str, str]) -> None:
        self._base.executemany(
            "INSERT INTO outputs VALUES (?, CAST(? AS TEXT), ?)",
            ((name, bytes_of(path), digest) for path, digest in outputs.items()),
        )

    def _clear(self, name: str) -> None:
        """Forget the outputs and cells of a photograph."""
        for table in ("outputs", "cells"):
            self._base.execute(f"DELETE FROM {table} WHERE name = ?", [name])

    def _select(self, query: str, *values: str) -> list[tuple[Any, ...]]:
        with sqlite_errors(self.path):
            return self._base.execute(query, values).fetchall()

    def _each(self, query: str) -> Iterator[tuple[Any, ...]]:
        """As `_select`, but streaming the rows."""
        with sqlite_errors(self.path):
            yield from self._base.execute(query)

    @contextmanager
    def _transaction(self, *, often: bool = False) -> Iterator[None]:
        now = time.monotonic()
        wait = often and now < self._synced + _SYNC_S
        if self._synchronous != (synchronous := "NORMAL" if wait else "FULL"):
            self._base.execute(f"PRAGMA synchronous = {synchronous}")
            self._synchronous = synchronous
        self._synced = self._synced if wait else now
        self._base.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._base.execute("COMMIT")
        except BaseException:
            if self._base.in_transaction:  # a full disk ends it
                self._base.execute("ROLLBACK")
            raise


def _is_only_read(path: Path) -> bool:
    """Return whether no run, which locks others out, uses the ledger."""
    uri = path.absolute().as_uri()
    try:
        with closing(sqlite3.connect(f"{uri}?mode=ro", uri=True, timeout=0)) as base:
            base.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.Error:
        return False
    return True
