"""Rejection of faulty labels before training starts, by the rules of `venule data check`."""

from collections.abc import Sequence

from venule.data.case import Case, Expert
from venule.data.label_check import Label, label_fault, lines_of, misplaced
from venule.data.problem import Problem
from venule.data.sample import load_annotated
from venule.errors import DatasetError

_NAMED = 3


def require_sound_labels(cases: Sequence[Case], *, expert: Expert) -> None:
    """Reject vessel labels that are empty, inverted, or do not fit their photographs.

    Labels may extend beyond the field of view, where nothing is learnt.

    Raises:
        DatasetError: some are rejected; the first are named, each with its problem.
        ImageError: a file cannot be read.
    """
    problems: list[Problem] = []
    labels: list[Label] = []
    for case in cases:
        sample, _ = load_annotated(case, expert=expert)
        path = case.truth(expert)
        assert path is not None
        if sample.vessels is None:  # disc and fovea: no vessels to compare with dark lines
            return
        fault = label_fault(path, sample.vessels)
        if fault is None:
            lines = lines_of(sample.image, sample.vessels, sample.fov)
            labels.append(Label(path, case.image, lines))
        else:
            problems.append(fault)
    problems += misplaced(labels)
    if problems:
        named = "; ".join(f"{problem.path}: {problem.what}" for problem in problems[:_NAMED])
        more = f" (and {len(problems) - _NAMED} more)" if len(problems) > _NAMED else ""
        raise DatasetError(f"{named}{more}; see `venule data check`")
