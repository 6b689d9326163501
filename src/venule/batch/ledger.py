"""The ledger of a folder of results: which photographs are finished, and with what settings."""

import json
import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from venule.batch.plan import LEDGER, Job
from venule.batch.predict import (
    Failed,
    Finished,
    Kept,
    Outcome,
    Written,
    may_exist,
    sha256_if_readable,
)
from venule.batch.refuse import (
    Settings,
    refuse_mixing,
    refuse_other_settings,
    refuse_overwriting,
)
from venule.errors import OutputError
from venule.quality.assess import Quality

_KNOWN = "name, place, outputs"

_FAILED = " AND status = 'failed'"

_OF_THE_DISK = frozenset(
    {sqlite3.SQLITE_FULL, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN}
)

_SCHEMA = """
CREATE TABLE IF NOT EXISTS settings (id INTEGER PRIMARY KEY CHECK (id = 0), json TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS files (
    name TEXT PRIMARY KEY,          -- of the results, see Job
    source TEXT NOT NULL,           -- as it was last given
    place TEXT NOT NULL,            -- the same as an absolute path
    status TEXT NOT NULL,           -- pending, done, failed
    reason TEXT NOT NULL DEFAULT '',
    input_sha256 TEXT NOT NULL DEFAULT '',
    outputs TEXT NOT NULL DEFAULT '{}',
    seconds REAL NOT NULL DEFAULT 0,
    warnings TEXT NOT NULL DEFAULT '[]',
    quality TEXT NOT NULL DEFAULT '{}'
);
"""


@dataclass(frozen=True, kw_only=True)
class Row:
    """What the ledger holds of one photograph."""

    source: str
    status: Literal["pending", "done", "failed"]
    reason: str
    outputs: Mapping[str, str]
    seconds: float
    warnings: tuple[str, ...]
    quality: Mapping[str, str]  # by column of the report; empty where it was not assessed


