"""Write soft pseudo-labels: what networks say of photographs, for another network to learn from.

    python tools/soft_labels.py MODEL... --data D [--protocol NAME] --split SPLIT -o FOLDER
                                [--lesions FOLDER...]

Each MODEL (a run's folder, its last weights, or a weights file) sees the photographs with test-time
augmentation (D4); the probabilities of all models are averaged and written as FOLDER/ID_prob.png at
the photograph's own size, which `data.train = [{ ..., maps = "FOLDER" }]` takes. Components are
neither reconnected nor dropped. Whatever a photograph's annotation says has no part in its map; but
`--lesions HE EX ...` names folders of masks, called as the photographs are, of what is no vessel.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from tta import with_tta
from venule.data.catalog import open_dataset
from venule.data.protocols import Selection, select
from venule.data.sample import Sample, load_sample
from venule.errors import VenuleError
from venule.files.atomic import write_bytes
from venule.image.arrays import FloatMap
from venule.image.io import read_mask, write_probability
from venule.inference.load import load
from venule.inference.segment import Segmenter
from venule.training.seen import TEACHERS, together


def teacher(model: str) -> Segmenter:
    """Load a network with test-time augmentation, calibrated, all components kept."""
    return with_tta(load(model, checkpoint="last")).keep_all_components()


def soft_label(teachers: Sequence[Segmenter], sample: Sample) -> FloatMap:
    """Average the teachers' probabilities: (H, W) float32 in 0..1, 0 outside the field of view."""
    maps = [one.segment(sample.image, fov=sample.fov).probability for one in teachers]
    mean: FloatMap = np.mean(maps, axis=0, dtype=np.float32)
    return mean


def without_lesions(probability: FloatMap, stem: str, lesions: Sequence[Path]) -> FloatMap:
    """A copy of (H, W) `probability`, 0 where a mask STEM.png of one of the folders is set.

    Raises:
        ImageError: a mask cannot be read.
    """
    cleared = probability.copy()
    for path in (folder / f"{stem}.png" for folder in lesions):
        if path.is_file():
            cleared[read_mask(path)] = 0
    return cleared


def write_maps(
    teachers: Sequence[Segmenter], selection: Selection, out: Path, lesions: Sequence[Path] = ()
) -> Iterator[Path]:
    """Write the map of each photograph; each path comes when it is there.

    What the teachers have seen is written beside them: whoever learns from the maps knows it too.
    """
    out.mkdir(parents=True, exist_ok=True)
    seen = together(*(one.record.seen for one in teachers))
    about = {"seen": [images.model_dump() for images in seen]}
    write_bytes(out / TEACHERS, (json.dumps(about, indent=2) + "\n").encode())
    for case in selection.cases:
        path = out / f"{case.id}_prob.png"
        probability = soft_label(teachers, load_sample(case))
        write_probability(path, without_lesions(probability, case.image.stem, lesions))
        yield path


def write_soft_labels(
    models: Sequence[str],
    data: str,
    split: str,
    out: Path,
    *,
    protocol: str | None = None,
    lesions: Sequence[Path] = (),
) -> Iterator[Path]:
    """Write the maps of one split, see `write_maps`.

    Raises:
        DatasetError, WeightsError: something named is not there.
    """
    selection = select(open_dataset(data), protocol, split, labelled=False)
    yield from write_maps([teacher(model) for model in models], selection, out, lesions)


def label_paths(data: str, split: str, out: Path, *, protocol: str | None = None) -> list[Path]:
    """Name the maps that `write_soft_labels` writes."""
    selection = select(open_dataset(data), protocol, split, labelled=False)
    return [out / f"{case.id}_prob.png" for case in selection.cases]


def main() -> None:
    """Write the maps that the command line asks for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("models", nargs="+", metavar="model")
    parser.add_argument("--data", required=True, metavar="NAME[=PATH]")
    parser.add_argument("--protocol", metavar="NAME")
    parser.add_argument("--split", required=True)
    parser.add_argument("-o", "--out", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--lesions", type=Path, nargs="+", default=(), metavar="FOLDER")
    given = parser.parse_args()
    try:
        for path in write_soft_labels(
            given.models,
            given.data,
            given.split,
            given.out,
            protocol=given.protocol,
            lesions=given.lesions,
        ):
            sys.stdout.write(f"{path}\n")
    except VenuleError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
