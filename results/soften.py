"""Writes what networks say of photographs, as maps that another network may learn from.

    python results/soften.py MODEL... --data NAME[=PATH] [--protocol NAME] --split SPLIT -o FOLDER

Each MODEL (a run's folder, its last weights, or a weights file) is asked in all eight symmetries of
the square; the probabilities of all models are averaged and written as FOLDER/ID_prob.png at the
photograph's own size, which `data.train = [{ ..., maps = "FOLDER" }]` takes. Components are neither
joined nor dropped. Whatever a photograph's annotation says has no part in its map.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from tta import in_all_symmetries

from venule.data.catalog import open_dataset
from venule.data.protocols import Selection, select
from venule.data.sample import Sample, load_sample
from venule.errors import VenuleError
from venule.files.atomic import write_bytes
from venule.image.arrays import FloatMap
from venule.image.io import write_probability
from venule.inference.load import load
from venule.inference.segment import Segmenter
from venule.training.seen import TEACHERS, together


def teacher(model: str) -> Segmenter:
    """The network in all symmetries, calibrated, all components kept."""
    return in_all_symmetries(load(model, checkpoint="last")).keep_all_components()


def soft_label(teachers: Sequence[Segmenter], sample: Sample) -> FloatMap:
    """(H, W) float32: the mean of the teachers' probabilities, 0 outside the field of view."""
    maps = [one.segment(sample.image, fov=sample.fov).probability for one in teachers]
    return np.mean(maps, axis=0, dtype=np.float32)


def soften(teachers: Sequence[Segmenter], selection: Selection, out: Path) -> Iterator[Path]:
    """Write the map of each photograph; each path comes when it is there.

    What the teachers have seen is written beside them: whoever learns from the maps knows it too.
    """
    out.mkdir(parents=True, exist_ok=True)
    seen = together(*(one.record.seen for one in teachers))
    about = {"seen": [images.model_dump() for images in seen]}
    write_bytes(out / TEACHERS, (json.dumps(about, indent=2) + "\n").encode())
    for case in selection.cases:
        path = out / f"{case.id}_prob.png"
        write_probability(path, soft_label(teachers, load_sample(case)))
        yield path


def main() -> None:
    """Write the maps that the command line asks for."""
    parser = argparse.ArgumentParser(description="Write what networks say, to learn from.")
    parser.add_argument("models", nargs="+", metavar="model")
    parser.add_argument("--data", required=True, metavar="NAME[=PATH]")
    parser.add_argument("--protocol", metavar="NAME")
    parser.add_argument("--split", required=True)
    parser.add_argument("-o", "--out", type=Path, required=True, metavar="FOLDER")
    given = parser.parse_args()
    try:
        dataset = open_dataset(given.data)
        selection = select(dataset, given.protocol, given.split, labelled=False)
        teachers = [teacher(model) for model in given.models]
        for path in soften(teachers, selection, given.out):
            sys.stdout.write(f"{path}\n")
    except VenuleError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
