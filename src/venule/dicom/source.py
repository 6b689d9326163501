"""The source of a DICOM photograph: plain values that need no pydicom to be imported."""

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
    """The object that a photograph was read from, as far as an answer to it needs it.

    Attributes:
        header: patient, study and references; never pixels.
        pseudonym: stands for the photograph wherever no name may stand.
        turn: how the stored frame was brought upright.
        acquired: the day of the photograph, YYYYMMDD, or "". It is personal.
    """

    header: Dataset
    pseudonym: str
    turn: Turn
    acquired: str = ""

    def __repr__(self) -> str:
        """Without the header, so that no name slips into a log."""
        return f"Source({self.pseudonym})"


@dataclass(frozen=True, eq=False)
class DicomPhotograph:
    """One photograph: pixels (H, W, 3) uint8, RGB, upright.

    `um_per_px` is nominal: the header's PixelSpacing, which holds for a model eye. `notes` say what
    was found and mended on reading, without a word about the patient.
    """

    pixels: NDArray[np.uint8]
    um_per_px: float | None
    laterality: Laterality | None
    notes: tuple[str, ...]
    source: Source
