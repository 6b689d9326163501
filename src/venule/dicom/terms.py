"""Coded terms of the segmented structures (SNOMED CT and DICOM's own, as in PS3.16)."""

from typing import NamedTuple

from pydicom.dataset import Dataset


class Code(NamedTuple):
    """A code value, its coding scheme, and its meaning."""

    value: str
    scheme: str
    meaning: str

    def item(self) -> Dataset:
        """The item of a code sequence (PS3.3 8.8)."""
        item = Dataset()
        item.CodeValue = self.value
        item.CodingSchemeDesignator = self.scheme
        item.CodeMeaning = self.meaning
        return item


class Term(NamedTuple):
    """A segment's label, its coded type, and a recommended display colour."""

    label: str
    type: Code
    cielab: tuple[float, float, float]


SEGMENTS = {
    "vessel": Term("Vessel", Code("59820001", "SCT", "Blood Vessel"), (60.3, 98.2, -60.8)),
    "artery": Term("Artery", Code("51114001", "SCT", "Artery"), (53.2, 80.1, 67.2)),
    "vein": Term("Vein", Code("29092000", "SCT", "Vein"), (32.3, 79.2, -107.9)),
    "disc": Term("Optic disc", Code("81016008", "SCT", "Optic nerve head"), (97.1, -21.6, 94.5)),
}
"""By class of a map; the colours are magenta, red, blue and yellow (sRGB)."""

ANATOMICAL_STRUCTURE = Code("91723000", "SCT", "Anatomical Structure")
RETINA = Code("5665001", "SCT", "Retina")
SIDES = {
    "R": Code("24028007", "SCT", "Right"),
    "L": Code("7771000", "SCT", "Left"),
    "B": Code("51440002", "SCT", "Right and left"),
}
SEGMENTATION = Code("113076", "DCM", "Segmentation")
PROCESSED = Code("121322", "DCM", "Source image for image processing operation")
ARTIFICIAL_INTELLIGENCE = Code("123110", "DCM", "Artificial Intelligence")


def cielab(color: tuple[float, float, float]) -> list[int]:
    """L*, a*, b* as the three 16-bit numbers of PS3.3 C.10.7.1.1."""
    lightness, a, b = color
    return [
        round(lightness / 100 * 65535),
        *(round((each + 128) / 255 * 65535) for each in (a, b)),
    ]
