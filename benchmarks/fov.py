"""Score the detected field of view, by type of surround, and time its detection.

    python benchmarks/fov.py [-o FILE.json] [--each N] [--first SEED]

N synthetic photographs for every entry of `support.surrounds.KINDS`, with exact masks: Dice of the
mask found by `venule.image.fov.find_fov`; with two eyes, of both. Times are medians at 584 px and
at 8 megapixels, on this computer.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from support.surrounds import KINDS, surrounded
from venule.image.arrays import RGB, Mask
from venule.image.fov import find_fov
from venule.metrics.counts import count, dice
from venule.synth.fundus import synthesize_fundus

GOOD = 0.98
"""Dice from which the field of view counts as found."""

TIMES = 15

SIZES_PX = {"584 px": 584, "8 megapixels": 2828}


@dataclass(frozen=True, kw_only=True)
class Score:
    """The number of photographs of one type, or of all, the fraction found, and their Dice."""

    photographs: int
    found: float
    mean_dice: float
    least_dice: float
    worst_seeds: tuple[int, ...]


def score(kind: str, seeds: Sequence[int], find: Callable[[RGB], Mask]) -> Mapping[int, float]:
    """The Dice of each seed's photograph of one type."""
    found = {}
    for seed in seeds:
        photo = surrounded(kind, seed)
        everywhere = np.ones_like(photo.fov)
        found[seed] = dice(count(find(photo.image), photo.fov, everywhere))
    return found


def summary(scores: Mapping[int, float]) -> Score:
    """Summarise the Dice by seed."""
    values = list(scores.values())
    failed = sorted(
        (seed for seed, value in scores.items() if value < GOOD), key=scores.__getitem__
    )
    return Score(
        photographs=len(values),
        found=sum(value >= GOOD for value in values) / len(values),
        mean_dice=sum(values) / len(values),
        least_dice=min(values),
        worst_seeds=tuple(failed[:8]),
    )


def milliseconds(find: Callable[[RGB], Mask]) -> dict[str, float]:
    """The median time of one detection, by size."""
    times = {}
    for name, size_px in SIZES_PX.items():
        small = synthesize_fundus(4, size_px=min(size_px, 707)).image
        image = np.ascontiguousarray(
            small.repeat(size_px // 707 or 1, 0).repeat(size_px // 707 or 1, 1)
        )
        taken = []
        for _ in range(TIMES):
            started = time.perf_counter()
            find(image)
            taken.append(1000 * (time.perf_counter() - started))
        times[name] = round(median(taken), 2)
    return times


def benchmark(
    seeds: Sequence[int], find: Callable[[RGB], Mask], *, kinds: Sequence[str] = tuple(KINDS)
) -> dict[str, Any]:
    """The scores of every type and of all, and the time."""
    scores = {kind: score(kind, seeds, find) for kind in kinds}
    every = dict(enumerate(value for one in scores.values() for value in one.values()))
    everything = asdict(summary(every))
    del everything["worst_seeds"]
    return {
        "good_dice": GOOD,
        "first_seed": seeds[0],
        "all": everything,
        "kinds": {kind: asdict(summary(one)) for kind, one in scores.items()},
        "milliseconds": milliseconds(find),
    }


def main() -> None:
    """Score the detection and print a line per type."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("-o", type=Path, metavar="FILE.json", help="file for the result")
    parser.add_argument("--each", type=int, default=75, help="photographs of each type")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    options = parser.parse_args()

    def find(image: RGB) -> Mask:
        return find_fov(image).mask

    result = benchmark(range(options.first, options.first + options.each), find)
    for kind, line in [*result["kinds"].items(), ("all", result["all"])]:
        sys.stdout.write(
            f"{kind:24} {line['photographs']:5} {line['found']:7.1%} {line['mean_dice']:.4f} "
            f"{line['least_dice']:.4f} {line.get('worst_seeds', '')}\n"
        )
    sys.stdout.write(f"{result['milliseconds']}\n")
    if options.o:
        options.o.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
