"""RITE: arteries and veins of DRIVE's photographs, in training/ and test/, each with av/, vessel/.

Hu, Abramoff, Garvin, MICCAI 2013, doi:10.1007/978-3-642-40763-5_54;
https://medicine.uiowa.edu/eye/rite-dataset. av/21_training.png: red artery, blue vein, green
where both cross, white uncertain. The photographs are in images/ next to them, or in DRIVE's folder
next to RITE's, whose fields of view are also used.
"""

import re
from pathlib import Path

from venule.data.case import Annotation, Case, Dataset
from venule.data.drive import PROTOCOLS as DRIVE_PROTOCOLS
from venule.data.drive import TERMS as DRIVE_TERMS
from venule.data.layout import Layout, first_of, images_in, stems_in
from venule.data.truth import ArteryVein

_PARTS = ("training", "test")
_IMAGE = re.compile(r"(\d\d)_(?:training|test)")
_DRIVE = ("DRIVE", "drive")


def read(root: Path) -> Dataset:
    """The RITE annotations found under `root` with DRIVE's photographs, ids 01 to 40."""
    cases = [case for part in _PARTS for case in _read_part(root, part)]
    return Dataset(name="RITE", root=root, cases=tuple(sorted(cases, key=lambda case: case.id)))


def _read_part(root: Path, part: str) -> list[Case]:
    drive = next((root.parent / name for name in _DRIVE if (root.parent / name).is_dir()), root)
    photographs = images_in(root / part / "images") or images_in(drive / part / "images")
    masks, vessels = images_in(drive / part / "mask"), images_in(root / part / "vessel")
    cases = []
    for stem, av in images_in(root / part / "av").items():
        match, image = _IMAGE.fullmatch(stem), photographs.get(stem)
        if match is None or image is None:
            continue
        cases.append(
            Case(
                id=match[1],
                image=image,
                fov=first_of(masks, [f"{stem}_mask"]),
                first=first_of(vessels, [stem]),
                av=Annotation(av, ArteryVein()),
                split=part,
            )
        )
    return cases


def recognizes(root: Path) -> bool:
    """True if training/av or test/av holds an image with a DRIVE name."""
    return any(_IMAGE.fullmatch(stem) for part in _PARTS for stem in stems_in(root / part / "av"))


LAYOUT = Layout(
    name="RITE",
    aliases=("av-drive",),
    folders=("RITE", "rite", "AV_groundTruth"),
    looked_for="training/av/21_training.png, and DRIVE/ beside it",
    truth="{split}/av/{stem}.png",
    recognizes=recognizes,
    read=read,
    protocols=DRIVE_PROTOCOLS[:1],
    terms=DRIVE_TERMS.model_copy(
        update={
            "citation": "Hu, Abramoff, Garvin, MICCAI 2013, doi:10.1007/978-3-642-40763-5_54; "
            f"photographs: {DRIVE_TERMS.citation}",
            "url": "https://medicine.uiowa.edu/eye/rite-dataset",
        }
    ),
)
