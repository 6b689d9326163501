"""The source of a DICOM photograph: plain values, importable without pydicom."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from venule.dicom.orientation import Turn

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

Laterality = Literal["left", "right"]


@dataclass(frozen=True, eq=False, repr=False)
class Source:
    """The object that a photograph was read from, as needed for objects derived from it.

    Attributes:
        header: patient, study and references; never pixels.
        pseudonym: identifies the photograph wherever names must not appear.
        turn: how the stored frame was turned upright.
        acquired: the date of the photograph, YYYYMMDD, or "". Personal data.
    """

    header: Dataset
    pseudonym: str
    turn: Turn
    acquired: str = ""

    def __repr__(self) -> str:
        """Omit the header, so that no name ends up in a log."""
        return f"Source({self.pseudonym})"


@dataclass(frozen=True, eq=False)
class DicomPhotograph:
    """One photograph: pixels (H, W, 3) uint8, RGB, upright.

    `um_per_px` is nominal: the header's PixelSpacing, which applies to a model eye. `square` is
    False if the header says that pixels are not. `notes` tell what was found and repaired on
    reading, without patient data.
    """

    pixels: NDArray[np.uint8]
    um_per_px: float | None
    laterality: Laterality | None
    notes: tuple[str, ...]
    source: Source
    square: bool = True
