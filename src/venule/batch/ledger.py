"""The ledger of a results folder: which photographs are finished, and with what settings."""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path

from venule.analysis.corrected_files import rename_correction
from venule.batch.plan import Job
from venule.batch.process import Failed, Finished, Kept, Outcome, Written, may_exist
from venule.batch.records import Records
from venule.batch.refuse import (
    SHARDS,
    Settings,
    refuse_mixing,
    refuse_other_settings,
    refuse_overwriting,
)
from venule.batch.schema import Result
from venule.batch.tables import Known, Tables
from venule.errors import OutputError
from venule.files.cells import text
from venule.files.hashes import sha256_if_readable


class Ledger:
    """Rules for the `Tables` of a results folder: a single writer, and no mixed results.

    Photographs are identified by the name of their results, so their folder may be moved.
    """

    def __init__(self, records: Records) -> None:
        self.records = records
        self.path = records.ledger
        self._old_names: dict[str, str] = {}  # earlier names of results, by present name
        self._tables = Tables(self.path)

    def close(self) -> None:
        """Release the ledger."""
        self._tables.close()

    @property
    def settings(self) -> Settings:
        """The settings that all results depend on; empty before the first `begin`."""
        return self._tables.settings

    def rows(self) -> Iterator[Result]:
        """Yield every photograph of the results folder, as `Tables.rows` does."""
        return self._tables.rows()

    def count(self) -> int:
        """The number of photographs."""
        return self._tables.count()

    def columns(self) -> list[str]:
        """The names of all cells, in the order in which `rows` yields them."""
        return self._tables.columns()

    def begin(
        self, jobs: Sequence[Job], settings: Settings, *, overwrite: bool, fresh: bool = False
    ) -> None:
        """Enter the jobs to be done; remove results of other settings.

        With `overwrite`, no job counts as finished. A `fresh` ledger was created just now, and none
        of the jobs' files existed.

        Raises:
            OutputError: without `overwrite`, earlier results have other settings or are of another
                photograph, or files not in the ledger are in the way; with it, there are results of
                other settings that `jobs` do not replace.
        """
        planned = {key(job) for job in jobs}
        before = self.settings
        if not overwrite and not fresh:
            refuse_other_settings(self.path.parent, before, settings)
            refuse_overwriting(target for job in self._unknown(jobs) for target in job.targets)
        places = {name: place for name, place in self._tables.places() if name not in planned}
        self._old_names = _old_names(places, jobs)
        if before != settings:
            staying = places.keys() - set(self._old_names.values())
            refuse_mixing(self.path.parent, [name for name in staying if self._files(name)])
        with self._tables.transaction():
            if before != settings:
                # Immediately: results awaiting replacement would be mixed with new ones until then.
                for name in [name for name, _ in self._tables.places()]:
                    self._unlink(name)
                self._tables.forget_all()
                self._tables.keep_settings(settings)
            for job in jobs:
                self._enter(job, overwrite=overwrite)
            self._forget_what_is_gone(planned)

    def finished(self, job: Job) -> Finished | None:
        """The entry of a photograph finished with these settings, if any."""
        known = self._tables.known(key(job))
        if known is None or known.status != "done":
            return None
        return Finished(known.input_sha256, self._tables.outputs(key(job)))

    def blocked(self, jobs: Iterable[Job]) -> dict[str, Job]:
        """After `begin`, the jobs by name whose output path is occupied by a foreign file."""
        failed = self._tables.failed()
        return {job.name: job for job in jobs if key(job) in failed} if failed else {}

    def record(self, outcome: Outcome) -> None:
        """Record an outcome immediately; on power failure see `Tables.transaction`.

        If it was not read and its path is occupied, only the reason changes.
        """
        job, name = outcome.job, key(outcome.job)
        reason = text(outcome.reason) if isinstance(outcome, Failed) else ""
        unread = isinstance(outcome, Failed) and not outcome.read
        stays = unread and any(map(may_exist, job.targets))
        if not (isinstance(outcome, Kept) and self._as_it_was(job)):
            with self._tables.transaction(often=True):
                if stays:
                    self._tables.give_reason(name, reason)
                    return
                self._tables.move(name, text(job.label), _place(job), reason)
                if not isinstance(outcome, Kept):
                    self._replace(name, outcome)
        if not unread and (old := self._old_names.pop(name, None)):
            self._rename(old, name)

    def _as_it_was(self, job: Job) -> bool:
        """Return whether a photograph with kept results is unmoved and without a fault."""
        known = self._tables.known(key(job))
        now = (text(job.label), _place(job), "")
        return known is not None and (known.source, known.place, known.reason) == now

    def _replace(self, name: str, outcome: Written | Failed) -> None:
        finished = outcome.finished if isinstance(outcome, Written) else None
        self._tables.replace(
            name,
            "done" if finished else "failed",
            input_sha256=finished.input_sha256 if finished else "",
            seconds=outcome.seconds,
            notes=outcome.notes,
            outputs=finished.outputs if finished else {},
            cells=outcome.cells,
        )

    def adopt(self, other: Path, jobs: Iterable[Job]) -> None:
        """Take over what another ledger of the same folder, which is only read, has of the jobs.

        Also what it has of them under an earlier name, such as a of a.jpg. This ledger is new.

        Raises:
            OutputError: the other ledger is in use, or cannot be read.
        """
        names = (name for job in jobs for name in (key(job), *_other_names(job)))
        self._tables.adopt(other, dict.fromkeys(names))

    def add(self, parts: Sequence[Records]) -> None:
        """Take over all entries of newer ledgers of the same folder; drop those without files.

        Raises:
            OutputError: they have different settings, one is in use or cannot be read, or results
                of other settings, that none of them replaces, would stay.
        """
        settings: Settings = {}
        for part in parts:
            with closing(Ledger(part)) as newer:
                refuse_other_settings(self.path.parent, settings, newer.settings, todo=SHARDS)
                settings = newer.settings
                self._tables.mark(newer._tables)
        staying = {name: bool(self._files(name)) for name in self._tables.unmarked()}
        before = self.settings
        if before != settings:
            refuse_mixing(self.path.parent, [name for name, there in staying.items() if there])
        with self._tables.transaction():
            if before != settings:
                self._tables.forget_all()
            for name in (name for name, there in staying.items() if not there):
                self._tables.forget(name)
        for part in parts:
            with closing(Ledger(part)) as newer:
                self._tables.add(newer._tables)

    def _enter(self, job: Job, *, overwrite: bool) -> None:
        """Set the job pending if it is new, has failed, or, with `overwrite`, is done."""
        name, source, place = key(job), text(job.label), _place(job)
        known = self._tables.known(name)
        # The files may exist before the photograph is recorded as done.
        outputs = job.results.values()
        if known is None:
            self._tables.insert(name, source, place, outputs)
            return
        # A failed photograph whose path is occupied by a foreign file stays failed.
        failed = known.status == "failed"
        again = overwrite or (failed and not any(map(os.path.lexists, job.targets)))
        if again:
            self._tables.renew(name, outputs)
        if again or known.status != "done":
            self._tables.move(name, source, place, "" if again else known.reason)

    def _unknown(self, jobs: Iterable[Job]) -> Iterator[Job]:
        """The jobs not in the ledger; jobs in it cannot replace another photograph's files."""
        for job in jobs:
            known = self._tables.known(key(job))
            if known is None:
                yield job
            else:
                self._refuse_other_photograph(job, known)

    def _refuse_other_photograph(self, job: Job, known: Known) -> None:
        """Refuse to replace results of a photograph that still exists by those of another.

        The same photograph may have been copied or moved, or modified in place.
        """
        if known.status != "done" or known.place in ("", _place(job)):
            return
        if not os.path.lexists(known.place):
            return
        if sha256_if_readable(job.source) not in (None, known.input_sha256):
            raise OutputError(
                f"{self.path.parent} holds results of {known.source}, but {job.label} is "
                "another photograph of that name; choose another folder for -o, or replace "
                "them with --overwrite"
            )

    def _forget_what_is_gone(self, planned: set[str]) -> None:
        """Forget unfinished photographs neither planned nor present, without files: `_is_gone`."""
        rows = self._tables.places(unfinished=True)
        others = [(name, place) for name, place in rows if name not in planned]
        for name, place in others:
            if _is_gone(place) and not self._files(name):
                self._tables.forget(name)

    def _files(self, name: str) -> list[Path]:
        """Those of a photograph's files that exist."""
        paths = [self.path.parent / path for path in self._tables.outputs(name)]
        return [path for path in paths if os.path.lexists(path)]

    def _unlink(self, name: str) -> None:
        for path in self._files(name):
            try:
                path.unlink()
            except OSError as error:
                raise OutputError(f"{path}: cannot be removed ({error.strerror})") from error

    def _rename(self, old: str, new: str) -> None:
        """Give a photograph's corrections its new name; remove its old results, then the entry.

        All stays if another program has changed a result, or if removal fails.
        """
        known = self._tables.outputs(old)
        out = self.path.parent
        if any(known[path] and _is_changed(out / path, known[path]) for path in known):
            reason = f"predicted again as {new}; a result was changed by another program"
            with self._tables.transaction():
                self._tables.give_reason(old, reason)
            return
        try:
            rename_correction(out / old, out / new)
            self._unlink(old)
        except OutputError:
            return
        with self._tables.transaction():
            self._tables.forget(old)


