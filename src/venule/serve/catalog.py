"""The photographs of a folder, or of a results folder, as listed by the service."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

from venule.analysis.analyse import Analysis, Networks
from venule.analysis.corrected_files import SUFFIXES
from venule.batch.plan import plan
from venule.batch.reading import (
    Results,
    holds_results,
    located,
    open_result,
    prediction_sha256,
    read_results,
)
from venule.batch.records import is_ledger
from venule.batch.schema import Result
from venule.errors import OutputError, UsageError
from venule.files.cells import text
from venule.serve.corrections import Place
from venule.serve.items import Item
from venule.serve.service import ElsewhereError, analyse_file


class Library:
    """The items of one folder, with their results if there are any.

    Args:
        folder: photographs, or results of `venule predict`.
        photographs: the present folder of the results' photographs, if they were moved.

    Raises:
        UsageError: no such folder.
        OutputError: the results cannot currently be read.
    """

    def __init__(self, folder: Path, photographs: Path | None = None) -> None:
        for given in (folder, photographs):
            if given is not None and not given.is_dir():
                raise UsageError(f"{given}: no such folder")
        self._folder, self._photographs, self._root = folder, photographs, folder.resolve()
        self.places: dict[str, Path] = {}
        self.corrections: dict[str, Place] = {}
        self.results: Results | None = None
        self._ledgers = _ledgers_of(folder)
        if holds_results(folder):
            self.results = self._read()
            self.items: Sequence[Item] = tuple(self._stored(self.results, self.results.results))
            return
        jobs = plan([folder], folder / ".venule-none")
        self.items = tuple(
            Item(
                id=opaque(self._root, job.name),
                name=text(job.name),
                open=partial(analyse_file, job.source, job.name),
                uploaded=False,
            )
            for job in jobs
        )
        self.places = {item.id: job.source for item, job in zip(self.items, jobs, strict=True)}

    def renewed(self) -> Iterable[Item]:
        """The listed photographs whose results have changed since the last call, as they are now.

        Raises:
            ElsewhereError: the results cannot currently be read.
        """
        before, ledgers = self.results, _ledgers_of(self._folder)
        if before is None or ledgers == self._ledgers:
            return ()
        try:
            after = self._read()
        except (OutputError, UsageError) as error:
            raise ElsewhereError(str(error)) from error
        now = {result.name: result for result in after.results}
        present = [now.get(result.name, _gone(result)) for result in before.results]
        changed = (
            new
            for old, new in zip(before.results, present, strict=True)
            if new != old or after.settings != before.settings
        )
        self.results, self._ledgers = replace(after, results=tuple(present)), ledgers
        return tuple(self._stored(after, changed))

    def _read(self) -> Results:
        results = read_results(self._folder)
        return results if self._photographs is None else located(results, self._photographs)

    def _stored(self, results: Results, chosen: Iterable[Result]) -> Iterator[Item]:
        corrected = {
            path.with_name(path.name.removesuffix(suffix))
            for path in results.out.rglob("*.corrected.*")
            for suffix in SUFFIXES.values()
            if path.name.endswith(suffix)
        }
        deidentify = bool(results.settings.get("parameters", {}).get("deidentify"))
        for result in chosen:
            path = results.out / result.name
            item = Item(
                id=opaque(self._root, result.name),
                name=text(result.name),
                open=partial(_open_stored, results, result),
                uploaded=False,
                grade=str(result.cells.get("quality") or ""),
                stored=result.name if result.status == "done" else None,
                known=result.cells,
                deidentify=deidentify,
                corrected=path in corrected,
            )
            if result.status == "failed":
                item.state, item.reason = "failed", result.reason
            self.places[item.id] = Path(result.place)
            self.corrections[item.id] = Place(path, partial(prediction_sha256, results, result))
            yield item


def opaque(folder: Path, name: str) -> str:
    """An id of a photograph that is stable between starts and reveals nothing about the name.

    Photographs of the same name in two folders, given as resolved paths, have different ones:
    browsers keep ids in links and with unsaved strokes.
    """
    return hashlib.sha256(f"{folder}\0{name}".encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _ledgers_of(folder: Path) -> set[tuple[str, int, int, int]]:
    """The versions of the ledgers' files and journals; an empty journal is a reader's."""
    found = set()
    for path in folder.glob(".venule*.sqlite*"):
        if is_ledger(path.name.removesuffix("-wal")):
            with suppress(FileNotFoundError):
                status = path.stat()
                found.add((path.name, status.st_ino, status.st_mtime_ns, status.st_size))
    return {version for version in found if version[-1]}


def _gone(result: Result) -> Result:
    return Result(
        name=result.name,
        source=result.source,
        place=result.place,
        status="failed",
        reason="no longer among the results of this folder",
    )


def _open_stored(results: Results, result: Result, networks: Callable[[], Networks]) -> Analysis:
    """The stored findings in a photograph; if not predicted yet, it is analysed now."""
    if result.status == "pending" and Path(result.place).is_file():
        return analyse_file(Path(result.place), result.name, networks)
    return open_result(results, result)