class Ledger:
    """An SQLite file with one writer; a second one is refused, a killed one leaves no trace.

    Photographs are known by the name of their results, so that a folder of photographs may move.
    """

    def __init__(self, out: Path) -> None:
        self.path = out / LEDGER
        self._old_names: dict[str, str] = {}  # of photographs' results, by the present ones
        with self._errors():
            self._base = sqlite3.connect(self.path, timeout=0, isolation_level=None)
            # Held until the process ends, however it ends.
            self._base.execute("PRAGMA locking_mode = EXCLUSIVE")
            self._base.execute("PRAGMA journal_mode = WAL")
            self._base.execute("PRAGMA synchronous = FULL")  # power cuts, too
            with self._transaction():
                for statement in _SCHEMA.split(";\n"):
                    self._base.execute(statement)

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
        known = {name: (place, outputs) for name, place, outputs in self._select(_KNOWN)}
        planned = {key(job): _place(job) for job in jobs}
        before = self.settings
        if not overwrite:
            refuse_other_settings(self.path.parent, before, settings)
            unknown = (job for job in jobs if key(job) not in known)
            refuse_overwriting(target for job in unknown for target in job.targets)
            self._refuse_other_photographs(jobs)
        places = {name: place for name, (place, _) in known.items() if name not in planned}
        self._old_names = _old_names(places, planned)
        if before != settings:
            staying = places.keys() - set(self._old_names.values())
            refuse_mixing(
                self.path.parent, [name for name in staying if self._files(known[name][1])]
            )
        with self._errors(), self._transaction():
            if before != settings:
                # At once: what waited for its replacement would be mixed with the new till then.
                for _, outputs in known.values():
                    self._unlink(outputs)
                self._base.execute("DELETE FROM files")
                self._base.execute(
                    "INSERT OR REPLACE INTO settings VALUES (0, ?)", [json.dumps(settings)]
                )
            self._enter(jobs, overwrite=overwrite)
            self._forget_what_is_gone(set(planned))

    def finished(self, job: Job) -> Finished | None:
        """What is known of a photograph that was finished with these settings."""
        rows = self._select("input_sha256, outputs", "WHERE name = ? AND status = 'done'", key(job))
        for digest, outputs in rows:
            return Finished(digest, json.loads(outputs))
        return None

    def blocked(self, job: Job) -> bool:
        """Whether, after `begin`, a file that is not ours stands where the job's would."""
        return bool(self._select("name", "WHERE name = ? AND status = 'failed'", key(job)))

    def record(self, outcome: Outcome) -> None:
        """Enter what became of a photograph, at once and for good.

        Where it was not read and files stand in its place, only the reason changes.
        """
        job = outcome.job
        reason = text(outcome.reason) if isinstance(outcome, Failed) else ""
        unread = isinstance(outcome, Failed) and not outcome.read
        if unread and any(map(may_exist, job.targets)):
            self._update(job, {"reason": reason})
            return
        values: dict[str, Any] = {
            "source": text(job.source),
            "place": _place(job),
            "reason": reason,
        }
        if not isinstance(outcome, Kept):
            values |= {
                "status": "failed",
                "input_sha256": "",
                "outputs": "{}",
                "seconds": outcome.seconds,
                "warnings": json.dumps(outcome.warnings),
                "quality": json.dumps(_columns(outcome.quality)),
            }
        if isinstance(outcome, Written):
            values["status"] = "done"
            values["input_sha256"] = outcome.finished.input_sha256
            values["outputs"] = json.dumps(outcome.finished.outputs)
        self._update(job, values)
        if not unread and (old := self._old_names.pop(key(job), None)):
            self._forget(old)

    def rows(self) -> Iterator[Row]:
        """Every photograph of the folder of results, in the order of the results' names."""
        columns = "source, status, reason, outputs, seconds, warnings, quality"
        for source, status, reason, outputs, seconds, said, quality in self._select(
            columns, "ORDER BY name"
        ):
            yield Row(
                source=source,
                status=status,
                reason=reason,
                outputs=json.loads(outputs) if status == "done" else {},
                seconds=seconds,
                warnings=tuple(json.loads(said)),
                quality=json.loads(quality),
            )

    @property
    def settings(self) -> Settings:
        """What all results depend on; empty before the first `begin`."""
        with self._errors():
            row = self._base.execute("SELECT json FROM settings").fetchone()
        return {} if row is None else json.loads(row[0])

    def _enter(self, jobs: Sequence[Job], *, overwrite: bool) -> None:
        """Make the jobs pending that are new, that failed, or, with `overwrite`, that are done."""
        # A failed photograph whose place is taken by a file that is not ours stays failed.
        again = [job for job in jobs if overwrite or not any(map(os.path.lexists, job.targets))]
        self._base.executemany(
            "UPDATE files SET outputs = ?, status = 'pending', reason = '', seconds = 0,"
            f" warnings = '[]', quality = '{{}}' WHERE name = ?{'' if overwrite else _FAILED}",
            ([_outputs(job), key(job)] for job in again),
        )
        self._base.executemany(
            "INSERT INTO files (name, source, place, outputs, status)"
            " VALUES (?, ?, ?, ?, 'pending')"
            " ON CONFLICT (name) DO UPDATE SET source = excluded.source,"
            " place = excluded.place WHERE status <> 'done'",
            ((key(job), text(job.source), _place(job), _outputs(job)) for job in jobs),
        )

    def _refuse_other_photographs(self, jobs: Sequence[Job]) -> None:
        """Refuse to replace results of a photograph that is still there by another one's.

        The same photograph may have been copied or moved, or changed where it is.
        """
        rows = self._select("name, source, place, input_sha256", "WHERE status = 'done'")
        done = {name: row for name, *row in rows}
        for job in jobs:
            source, place, digest = done.get(key(job), ("", "", ""))
            if place in ("", _place(job)) or not os.path.lexists(place):
                continue
            if sha256_if_readable(job.source) not in (None, digest):
                raise OutputError(
                    f"{self.path.parent} holds results of {source}, and {job.source} is another "
                    "photograph of that name; choose another folder for -o, or replace them with "
                    "--overwrite"
                )

    def _forget_what_is_gone(self, planned: set[str]) -> None:
        """Forget what has no results, nobody asks for and is not there: see `_is_gone`."""
        gone = [
            [name]
            for name, place, outputs in self._select(_KNOWN, "WHERE status <> 'done'")
            if name not in planned and _is_gone(place) and not self._files(outputs)
        ]
        self._base.executemany("DELETE FROM files WHERE name = ?", gone)

    def _files(self, outputs: str) -> list[Path]:
        """Those of a row's files that are there."""
        paths = [self.path.parent / path for path in json.loads(outputs)]
        return [path for path in paths if os.path.lexists(path)]

    def _unlink(self, outputs: str) -> None:
        for path in self._files(outputs):
            try:
                path.unlink()
            except OSError as error:
                raise OutputError(f"{path}: cannot be removed ({error.strerror})") from error

    def _forget(self, name: str) -> None:
        """Remove a photograph's results, then what is known of them; nothing if they cannot be."""
        for (outputs,) in self._select("outputs", "WHERE name = ?", name):
            try:
                self._unlink(outputs)
            except OutputError:
                return
        with self._errors():
            self._base.execute("DELETE FROM files WHERE name = ?", [name])

    def _update(self, job: Job, values: Mapping[str, Any]) -> None:
        changes = ", ".join(f"{column} = ?" for column in values)
        with self._errors():
            self._base.execute(
                f"UPDATE files SET {changes} WHERE name = ?", [*values.values(), key(job)]
            )

    def _select(self, columns: str, rest: str = "", *values: str) -> list[tuple[Any, ...]]:
        with self._errors():
            return self._base.execute(f"SELECT {columns} FROM files {rest}", values).fetchall()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
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
            raise OutputError(f"{self.path}: cannot be used ({_todo(error)}") from error


