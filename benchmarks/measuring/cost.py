"""Time and memory of measuring, and time of the preceding steps, by size of photograph."""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from PIL import Image

from measuring.statistics import rounded
from venule.analysis.analyse import Networks, Step, analyse
from venule.analysis.marks import LANDMARKS, TYPES
from venule.bench.fresh import peak_mb
from venule.image.arrays import Mask
from venule.inference.load import load
from venule.measure.photograph import VesselMasks, measure_photograph
from venule.measure.view import Disc
from venule.synth.fundus import synthesize_fundus
from venule.system.computer import computer, versions

SIZES = {"DRIVE": (584, 565), "HRF": (2336, 3504), "100 megapixels": (8660, 11547)}
"""Rows and columns of the synthetic photographs; HRF's field of view is clipped above and below."""

GROWN_PX = 4000
"""Maximum number of columns at which vessels are generated; larger masks are enlarged."""

ROUNDS = 5


def cost(given: argparse.Namespace) -> dict[str, Any]:
    """Time and peak memory of measuring each size, and time of the preceding steps."""
    rows = []
    with TemporaryDirectory() as folder:
        for name, size in list(SIZES.items())[:: given.every]:
            masks = Path(folder) / f"{name}.npz"
            _draw(masks, *size)
            command = [sys.executable, "-m", "measuring.cost", str(masks)]
            here = Path(__file__).parents[1]
            done = subprocess.run(command, cwd=here, check=True, stdout=subprocess.PIPE, text=True)
            rows.append({"size": name, **json.loads(done.stdout)})
            print(rows[-1], file=sys.stderr)  # noqa: T201
    computed = {"computer": computer(), "versions": versions()}
    return {"measuring": rows, "steps": _steps(), "threads": 2, **computed}


def _draw(path: Path, rows: int, columns: int) -> None:
    """Write the masks of a synthetic photograph, and its optic disc."""
    drawn = synthesize_fundus(1, size_px=min(max(rows, columns), GROWN_PX))
    factor = max(columns / GROWN_PX, 1)
    planes = {"vessels": drawn.vessels, "artery": drawn.artery, "vein": drawn.vein}
    grown = {name: _enlarged(mask, factor) for name, mask in {**planes, "fov": drawn.fov}.items()}
    top, left = (
        (side - cut) // 2 for side, cut in zip(grown["fov"].shape, (rows, columns), strict=True)
    )
    found = {name: mask[top : top + rows, left : left + columns] for name, mask in grown.items()}
    column, row = drawn.disc
    radius = np.sqrt(np.count_nonzero(drawn.fov) / np.pi) / 7
    disc = np.array([row * factor - top, column * factor - left, radius * factor])
    np.savez(path, disc=disc, **found)  # type: ignore[arg-type]


def _enlarged(mask: Mask, factor: float) -> Mask:
    if factor == 1:
        return mask
    size = round(mask.shape[1] * factor), round(mask.shape[0] * factor)
    return np.asarray(Image.fromarray(mask.astype(np.uint8) * 255).resize(size)) >= 128


def _measure(path: Path) -> dict[str, Any]:
    """Measure the masks of a file, and return the cost in this process."""
    with np.load(path) as found:
        row, column, radius = map(float, found["disc"])
        masks = VesselMasks(**{name: found[name] for name in ("vessels", "artery", "vein", "fov")})
    before = peak_mb()
    began = time.perf_counter(), time.process_time()
    measured = measure_photograph(masks, disc=Disc(row, column, radius))
    took = time.perf_counter() - began[0], time.process_time() - began[1]
    return {
        "pixels": list(masks.shape),
        "segments": len(measured.views["vessel"].tree.segments),
        "seconds": rounded(took[0]),
        "cpu_seconds": rounded(took[1]),
        "peak_mb_before": before,
        "peak_mb": peak_mb(),
    }


def _steps() -> dict[str, Any]:
    """Seconds added by arteries and veins, and by disc and fovea, at DRIVE's size."""
    pixels = synthesize_fundus(1, size_px=max(SIZES["DRIVE"])).image
    networks = Networks(load("general", threads=2), threads=2)

    def run(*steps: Step) -> Callable[[], object]:
        return lambda: analyse(pixels, networks, steps=steps)

    turns = {"none": run(), "types": run(TYPES), "landmarks": run(LANDMARKS)}
    turns["both"] = run(TYPES, LANDMARKS)
    times: dict[str, list[float]] = {name: [] for name in turns}
    for _ in range(ROUNDS + 1):  # the first loads the networks
        for name, turn in turns.items():
            began = time.perf_counter()
            turn()
            times[name].append(time.perf_counter() - began)
    medians = {name: median(found[1:]) for name, found in times.items()}
    return {
        f"{name}_s": rounded(found - (medians["none"] if name != "none" else 0))
        for name, found in medians.items()
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(_measure(Path(sys.argv[1]))))
