"""The ledger of a folder of results: which photographs are finished, and with what settings."""

import json
import math
import os
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any, Literal

from venule.analysis.columns import Cell
from venule.batch.plan import Job
from venule.batch.process import Failed, Finished, Kept, Outcome, Written, may_exist
from venule.batch.records import Records
from venule.batch.refuse import (
    Settings,
    refuse_mixing,
    refuse_other_settings,
    refuse_overwriting,
)
from venule.errors import OutputError
from venule.files.hashes import sha256_if_readable

SCHEMA = 1
"""The version of the ledger's tables, its PRAGMA user_version; another one is refused."""

_SYNC_S = 1.0
"""Seconds of outcomes that a power cut may cost; a disk may take 20 ms to keep one for good."""

_OF_THE_DISK = frozenset(
    {sqlite3.SQLITE_FULL, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN}
)

_TABLES = """
CREATE TABLE settings (id INTEGER PRIMARY KEY CHECK (id = 0), json TEXT NOT NULL);
CREATE TABLE files (
    name TEXT PRIMARY KEY,          -- of the results, see Job
    source TEXT NOT NULL,           -- as it was last given
    place TEXT NOT NULL,            -- the same as an absolute path
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

_COLUMNS = {
    "files": "name, source, place, status, reason, input_sha256, seconds, notes",
    "outputs": "name, path, sha256",
    "cells": "name, column_name, value",
}

_ORDER = {"files": "name", "outputs": "rowid", "cells": "name"}


@dataclass(frozen=True, kw_only=True)
class Row:
    """What the ledger holds of one photograph; `id` is the name of its results."""

    id: str
    source: str
    status: Literal["pending", "done", "failed"]
    reason: str
    outputs: tuple[str, ...]
    seconds: float
    notes: tuple[str, ...]
    cells: Mapping[str, Cell]  # by column; those of a photograph without a result are not there


class Ledger:
    """An SQLite file with one writer; a second one is refused, a killed one leaves no trace.

    Photographs are known by the name of their results, so that a folder of photographs may move.
    """

    def __init__(self, records: Records) -> None:
        self.records = records
        self.path = records.ledger
        self._synced = -math.inf
        self._old_names: dict[str, str] = {}  # of photographs' results, by the present ones
        with self._errors():
            self._base = sqlite3.connect(self.path, timeout=0, isolation_level=None)
            try:
                self._open()
            except BaseException:
                self._base.close()
                raise

    def _open(self) -> None:
        self._base.text_factory = _path_of
        # Held until the process ends, however it ends.
        self._base.execute("PRAGMA locking_mode = EXCLUSIVE")
        self._base.execute("PRAGMA journal_mode = WAL")
        with self._transaction():
            self._require_schema()

    def _require_schema(self) -> None:
        """Make the tables of a new ledger; refuse those of another version."""
        (version,) = self._base.execute("PRAGMA user_version").fetchone()
        tables = self._base.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        if not tables:
            for statement in _TABLES.split(";\n"):
                self._base.execute(statement)
            self._base.execute(f"PRAGMA user_version = {SCHEMA}")
        elif version != SCHEMA:
            raise OutputError(
                f"{self.path.parent} holds results of another version of venule; choose another "
                "folder for -o"
            )

    def close(self) -> None:
        """Give the ledger free."""
        self._base.close()

    def begin(self, jobs: Sequence[Job], settings: Settings, *, overwrite: bool) -> None:
        """Enter the jobs that are to be done; results of other settings are removed.

        With `overwrite` nothing counts as finished any more.

        Raises:
            OutputError: without `overwrite`: earlier results have other settings or are of another
                photograph, or files are in the way that the ledger does not know; with it: there
                are results of other settings that `jobs` do not replace.
        """
        planned = {key(job) for job in jobs}
        before = self.settings
        if not overwrite:
            refuse_other_settings(self.path.parent, before, settings)
            unknown = (job for job in jobs if self._known(job) is None)
            refuse_overwriting(target for job in unknown for target in job.targets)
            self._refuse_other_photographs(jobs)
        rows = self._each("SELECT name, place FROM files")
        places = {name: place for name, place in rows if name not in planned}
        self._old_names = _old_names(places, jobs)
        if before != settings:
            staying = places.keys() - set(self._old_names.values())
            refuse_mixing(self.path.parent, [name for name in staying if self._files(name)])
        with self._errors(), self._transaction():
            if before != settings:
                # At once: what waited for its replacement would be mixed with the new till then.
                for (name,) in self._select("SELECT name FROM files"):
                    self._unlink(name)
                for table in ("files", "outputs", "cells"):
                    self._base.execute(f"DELETE FROM {table}")
                self._base.execute(
                    "INSERT OR REPLACE INTO settings VALUES (0, ?)", [json.dumps(settings)]
                )
            for job in jobs:
                self._enter(job, overwrite=overwrite)
            self._forget_what_is_gone(planned)

    def finished(self, job: Job) -> Finished | None:
        """What is known of a photograph that was finished with these settings."""
        done = "SELECT input_sha256 FROM files WHERE name = ? AND status = 'done'"
        for (digest,) in self._select(done, key(job)):
            outputs = self._select("SELECT path, sha256 FROM outputs WHERE name = ?", key(job))
            return Finished(digest, dict(outputs))
        return None

    def blocked(self, job: Job) -> bool:
        """Whether, after `begin`, a file that is not ours stands where the job's would."""
        failed = "SELECT name FROM files WHERE name = ? AND status = 'failed'"
        return bool(self._select(failed, key(job)))

    def record(self, outcome: Outcome) -> None:
        """Enter the outcome of a photograph, at once; of a power cut see `_transaction`.

        Where it was not read and files stand in its place, only the reason changes.
        """
        job, name = outcome.job, key(outcome.job)
        reason = text(outcome.reason) if isinstance(outcome, Failed) else ""
        unread = isinstance(outcome, Failed) and not outcome.read
        stays = unread and any(map(may_exist, job.targets))
        if not (isinstance(outcome, Kept) and self._as_it_was(job)):
            with self._errors(), self._transaction(often=True):
                self._base.execute("UPDATE files SET reason = ? WHERE name = ?", (reason, name))
                if stays:
                    return
                self._move(job)
                if not isinstance(outcome, Kept):
                    self._replace(name, outcome)
        if not unread and (old := self._old_names.pop(name, None)):
            self._forget(old)

    def _as_it_was(self, job: Job) -> bool:
        """Whether a photograph whose results are kept lies where it lay, and nothing is wrong."""
        as_now = "SELECT 1 FROM files WHERE name = ? AND source = ? AND place = ? AND reason = ''"
        return bool(self._select(as_now, key(job), text(job.label), _place(job)))

    def _replace(self, name: str, outcome: Written | Failed) -> None:
        """Replace all that is known of what was found in a photograph."""
        finished = outcome.finished if isinstance(outcome, Written) else None
        self._base.execute(
            "UPDATE files SET status = ?, input_sha256 = ?, seconds = ?, notes = ? WHERE name = ?",
            (
                "done" if finished else "failed",
                finished.input_sha256 if finished else "",
                outcome.seconds,
                json.dumps(outcome.notes),
                name,
            ),
        )
        self._clear(name)
        hashes = finished.outputs if finished else {}
        self._base.executemany(
            "INSERT INTO outputs VALUES (?, CAST(? AS TEXT), ?)",
            ((name, _bytes_of(path), digest) for path, digest in hashes.items()),
        )
        self._base.executemany(
            "INSERT INTO cells VALUES (?, ?, ?)",
            ((name, column, cell) for column, cell in outcome.cells.items() if cell is not None),
        )

    def add(self, other: "Ledger") -> None:
        """Take over all that another ledger of the same folder knows.

        Raises:
            OutputError: it has other settings, or cannot be read.
        """
        settings = other.settings
        refuse_other_settings(self.path.parent, self.settings, settings)
        with self._errors(), other._errors(), self._transaction():
            self._base.execute(
                "INSERT OR REPLACE INTO settings VALUES (0, ?)", [json.dumps(settings)]
            )
            for (name,) in other._base.execute("SELECT name FROM files"):
                self._clear(name)
            for table, names in _COLUMNS.items():
                rows = other._base.execute(f"SELECT {names} FROM {table} ORDER BY {_ORDER[table]}")
                places = ", ".join("?" * len(names.split(",")))
                self._base.executemany(
                    f"INSERT OR REPLACE INTO {table} ({names}) VALUES ({places})", rows
                )

    def rows(self) -> Iterator[Row]:
        """Every photograph of the folder of results, in the order of the results' names.

        One after the other, however many there are; nothing may be entered meanwhile.
        """
        files = self._each(
            "SELECT name, source, status, reason, seconds, notes FROM files ORDER BY name"
        )
        outputs = _Beside(
            self._each(
                "SELECT name, outputs.path FROM files CROSS JOIN outputs USING (name)"
                " WHERE status = 'done' ORDER BY name, outputs.rowid"
            )
        )
        cells = _Beside(
            self._each(
                "SELECT name, column_name, value FROM files CROSS JOIN cells USING (name)"
                " ORDER BY name"
            )
        )
        for name, source, status, reason, seconds, notes in files:
            yield Row(
                id=name,
                source=source,
                status=status,
                reason=reason,
                outputs=tuple(path for (path,) in outputs.of(name)),
                seconds=seconds,
                notes=tuple(json.loads(notes)),
                cells=dict(cells.of(name)),
            )

    def count(self) -> int:
        """How many photographs there are."""
        ((count,),) = self._select("SELECT count(*) FROM files")
        return int(count)

    def columns(self) -> list[str]:
        """The names of all cells, in the order in which `rows` brings them."""
        rows = self._select(
            "SELECT column_name FROM cells GROUP BY column_name ORDER BY min(name), column_name"
        )
        return [name for (name,) in rows]

    @property
    def settings(self) -> Settings:
        """What all results depend on; empty before the first `begin`."""
        with self._errors():
            row = self._base.execute("SELECT json FROM settings").fetchone()
        return {} if row is None else json.loads(row[0])

    def _known(self, job: Job) -> tuple[Any, ...] | None:
        """Status, source, place and hash of a photograph that is in the ledger."""
        rows = self._select(
            "SELECT status, source, place, input_sha256 FROM files WHERE name = ?", key(job)
        )
        return rows[0] if rows else None

    def _enter(self, job: Job, *, overwrite: bool) -> None:
        """Make the job pending if it is new, if it failed, or, with `overwrite`, if it is done."""
        name, known = key(job), self._known(job)
        was = known and known[0]
        # A failed photograph whose place is taken by a file that is not ours stays failed.
        again = overwrite or (was == "failed" and not any(map(os.path.lexists, job.targets)))
        if known is None:
            self._base.execute(
                "INSERT INTO files (name, source, place, status) VALUES (?, ?, ?, 'pending')",
                (name, text(job.label), _place(job)),
            )
        elif again:
            self._base.execute(
                "UPDATE files SET status = 'pending', reason = '', seconds = 0, notes = '[]'"
                " WHERE name = ?",
                [name],
            )
            self._clear(name)
        if known is None or again:
            # They may be there before the photograph is known to be done.
            self._base.executemany(
                "INSERT INTO outputs VALUES (?, CAST(? AS TEXT), '')",
                ((name, _bytes_of(path)) for path in job.results.values()),
            )
        if known is not None and (again or was != "done"):
            self._move(job)

    def _move(self, job: Job) -> None:
        """Enter where the photograph lies now."""
        self._base.execute(
            "UPDATE files SET source = ?, place = ? WHERE name = ?",
            (text(job.label), _place(job), key(job)),
        )

    def _clear(self, name: str) -> None:
        """Forget the outputs and cells of a photograph."""
        for table in ("outputs", "cells"):
            self._base.execute(f"DELETE FROM {table} WHERE name = ?", [name])

    def _refuse_other_photographs(self, jobs: Sequence[Job]) -> None:
        """Refuse to replace results of a photograph that is still there by another one's.

        The same photograph may have been copied or moved, or changed where it is.
        """
        for job in jobs:
            status, source, place, digest = self._known(job) or ("", "", "", "")
            if status != "done":
                continue
            if place in ("", _place(job)) or not os.path.lexists(place):
                continue
            if sha256_if_readable(job.source) not in (None, digest):
                raise OutputError(
                    f"{self.path.parent} holds results of {source}, and {job.label} is another "
                    "photograph of that name; choose another folder for -o, or replace them with "
                    "--overwrite"
                )

    def _forget_what_is_gone(self, planned: set[str]) -> None:
        """Forget what has no results, nobody asks for and is not there: see `_is_gone`."""
        rows = self._each("SELECT name, place FROM files WHERE status <> 'done'")
        others = [row for row in rows if row[0] not in planned]
        for name, place in others:
            if _is_gone(place) and not self._files(name):
                self._base.execute("DELETE FROM files WHERE name = ?", [name])
                self._clear(name)

    def _files(self, name: str) -> list[Path]:
        """Those of a photograph's files that are there."""
        outputs = self._select("SELECT path FROM outputs WHERE name = ?", name)
        paths = [self.path.parent / path for (path,) in outputs]
        return [path for path in paths if os.path.lexists(path)]

    def _unlink(self, name: str) -> None:
        for path in self._files(name):
            try:
                path.unlink()
            except OSError as error:
                raise OutputError(f"{path}: cannot be removed ({error.strerror})") from error

    def _forget(self, name: str) -> None:
        """Remove a photograph's results, then what is known of them; nothing if they cannot be."""
        try:
            self._unlink(name)
        except OutputError:
            return
        with self._errors(), self._transaction():
            self._base.execute("DELETE FROM files WHERE name = ?", [name])
            self._clear(name)

    def _select(self, query: str, *values: str) -> list[tuple[Any, ...]]:
        with self._errors():
            return self._base.execute(query, values).fetchall()

    def _each(self, query: str) -> Iterator[tuple[Any, ...]]:
        """As `_select`, one row after the other."""
        with self._errors():
            yield from self._base.execute(query)

    @contextmanager
    def _transaction(self, *, often: bool = False) -> Iterator[None]:
        """All or nothing, whatever kills the process.

        When the power fails too; but one that comes `often` reaches the disk with the next that
        begins `_SYNC_S` seconds after the last that did. What is lost is processed again: no file
        is taken for finished by its name alone.
        """
        now = time.monotonic()
        wait = often and now < self._synced + _SYNC_S
        self._base.execute(f"PRAGMA synchronous = {'NORMAL' if wait else 'FULL'}")
        self._synced = self._synced if wait else now
        self._base.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._base.execute("ROLLBACK")
            raise
        self._base.execute("COMMIT")

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            folder = self.path.parent
            closed = [one for one in (self.path, folder) if one.exists() and not _writable(one)]
            if closed:
                raise OutputError(
                    f"{closed[0]}: you may not write there, it is another user's; choose another "
                    "folder for -o"
                ) from error
            raise OutputError(f"{self.path}: cannot be used ({_todo(error)}") from error


