"""Agreement of two annotators of the same photographs, and of networks with the first."""

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from measuring.manual import chase, drive_test
from measuring.statistics import Values, agreement, columns_of
from venule.data.case import Case, Expert
from venule.data.catalog import open_dataset
from venule.data.protocols import Selection, select
from venule.data.sample import load_annotated
from venule.evaluation.access_log import holds_test_images, record_sheet
from venule.evaluation.predictor import open_predictors
from venule.image.arrays import Mask
from venule.image.io import read_mask
from venule.inference.load import load
from venule.measure.definitions import Structure
from venule.measure.photograph import VesselMasks, measure_photograph


def observers(given: argparse.Namespace) -> dict[str, Any]:
    """Agreement of the first and the second annotator, by measure."""
    pairs = {
        "DRIVE test": list(drive_test(given.data / "DRIVE")),
        "CHASE_DB1": list(chase(given.data / "CHASE_DB1")),
    }
    result = {}
    for name, files in pairs.items():
        first, second = {}, {}
        for key, one, other, fov in files[:: given.every]:
            field = read_mask(fov)
            first[key] = measure_photograph(VesselMasks(vessels=read_mask(one), fov=field)).values
            second[key] = measure_photograph(
                VesselMasks(vessels=read_mask(other), fov=field)
            ).values
            print(f"{name} {key}", file=sys.stderr)  # noqa: T201
        result[name] = {"photographs": len(first), "measures": agreement_of(first, second)}
    return result


def predicted(given: argparse.Namespace) -> dict[str, Any]:
    """Agreement of networks with the first annotator's masks, on one split.

    Networks get the same input as in `venule predict`, in the field of view that it finds.
    """
    selection = selected(given, given.models, protocol=None, expert="first")
    result: dict[str, Any] = {}
    manual = {case.id: _manual(case) for case in selection.cases}
    for name in given.models:
        segmenter = load(name)
        found = {}
        for case in selection.cases:
            seen = segmenter.segment(case.image)
            closed: dict[Structure, Mask] = {"vessel": seen.vessel_map.reconnected}
            masks = VesselMasks(vessels=seen.vessels, fov=seen.fov.mask, reconnected=closed)
            found[case.id] = measure_photograph(masks).values
            print(f"{name} {case.id}", file=sys.stderr)  # noqa: T201
        result[f"{selection.dataset} {selection.split}, {Path(name).stem}"] = {
            "photographs": len(found),
            "measures": agreement_of(manual, found),
        }
    return result


def selected(
    given: argparse.Namespace, models: Sequence[str], *, protocol: str | None, expert: Expert
) -> Selection:
    """The requested split; the access is logged if it is a test split."""
    dataset = open_dataset(str(given.data))
    selection = select(dataset, protocol, given.split, expert=expert)
    sources = open_predictors(models, selection)
    if given.access_log is not None and holds_test_images(dataset, selection):
        for source in sources:
            record_sheet(
                source,
                selection,
                given.access_log,
                expert=expert,
                purpose="measurements",
                context=given.context(),
            )
    return selection


def _manual(case: Case) -> Values:
    sample, _ = load_annotated(case)
    return measure_photograph(VesselMasks(vessels=sample.vessels, fov=sample.fov)).values


def agreement_of(first: Mapping[str, Values], second: Mapping[str, Values]) -> list[dict[str, Any]]:
    """Agreement of each measure that both have for five photographs or more, by column."""
    rows = []
    for column in columns_of([*first.values(), *second.values()]):
        pairs = [(first[key].get(column), second[key].get(column)) for key in first]
        both = np.array([pair for pair in pairs if None not in pair], float)
        if len(both) >= 5:
            rows.append({"column": column, **agreement(both)})
    return rows
