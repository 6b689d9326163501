"""CHASE_DB1 as released: one flat folder with both eyes of 14 children and two observers.

Fraz et al., IEEE TBME 59(9), 2012, doi:10.1109/TBME.2012.2205687;
https://researchdata.kingston.ac.uk/96/. The release has no field-of-view masks; a folder mask/
with Image_01L.png, as published by others, is read if present.
"""

import re
from collections.abc import Iterable
from pathlib import Path

from venule.data.case import Case, Dataset
from venule.data.layout import Attribution, Layout, first_of, images_in, stems_in
from venule.data.protocol import Protocol, two_digits

_IMAGE = re.compile(r"Image_(\d\d)([LR])")


def read(root: Path) -> Dataset:
    """The CHASE_DB1 images found under `root`; ids are 01L to 14R, the patient is the child."""
    files, masks = images_in(root), images_in(root / "mask")
    cases = []
    for stem, path in files.items():
        if (match := _IMAGE.fullmatch(stem)) is None:
            continue
        cases.append(
            Case(
                id=match[1] + match[2],
                image=path,
                fov=first_of(masks, [stem, f"{stem}_mask"]),
                first=first_of(files, [f"{stem}_1stHO"]),
                second=first_of(files, [f"{stem}_2ndHO"]),
                patient=match[1],
            )
        )
    return Dataset(name="CHASE_DB1", root=root, cases=tuple(cases))


def recognizes(root: Path) -> bool:
    """True if there is a photograph with a CHASE_DB1 name."""
    return any(_IMAGE.fullmatch(stem) for stem in stems_in(root))


# CHASE_DB1 has no official split. The most common: the first 20 of 28 train, 11L-14R test.
# Both eyes of a child stay together, also in val: children 05 and 10.
_CHASE_VAL = ("05", "10")


def _eyes(children: Iterable[str]) -> tuple[str, ...]:
    return tuple(child + eye for child in children for eye in "LR")


PROTOCOLS = (
    Protocol(
        name="first20",
        source="no official split; the commonest: 01L-10R train, 11L-14R test; val is both eyes "
        "of children 05 and 10, ours",
        splits={
            "train": _eyes(child for child in two_digits(range(1, 11)) if child not in _CHASE_VAL),
            "val": _eyes(_CHASE_VAL),
            "test": _eyes(two_digits(range(11, 15))),
        },
    ),
)


TERMS = Attribution(
    citation="Fraz et al., IEEE Transactions on Biomedical Engineering 59(9), 2012, "
    "doi:10.1109/TBME.2012.2205687; Kingston University London with St George's, "
    "University of London",
    url="https://researchdata.kingston.ac.uk/96/",
    terms="CC BY 4.0",
    pictures=True,
)


LAYOUT = Layout(
    name="CHASE_DB1",
    aliases=("chase", "chasedb1"),
    folders=("CHASE_DB1", "CHASEDB1", "CHASE", "chase_db1", "chase"),
    looked_for="Image_01L.jpg",
    truth="Image_{id}_1stHO.png",
    recognizes=recognizes,
    read=read,
    protocols=PROTOCOLS,
    terms=TERMS,
)
