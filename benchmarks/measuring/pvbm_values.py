"""PVBM's measurements of masks; run by its own interpreter, without venule.

    python pvbm_values.py FOLDER OUT.json

Writes a JSON object with PVBM's values by name for each `NAME.png` in the folder. Branching angles,
which take it minutes where there are many forks, only for `NAME-angles.png`; no segments for
`NAME-areas.png`; the arteries' equivalent if `NAME.json` gives the disc.
"""

import json
import sys
import warnings
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from skimage.morphology import skeletonize


def main() -> None:
    """Measure every mask of a folder."""
    warnings.simplefilter("ignore")
    sys.setrecursionlimit(1_000_000)
    found = {path.stem: values_of(path) for path in sorted(Path(sys.argv[1]).glob("*.png"))}
    text = json.dumps({"version": version("pvbm"), "values": found})
    Path(sys.argv[2]).write_text(text, encoding="utf-8")


def values_of(path: Path) -> dict[str, float]:
    """PVBM's values for one mask, by its functions for whole masks."""
    from PVBM.FractalAnalysis import MultifractalVBMs
    from PVBM.GeometricalAnalysis import GeometricalVBMs

    mask = (np.asarray(Image.open(path)) > 0).astype(float)
    thin: Any = skeletonize
    skeleton = thin(mask > 0).astype(float)
    tool: Any = GeometricalVBMs()
    dimensions = MultifractalVBMs(n_rotations=1, optimize=False).compute_multifractals(mask)
    found = {"area": float(tool.area(mask))}
    found |= {f"d{order}": float(dimensions[order]) for order in range(3)}
    if not path.stem.endswith("-areas"):
        ends, forks, _, _ = tool.compute_particular_points(skeleton)
        median, chords, _, arcs, _ = tool.compute_tortuosity_length(skeleton)
        found |= {"endpoints": float(ends), "intersections": float(forks)}
        found |= {"tortuosity": float(median), "length": float(chords), "arcs": float(np.sum(arcs))}
    if path.stem.endswith("-angles"):
        found["angle"] = float(tool.compute_branching_angles(skeleton)[2])
    disc = path.with_suffix(".json")
    if disc.exists():
        found["crae"] = _equivalent(mask, skeleton, *json.loads(disc.read_text()))
    return found


def _equivalent(mask: Any, skeleton: Any, row: float, column: float, radius: float) -> float:
    """The arteries' equivalent by Knudtson's rule in px, from 2 to 3 radii; nan if PVBM fails."""
    from PVBM.CentralRetinalAnalysis import CREVBMs

    rows, columns = np.ogrid[: mask.shape[0], : mask.shape[1]]
    away = np.hypot(rows - row, columns - column) / radius
    ring = (away >= 2) & (away <= 3)
    at = {"xc": round(column), "yc": round(row), "radius": round(radius)}
    tool: Any = CREVBMs()
    values, _ = tool.compute_central_retinal_equivalents(mask * ring, skeleton * ring, **at)
    return float(values["craek"]) if values["craek"] >= 0 else float("nan")


if __name__ == "__main__":
    main()
