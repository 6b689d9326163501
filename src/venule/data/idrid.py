"""IDRiD: optic disc and fovea, in centres/ (photographs and a table) and seg/ (disc outlines).

Porwal et al., Data 3(3):25, 2018, doi:10.3390/data3030025, reduced in size: centres/ to a fifth,
with centres.csv (file,disc_x,disc_y,fovea_x,fovea_y,...; pixel centres at integers), seg/ to a
third, with masks in seg/disc/. Most photographs of seg/ also occur in centres/ under other names;
they form one case, with the larger photograph, its disc mask and the table's centres.
Two pairs within centres/ show the same eye.
"""

import csv
from collections.abc import Mapping
from pathlib import Path

from venule.data.case import Annotation, Case, Dataset
from venule.data.layout import Attribution, Layout, images_in
from venule.data.protocol import Protocol, folds
from venule.data.truth import Landmarks
from venule.errors import DatasetError

DISC_RADIUS_PX = 53.0
"""The mean radius of the 50 disc masks in pixels of centres/; they range from 40 to 66 px."""

FOVEA_RADIUS_PX = 26.0
"""Half a disc's radius, in pixels of centres/: the training target for the fovea."""

_CENTRES_WIDTH_PX, _SEG_WIDTH_PX = 858, 1429

# By correlation of the photographs at a common size: above 0.9998, all others below 0.997.
_TWIN_OF_SEG = {
    1: 102, 2: 366, 3: 369, 5: 82, 6: 196, 7: 29, 8: 207, 10: 224, 13: 231, 14: 232, 15: 236,
    16: 237, 17: 239, 18: 132, 19: 242, 20: 245, 21: 246, 23: 247, 24: 248, 27: 254, 28: 261,
    29: 263, 33: 272, 34: 277, 35: 278, 36: 280, 37: 281, 38: 185, 40: 282, 41: 283, 42: 284,
    43: 294, 44: 300, 46: 306, 47: 64, 48: 53, 49: 308, 50: 48, 51: 310, 52: 311, 53: 12, 54: 314,
}  # fmt: skip
_SAME_EYE = {333: 45, 279: 79}

Point = tuple[float, float]


def read(root: Path) -> Dataset:
    """The IDRiD photographs found under `root`; ids are seg-01 and centres-001.

    Raises:
        DatasetError: centres.csv cannot be read, or lacks a column.
    """
    table = _read_table(root / "centres" / "centres.csv")
    cases = [*_of_seg(root / "seg", table), *_of_centres(root / "centres", table)]
    return Dataset(name="IDRiD", root=root, cases=tuple(cases))


def _of_seg(folder: Path, table: Mapping[int, tuple[Point, Point]]) -> list[Case]:
    discs = images_in(folder / "disc")
    scale = _SEG_WIDTH_PX / _CENTRES_WIDTH_PX
    cases = []
    for stem, path in images_in(folder / "images").items():
        if (number := _number(stem)) is None or stem not in discs:
            continue
        twin = _TWIN_OF_SEG.get(number, 0)
        disc, fovea = table.get(twin, (None, None))
        codec = Landmarks(
            disc=_scaled(disc, scale),
            fovea=_scaled(fovea, scale),
            disc_radius_px=DISC_RADIUS_PX * scale,
            fovea_radius_px=FOVEA_RADIUS_PX * scale,
            outlined=True,
        )
        person = f"centres-{twin:03d}" if twin else f"seg-{number:02d}"
        annotation = Annotation(discs[stem], codec)
        cases.append(Case(id=f"seg-{number:02d}", image=path, landmarks=annotation, patient=person))
    return cases


def _of_centres(folder: Path, table: Mapping[int, tuple[Point, Point]]) -> list[Case]:
    twins = set(_TWIN_OF_SEG.values()) if (folder.parent / "seg" / "images").is_dir() else set()
    cases = []
    for stem, path in images_in(folder / "images").items():
        number = _number(stem)
        if number is None or number not in table or number in twins:
            continue
        disc, fovea = table[number]
        codec = Landmarks(
            disc=disc,
            fovea=fovea,
            disc_radius_px=DISC_RADIUS_PX,
            fovea_radius_px=FOVEA_RADIUS_PX,
        )
        cases.append(
            Case(
                id=f"centres-{number:03d}",
                image=path,
                landmarks=Annotation(folder / "centres.csv", codec),
                patient=f"centres-{_SAME_EYE.get(number, number):03d}",
            )
        )
    return cases


def _number(stem: str) -> int | None:
    digits = stem.removeprefix("IDRiD_")
    return int(digits) if digits != stem and digits.isdigit() else None


def _scaled(point: Point | None, scale: float) -> Point | None:
    """A point of another size of the photograph; integers are the centres of pixels in both."""
    if point is None:
        return None
    return (point[0] + 0.5) * scale - 0.5, (point[1] + 0.5) * scale - 0.5


def _read_table(path: Path) -> dict[int, tuple[Point, Point]]:
    """Disc and fovea by the number of the photograph."""
    if not path.is_file():
        return {}
    try:
        with path.open(newline="", encoding="utf-8") as file:
            return {
                int(Path(row["file"]).stem.removeprefix("IDRiD_")): (
                    (float(row["disc_x"]), float(row["disc_y"])),
                    (float(row["fovea_x"]), float(row["fovea_y"])),
                )
                for row in csv.DictReader(file)
            }
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise DatasetError(
            f"{path}: not the table of centres ({error}); expected the columns "
            "file,disc_x,disc_y,fovea_x,fovea_y"
        ) from error


def recognizes(root: Path) -> bool:
    """True if centres/centres.csv or seg/disc/ is there."""
    return (root / "centres" / "centres.csv").is_file() or (root / "seg" / "disc").is_dir()


def _protocols(dataset: Dataset) -> tuple[Protocol, ...]:
    splits = folds(dataset.cases, 5)
    drawn = {case.id for case in dataset.cases if case.id.startswith("seg-")}
    return (
        Protocol(
            name="folds5",
            source="the official test part is not here; five folds over both folders, photographs "
            "of one eye in one fold, ours",
            splits=splits,
        ),
        Protocol(
            name="drawn5",
            source="of folds5, the photographs whose disc and lesions are drawn",
            splits={name: tuple(id for id in ids if id in drawn) for name, ids in splits.items()},
        ),
    )


LAYOUT = Layout(
    name="IDRiD",
    folders=("IDRiD", "idrid"),
    looked_for="centres/centres.csv or seg/disc/",
    truth="seg/disc/{stem}.png",
    recognizes=recognizes,
    read=read,
    protocols=_protocols,
    terms=Attribution(
        citation="Porwal et al., Data 3(3):25, 2018, doi:10.3390/data3030025",
        url="https://doi.org/10.21227/H25W98",
        terms="CC BY 4.0",
        pictures=True,
    ),
)