def key(job: Job) -> str:
    """The photograph's name in the ledger."""
    return text(job.name)


def _place(job: Job) -> str:
    """Where the photograph lies; of a DICOM object its pseudonym, for a path may name a patient."""
    return text(job.label) if job.dicom else text(job.source.absolute())


def text(value: str | Path) -> str:
    """The path or message as text that can be stored, whatever bytes a file's name has."""
    plain = str(value)
    if plain.isascii():  # the same object, for names are kept by the million
        return plain
    return plain.encode("utf-8", "backslashreplace").decode()


def _bytes_of(path: str) -> bytes:
    """A path as bytes, whatever bytes the file's name has; `_path_of` gives it back as it was."""
    return path.encode("utf-8", "surrogatepass")


def _path_of(stored: bytes) -> str:
    return stored.decode("utf-8", "surrogatepass")


def _is_gone(place: str) -> bool:
    """Whether no photograph is there any more, nor a folder that could not be searched."""
    if os.path.isdir(place):  # noqa: PTH112  Path.is_dir raises where it cannot be told
        return os.access(place, os.R_OK | os.X_OK)
    return not may_exist(place)


def _writable(path: Path) -> bool:
    return os.access(path, os.W_OK)


def _todo(error: sqlite3.Error) -> str:
    """Why the ledger cannot be used, and what can be done about it; the rest of a parenthesis."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # without the details of its upper bytes
    if code == sqlite3.SQLITE_BUSY:
        return "another venule predict is at work there); wait for it"
    if code in _OF_THE_DISK:
        return f"{error}); see to the disk, then run it again"
    return f"{error}); if this goes on, delete it and use --overwrite"


def _old_names(places: Mapping[str, str], jobs: Iterable[Job]) -> dict[str, str]:
    """The earlier name of the results of each photograph that is planned under another, by that.

    Such as a, now that a.jpg has joined a.png: the names differ in the ending only. `places` gives
    the photographs that are not planned by name.
    """
    before: dict[str, list[str]] = {}
    for old, place in places.items():
        before.setdefault(place, []).append(old)
    found = {}
    for job in jobs if before else ():
        new = key(job)
        for old in before.get(_place(job), ()):
            if new.startswith(f"{old}.") or old.startswith(f"{new}."):
                found[new] = old
    return found


class _Beside:
    """Rows that begin with a name, in the order of the names, read along with the names' own."""

    def __init__(self, rows: Iterator[tuple[Any, ...]]) -> None:
        self._groups = groupby(rows, itemgetter(0))
        self._next = next(self._groups, None)

    def of(self, name: str) -> Iterator[tuple[Any, ...]]:
        """The rows of a name, without it; names are asked for in their order."""
        if self._next is not None and self._next[0] == name:
            yield from (rest for _, *rest in self._next[1])  # type: ignore[misc]
            self._next = next(self._groups, None)
