"""Labels and masks in a user's own folders without a photograph, with hints from their names."""

import re
from collections.abc import Iterator

from venule.data.case import EXPERTS, Dataset
from venule.data.folders import DEEPLAB, PLAIN
from venule.data.layout import photographs_in
from venule.data.problem import Problem

_FOREIGN = (
    (
        re.compile(r"(\d\d)_manual[12]"),
        "It resembles DRIVE's layout: {0}_manual1 is the label of {0}_training",
    ),
    (
        re.compile(r"(Image_\d\d[LR])_[12]stHO"),
        "It resembles CHASE_DB1's: {0}_1stHO is the label of {0}",
    ),
    (re.compile(r"(im\d{4})\.(ah|vk)"), "It resembles STARE's layout: {0}.ah is the label of {0}"),
    (
        re.compile(r"(.+?)[-_. ](label|labels|mask|gt|seg|vessels?|manual)", re.IGNORECASE),
        "Labels have their photograph's own name: rename it to {0}",
    ),
)
"""Patterns of label stems used by known data sets, with hints."""


def orphans(dataset: Dataset) -> Iterator[Problem]:
    """Images beside labels and masks that match no photograph, in a user's own folders.

    Releases include files that no case uses; in a user's own folders each must match a photograph.
    """
    if dataset.name not in (PLAIN.name, DEEPLAB.name):
        return
    used = {
        path
        for case in dataset.cases
        for path in (case.image, case.fov, *map(case.truth, EXPERTS))
        if path is not None
    }
    folders = {path.parent for path in used}
    if dataset.name == PLAIN.name:
        folders |= {dataset.root / "av", dataset.root / "disc"}  # their files are never missed
    for folder in sorted(folders):
        for path in photographs_in(folder):
            if path not in used:
                yield Problem(
                    path,
                    "belongs to no photograph",
                    "a photograph of the same name",
                    foreign_name(path.stem) or "Add its photograph, or remove it",
                )


def foreign_name(stem: str) -> str:
    """A hint at the data set whose labels have such stems; empty if unknown."""
    for pattern, hint in _FOREIGN:
        if match := pattern.fullmatch(stem):
            return hint.format(match[1])
    return ""
