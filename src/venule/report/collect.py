"""The content of a report: photographs, settings and images, stored or computed for it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from venule import __version__
from venule.analysis.analyse import GRADE, Analysis, Networks, analyse
from venule.analysis.columns import COLUMNS, LANDMARKS_OF, Cell, report_columns
from venule.batch.find import find
from venule.batch.reading import Results, located, open_result, read_results
from venule.batch.schema import Result
from venule.errors import ImageError
from venule.files.cells import reasons_in
from venule.image.photograph import read_photograph
from venule.measure.table import NOTES
from venule.report.pictures import Pictures, longest_px, pictures

ABOUT = frozenset(
    {
        *(name for name in report_columns() if name not in LANDMARKS_OF),
        "landmarks_reasons",
        "scale_um_per_px",
        NOTES,
    }
)
"""Columns that a report shows outside its measurements."""


@dataclass(frozen=True, kw_only=True)
class Subject:
    """One photograph of a report; `pictures` is None if there is nothing to show."""

    name: str
    status: str
    reason: str = ""
    notes: tuple[str, ...] = ()
    cells: Mapping[str, Cell] = field(default_factory=dict)
    size: tuple[int, int] | None = None  # H, W
    pictures: Pictures | None = None

    @property
    def grade(self) -> str:
        """The grade, or "failed"."""
        return str(self.cells.get("quality") or ("failed" if self.status == "failed" else ""))

    @property
    def measuring_notes(self) -> tuple[str, ...]:
        """Notes on its measurements, as in the column `notes`."""
        return reasons_in(self.cells.get(NOTES))

    @property
    def measured(self) -> dict[str, Cell]:
        """The columns with measurements."""
        return {
            name: cell
            for name, cell in self.cells.items()
            if name not in ABOUT and cell not in (None, "")
        }


@dataclass(frozen=True)
class Contents:
    """All content of a report."""

    title: str
    model: str
    settings: Mapping[str, Any]
    subjects: Sequence[Subject]


def of_results(
    out: Path, progress: Callable[[str], None], *, photographs: Path | None = None
) -> Contents:
    """The contents from a results folder; `progress` is called with each photograph's name.

    `photographs` is the folder of its photographs, if they were moved or are DICOM objects.

    Raises:
        UsageError, OutputError: the folder holds no results, or cannot be read.
    """
    results = read_results(out)
    if photographs is not None:
        results = located(results, photographs)
    longest = longest_px(len(results.results))
    subjects = tuple(_subjects(results, longest, progress))
    return Contents(
        out.resolve().name, str(results.settings.get("model", "")), results.settings, subjects
    )


def _subjects(results: Results, longest: int, progress: Callable[[str], None]) -> Iterator[Subject]:
    for result in results.results:
        yield _subject(results, result, longest)
        progress(result.name)


def _subject(results: Results, result: Result, longest: int) -> Subject:
    about: dict[str, Any] = {
        "name": result.name,
        "status": result.status,
        "reason": result.reason,
        "notes": result.notes,
        "cells": result.cells,
    }
    if result.status != "done":
        return Subject(**about)
    try:
        analysis = open_result(results, result)
    except ImageError as error:
        reason = f"no image: {str(error).removeprefix(f'{result.source}: ')}"
        return Subject(**{**about, "reason": reason})
    if analysis.corrected or "vessel_density" not in result.cells:
        # Corrected since it was measured, or predicted without measurements.
        measure = COLUMNS["measure"]
        before = set(measure.more())  # values no longer measured, such as zones, are dropped
        kept = {name: cell for name, cell in result.cells.items() if name not in before}
        about["cells"] = kept | dict(measure.row(analysis))
    if "disc" in analysis.corrected:
        about["cells"] |= COLUMNS["landmarks"].row(analysis)
    return Subject(**about, size=analysis.photograph.shape, pictures=pictures(analysis, longest))


def of_photographs(
    paths: Sequence[Path], networks: Networks, *, progress: Callable[[str], None]
) -> Contents:
    """The contents from photographs that are analysed for the report.

    Raises:
        ImageError: a single photograph that cannot be read; with several, it is reported.
    """
    subjects = []
    for path in paths:
        name = _name_of(path)
        try:
            analysis = analyse(read_photograph(path), networks, steps=(GRADE,))
        except ImageError as error:
            reason = str(error)
            if name != path.name:  # nor does the reason give its path
                reason = f"{name}: {reason.removeprefix(f'{path}: ')}"
            if len(paths) == 1:
                raise ImageError(reason) from error
            subjects.append(Subject(name=name, status="failed", reason=reason))
        else:
            subjects.append(_of_analysis(name, analysis, longest_px(len(paths))))
        progress(name)
    record = networks.vessels.record
    settings = {
        "venule": __version__,
        "model": record.name,
        "licence": record.licence,
        "runtime": networks.vessels.runtime,
        "threshold": {one.name: one.threshold for one in record.classes},
    }
    title = subjects[0].name if len(paths) == 1 else f"{len(paths)} photographs"
    return Contents(title, record.name, settings, tuple(subjects))


def _name_of(path: Path) -> str:
    """The name of a photograph's file; of a DICOM object, its pseudonym."""
    if not path.is_file():
        return path.name
    (one,) = find([path], path)
    return one.pseudonym or one.file


def _of_analysis(name: str, analysis: Analysis, longest: int) -> Subject:
    cells: dict[str, Cell] = {}
    for columns, group in COLUMNS.items():
        if columns != "acquired":  # personal data
            cells |= group.row(analysis)
    return Subject(
        name=name,
        status="done",
        notes=analysis.photograph.notes,
        cells=cells,
        size=analysis.photograph.shape,
        pictures=pictures(analysis, longest),
    )