def key(job: Job) -> str:
    """The photograph's name in the ledger."""
    return text(job.name)


def _place(job: Job) -> str:
    """The photograph's path, or a DICOM object's pseudonym, since a path may name a patient."""
    return text(job.label) if job.dicom else str(job.source.absolute())


def _is_changed(path: Path, sha256: str) -> bool:
    """Return whether a file that can be read is not as it was written."""
    return sha256_if_readable(path) not in (None, sha256)


def _other_names(job: Job) -> list[str]:
    """The photograph's name with the extension if it lacks it, else without."""
    folder, slash, name = job.name.rpartition("/")
    whole = job.source.name
    if name != whole:
        return [text(f"{folder}{slash}{whole}")]
    endings = ("".join(job.source.suffixes[-count:]) for count in (1, 2))
    return [text(f"{folder}{slash}{whole.removesuffix(ending)}") for ending in endings]


def _is_gone(place: str) -> bool:
    """Return whether neither a photograph nor an unsearchable folder is there any more."""
    if os.path.isdir(place):  # noqa: PTH112  Path.is_dir raises if undecidable
        return os.access(place, os.R_OK | os.X_OK)
    return not may_exist(place)


def _old_names(places: Mapping[str, str], jobs: Iterable[Job]) -> dict[str, str]:
    """The earlier name of the results of each photograph now planned under another, by new name.

    Such as a, now that a.jpg has been joined by a.png: the names differ in the extension only.
    `places` maps the names of photographs that are not planned to their paths.
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
