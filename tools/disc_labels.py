"""Write optic disc labels for photographs without an outlined disc, for training a network.

    python tools/disc_labels.py MODEL --data D [--protocol NAME] --split SPLIT -o FOLDER

MODEL finds disc and fovea as `venule predict` does, with the vessels of `general`. A disc is used
if its confidence is at least SURE and, where an expert has marked its centre, within NEAR disc
diameters of it. Photographs whose disc is already outlined, and those whose disc is not used, are
left out. FOLDER becomes a data set: images/ and disc/ (the ellipses). Annotations are not used
otherwise.
"""

import argparse
import math
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from venule.analysis.analyse import Networks, analyse
from venule.analysis.marks import LANDMARKS
from venule.data.case import Case
from venule.data.catalog import open_dataset
from venule.data.protocols import select
from venule.data.truth import Landmarks
from venule.errors import VenuleError
from venule.image.io import write_png
from venule.image.optic_disc import Disc
from venule.image.photograph import Photograph, read_photograph
from venule.inference.load import load

SURE = 0.93
"""Least confidence of a disc for training: of 77 found in AVRDB six have less, one is exudates."""

NEAR = 0.1
"""Largest distance, in diameters, between a disc for training and an expert's centre: between the
outlined discs of IDRiD and the centres marked by others, 0.035 on average and 0.094 at most."""


def find_disc(
    photograph: Photograph, networks: Networks, annotation: Landmarks | None
) -> Disc | None:
    """The disc predicted for a photograph, if confident and near the expert's centre."""
    found = analyse(photograph, networks, steps=(LANDMARKS,)).landmarks
    disc = None if found is None else found.disc
    if disc is None or disc.confidence < SURE:
        return None
    center = None if annotation is None else annotation.disc
    if center is None:
        return disc
    return disc if math.dist(center, (disc.x, disc.y)) <= NEAR * 2 * disc.radius_px else None


def write_disc_labels(
    model: str, data: str, split: str, out: Path, *, protocol: str | None = None
) -> Iterator[Path]:
    """Write the disc of each photograph of a split; yield each path once written.

    Raises:
        DatasetError, WeightsError: something named is missing.
    """
    networks = Networks(load("general"), landmarks=load(model, checkpoint="last"))
    for part in ("images", "disc"):
        (out / part).mkdir(parents=True, exist_ok=True)
    dataset = open_dataset(data)
    for case in select(dataset, protocol, split, labelled=False).cases:
        annotation = _landmarks_of(case)
        if annotation is not None and annotation.outlined:
            continue
        photograph = read_photograph(case.image)
        disc = find_disc(photograph, networks, annotation)
        if disc is None:
            continue
        stem = f"{dataset.name}-{case.id}"
        shutil.copyfile(case.image, out / "images" / f"{stem}{case.image.suffix.lower()}")
        path = out / "disc" / f"{stem}.png"
        write_png(path, disc.mask(photograph.shape))
        yield path


def _landmarks_of(case: Case) -> Landmarks | None:
    codec = None if case.landmarks is None else case.landmarks.codec
    return codec if isinstance(codec, Landmarks) else None


def main() -> None:
    """Write the discs requested on the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("model", metavar="MODEL")
    parser.add_argument("--data", required=True, metavar="NAME[=PATH]")
    parser.add_argument("--protocol", metavar="NAME")
    parser.add_argument("--split", required=True)
    parser.add_argument("-o", "--out", type=Path, required=True, metavar="FOLDER")
    given = parser.parse_args()
    try:
        written = write_disc_labels(
            given.model, given.data, given.split, given.out, protocol=given.protocol
        )
        for path in written:
            sys.stdout.write(f"{path}\n")
    except VenuleError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
