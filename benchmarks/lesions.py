"""Rates of lesion pixels called vessel, on photographs that the networks were not trained on.

    python benchmarks/lesions.py MODEL... -o FILE.json [--split SPLIT] [--data FOLDER]

IDRiD's experts outlined haemorrhages, hard exudates, microaneurysms and cotton-wool spots of 81
photographs. For every model and kind of lesion: the fraction of its pixels, of all photographs of
the split together, that lie in the vessel mask at the weights' threshold, and the mean area of
vessels as a fraction of the field of view, without which a low rate says nothing. MODEL is an
argument of `venule.load`; of a run's folder the last weights are used.
"""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from venule.data.catalog import DATA_VARIABLE, open_dataset
from venule.data.protocols import Selection, select
from venule.data.sample import load_sample
from venule.errors import UsageError, VenuleError
from venule.files.atomic import require_folder, write_bytes
from venule.image.io import pixel_hash, read_mask
from venule.inference.load import load
from venule.inference.segment import Segmenter
from venule.system.computer import versions

LESIONS = {
    "haemorrhages": "HE",
    "hard exudates": "EX",
    "microaneurysms": "MA",
    "cotton-wool spots": "SE",
}
"""Kinds of lesions, and the folder of IDRiD's masks of each."""


def rates(network: Segmenter, selection: Selection, masks: Path) -> dict[str, float]:
    """Fraction of the pixels of each kind of lesion called vessel, and of the field of view.

    Raises:
        UsageError: the network was trained on one of the photographs.
    """
    learnt = {pixels for seen in network.record.seen for pixels in seen.images.values()}
    called = dict.fromkeys(LESIONS, 0)
    drawn = dict.fromkeys(LESIONS, 0)
    areas: list[float] = []
    for case in selection.cases:
        sample = load_sample(case)
        if pixel_hash(sample.image) in learnt:
            raise UsageError(f"{network.record.name}: has seen {case.id}; name another split")
        found = network.segment(sample.image)
        vessels = found.vessels
        areas.append(np.count_nonzero(vessels) / np.count_nonzero(found.fov.mask))
        for kind, folder in LESIONS.items():
            path = masks / folder / f"{case.image.stem}.png"
            if path.is_file():
                lesion = read_mask(path)
                drawn[kind] += int(np.count_nonzero(lesion))
                called[kind] += int(np.count_nonzero(lesion & vessels))
        print(f"{network.record.name}: {case.id}", file=sys.stderr)  # noqa: T201
    shares = {kind: called[kind] / drawn[kind] for kind in LESIONS if drawn[kind]}
    return {**shares, "vessels in the field of view": float(np.mean(areas))}


def report(models: Sequence[str], data: Path, split: str) -> dict[str, Any]:
    """The rates of several models on one split of the photographs with lesions."""
    selection = select(open_dataset(str(data / "IDRiD")), "drawn5", split, labelled=False)
    networks = [load(model, checkpoint="last") for model in models]
    return {
        "dataset": selection.dataset,
        "split": split,
        "images": len(selection.cases),
        "rates": {
            model: rates(network, selection, data / "IDRiD" / "seg")
            for model, network in zip(models, networks, strict=True)
        },
        "versions": versions(),
    }


def main() -> None:
    """Measure the models and write their rates."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("models", nargs="+", metavar="MODEL")
    parser.add_argument("--split", default="val-1")
    parser.add_argument("--data", type=Path, default=Path(os.environ.get(DATA_VARIABLE, ".")))
    parser.add_argument("-o", "--out", type=Path, required=True, metavar="FILE")
    given = parser.parse_args()
    try:
        require_folder(given.out)
        found = report(given.models, given.data, given.split)
        write_bytes(given.out, (json.dumps(found, indent=1) + "\n").encode())
    except VenuleError as error:
        sys.exit(f"lesions.py: {error}")


if __name__ == "__main__":
    main()
