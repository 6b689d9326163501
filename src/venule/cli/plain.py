"""The results for a single photograph, in four plain lines."""

from collections.abc import Iterator
from math import isnan, nan, pi, sqrt
from typing import TYPE_CHECKING

import numpy as np

from venule.cli.progress import shown

if TYPE_CHECKING:
    from venule.batch.process import Written
    from venule.image.arrays import Mask

_GRADES = {
    "ok": "nothing suggests that the vessels are unreliable",
    "usable": "check the vessels before relying on them",
    "reject": "do not rely on the vessels",
}


def plain_lines(written: "Written") -> Iterator[str]:
    """Lines on grade, field, vessels and files; what was not found has none."""
    job, cells = written.job, written.cells
    grade = str(cells.get("quality") or "")
    if grade in _GRADES:
        reasons = cells.get("quality_reasons")
        yield f"grade: {grade} ({reasons or 'no faults found'}); {_GRADES[grade]}"
    masks = _masks(written)
    if masks is not None:
        vessels, fov = masks
        inside = int(np.count_nonzero(fov))
        share = inside / fov.size
        yield f"field: {2 * sqrt(inside / pi):.0f} px across, {share:.0%} of the photograph"
        yield f"vessels: {_vessels(written, vessels, fov)}"
    yield f"files: {', '.join(shown(target) for target in job.targets)}"


def _vessels(written: "Written", vessels: "Mask", fov: "Mask") -> str:
    if not (vessels & fov).any():
        return "none found"
    density = int(np.count_nonzero(vessels & fov)) / max(1, int(np.count_nonzero(fov)))
    words = f"{density:.1%} of the field"
    for name, unit in (("vessel_caliber_mean_um", "µm"), ("vessel_caliber_mean_px", "px")):
        caliber = written.cells.get(name)
        if caliber not in (None, ""):
            return f"{words}, {float(caliber or 0):.1f} {unit} wide on average"
    width = mean_width(vessels & fov)
    return words if isnan(width) else f"{words}, about {width:.0f} px wide on average"


def mean_width(vessels: "Mask") -> float:
    """Area of vessels over the length of their skeletons, in px; nan without vessels.

    Quick, and rough for short vessels; `venule measure` locates their edges.
    """
    from venule.vessels.skeleton import centerline

    line = centerline(vessels)
    beside = np.count_nonzero(line[:, 1:] & line[:, :-1])
    below = np.count_nonzero(line[1:] & line[:-1])
    # A diagonal step counts only if no corner pixel connects its ends.
    falling = line[1:, 1:] & line[:-1, :-1] & ~line[1:, :-1] & ~line[:-1, 1:]
    rising = line[1:, :-1] & line[:-1, 1:] & ~line[1:, 1:] & ~line[:-1, :-1]
    slanted = np.count_nonzero(falling) + np.count_nonzero(rising)
    length = beside + below + sqrt(2) * slanted
    return int(np.count_nonzero(vessels)) / length if length else nan


def _masks(written: "Written") -> "tuple[Mask, Mask] | None":
    """The mask and the field of view that were written; None if they were not."""
    from PIL import Image

    from venule.analysis.kept import kept_of
    from venule.image.io import read_mask

    results = written.job.results
    if "mask" not in results:
        return None
    path = written.job.out / results["mask"]
    mask = read_mask(path)
    with Image.open(path) as opened:
        kept = kept_of(getattr(opened, "text", {}), (mask.shape[0], mask.shape[1]))
    return None if kept is None else (mask, kept.fov)
