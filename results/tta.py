"""What test-time augmentation would add to a network, on images that it has not trained on.

    python results/tta.py runs/accurate-fold? [-o FILE.json]

Each fold's network sees its own validation images once, as they are, and again in all eight
symmetries of the square, whose logits are averaged. Threshold, calibration and components are
chosen by `venule.evaluation.calibrate` for each way on its own. Written are the means of both and
the paired differences with their intervals. No test image is looked at, and nothing that ships
looks more than once.
"""

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from venule.errors import VenuleError
from venule.evaluation.calibrate import CalibrationResult, calibrate
from venule.evaluation.intervals import bootstrap
from venule.image.arrays import FloatMap
from venule.image.tiles import Run
from venule.inference.segment import Segmenter


def in_all_symmetries(segmenter: Segmenter) -> Segmenter:
    """The same network, asked eight times: by quarter turns, mirrored and not; logits averaged."""
    return replace(segmenter, run=averaged(segmenter.run), runtime=f"{segmenter.runtime}, 8 times")


def averaged(run: Run) -> Run:
    """`run` (N, 3, h, w) -> (N, C, h, w) as the mean over the eight symmetries of the square."""

    def eightfold(pixels: FloatMap) -> FloatMap:
        total: Any = 0.0
        for mirrored in (False, True):
            seen = np.flip(pixels, axis=-1) if mirrored else pixels
            for turns in range(4):
                turned = np.ascontiguousarray(np.rot90(seen, turns, axes=(-2, -1)))
                back = np.rot90(run(turned), -turns, axes=(-2, -1))
                total = total + (np.flip(back, axis=-1) if mirrored else back)
        mean: FloatMap = np.ascontiguousarray(total / 8, dtype=np.float32)
        return mean

    return eightfold


def compare(once: CalibrationResult, eightfold: CalibrationResult) -> dict[str, Any]:
    """Means of both and paired differences, test-time augmentation (D4) less one."""

    def differences(name: str) -> list[float]:
        rows = (once.per_image, eightfold.per_image)
        return [rows[1][id][name] - rows[0][id][name] for id in once.images]

    return {
        "runs": list(once.runs),
        "images": len(once.images),
        "once": {name: value.mean for name, value in once.mean.items()},
        "eight_symmetries": {name: value.mean for name, value in eightfold.mean.items()},
        "difference": {name: bootstrap(differences(name)).model_dump() for name in once.mean},
    }


def main() -> None:
    """Compare the runs that the command line names."""
    parser = argparse.ArgumentParser(description="What test-time augmentation would add.")
    parser.add_argument("runs", nargs="+", type=Path)
    parser.add_argument("-o", "--out", type=Path, metavar="FILE.json")
    given = parser.parse_args()

    def progress(name: str) -> None:
        sys.stderr.write(f"{name}\n")

    try:
        once = calibrate(given.runs, progress=progress)
        eightfold = calibrate(given.runs, change=in_all_symmetries, progress=progress)
    except VenuleError as error:
        sys.exit(f"error: {error}")
    text = json.dumps(compare(once, eightfold), indent=2) + "\n"
    if given.out is not None:
        given.out.write_text(text, encoding="utf-8", newline="")
    sys.stdout.write(text)


if __name__ == "__main__":
    main()
