"""HRF as released: images/, manual1/ and mask/ for 15 healthy, diabetic and glaucomatous eyes each.

Budai et al., Int. J. Biomedical Imaging 2013, doi:10.1155/2013/154860;
https://www5.cs.fau.de/research/data/fundus-images/. File names mix .JPG and .jpg. One image a
patient and group: the patient is number and group, such as 01_dr.
"""

import re
from collections.abc import Iterable
from pathlib import Path

from venule.data.case import Annotation, Case, Dataset
from venule.data.layout import Attribution, Layout, first_of, images_in, stems_in
from venule.data.protocol import Protocol, two_digits
from venule.data.truth import ArteryVein

GROUPS = ("dr", "g", "h")
"""Diabetic retinopathy, glaucoma, healthy."""

_IMAGE = re.compile(rf"\d\d_(?:{'|'.join(GROUPS)})")


def read(root: Path) -> Dataset:
    """The HRF images found under `root`; ids are 01_dr to 15_h."""
    first, masks = images_in(root / "manual1"), images_in(root / "mask")
    types = images_in(root / "manual_av")
    cases = tuple(
        Case(
            id=stem,
            image=path,
            fov=first_of(masks, [f"{stem}_mask"]),
            first=first_of(first, [stem]),
            av=_annotation(types.get(f"{stem}_AVmanual")),
            patient=stem,
        )
        for stem, path in images_in(root / "images").items()
        if _IMAGE.fullmatch(stem)
    )
    return Dataset(name="HRF", root=root, cases=cases)


def _annotation(path: Path | None) -> Annotation | None:
    return None if path is None else Annotation(path, ArteryVein())


def recognizes(root: Path) -> bool:
    """True if images/ has a photograph with an HRF name."""
    return any(_IMAGE.fullmatch(stem) for stem in stems_in(root / "images"))


def _every_group(numbers: Iterable[int]) -> tuple[str, ...]:
    return tuple(f"{number}_{group}" for number in two_digits(numbers) for group in GROUPS)


_UNLICENSED_HRF = ("11_h", "12_h", "13_h")

# HRF has no official split.
PROTOCOLS = (
    Protocol(
        name="orlando",
        source="Orlando et al. 2017: 01-05 of each group train, 06-15 test; val is 05, ours",
        splits={
            "train": _every_group(range(1, 5)),
            "val": _every_group([5]),
            "test": _every_group(range(6, 16)),
        },
    ),
    Protocol(
        name="open",
        source="every image but 11_h, 12_h and 13_h, whose labels were reconstructed from a set "
        "without a licence; nothing is held out",
        splits={
            "train": tuple(id for id in _every_group(range(1, 16)) if id not in _UNLICENSED_HRF),
            "unused": _UNLICENSED_HRF,
        },
    ),
    Protocol(
        name="av",
        source="every image judges networks that tell arteries from veins and have seen none",
        splits={"test": _every_group(range(1, 16))},
    ),
)


TERMS = Attribution(
    citation="Budai et al., International Journal of Biomedical Imaging, 2013, "
    "doi:10.1155/2013/154860; FAU Erlangen-Nürnberg and Brno University of Technology",
    url="https://www5.cs.fau.de/research/data/fundus-images/",
    terms="CC BY 4.0",
    pictures=True,
)


LAYOUT = Layout(
    name="HRF",
    folders=("HRF", "hrf"),
    looked_for="images/01_h.jpg",
    truth="manual1/{id}.tif",
    recognizes=recognizes,
    read=read,
    protocols=PROTOCOLS,
    terms=TERMS,
)
