"""Corrected files in place of predicted ones, for `venule measure`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from venule.analysis.analyse import Changed
from venule.analysis.corrected_files import SUFFIXES, Corrected, corrected_of, disc_of
from venule.errors import ImageError
from venule.files.hashes import file_sha256
from venule.image.io import read_mask
from venule.image.optic_disc import ellipse_of

_KINDS: Mapping[Changed, str] = {"vessels": "vessels", "types": "av"}
"""Names in `venule measure` of the files that replace predicted ones."""

_DISC = ("disc_x", "disc_y", "disc_radius_px", "disc_confidence")

OTHER = "a correction of another prediction is there, and is not used"
"""Note for a photograph that was predicted again after it had been corrected."""


@dataclass(frozen=True)
class Parts:
    """Changes that a correction makes to the files and numbers of one photograph.

    `problem` is why it cannot be read.
    """

    files: Mapping[str, Path] = field(default_factory=dict)
    disc: Mapping[str, float] | None = None
    source: Literal["corrected"] | None = None
    notes: tuple[str, ...] = ()
    problem: str | None = None

    def numbers(self, reported: Mapping[str, float]) -> dict[str, float]:
        """The numbers of a photograph, with those of a drawn disc."""
        if self.disc is None:
            return dict(reported)
        return {name: one for name, one in reported.items() if name not in _DISC} | dict(self.disc)


def kind_of(name: str) -> Changed | None:
    """The part corrected by a file of this name; None if it is not a correction file."""
    return next((what for what, suffix in SUFFIXES.items() if name.endswith(suffix)), None)


def corrected_parts(base: Path) -> Parts:
    """The correction of a photograph; `base` is its result's path without suffixes.

    A correction of another prediction, such as by other weights, is not used, with a note. A file
    saved by another program names no prediction and is used; a disc's ellipse is then taken from
    its pixels.
    """
    try:
        return _parts(base)
    except ImageError as error:
        return Parts(problem=str(error))


def _parts(base: Path) -> Parts:
    paths = {what: base.with_name(base.name + suffix) for what, suffix in SUFFIXES.items()}
    found = {what: corrected_of(path) for what, path in paths.items() if path.is_file()}
    told = [one for one in found.values() if one is not None]
    if told and _of_another(base, max(told, key=lambda one: one.revision)):
        return Parts(notes=(OTHER,))
    files = {name: paths[what] for what, name in _KINDS.items() if what in found}
    disc: dict[str, float] | None = None
    if "disc" in found:
        about = found["disc"]
        drawn = ellipse_of(read_mask(paths["disc"])) if about is None else disc_of(about)
        # To a tenth of a pixel, as in report.csv.
        places = () if drawn is None else (drawn.x, drawn.y, drawn.radius_px)
        disc = dict(zip(_DISC, (round(place, 1) for place in places), strict=False))
    return Parts(
        files,
        disc,
        "corrected" if files else None,
        () if disc is None else (DISC_CORRECTED,),
    )


DISC_CORRECTED = "optic disc corrected"
"""Note for measurements in zones around a drawn disc."""


def _of_another(base: Path, about: Corrected) -> bool:
    for suffix in ("_mask.png", "_prob.png"):
        predicted = base.with_name(base.name + suffix)
        if predicted.is_file():
            return file_sha256(predicted) != about.prediction_sha256
    return False  # only the correction exists
