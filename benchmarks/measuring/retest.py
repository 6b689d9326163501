"""Test-retest repeatability: five photographs of each of RIDB's eyes."""

import argparse
import csv
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from measuring.registration import common_fields
from measuring.statistics import Values, columns_of, icc_1_1
from venule.analysis.mask_files import MaskFiles, find_masks
from venule.analysis.read_masks import load
from venule.measure.photograph import measure_photograph

T = TypeVar("T")


def retest(given: argparse.Namespace) -> dict[str, Any]:
    """ICC(1,1), coefficient of variation and smallest detectable change of RIDB's photographs.

    In the whole field, also of arteries, veins and their equivalents, if the results include them
    and the disc.
    """
    entries = {Path(entry.id).name: entry for entry in find_masks(given.results)}
    grades = _grades(given.results / "report.csv")
    rejected = sorted(name for name in entries if grades.get(name) == "reject")
    every: dict[str, list[str]] = defaultdict(list)
    for name in sorted(entries):
        if name not in rejected:
            every[eye_of(name)].append(name)
    eyes = {eye: every[eye][: given.each] for eye in sorted(every, key=int)}
    names = [name for found in eyes.values() for name in found]
    with ProcessPoolExecutor(given.workers) as pool:
        measured = _told(names, pool.map(_whole, [entries[name] for name in names]))
        whole = dict(zip(names, measured, strict=True))
        result: dict[str, Any] = {
            "photographs": len(names),
            "each": given.each,
            "eyes": len(eyes),
            "rejected": rejected,
            "without_disc": [name for name in names if entries[name].disc is None],
            "not_registered": [],
            "whole_field": _repeatability(whole),
            "common_field": [],
        }
        if given.whole_only:
            return result
        groups = [[entries[name] for name in found] for found in eyes.values()]
        common: dict[str, Values] = {}
        for found, failed in _told([*eyes], pool.map(_common, groups)):
            common |= found
            result["not_registered"] += failed
    result["common_field"] = _repeatability(common)
    return result


def eye_of(name: str) -> str:
    """The eye of a photograph of RIDB: IM000003_12 is the third of eye 12."""
    return name.rpartition("_")[2]


def _whole(entry: MaskFiles) -> Values:
    return measure_photograph(load(entry).masks, disc=entry.disc).values


def _common(entries: Sequence[MaskFiles]) -> tuple[dict[str, Values], list[str]]:
    """All vessels in the common field of one eye's photographs, and those without one."""
    masks = {
        Path(entry.id).name: replace(load(entry).masks, artery=None, vein=None) for entry in entries
    }
    discs = {Path(entry.id).name: entry.disc for entry in entries}
    fields, failed = common_fields(masks)
    found = {
        name: measure_photograph(replace(masks[name], fov=field), disc=discs[name]).values
        for name, field in fields.items()
    }
    return found, failed


def _told(names: Sequence[str], results: Iterable[T]) -> Iterator[T]:
    for name, result in zip(names, results, strict=True):
        print(name, file=sys.stderr)  # noqa: T201
        yield result


def _grades(report: Path) -> dict[str, str]:
    if not report.is_file():
        return {}
    with report.open(newline="", encoding="utf-8") as file:
        return {Path(row["path"]).stem: row.get("quality", "") for row in csv.DictReader(file)}


def _repeatability(found: Mapping[str, Values]) -> list[dict[str, Any]]:
    """Repeatability of each measure, over the eyes with at least two values."""
    rows = []
    for column in columns_of(found.values()):
        eyes: dict[str, list[float]] = defaultdict(list)
        for name, values in found.items():
            value = values.get(column)
            if value is not None:
                eyes[eye_of(name)].append(float(value))
        groups = [np.array(values) for values in eyes.values() if len(values) >= 2]
        if len(groups) >= 5:
            rows.append({"column": column, **icc_1_1(groups)})
    return rows
