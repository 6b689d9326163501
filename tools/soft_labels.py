"""Write soft pseudo-labels: probabilities predicted by networks, for training another network.

    python tools/soft_labels.py MODEL... --data D [--protocol NAME] --split SPLIT -o FOLDER
                                [--lesions FOLDER...]

Each MODEL (a run folder, with its last weights, or a weights file) is applied with test-time
augmentation (D4); the probabilities of all models are averaged and written as FOLDER/ID_prob.png at
the photograph's own size, for `data.train = [{ ..., maps = "FOLDER" }]`. Components are neither
reconnected nor dropped. Annotations of the photographs are not used; but `--lesions HE EX ...`
names folders of masks, named after the photographs, of structures that are no vessels.
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
    """Load a network with test-time augmentation, calibrated, keeping all components."""
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
    """Write the map of each photograph; yield each path once written.

    The images seen by the teachers are recorded beside the maps, and passed on to networks trained
    on them.
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
        DatasetError, WeightsError: something named is missing.
    """
    selection = select(open_dataset(data), protocol, split, labelled=False)
    yield from write_maps([teacher(model) for model in models], selection, out, lesions)


def label_paths(data: str, split: str, out: Path, *, protocol: str | None = None) -> list[Path]:
    """The paths of the maps that `write_soft_labels` writes."""
    selection = select(open_dataset(data), protocol, split, labelled=False)
    return [out / f"{case.id}_prob.png" for case in selection.cases]


def main() -> None:
    """Write the maps requested on the command line."""
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
