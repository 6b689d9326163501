"""RIDB: 20 healthy people, five photographs each, without annotations; for repeatability.

Akram et al., Mendeley Data, doi:10.17632/tjw3zwntv6. images/IM000001_2.JPG is the first photograph
of person 2.
"""

import re
from pathlib import Path

from venule.data.case import Case, Dataset
from venule.data.layout import Attribution, Layout, images_in, stems_in

_IMAGE = re.compile(r"IM00000(\d)_(\d+)")


def read(root: Path) -> Dataset:
    """The photographs found under `root`, ordered by person; ids are person-photograph, 02-1."""
    cases = [
        Case(id=f"{int(match[2]):02d}-{match[1]}", image=path, patient=f"{int(match[2]):02d}")
        for stem, path in images_in(root / "images").items()
        if (match := _IMAGE.fullmatch(stem))
    ]
    return Dataset(name="RIDB", root=root, cases=tuple(sorted(cases, key=lambda case: case.id)))


def recognizes(root: Path) -> bool:
    """True if images/ has a photograph with a RIDB name."""
    return any(_IMAGE.fullmatch(stem) for stem in stems_in(root / "images"))


LAYOUT = Layout(
    name="RIDB",
    folders=("RIDB", "ridb"),
    looked_for="images/IM000001_1.JPG",
    truth="",
    annotated=False,
    recognizes=recognizes,
    read=read,
    terms=Attribution(
        citation="Akram et al., Mendeley Data, doi:10.17632/tjw3zwntv6",
        url="https://data.mendeley.com/datasets/tjw3zwntv6",
        terms="CC BY 4.0",
        pictures=True,
    ),
)
