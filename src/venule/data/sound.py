"""Rejection of faulty labels before training starts, by the rules of `venule data check`."""

from collections.abc import Sequence

import numpy as np

from venule.data.case import Case, Expert
from venule.data.label_check import Lines, exif_turns, lines_of, wrong_labels
from venule.data.sample import load_annotated
from venule.errors import DatasetError
from venule.image.arrays import Mask

MOST_VESSEL_SHARE = 0.5
"""Vessels are 6 to 17 % of the field of view; above half the frame the mask is inverted."""

_NAMED = 3


def require_sound_labels(cases: Sequence[Case], *, expert: Expert) -> None:
    """Reject vessel labels that are empty, inverted, or do not fit their photographs.

    Raises:
        DatasetError: some are rejected; the first are named, each with its problem.
        ImageError: a file cannot be read.
    """
    wrong: list[str] = []
    compared: list[tuple[Case, Lines]] = []
    for case in cases:
        sample, _ = load_annotated(case, expert=expert)
        if sample.vessels is None:  # disc and fovea: no vessels to compare with dark lines
            return
        what = _extreme(sample.vessels)
        if what:
            wrong.append(f"{case.truth(expert)}: {what}")
        else:
            compared.append((case, lines_of(sample.image, sample.vessels, sample.fov)))
    turned = [exif_turns(case.image) for case, _ in compared]
    for index, other, found in wrong_labels([lines for _, lines in compared], turned):
        case = compared[index][0]
        instead = "" if other is None else f", {compared[other][0].image}"
        wrong.append(f"{case.truth(expert)}: {found.what}{instead}")
    if wrong:
        more = f" (and {len(wrong) - _NAMED} more)" if len(wrong) > _NAMED else ""
        raise DatasetError(f"{'; '.join(wrong[:_NAMED])}{more}; see `venule data check`")


def _extreme(vessels: Mask) -> str:
    """The problem of a label that marks nothing, or too much; empty if none."""
    share = float(np.mean(vessels))
    if share > MOST_VESSEL_SHARE:
        return f"marks {share:.0%} of its pixels as vessel, as an inverted mask does"
    return "" if share else "marks no pixel"
