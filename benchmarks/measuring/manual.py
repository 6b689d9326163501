"""The manual masks that are compared, with their paths in each data set."""

from collections.abc import Iterator
from pathlib import Path


def drive_test(root: Path) -> Iterator[tuple[str, Path, Path, Path]]:
    """Name, both annotators' masks and field of view of DRIVE's test photographs."""
    test = root / "test"
    for number in range(1, 21):
        yield (
            f"{number:02d}",
            test / "1st_manual" / f"{number:02d}_manual1.gif",
            test / "2nd_manual" / f"{number:02d}_manual2.gif",
            test / "mask" / f"{number:02d}_test_mask.gif",
        )


def chase(root: Path) -> Iterator[tuple[str, Path, Path, Path]]:
    """The same for CHASE_DB1."""
    for first in sorted(root.glob("*_1stHO.png")):
        key = first.name.removesuffix("_1stHO.png")
        yield key, first, root / f"{key}_2ndHO.png", root / "mask" / f"{key}.png"


def drive_training(root: Path) -> Iterator[tuple[str, Path, Path]]:
    """Name, manual mask and field of view of DRIVE's training photographs."""
    training = root / "training"
    for number in range(21, 41):
        manual = training / "1st_manual" / f"{number}_manual1.gif"
        yield f"{number}", manual, training / "mask" / f"{number}_training_mask.gif"