def key(job: Job) -> str:
    """The photograph's name in the ledger."""
    return text(job.name)


def _place(job: Job) -> str:
    return text(job.source.absolute())


def text(value: str | Path) -> str:
    """The path or message as text that can be stored, whatever bytes a file's name has."""
    return str(value).encode("utf-8", "backslashreplace").decode()


def _is_gone(place: str) -> bool:
    """Whether no photograph is there any more, nor a folder that could not be searched."""
    if os.path.isdir(place):  # noqa: PTH112  Path.is_dir raises where it cannot be told
        return os.access(place, os.R_OK | os.X_OK)
    return not may_exist(place)


def _todo(error: sqlite3.Error) -> str:
    """Why the ledger cannot be used, and what can be done about it; the rest of a parenthesis."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # without the details of its upper bytes
    if code == sqlite3.SQLITE_BUSY:
        return "another venule predict is at work there); wait for it"
    if code in _OF_THE_DISK:
        return f"{error}); see to the disk, then run it again"
    return f"{error}); if this goes on, delete it and use --overwrite"


def _outputs(job: Job) -> str:
    """The files that a job is about to write, which may be there before it is known to be done."""
    return json.dumps(dict.fromkeys(job.results.values(), ""))


def _old_names(places: Mapping[str, str], planned: Mapping[str, str]) -> dict[str, str]:
    """The earlier name of the results of each photograph that is planned under another, by that.

    Such as a, now that a.jpg has joined a.png: the names differ in the ending only. `places` and
    `planned` give the photographs by name.
    """
    now = {place: name for name, place in planned.items()}
    pairs = ((now[place], old) for old, place in places.items() if place in now)
    return {
        new: old for new, old in pairs if new.startswith(f"{old}.") or old.startswith(f"{new}.")
    }


def _columns(quality: Quality | None) -> dict[str, str]:
    if quality is None:
        return {}
    return {
        "quality": quality.grade,
        "quality_reasons": "; ".join(quality.reasons),
        "uncertainty": f"{quality.uncertainty:.4f}",
    }
