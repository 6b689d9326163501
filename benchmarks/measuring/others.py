"""venule and PVBM on the same masks: real ones, and drawings with known values."""

import argparse
import json
import math
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from measuring.manual import chase
from measuring.proof import measure_known
from measuring.statistics import Values, rounded
from phantoms.all import known_cases
from phantoms.case import Known
from venule.image.arrays import Mask
from venule.image.io import read_mask, write_png
from venule.measure.photograph import VesselMasks, measure_photograph

SCRIPT = Path(__file__).with_name("pvbm_values.py")

COLUMNS = {
    "vessel_area_px2": "area",
    "vessel_length_px": "arcs",
    "vessel_tortuosity_tau1_median": "tortuosity",
    "vessel_branching_angle_median_deg": "angle",
    "vessel_endpoints": "endpoints",
    "vessel_junctions": "intersections",
    "vessel_fractal_d0": "d0",
    "vessel_fractal_d1": "d1",
    "vessel_fractal_d2": "d2",
    "artery_cre_knudtson_zone_b_px": "crae",
}
"""Our columns, and PVBM's values of the same name in the literature."""

GROUPS = (
    "line 1000 px, 6 wide",
    "arc 1000 px, 10 wide",
    "sine 1000 px, 5 wide",
    "Y 1000 px, 9 wide, 60 degrees",
    "carpet 729 px",
    "spokes 1500 px",
)
"""The drawings measured by both."""


def pvbm(given: argparse.Namespace) -> dict[str, Any]:
    """Both tools' values on CHASE_DB1's manual masks, as ratios; errors on drawings."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        real = dict(_real(given.data / "CHASE_DB1", 4 * given.every))
        drawn = {f"drawn-{n}{_asked(case)}": case for n, case in enumerate(_drawn())}
        for name, mask in real.items():
            write_png(root / f"{name}.png", mask)
        for name, case in drawn.items():
            _write_drawn(root / name, case)
        out = root / "values.out"
        subprocess.run([given.python, str(SCRIPT), folder, str(out)], check=True)
        theirs = json.loads(out.read_text(encoding="utf-8"))
    values: Mapping[str, Mapping[str, float]] = theirs["values"]
    ours = {}
    for name, mask in real.items():
        ours[name] = measure_photograph(VesselMasks(vessels=mask), only=COLUMNS).values
        print(name, file=sys.stderr)  # noqa: T201
    measured = {name: measure_known(case) for name, case in drawn.items()}
    result: dict[str, Any] = {"version": theirs["version"], "photographs": len(real), "rows": []}
    for column, name in COLUMNS.items():
        pairs = [(ours[key].get(column), values[key].get(name)) for key in real]
        row = {"column": column, "pvbm": name, **_ratio(pairs), "drawn": []}
        row["drawn"] = list(_errors(column, name, drawn, measured, values))
        result["rows"].append(row)
    return result


def _real(root: Path, every: int) -> Iterator[tuple[str, Mask]]:
    for key, first, _, _ in list(chase(root))[::every]:
        yield key, read_mask(first)


def _drawn() -> list[Known]:
    return [case for case in known_cases() if case.group in GROUPS]


def _asked(case: Known) -> str:
    """The suffix of a drawing's name that restricts PVBM to the known values.

    Segments take it hours where they form a mesh, branching angles minutes where there are many
    forks.
    """
    if "vessel_length_px" not in case.truth:
        return "-areas"
    return "-angles" if "vessel_branching_angle_median_deg" in case.truth else ""


def _write_drawn(path: Path, case: Known) -> None:
    """The mask as an image; for spokes that of the arteries, with the disc in a file."""
    masks = case.draw()
    mask = masks.vessels if masks.vessels is not None else masks.artery
    assert mask is not None
    write_png(path.with_suffix(".png"), mask)
    if case.disc is not None:
        path.with_suffix(".json").write_text(json.dumps(case.disc), encoding="utf-8")


def _ratio(pairs: list[tuple[float | None, float | None]]) -> dict[str, float]:
    """PVBM's values over ours: median, smallest and largest."""
    ratios = [theirs / ours for ours, theirs in pairs if ours and theirs is not None]
    if not ratios:
        return {}
    return {
        "ratio": rounded(float(np.median(ratios))),
        "least": rounded(min(ratios)),
        "largest": rounded(max(ratios)),
    }


def _errors(
    column: str,
    name: str,
    drawn: Mapping[str, Known],
    measured: Mapping[str, Values],
    values: Mapping[str, Mapping[str, float]],
) -> Iterator[dict[str, Any]]:
    """For each type of drawing, the truth and both tools' median errors."""
    groups: dict[str, list[tuple[float, float, float]]] = defaultdict(list)
    for key, case in drawn.items():
        if column in case.truth and name in values[key]:
            ours = measured[key].get(column)
            one = math.nan if ours is None else float(ours)
            groups[case.group].append((case.truth[column], one, values[key][name]))
    for group, found in groups.items():
        truth, ours, theirs = np.array(found).T
        scale = np.where(truth == 0, 1, truth)
        yield {
            "drawing": group,
            "truth": rounded(float(np.median(truth))),
            "relative": bool((truth != 0).all()),
            "venule": rounded(float(np.median(np.abs(ours - truth) / scale))),
            "pvbm": rounded(float(np.median(np.abs(theirs - truth) / scale))),
        }
