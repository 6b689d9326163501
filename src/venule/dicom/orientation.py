r"""Orientation of the stored rows and columns on the patient, to upright and back.

Upright is as displayed by a fundus camera: seen by the examiner, the patient's left at the right
edge and the feet at the bottom. In DICOM (PS3.3 C.7.6.1.1.1) its PatientOrientation is L\F.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

_OPPOSITE = {"L": "R", "R": "L", "H": "F", "F": "H"}


@dataclass(frozen=True)
class Turn:
    """The transformation to upright: transposition first, then reflection."""

    transpose: bool = False
    mirror_rows: bool = False
    mirror_columns: bool = False

    def upright(self, stored: NDArray[Any]) -> NDArray[Any]:
        """(H, W, ...) as stored to (H', W', ...) upright."""
        turned = stored.swapaxes(0, 1) if self.transpose else stored
        return np.ascontiguousarray(turned[self._steps()])

    def stored(self, upright: NDArray[Any]) -> NDArray[Any]:
        """(H', W', ...) upright to (H, W, ...) as stored; the inverse of `upright`."""
        mirrored = upright[self._steps()]
        turned = mirrored.swapaxes(0, 1) if self.transpose else mirrored
        return np.ascontiguousarray(turned)

    def _steps(self) -> tuple[slice, slice]:
        return (
            slice(None, None, -1 if self.mirror_rows else None),
            slice(None, None, -1 if self.mirror_columns else None),
        )


def find_turn(orientation: object) -> Turn:
    """The turn for a PatientOrientation, such as ["L", "F"]; identity if that is not conclusive.

    The first value is the direction of rows, the second of columns. Only the first letter of each
    is used (the main direction), and only head, feet, left and right are recognised.
    """
    if isinstance(orientation, str) or not isinstance(orientation, Iterable):
        return Turn()
    letters = [str(value)[:1].upper() for value in orientation]
    if len(letters) != 2 or any(letter not in _OPPOSITE for letter in letters):
        return Turn()
    along_row, along_column = letters
    if along_row in (along_column, _OPPOSITE[along_column]):
        return Turn()
    transpose = along_row in "HF"
    if transpose:
        along_row, along_column = along_column, along_row
    return Turn(transpose, mirror_rows=along_column == "H", mirror_columns=along_row == "R")
