"""HRF as released: images/, manual1/ and mask/ for 15 healthy, diabetic and glaucomatous eyes each.

Budai et al., Int. J. Biomedical Imaging 2013, doi:10.1155/2013/154860;
https://www5.cs.fau.de/research/data/fundus-images/. File names mix .JPG and .jpg. One image a
patient and group: the patient is number and group, such as 01_dr.
"""

import re
from pathlib import Path

from venule.data.case import Case, Dataset
from venule.data.layout import Layout, first_of, images_in, stems_in

GROUPS = ("dr", "g", "h")
"""Diabetic retinopathy, glaucoma, healthy."""

_IMAGE = re.compile(rf"\d\d_(?:{'|'.join(GROUPS)})")


def read(root: Path) -> Dataset:
    """The HRF images found under `root`; ids are 01_dr to 15_h."""
    first, masks = images_in(root / "manual1"), images_in(root / "mask")
    cases = tuple(
        Case(
            id=stem,
            image=path,
            fov=first_of(masks, [f"{stem}_mask"]),
            first=first_of(first, [stem]),
            patient=stem,
        )
        for stem, path in images_in(root / "images").items()
        if _IMAGE.fullmatch(stem)
    )
    return Dataset(name="HRF", root=root, cases=cases)


def recognizes(root: Path) -> bool:
    """True if images/ holds a photograph with an HRF name."""
    return any(_IMAGE.fullmatch(stem) for stem in stems_in(root / "images"))


LAYOUT = Layout(
    name="HRF",
    folders=("HRF", "hrf"),
    looked_for="images/01_h.jpg",
    truth="manual1/{id}.tif",
    recognizes=recognizes,
    read=read,
)
