"""Write artery-vein maps for photographs without them, for training a network.

    python tools/type_labels.py MODEL --data D --split SPLIT [--each N] -o FOLDER

`general` finds the vessels, MODEL classifies arteries and veins, and the classes are made
consistent along segments of the vessel tree. Pixels are used if the log-odds of their segment are
at least SURE, or their own where two vessels touch; others are white, meaning uncertain, and are
not trained on. FOLDER becomes a data set:
images/, labels/ (the vessel masks) and av/. Annotations of the photographs are not used.
"""

import argparse
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from venule.data.catalog import open_dataset
from venule.data.protocols import select
from venule.errors import VenuleError
from venule.image.arrays import RGB
from venule.image.io import write_png
from venule.image.photograph import Photograph, read_photograph
from venule.inference.load import load
from venule.inference.segment import Segmenter
from venule.vessels.trace import trace_vessels
from venule.vessels.types import vessel_types

SURE = 1.0
"""Least log-odds of a segment for training: the likelier type is 2.7 times as likely."""


def type_map(photograph: Photograph, vessels: Segmenter, types: Segmenter) -> RGB:
    """Draw arteries and veins: (H, W, 3) uint8 in the colours that `ArteryVein` reads.

    Artery red, vein blue, both green, white where neither is likely enough, black background.
    """
    prediction = vessels.segment(photograph)
    maps = types.segment(photograph, fov=prediction.fov).maps
    artery, vein = (maps[name].probability for name in ("artery", "vein"))
    mask = prediction.vessels
    tree = trace_vessels(mask, prediction.fov.mask, prediction.vessel_map.reconnected)
    found = vessel_types(mask, artery, vein, tree)
    drawn = np.zeros((*mask.shape, 3), np.uint8)
    drawn[mask] = 255
    sure = mask & (np.abs(found.log_odds) >= SURE)
    drawn[sure & found.artery & ~found.vein] = (255, 0, 0)
    drawn[sure & found.vein & ~found.artery] = (0, 0, 255)
    drawn[sure & found.artery & found.vein] = (0, 255, 0)
    return drawn


def write_type_maps(
    model: str, data: str, split: str, out: Path, *, each: int = 1
) -> Iterator[Path]:
    """Write the map of every `each`-th photograph of a split; yield each path once written.

    Raises:
        DatasetError, WeightsError: something named is missing.
    """
    vessels, types = load("general"), load(model, checkpoint="last")
    for part in ("images", "labels", "av"):
        (out / part).mkdir(parents=True, exist_ok=True)
    cases = select(open_dataset(data), None, split, labelled=False).cases[::each]
    for case, path in zip(cases, map_paths(data, split, out, each), strict=True):
        if not path.exists():
            stem = path.stem
            drawn = type_map(read_photograph(case.image), vessels, types)
            shutil.copyfile(case.image, out / "images" / f"{stem}{case.image.suffix.lower()}")
            write_png(
                out / "labels" / f"{stem}.png", np.where(drawn.any(2), 255, 0).astype(np.uint8)
            )
            write_png(path, drawn)
        yield path


def map_paths(data: str, split: str, out: Path, each: int = 1) -> list[Path]:
    """The paths of the maps that `write_type_maps` writes."""
    dataset = open_dataset(data)
    cases = select(dataset, None, split, labelled=False).cases[::each]
    return [out / "av" / f"{dataset.name}-{case.id}.png" for case in cases]


def main() -> None:
    """Write the maps requested on the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("model", metavar="MODEL")
    parser.add_argument("--data", required=True, metavar="NAME[=PATH]")
    parser.add_argument("--split", required=True)
    parser.add_argument("--each", type=int, default=1, metavar="N")
    parser.add_argument("-o", "--out", type=Path, required=True, metavar="FOLDER")
    given = parser.parse_args()
    try:
        for path in write_type_maps(
            given.model, given.data, given.split, given.out, each=given.each
        ):
            sys.stdout.write(f"{path}\n")
    except VenuleError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
