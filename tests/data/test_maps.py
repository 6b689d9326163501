from pathlib import Path

import numpy as np
import pytest

from support import trees
from venule.data.catalog import open_dataset
from venule.data.maps import find_maps, is_mask, read_map
from venule.data.protocols import Selection, select
from venule.errors import DatasetError
from venule.image.io import write_png

GREY = np.full((4, 4), 100, np.uint8)


@pytest.fixture
def val(fake_root: Path) -> Selection:
    return select(open_dataset(str(fake_root / "DRIVE")), "official", "val")


def test_maps_are_found_by_the_photographs_name_or_by_its_id(
    val: Selection, tmp_path: Path
) -> None:
    for case in val.cases[:2]:
        trees.save(tmp_path / f"{case.image.stem}.png", GREY)
    for case in val.cases[2:]:
        trees.save(tmp_path / f"{case.id}.png", GREY)
    found = find_maps(tmp_path, val)
    assert found["24"].name == "24_training.png"
    assert found["38"].name == "38.png"


def test_probabilities_are_preferred_to_masks(val: Selection, tmp_path: Path) -> None:
    for case in val.cases:
        for ending in ("_prob", "_mask", "_overlay"):
            trees.save(tmp_path / f"{case.image.stem}{ending}.png", GREY)
    assert find_maps(tmp_path, val)["24"].name == "24_training_prob.png"
    for path in tmp_path.glob("*_prob.png"):
        path.unlink()
    assert find_maps(tmp_path, val)["24"].name == "24_training_mask.png"


def test_an_image_without_a_map_is_named(val: Selection, tmp_path: Path) -> None:
    trees.save(tmp_path / "24.png", GREY)
    with pytest.raises(DatasetError, match="no map for image 28"):
        find_maps(tmp_path, val)


def test_a_folder_of_other_files_says_what_was_expected(val: Selection, tmp_path: Path) -> None:
    trees.save(tmp_path / "other.png", GREY)
    with pytest.raises(DatasetError, match=r"24_training_prob\.png"):
        find_maps(tmp_path, val)


def test_two_maps_of_one_image_are_refused(val: Selection, tmp_path: Path) -> None:
    for case in val.cases:
        trees.save(tmp_path / f"{case.id}.png", GREY)
    trees.save(tmp_path / "24_training.png", GREY)
    with pytest.raises(DatasetError, match="2 maps for image 24"):
        find_maps(tmp_path, val)


def test_a_missing_folder_is_an_error(val: Selection, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="no such folder"):
        find_maps(tmp_path / "none", val)


@pytest.mark.parametrize("stored", [1, 255])
def test_a_mask_stores_zero_and_one_or_the_largest_value(tmp_path: Path, stored: int) -> None:
    path = trees.save(tmp_path / "a.png", np.array([[0, stored]], np.uint8))
    assert is_mask(path)
    assert read_map(path, mask=True).tolist() == [[0, 1]]


def test_a_palette_mask_is_read_by_its_indices(tmp_path: Path) -> None:
    path = trees.save_palette(tmp_path / "a.gif", np.array([[False, True]]))
    assert is_mask(path)
    assert read_map(path, mask=True).tolist() == [[0, 1]]


def test_what_is_called_prob_is_a_probability_map(tmp_path: Path) -> None:
    path = trees.save(tmp_path / "a_prob.png", np.array([[0, 51]], np.uint8))
    assert not is_mask(path)
    assert read_map(path, mask=False).tolist() == [[0, pytest.approx(0.2)]]


def test_sixteen_bit_and_float_maps_keep_their_precision(tmp_path: Path) -> None:
    write_png(tmp_path / "a.png", np.array([[0, 1, 65535]], np.uint16))
    np.save(tmp_path / "b.npy", np.array([[0.0, 0.123456, 1.0]]))
    assert read_map(tmp_path / "a.png", mask=False)[0, 1] == pytest.approx(1 / 65535)
    assert read_map(tmp_path / "b.npy", mask=False)[0, 1] == pytest.approx(0.123456)


@pytest.mark.parametrize("values", [[0.0, 0.2], [0.0, 0.999]])
def test_two_probabilities_are_no_mask(tmp_path: Path, values: list[float]) -> None:
    np.save(tmp_path / "a.npy", np.array([values], np.float32))
    assert not is_mask(tmp_path / "a.npy")
    trees.save(tmp_path / "a.png", np.array([[0, 51]], np.uint8))
    assert not is_mask(tmp_path / "a.png")


@pytest.mark.parametrize("values", [[0.0, 1.0], [0.0, 0.0], [False, True]])
def test_a_mask_may_be_an_array(tmp_path: Path, values: list[float]) -> None:
    np.save(tmp_path / "a.npy", np.array([values], np.float32))
    assert is_mask(tmp_path / "a.npy")
