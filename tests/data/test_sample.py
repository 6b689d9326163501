"""Pixels of a case; every trap in reading the files of the released data sets."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from support import trees
from venule.data.case import Case
from venule.data.catalog import open_dataset
from venule.data.sample import load_sample
from venule.errors import DatasetError, ImageError


def record_of(root: Path, name: str, id: str) -> Case:
    return next(r for r in open_dataset(name, data_root=root).cases if r.id == id)


def test_a_sample_holds_what_was_drawn(fake_root: Path) -> None:
    drawn = trees.draw(21)
    sample = load_sample(record_of(fake_root, "drive", "21"))
    assert np.array_equal(sample.image, drawn.image)
    assert np.array_equal(sample.fov, drawn.fov)
    assert sample.vessels is not None
    assert np.array_equal(sample.vessels, drawn.first)


def test_an_expert_that_is_not_there_is_none(fake_root: Path) -> None:
    assert load_sample(record_of(fake_root, "drive", "21"), expert="second").vessels is None


def test_the_field_of_view_is_found_where_it_has_no_file(fake_root: Path) -> None:
    sample = load_sample(record_of(fake_root, "stare", "im0001"))
    drawn = trees.draw(1001).fov
    dice = 2 * (sample.fov & drawn).sum() / (sample.fov.sum() + drawn.sum())
    assert dice > 0.9  # of a disc of 54 px, whose rim alone is 6 % of its pixels


def test_the_palette_of_a_second_expert_is_not_taken_for_grey_levels(fake_root: Path) -> None:
    case = record_of(fake_root, "drive", "01")
    assert case.second is not None
    with Image.open(case.second) as image:
        assert (np.asarray(image.convert("L")) > 0).all()  # the trap is in the fake file
        assert np.unique(np.asarray(image.convert("L"))).tolist() == [3, 253]
    sample = load_sample(case, expert="second")
    assert sample.vessels is not None
    assert np.array_equal(sample.vessels, trees.draw(1).second)


@pytest.mark.parametrize(
    ("name", "id", "seed"), [("drive", "01", 1), ("chase", "01L", 2002), ("hrf", "01_h", 3154)]
)
def test_foreground_of_255_of_one_bit_and_of_three_channels_is_read_alike(
    name: str, id: str, seed: int, fake_root: Path
) -> None:
    drawn = trees.draw(seed)
    sample = load_sample(record_of(fake_root, name, id))
    assert sample.vessels is not None
    assert np.array_equal(sample.vessels, drawn.first)
    assert np.array_equal(sample.fov, drawn.fov)


def test_the_fake_files_are_of_the_released_kinds(fake_root: Path) -> None:
    with Image.open(fake_root / "CHASE_DB1/Image_01L_1stHO.png") as image:
        assert image.mode == "1"
    with Image.open(fake_root / "HRF/mask/01_h_mask.tif") as image:
        assert image.mode == "RGB"
    with Image.open(fake_root / "DRIVE/test/2nd_manual/01_manual2.gif") as image:
        assert image.mode == "P"


def test_annotations_may_reach_past_the_field_of_view(tmp_path: Path) -> None:
    root = trees.make_folders(tmp_path, ["a"])
    vessels = trees.draw(7000).first
    vessels[:2, :2] = True
    trees.save(root / "labels/a.png", vessels)
    sample = load_sample(open_dataset(str(root)).cases[0])
    assert sample.vessels is not None
    assert sample.vessels[0, 0]
    assert not sample.fov[0, 0]


@pytest.mark.parametrize("folder", ["labels", "fov"])
def test_a_mask_of_another_size_is_an_error_that_names_both(folder: str, tmp_path: Path) -> None:
    root = trees.make_folders(tmp_path, ["a"])
    path = trees.save(root / folder / "a.png", trees.draw(1, 30, 32).fov)
    with pytest.raises(
        DatasetError, match=r"32 x 30 px, but its photograph a.png has 64 x 60"
    ) as e:
        load_sample(open_dataset(str(root)).cases[0])
    assert str(path) in str(e.value)


def test_a_truncated_photograph_is_an_error(tmp_path: Path) -> None:
    root = trees.make_folders(tmp_path, ["a"])
    path = root / "images/a.png"
    path.write_bytes(path.read_bytes()[:400])
    with pytest.raises(ImageError, match=r"a\.png"):
        load_sample(open_dataset(str(root)).cases[0])


def test_second_experts_of_real_drive_mark_a_tenth_and_not_everything(real_data: Path) -> None:
    sample = load_sample(record_of(real_data, "drive", "01"), expert="second")
    assert sample.vessels is not None
    # data sheet: vessels are 0.098 to 0.150 of the field of view in the test set
    assert 0.08 < sample.vessels[sample.fov].mean() < 0.16


@pytest.mark.parametrize(
    ("name", "id", "size"),
    [("drive", "21", (584, 565)), ("chase", "01L", (960, 999)), ("hrf", "01_dr", (2336, 3504))],
)
def test_real_samples_have_the_published_size(
    name: str, id: str, size: tuple[int, int], real_data: Path
) -> None:
    sample = load_sample(record_of(real_data, name, id))
    assert sample.image.shape == (*size, 3)
    assert sample.vessels is not None
    assert 0.05 < sample.vessels[sample.fov].mean() < 0.17


def test_an_empty_field_of_view_is_an_error_that_names_it(tmp_path: Path) -> None:
    root = trees.make_folders(tmp_path, ["a"])
    path = trees.save(root / "fov" / "a.png", np.zeros((60, 64), bool))
    with pytest.raises(DatasetError, match="marks no pixel") as e:
        load_sample(open_dataset(str(root)).cases[0])
    assert str(e.value).startswith(str(path))
