"""DRIVE as released: training/ and test/, each with images/, 1st_manual/ and mask/.

Staal et al., IEEE TMI 23(4), 2004, doi:10.1109/TMI.2004.825627; https://drive.grand-challenge.org.
The original release has 1st_manual/ and 2nd_manual/ for the test images; today's download labels
the training images only. The release has no patient information.
"""

import re
from pathlib import Path

from venule.data.case import Case, Dataset
from venule.data.layout import Attribution, Layout, first_of, images_in, stems_in
from venule.data.protocol import Protocol, Splits, two_digits

_PARTS = ("training", "test")
_IMAGE = re.compile(r"(\d\d)_(?:training|test)")


def read(root: Path) -> Dataset:
    """The DRIVE images found under `root`, ids 01 to 40, in numerical order."""
    cases = [case for part in _PARTS for case in _read_part(root / part)]
    return Dataset(name="DRIVE", root=root, cases=tuple(sorted(cases, key=lambda case: case.id)))


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


# DRIVE: 21-40 training, 01-20 test, as released. It has no patient information.
_DRIVE_TRAINING = range(21, 41)
_DRIVE_TEST = two_digits(range(1, 21))
_DRIVE_VAL = (24, 28, 33, 38)
_DRIVE_16_4: Splits = {
    "train": two_digits(n for n in _DRIVE_TRAINING if n not in _DRIVE_VAL),
    "val": two_digits(_DRIVE_VAL),
    "test": _DRIVE_TEST,
}


def _drive_folds() -> Splits:
    """Five folds of 4 over 21-40: fold i validates on 20 + i, 25 + i, 30 + i and 35 + i."""
    splits: dict[str, tuple[str, ...]] = {}
    for fold in range(1, 6):
        held_out = range(20 + fold, 41, 5)
        splits[f"train-{fold}"] = two_digits(n for n in _DRIVE_TRAINING if n not in held_out)
        splits[f"val-{fold}"] = two_digits(held_out)
    return splits | {"test": _DRIVE_TEST}


PROTOCOLS = (
    Protocol(
        name="official",
        source="Staal et al. 2004: training 21-40, test 01-20; val is ours, fixed before training",
        splits=_DRIVE_16_4,
    ),
    Protocol(
        name="cv5",
        source="five folds of 4 over the official training images 21-40, ours; test 01-20",
        splits=_drive_folds(),
    ),
    Protocol(
        name="whole",
        source="Staal et al. 2004: training 21-40, all of them, test 01-20; no image validates, "
        "for a schedule that cv5 has fixed",
        splits={"train": two_digits(_DRIVE_TRAINING), "test": _DRIVE_TEST},
    ),
    Protocol(
        name="ddrnet",
        source="AghdamAmir's DDRNet vessel segmentation: test images 01-10 select, 11-20 test",
        splits={
            "train": two_digits(_DRIVE_TRAINING),
            "val": two_digits(range(1, 11)),
            "test": two_digits(range(11, 21)),
            "testval": _DRIVE_TEST,
        },
    ),
    Protocol(
        name="deeplab",
        source="Manshi3's DeepLabV3 (DebuggerCafe): 16/4 inside 21-40; the published list is "
        "unknown, so val is that of `official`; test images without truth",
        splits=_DRIVE_16_4,
        unlabelled=frozenset({"test"}),
    ),
)

TERMS = Attribution(
    citation="Staal et al., IEEE Transactions on Medical Imaging 23(4), 2004, "
    "doi:10.1109/TMI.2004.825627; Image Sciences Institute, UMC Utrecht",
    url="https://drive.grand-challenge.org/",
    terms="research and educational purposes; no redistribution, no unauthorized commercial use",
)


LAYOUT = Layout(
    name="DRIVE",
    folders=("DRIVE", "drive"),
    looked_for="training/images/21_training.tif",
    truth="{split}/1st_manual/{id}_manual1.gif",
    recognizes=recognizes,
    read=read,
    protocols=PROTOCOLS,
    terms=TERMS,
)
