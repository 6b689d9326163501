"""FIVES as released: train/ and test/, each with Original/ and "Ground truth/" under equal names.

Jin et al., Scientific Data 9, 2022, doi:10.1038/s41597-022-01564-3. Names are 1_A.png and so on,
with A age-related macular degeneration, D diabetic retinopathy, G glaucoma, N normal. The numbers
restart in test/, so ids include the split. There are no field-of-view masks, and the release does
not say which photographs are of one patient.
"""

import re
from pathlib import Path

from venule.data.case import Case, Dataset
from venule.data.layout import Layout, first_of, images_in
from venule.data.protocol import Protocol

_IMAGE = re.compile(r"(\d+)_[ADGN]")


def read(root: Path) -> Dataset:
    """The FIVES images found under `root`; ids are train-1_A and so on, by number."""
    cases = [case for part in ("train", "test") for case in _read_part(root / part)]
    return Dataset(name="FIVES", root=root, cases=tuple(cases))


def number_of(case: Case) -> int:
    """The number in a FIVES id: 17 for train-17_A."""
    return int(case.id.partition("-")[2].partition("_")[0])


def _read_part(folder: Path) -> list[Case]:
    first = images_in(folder / "Ground truth")
    cases = [
        Case(
            id=f"{folder.name}-{stem}",
            image=path,
            first=first_of(first, [stem]),
            split=folder.name,
        )
        for stem, path in images_in(folder / "Original").items()
        if _IMAGE.fullmatch(stem)
    ]
    return sorted(cases, key=number_of)


def recognizes(root: Path) -> bool:
    """True if train/Original or test/Original is there."""
    return any((root / part / "Original").is_dir() for part in ("train", "test"))


def _protocols(dataset: Dataset) -> tuple[Protocol, ...]:
    """The official split; val is a tenth of the training images: every number that ends in 0."""
    training = [case for case in dataset.cases if case.split == "train"]
    official = Protocol(
        name="official",
        source="Jin et al. 2022: 600 train, 200 test; val is the 60 training images whose number "
        "ends in 0, ours (the release does not say which images are of one patient)",
        splits={
            "train": tuple(case.id for case in training if number_of(case) % 10),
            "val": tuple(case.id for case in training if not number_of(case) % 10),
            "test": tuple(case.id for case in dataset.cases if case.split == "test"),
        },
        sizes={"train": 540, "val": 60, "test": 200},
    )
    return (official,)


LAYOUT = Layout(
    name="FIVES",
    folders=("FIVES", "fives"),
    looked_for="train/Original/1_A.png",
    truth="{split}/Ground truth/{stem}.png",
    recognizes=recognizes,
    read=read,
    protocols=_protocols,
)
