"""Score maps that extend some pixels beyond the detected field of view.

    python benchmarks/rim.py [-o FILE.json] [--data FOLDER] [--every N]

On training photographs only, each with a network that was not trained on it: DRIVE's by `general`,
CHASE_DB1's by `accurate`. Either the network gets the detected field and its map is kept some
pixels beyond, or both extend equally; and once with the field of view given by the data set. Means
over images inside the given field, at the shipped threshold; and the fraction of vessel pixels
outside the detected field.
"""

import argparse
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import scipy.ndimage as ndi

from venule.data.catalog import DATA_VARIABLE, open_dataset
from venule.data.protocols import select
from venule.data.sample import load_annotated
from venule.data.truth import VESSEL
from venule.image.arrays import Mask
from venule.image.fov import FieldOfView, find_fov, outlined
from venule.inference.load import load
from venule.inference.segment import Segmenter, finish
from venule.metrics.counts import count, dice
from venule.metrics.curves import Histogram, average_precision, roc_auc
from venule.system.computer import versions

SETS = {"DRIVE": "general", "CHASE_DB1": "accurate"}
"""Data sets, each with a network that was not trained on it."""

WIDTHS_PX = (1, 2, 3)
"""Widths of the rim to compare."""


def ways(found: FieldOfView, given: Mask) -> Iterator[tuple[str, FieldOfView, Mask]]:
    """Name, the network's field of view, and (H, W) bool, the pixels that are kept."""
    yield "given, kept in it", outlined(given), given
    yield "found, kept in it", found, found.mask
    away = ndi.distance_transform_edt(~found.mask)
    for width in WIDTHS_PX:
        yield f"found, kept {width} px beyond", found, away <= width
        wider = FieldOfView(away <= width, found.outline)
        yield f"{width} px more, kept in it", wider, wider.mask


def scores(network: Segmenter, folder: Path, every: int) -> dict[str, Any]:
    """Mean scores of each variant on one data set's training photographs."""
    selection = select(open_dataset(str(folder)), None, "train", expert="first")
    (one,) = network.record.classes
    rows: dict[str, list[tuple[float, float, float]]] = {}
    outside = vessels = 0
    for case in selection.cases[::every]:
        sample, annotation = load_annotated(case)
        truth, found = annotation.plane(VESSEL), find_fov(sample.image)
        inside = truth & sample.fov
        outside += int(np.count_nonzero(inside & ~found.mask))
        vessels += int(np.count_nonzero(inside))
        for name, seen, kept in ways(found, sample.fov):
            (logits,) = network.logits(sample.image, seen)
            found_map = finish(logits, kept, one)
            curve = Histogram().accumulate(found_map.probability, truth, sample.fov)
            overlap = dice(count(found_map.mask, truth, sample.fov))
            scored = roc_auc(curve), average_precision(curve), overlap
            rows.setdefault(name, []).append(scored)
        print(f"{selection.dataset} {case.id}", file=sys.stderr)  # noqa: T201
    names = ("roc_auc", "average_precision", "dice")
    means = {
        name: dict(zip(names, np.mean(values, axis=0).tolist(), strict=True))
        for name, values in rows.items()
    }
    images = len(selection.cases[::every])
    return {"images": images, "vessels_outside": outside / vessels, "scores": means}


def main() -> None:
    """Score each variant on each data set."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("-o", "--out", type=Path, default=Path("results/rim.json"))
    parser.add_argument("--data", type=Path, default=Path(os.environ.get(DATA_VARIABLE, ".")))
    parser.add_argument("--every", type=int, default=1, help="only every Nth photograph")
    given = parser.parse_args()
    found = {
        f"{name}, {model}": scores(load(model), given.data / name, given.every)
        for name, model in SETS.items()
    }
    text = json.dumps({"sets": found, "versions": versions()}, indent=1) + "\n"
    given.out.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
