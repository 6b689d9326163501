"""Measure the gain of test-time augmentation, on images that the networks were not trained on.

    python tools/tta.py runs/accurate-fold? [-o FILE.json]

Each fold's network is applied to its own validation images once, as they are, and again in the
eight symmetries of the square (the dihedral group D4), whose logits are averaged. Threshold,
calibration and component rules are chosen by `venule.evaluation.calibrate` separately for each. The
means of both are written with their paired differences and intervals. No test image is used, and no
shipped network is augmented.
"""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from venule.errors import VenuleError
from venule.evaluation.calibrate import CalibrationResult, calibrate
from venule.evaluation.intervals import bootstrap
from venule.inference.segment import Segmenter


def with_tta(segmenter: Segmenter) -> Segmenter:
    """The same segmenter with test-time augmentation."""
    return segmenter.with_settings(tta=True)


def compare(once: CalibrationResult, augmented: CalibrationResult) -> dict[str, Any]:
    """Compare two calibrations on the same images: means, and paired differences to the first."""

    def differences(name: str) -> list[float]:
        rows = (once.per_image, augmented.per_image)
        return [rows[1][id][name] - rows[0][id][name] for id in once.images]

    return {
        "runs": list(once.runs),
        "images": len(once.images),
        "once": {name: value.mean for name, value in once.mean.items()},
        "d4": {name: value.mean for name, value in augmented.mean.items()},
        "difference": {name: bootstrap(differences(name)).model_dump() for name in once.mean},
    }


def compare_runs(runs: Sequence[Path], progress: Callable[[str], None]) -> bytes:
    """Compare runs without and with test-time augmentation; return the JSON to write.

    Raises:
        WeightsError, DatasetError: as for `venule.evaluation.calibrate.calibrate`.
    """
    once = calibrate(runs, progress=progress)
    augmented = calibrate(runs, change=with_tta, progress=progress)
    return (json.dumps(compare(once, augmented), indent=2) + "\n").encode()


def say(line: str) -> None:
    """Print a line to stderr."""
    sys.stderr.write(f"{line}\n")


def main() -> None:
    """Compare the runs named on the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("runs", nargs="+", type=Path)
    parser.add_argument("-o", "--out", type=Path, metavar="FILE.json")
    given = parser.parse_args()
    try:
        content = compare_runs(given.runs, say)
    except VenuleError as error:
        sys.exit(f"error: {error}")
    if given.out is not None:
        given.out.write_bytes(content)
    sys.stdout.write(content.decode())


if __name__ == "__main__":
    main()
