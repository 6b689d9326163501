"""DRIVE as released: training/ and test/, each with images/, 1st_manual/ and mask/.

Staal et al., IEEE TMI 23(4), 2004, doi:10.1109/TMI.2004.825627; https://drive.grand-challenge.org.
The original release has 1st_manual/ and 2nd_manual/ for the test images; the download of today
labels the training images only. The release has no patient information.
"""

import re
from pathlib import Path

from venule.data.case import Case, Dataset
from venule.data.layout import Layout, first_of, images_in, stems_in

_PARTS = ("training", "test")
_IMAGE = re.compile(r"(\d\d)_(?:training|test)")


def read(root: Path) -> Dataset:
    """The DRIVE images found under `root`, ids 01 to 40, in the order of their numbers."""
    cases = [case for part in _PARTS for case in _read_part(root / part)]
    return Dataset(name="DRIVE", root=root, cases=tuple(sorted(cases, key=lambda r: r.id)))


def _read_part(folder: Path) -> list[Case]:
    part = folder.name
    first, second = images_in(folder / "1st_manual"), images_in(folder / "2nd_manual")
    masks = images_in(folder / "mask")
    cases = []
    for stem, path in images_in(folder / "images").items():
        if (match := _IMAGE.fullmatch(stem)) is None:
            continue
        number = match[1]
        cases.append(
            Case(
                id=number,
                image=path,
                fov=first_of(masks, [f"{stem}_mask"]),
                first=first_of(first, [f"{number}_manual1"]),
                second=first_of(second, [f"{number}_manual2"]),
                split=part,
            )
        )
    return cases


def recognizes(root: Path) -> bool:
    """True if training/images or test/images holds an image with a DRIVE name."""
    return any(
        _IMAGE.fullmatch(stem) for part in _PARTS for stem in stems_in(root / part / "images")
    )


LAYOUT = Layout(
    name="DRIVE",
    folders=("DRIVE", "drive"),
    looked_for="training/images/21_training.tif",
    truth="{split}/1st_manual/{id}_manual1.gif",
    recognizes=recognizes,
    read=read,
)
