"""Dice by resolution bias, on images that the networks were not trained on.

    python benchmarks/bias.py MODEL... --data D [--protocol NAME] --split SPLIT -o FILE.json
                              [--biases B ...]

The bias is added to the logits of photographs finer than the network's scale (see
`venule.models.record.Calibration`). Each image is segmented once; the mean Dice inside the data
set's own field of view is that of the finished map at the weights' threshold, with the field of
view that venule finds. MODEL is a run's folder, with its last weights, or a weights file.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from venule.data.case import Dataset
from venule.data.catalog import open_dataset
from venule.data.protocols import Selection, select
from venule.data.sample import load_annotated
from venule.data.truth import of_class
from venule.errors import UsageError, VenuleError
from venule.evaluation.access_log import holds_test_images
from venule.files.atomic import require_folder, write_bytes
from venule.image.fov import find_fov, with_rim
from venule.image.io import pixel_hash
from venule.inference.load import load
from venule.inference.segment import Segmenter, finish
from venule.metrics.counts import count, dice
from venule.system.computer import versions

BIASES = (0.0, -0.2, -0.3, -0.4, -0.6, -0.8, -1.0)


def sweep(network: Segmenter, selection: Selection, biases: Sequence[float]) -> dict[str, float]:
    """Mean Dice by bias.

    Raises:
        UsageError: the network was trained on one of the images.
    """
    (one,) = network.record.classes
    variants = {
        bias: one.model_copy(
            update={
                "calibration": one.calibration.model_copy(update={"resolution_bias": bias}),
            }
        )
        for bias in biases
    }
    learnt = {pixels for seen in network.record.seen for pixels in seen.images.values()}
    rows: list[list[float]] = []
    for case in selection.cases:
        sample, annotation = load_annotated(case)
        if pixel_hash(sample.image) in learnt:
            raise UsageError(f"{network.record.name}: has seen {case.id}; name other images")
        truth, counts = of_class(annotation, one.name)
        inside = sample.fov & counts
        found = find_fov(sample.image)
        (logits,) = network.logits(sample.image, found)
        kept = with_rim(found.mask)
        masks = (
            finish(logits.copy(), found.mask, variant, kept=kept).mask
            for variant in variants.values()
        )
        rows.append([dice(count(mask, truth, inside)) for mask in masks])
        print(f"{network.record.name}: {case.id}", file=sys.stderr)  # noqa: T201
    means = np.mean(rows, axis=0).tolist()
    return {f"{bias:g}": mean for bias, mean in zip(biases, means, strict=True)}


def report(
    models: Sequence[str], dataset: Dataset, selection: Selection, biases: Sequence[float]
) -> dict[str, Any]:
    """The sweeps of several models on one selection of images without test images.

    Raises:
        UsageError: the selection has test images.
    """
    if holds_test_images(dataset, selection):
        raise UsageError(f"{selection.dataset} {selection.split}: test images choose no bias")
    networks = [load(model, checkpoint="last") for model in models]
    return {
        "dataset": selection.dataset,
        "split": selection.split,
        "images": len(selection.cases),
        "dice_by_bias": {one.record.name: sweep(one, selection, biases) for one in networks},
        "versions": versions(),
    }


def main() -> None:
    """Sweep the bias of the models and write their scores."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("models", nargs="+", metavar="MODEL")
    parser.add_argument("--data", required=True, metavar="NAME[=PATH]")
    parser.add_argument("--protocol", metavar="NAME")
    parser.add_argument("--split", required=True)
    parser.add_argument("--biases", type=float, nargs="+", default=BIASES, metavar="B")
    parser.add_argument("-o", "--out", type=Path, required=True, metavar="FILE")
    given = parser.parse_args()
    try:
        require_folder(given.out)
        dataset = open_dataset(given.data)
        selection = select(dataset, given.protocol, given.split, expert="first")
        found = report(given.models, dataset, selection, given.biases)
        write_bytes(given.out, (json.dumps(found, indent=1) + "\n").encode())
    except VenuleError as error:
        sys.exit(f"bias.py: {error}")


if __name__ == "__main__":
    main()
