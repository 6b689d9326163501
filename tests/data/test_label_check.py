"""Labels that do not lie on their photographs are told, with the fault of each."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from support.trees import save
from venule.data.catalog import open_dataset
from venule.data.check import check_dataset
from venule.data.label_check import lines_of, mismatch
from venule.data.orphans import foreign_name
from venule.errors import DatasetError
from venule.synth.fundus import SyntheticFundus, synthesize_fundus


@pytest.fixture(scope="module")
def eyes() -> list[SyntheticFundus]:
    return [synthesize_fundus(seed, size_px=240) for seed in (1, 2)]


def made(root: Path, eyes: list[SyntheticFundus], labels: list[NDArray[np.bool_]]) -> Path:
    for number, (eye, label) in enumerate(zip(eyes, labels, strict=True)):
        save(root / "images" / f"{number}.png", eye.image)
        save(root / "labels" / f"{number}.png", label)
    return root


def told(root: Path) -> list[str]:
    return [str(problem) for problem in check_dataset(open_dataset(str(root)))]


def test_labels_that_lie_on_their_photographs_are_clean(
    tmp_path: Path, eyes: list[SyntheticFundus]
) -> None:
    assert told(made(tmp_path, eyes, [eye.vessels for eye in eyes])) == []


def test_exchanged_labels_are_told_with_the_photograph_that_they_lie_on(
    tmp_path: Path, eyes: list[SyntheticFundus]
) -> None:
    first, second = told(made(tmp_path, eyes, [eye.vessels for eye in eyes[::-1]]))
    assert "labels/0.png: lies on" in first
    assert "images/1.png, not on its own photograph" in first
    assert "labels/1.png: lies on" in second


def test_a_label_of_no_photograph_here_does_not_lie_on_its_own(
    tmp_path: Path, eyes: list[SyntheticFundus]
) -> None:
    other = synthesize_fundus(7, size_px=240).vessels
    (line,) = told(made(tmp_path, eyes, [eyes[0].vessels, other]))
    assert "labels/1.png: does not lie on the vessels of its photograph" in line


@pytest.mark.parametrize(
    ("how", "turned"),
    [
        ("mirrored", lambda label: label[:, ::-1]),
        ("upside down", lambda label: label[::-1]),
        ("turned by 180 degrees", lambda label: label[::-1, ::-1]),
        ("turned by 90 degrees", lambda label: np.rot90(label, -1)),
    ],
)
def test_turned_and_mirrored_labels_are_told(
    how: str, turned: object, eyes: list[SyntheticFundus]
) -> None:
    assert callable(turned)
    label = np.ascontiguousarray(turned(eyes[0].vessels))
    found = mismatch(lines_of(eyes[0].image, label, eyes[0].fov))
    assert found is not None
    assert how in found.what


def test_a_photograph_turned_by_exif_whose_label_is_not_is_told_with_the_fix(
    tmp_path: Path, eyes: list[SyntheticFundus]
) -> None:
    root = made(tmp_path, eyes, [eye.vessels for eye in eyes])
    stored = Image.fromarray(eyes[0].image)
    exif = Image.Exif()
    exif[0x0112] = 3
    (root / "images/0.png").unlink()
    stored.save(root / "images/0.jpg", quality=95, exif=exif)
    (line,) = told(root)
    assert "turned by 180 degrees: the photograph is turned by its EXIF orientation" in line
    assert "Turn the label" in line


def test_a_shifted_label_is_told_with_how_far(eyes: list[SyntheticFundus]) -> None:
    label = np.roll(eyes[0].vessels, (0, 9), axis=(0, 1))
    found = mismatch(lines_of(eyes[0].image, label, eyes[0].fov))
    assert found is not None
    assert "shifted against the photograph by 0 rows and 9 columns" in found.what


def test_of_a_photograph_without_lines_nobody_can_say() -> None:
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 255, (240, 240, 3)).astype(np.uint8)
    whole = np.ones((240, 240), bool)
    for image in (noise, np.full_like(noise, 90)):
        assert mismatch(lines_of(image, rng.random((240, 240)) > 0.9, whole)) is None


def test_labels_without_a_photograph_are_named(tmp_path: Path, eyes: list[SyntheticFundus]) -> None:
    root = made(tmp_path, eyes, [eye.vessels for eye in eyes])
    save(root / "labels/orphan.png", eyes[0].vessels)
    (line,) = told(root)
    assert "labels/orphan.png: belongs to no photograph" in line


@pytest.mark.parametrize(
    ("stem", "hint"),
    [
        ("21_manual1", "DRIVE's layout: 21_manual1 is the label of 21_training"),
        ("Image_01L_1stHO", "CHASE_DB1's: Image_01L_1stHO is the label of Image_01L"),
        ("im0077.ah", "STARE's layout"),
        ("21_label", "rename it to 21"),
        ("eye-mask", "rename it to eye"),
    ],
)
def test_names_of_other_layouts_are_recognised(stem: str, hint: str) -> None:
    assert hint in foreign_name(stem)
    assert foreign_name("eye21") == ""


def test_capital_folders_are_hinted_at(tmp_path: Path, eyes: list[SyntheticFundus]) -> None:
    root = made(tmp_path, eyes, [eye.vessels for eye in eyes])
    (root / "images").rename(root / "Images")
    with pytest.raises(DatasetError, match="rename Images/ to images/"):
        open_dataset(str(root))
