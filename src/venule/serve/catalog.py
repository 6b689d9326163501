"""The photographs of a folder, or of a results folder, as listed by the service."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

from venule.analysis.analyse import Analysis, Networks
from venule.analysis.corrected_files import SUFFIXES
from venule.batch.plan import plan
from venule.batch.reading import (
    Result,
    Results,
    holds_results,
    located,
    open_result,
    prediction_sha256,
    read_results,
)
from venule.errors import UsageError
from venule.serve.corrections import Place
from venule.serve.items import Item
from venule.serve.service import analyse_file


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
        self.results: Results | None = None
        self.corrections: dict[str, Place] = {}
        if holds_results(folder):
            self.results = read_results(folder)
            if photographs is not None:
                self.results = located(self.results, photographs)
            self.items: Sequence[Item] = tuple(_of_results(self.results))
            self.places = {
                item.id: Path(result.place)
                for item, result in zip(self.items, self.results.results, strict=True)
            }
            self.corrections = {
                item.id: Place(
                    self.results.out / result.name,
                    partial(prediction_sha256, self.results, result),
                )
                for item, result in zip(self.items, self.results.results, strict=True)
            }
        else:
            jobs = plan([folder], folder / ".venule-none")
            self.items = tuple(
                Item(
                    id=opaque(job.name),
                    name=job.name,
                    open=partial(analyse_file, job.source),
                    uploaded=False,
                )
                for job in jobs
            )
            self.places = {item.id: job.source for item, job in zip(self.items, jobs, strict=True)}


def opaque(name: str) -> str:
    """An id that is stable between starts and reveals nothing about the name."""
    return hashlib.sha256(name.encode("utf-8", "surrogateescape")).hexdigest()[:16]


def _of_results(results: Results) -> Iterator[Item]:
    corrected = {
        path.with_name(path.name.removesuffix(suffix))
        for path in results.out.rglob("*.corrected.*")
        for suffix in SUFFIXES.values()
        if path.name.endswith(suffix)
    }
    for result in results.results:
        item = Item(
            id=opaque(result.name),
            name=result.name,
            open=partial(_open_stored, results, result),
            uploaded=False,
            grade=str(result.cells.get("quality") or ""),
            stored=result.name if result.status == "done" else None,
            known=result.cells,
            corrected=results.out / result.name in corrected,
        )
        if result.status == "failed":
            item.state, item.reason = "failed", result.reason
        yield item


def _open_stored(results: Results, result: Result, networks: Callable[[], Networks]) -> Analysis:
    """The stored findings in a photograph; if not predicted yet, it is analysed now."""
    if result.status == "pending" and Path(result.place).is_file():
        return analyse_file(Path(result.place), networks)
    return open_result(results, result)
