"""Cost of one photograph by its size: seconds from file to mask, and peak memory.

    python benchmarks/scale.py [-o FILE.json] [--megapixels MP ...] [--model NAME ...]

A synthetic photograph of every size, 4:3, and one of 2336 x 3504 pixels, is processed in a separate
process for each model and runtime: from file to mask, with its peak memory, then `--again` times
including the probability map and the overlay, which are timed separately. Where the network's input
no longer grows, the cost should be a constant plus a cost per megapixel: the best-fitting line
(least squares of the relative errors) is reported, with the largest deviation from it.
"""

import argparse
import json
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import numpy as np

from venule.bench.candidate import Entry, entries
from venule.bench.clock import Stages
from venule.bench.fresh import measure_fresh
from venule.bench.photograph import write_photograph
from venule.files.atomic import require_folder, write_bytes
from venule.image.preprocess import FovScaled
from venule.inference.load import load, shipped_weights
from venule.system.computer import computer, versions

MEGAPIXELS = (0.3, 1, 2, 4, 8, 16, 32, 64, 100)

LARGE_CAMERA = (2336, 3504)
"""Rows and columns of HRF's photographs, for which a goal is set."""

Size = tuple[int, int]


def size_of(megapixels: float) -> Size:
    """Rows and columns of a 4:3 photograph with so many megapixels."""
    rows = math.sqrt(megapixels * 1e6 * 3 / 4)
    return round(rows), round(rows * 4 / 3)


def medians(rounds: Sequence[Stages]) -> dict[str, float]:
    """The median of every stage."""
    return {stage: median(turn[stage] for turn in rounds) for stage in rounds[0]}


def measure(
    entry: Entry, sizes: Sequence[Size], folder: Path, *, threads: int, again: int
) -> list[dict[str, object]]:
    """One row for each size, whose photograph is in `folder`."""
    rows: list[dict[str, object]] = []
    for size in sizes:
        sys.stderr.write(f"{entry.model} in {entry.runtime}: {size[0]} x {size[1]}\n")
        fresh = measure_fresh(
            entry, photograph_of(folder, size), folder / "mask.png", threads=threads, again=again
        )
        row: dict[str, object] = {
            "model": Path(entry.model).name,
            "runtime": entry.runtime,
            "size": size,
            "megapixels": size[0] * size[1] / 1e6,
            "peak_mb": fresh.peak_mb,
            "peak_all_mb": fresh.peak_all_mb,
            "process_s": fresh.seconds,
            "first": fresh.first,
        }
        if fresh.again:
            row["again"] = medians(fresh.again)
        rows.append(row)
    return rows


FOV_SHARE = 0.94
"""Fraction of a synthetic photograph's shorter side spanned by its field of view."""


def line(megapixels: Sequence[float], seconds: Sequence[float]) -> dict[str, float]:
    """The constant, the cost per megapixel, and the largest deviation of a size from the line."""
    x, y = np.array(megapixels), np.array(seconds)
    slope, constant = np.polyfit(x, y, 1, w=1 / y)
    departure = np.abs(y / (constant + slope * x) - 1).max()
    return {
        "constant_s": float(constant),
        "s_per_megapixel": float(slope),
        "largest_departure": float(departure),
    }


def fit(entry: Entry, rows: Sequence[dict[str, object]]) -> dict[str, object] | None:
    """The line through the sizes whose network input no longer grows; None for fewer than three."""
    scaling = load(entry.model, runtime=entry.runtime, threads=1).record.preprocessing.scaling
    least = 0.0
    if isinstance(scaling, FovScaled):
        largest = scaling.largest_px
        least = scaling.finer * largest if largest else scaling.diameter_px
    above = [row for row in rows if FOV_SHARE * min(row["size"]) > least]  # type: ignore[call-overload]
    if len(above) < 3:
        return None
    sizes = [float(row["megapixels"]) for row in above]  # type: ignore[arg-type]
    name = Path(entry.model).name
    found: dict[str, object] = {"model": name, "runtime": entry.runtime, "sizes": len(above)}
    for which in ("first", "again"):
        if which in above[0]:
            found[which] = line(sizes, [row[which]["total"] for row in above])  # type: ignore[index]
    return found


def photograph_of(folder: Path, size: Size) -> Path:
    """The path of the photograph of that size."""
    return folder / f"{size[0]}x{size[1]}.jpg"


def arguments() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-o", "--out", type=Path, default=Path("results/scale.json"))
    parser.add_argument("--megapixels", type=float, nargs="+", default=MEGAPIXELS)
    parser.add_argument("--model", nargs="+", default=list(shipped_weights()))
    parser.add_argument("--runtime", nargs="+", default=[], help="onnx, and openvino if installed")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--again", type=int, default=1, help="rounds after the first")
    return parser.parse_args()


def main() -> None:
    """Measure every model in every runtime at every size, and write the results."""
    asked = arguments()
    require_folder(asked.out)
    sizes = sorted({*map(size_of, asked.megapixels), LARGE_CAMERA}, key=math.prod)
    rows: list[dict[str, object]] = []
    fits: list[dict[str, object]] = []
    with TemporaryDirectory() as folder:
        for size in sizes:
            write_photograph(photograph_of(Path(folder), size), size)
        for entry in entries(asked.model, runtimes=asked.runtime):
            own = measure(entry, sizes, Path(folder), threads=asked.threads, again=asked.again)
            fitted = fit(entry, own)
            rows += own
            fits += [fitted] if fitted else []
    report = {
        "computer": computer(),
        "versions": versions(),
        "threads": asked.threads,
        "again": asked.again,
        "rows": rows,
        "fits": fits,
    }
    write_bytes(asked.out, (json.dumps(report, indent=1) + "\n").encode())


if __name__ == "__main__":
    main()
