"""AVRDB (AFIO): 1504 x 1000 px photographs with arteries and veins traced in wide strokes.

Akram et al., Data in Brief 29, 2020; Mendeley Data, doi:10.17632/3csr652p9y. Files are
images/IM000001.jpg and av/IM000001.png: red artery, blue vein, green crossing. The strokes are
about 1.7 times as wide as the vessels, misplaced by a few pixels in places, and thin vessels are
missing: a stroke tells artery from vein, but not the calibre; elsewhere nothing is known.
Neighbouring numbers look like the two eyes of one person.
"""

import re
from itertools import pairwise
from pathlib import Path

from venule.data.case import Annotation, Case, Dataset
from venule.data.layout import Attribution, Layout, first_of, images_in, stems_in
from venule.data.protocol import Protocol, folds
from venule.data.truth import ArteryVein

_IMAGE = re.compile(r"IM(\d{6})")

STROKES = ArteryVein(background=False)

_NEIGHBOURS = 4
"""Numbers that differ by no more than this may belong to one person."""


def read(root: Path) -> Dataset:
    """The AVRDB images found under `root`; the id is the number, the patient its first number."""
    av = images_in(root / "av")
    found = {
        match[1]: path
        for stem, path in images_in(root / "images").items()
        if (match := _IMAGE.fullmatch(stem))
    }
    patients = _patients(list(found))
    cases = []
    for id, path in found.items():
        strokes = first_of(av, [f"IM{id}"])
        annotation = None if strokes is None else Annotation(strokes, STROKES)
        cases.append(Case(id=id, image=path, av=annotation, patient=patients[id]))
    return Dataset(name="AVRDB", root=root, cases=tuple(cases))


def _patients(ids: list[str]) -> dict[str, str]:
    """The person of each photograph: runs of neighbouring numbers are one person."""
    patients = {ids[0]: ids[0]} if ids else {}
    for before, id in pairwise(ids):
        near = int(id) - int(before) <= _NEIGHBOURS
        patients[id] = patients[before] if near else id
    return patients


def recognizes(root: Path) -> bool:
    """True if images/ has a photograph with an AVRDB name, and there is an av/."""
    named = any(_IMAGE.fullmatch(stem) for stem in stems_in(root / "images"))
    return named and (root / "av").is_dir()


def _protocols(dataset: Dataset) -> tuple[Protocol, ...]:
    return (
        Protocol(
            name="persons5",
            source="no official split; five folds by person (runs of neighbouring numbers), ours",
            splits=folds(dataset.cases, 5),
        ),
    )


LAYOUT = Layout(
    name="AVRDB",
    aliases=("afio",),
    folders=("AVRDB", "AFIO", "avrdb"),
    looked_for="images/IM000001.jpg and av/",
    truth="av/IM{id}.png",
    recognizes=recognizes,
    read=read,
    protocols=_protocols,
    terms=Attribution(
        citation="Akram et al., Data in Brief 29, 2020, doi:10.17632/3csr652p9y",
        url="https://data.mendeley.com/datasets/3csr652p9y",
        terms="CC BY 4.0",
        pictures=True,
    ),
)
