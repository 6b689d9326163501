"""Parts are squares of the field of view, sorted by the vessels in them, none of a test image."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from support import trees
from venule.data.case import Case
from venule.data.catalog import open_dataset
from venule.data.classes import open_class_tree
from venule.data.patches import (
    CutPhotograph,
    PatchesConfig,
    find_patches,
    labelled_cases,
    require_empty,
    write_patches,
)
from venule.data.protocols import select
from venule.data.sample import load_sample
from venule.errors import DatasetError, OutputError, UsageError
from venule.image.io import pixel_hash
from venule.image.photograph import read_photograph

CONFIG = PatchesConfig(side_px=16, per_image=6, classes=3)
NAMES = tuple(f"{k:02d}" for k in range(12))


@pytest.fixture
def cases(tmp_path: Path) -> tuple[Case, ...]:
    return labelled_cases(open_dataset(str(trees.make_folders(tmp_path, NAMES))))


def cut(cases: tuple[Case, ...], config: PatchesConfig = CONFIG) -> list[CutPhotograph]:
    return list(find_patches(cases, config))


def test_a_patch_lies_in_the_field_of_view_and_knows_its_share(cases: tuple[Case, ...]) -> None:
    for photograph in cut(cases):
        sample = load_sample(photograph.case)
        assert sample.vessels is not None
        assert len(photograph.patches) == 6
        for patch in photograph.patches:
            inside = np.s_[patch.row : patch.row + 16, patch.column : patch.column + 16]
            assert sample.fov[inside].shape == (16, 16)
            assert sample.fov[inside].mean() >= 0.98
            assert patch.share == sample.vessels[inside].mean()


def test_another_seed_takes_other_places(cases: tuple[Case, ...]) -> None:
    assert cut(cases) == cut(cases)
    assert cut(cases) != cut(cases, replace(CONFIG, seed=1))


def test_classes_are_in_order_of_share_and_as_large_as_each_other(
    cases: tuple[Case, ...], tmp_path: Path
) -> None:
    out, found = tmp_path / "patches", cut(cases)
    assert [case.id for case in write_patches(found, out, CONFIG, dataset="folders")] == list(NAMES)

    shares = {
        f"{photograph.case.id}-{number:02d}": patch.share
        for photograph in found
        for number, patch in enumerate(photograph.patches)
    }
    sizes, before = [], -1.0
    for name in ("share-1", "share-2", "share-3"):
        of_class = sorted(shares[path.stem] for path in out.glob(f"*/{name}/*.png"))
        assert before <= of_class[0]
        before = of_class[-1]
        sizes.append(len(of_class))
    assert sum(sizes) == len(shares) == 72
    assert max(sizes) - min(sizes) <= 8  # shares of 256 pixels may be the same
    about = json.loads((out / "patches.json").read_text())
    assert about["patches"] == 72
    assert about["edges"] == sorted(about["edges"])


def test_the_folder_is_a_tree_to_pretrain_on(cases: tuple[Case, ...], tmp_path: Path) -> None:
    out, found = tmp_path / "patches", cut(cases)
    list(write_patches(found, out, CONFIG, dataset="folders"))
    tree = open_class_tree(out)
    assert tree.classes == ("share-1", "share-2", "share-3")
    # The second photograph of each ten validates, with all of its patches.
    assert {path.stem.partition("-")[0] for path, _ in tree.val} == {"01", "11"}
    assert len(tree.val) == 12
    photograph = found[1]
    patch, source = photograph.patches[0], read_photograph(photograph.case.image).pixels
    (path,) = (path for path, _ in tree.val if path.stem == "01-00")
    expected = source[patch.row : patch.row + 16, patch.column : patch.column + 16]
    np.testing.assert_array_equal(read_photograph(path).pixels, expected)


def test_an_interrupted_folder_says_what_was_cut_up(
    cases: tuple[Case, ...], tmp_path: Path
) -> None:
    out = tmp_path / "patches"
    writing = write_patches(cut(cases), out, CONFIG, dataset="folders")
    next(writing)
    writing.close()  # type: ignore[attr-defined]
    about = json.loads((out / "patches.json").read_text())
    assert sum(len(seen["images"]) for seen in about["seen"]) == len(NAMES)


def test_it_is_written_which_photographs_were_cut_up(
    cases: tuple[Case, ...], tmp_path: Path
) -> None:
    list(write_patches(cut(cases), tmp_path / "patches", CONFIG, dataset="folders"))
    train, val = json.loads((tmp_path / "patches/patches.json").read_text())["seen"]
    assert [(s["dataset"], s["split"], s["role"]) for s in (train, val)] == [
        ("folders", "train", "trained"),
        ("folders", "val", "selected"),
    ]
    assert set(val["images"]) == {"01", "11"}
    assert train["images"] | val["images"] == {
        case.id: pixel_hash(read_photograph(case.image).pixels) for case in cases
    }


def test_test_images_are_left_out(fake_root: Path) -> None:
    cases = labelled_cases(open_dataset(str(fake_root / "DRIVE")))
    assert cases
    assert {case.split for case in cases} == {"training"}


def test_what_the_default_protocol_validates_or_tests_is_left_out(fake_root: Path) -> None:
    chase = labelled_cases(open_dataset(str(fake_root / "CHASE_DB1")))
    assert (len(chase), chase[-1].id) == (16, "09R")
    for name in ("DRIVE", "CHASE_DB1", "HRF"):
        dataset = open_dataset(str(fake_root / name))
        assert set(labelled_cases(dataset)) == set(select(dataset, None, "train").cases)


def test_a_split_that_is_named_is_cut_up_as_it_is(fake_root: Path) -> None:
    drive = open_dataset(str(fake_root / "DRIVE"))
    for protocol, split, size in (("official", "val", 4), ("whole", "train", 20)):
        cases = labelled_cases(drive, protocol=protocol, split=split)
        assert cases == select(drive, protocol, split).cases
        assert len(cases) == size
    assert labelled_cases(drive, split="val") == select(drive, None, "val").cases
    with pytest.raises(UsageError, match="protocol cv5: name a split of it too"):
        labelled_cases(drive, protocol="cv5")


def test_both_eyes_of_a_child_are_on_one_side(fake_root: Path, tmp_path: Path) -> None:
    found = cut(labelled_cases(open_dataset(str(fake_root / "CHASE_DB1"))))
    list(write_patches(found, tmp_path / "patches", CONFIG, dataset="CHASE_DB1"))
    _, val = json.loads((tmp_path / "patches/patches.json").read_text())["seen"]
    assert set(val["images"]) == {"02L", "02R"}


def test_a_data_set_without_labels_is_refused(tmp_path: Path) -> None:
    root = trees.make_folders(tmp_path)
    for path in (root / "labels").iterdir():
        path.unlink()
    with pytest.raises(DatasetError, match="no labelled photographs"):
        labelled_cases(open_dataset(str(root)))


def test_parts_larger_than_the_field_of_view_are_refused(
    cases: tuple[Case, ...], tmp_path: Path
) -> None:
    for side in (56, 100):  # larger than the field of view; than the photograph
        config, out = replace(CONFIG, side_px=side), tmp_path / f"patches-{side}"
        with pytest.raises(DatasetError, match=f"0 squares of {side} px"):
            list(write_patches(cut(cases, config), out, config, dataset="folders"))
        require_empty(out)  # a smaller side may follow


def test_a_folder_with_files_is_refused(tmp_path: Path) -> None:
    require_empty(tmp_path)
    require_empty(tmp_path / "new")
    (tmp_path / "notes.txt").write_text("mine")
    for path in (tmp_path, tmp_path / "notes.txt"):
        with pytest.raises(OutputError, match="not an empty folder; give a folder of its own"):
            require_empty(path)


def test_a_folder_that_cannot_be_made_is_said(cases: tuple[Case, ...], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(OutputError, match="cannot be made"):
        list(write_patches(cut(cases), tmp_path / "file" / "patches", CONFIG, dataset="folders"))


def test_where_every_image_is_left_out_once_none_is_cut_up(fake_root: Path) -> None:
    with pytest.raises(
        DatasetError, match="but validation and test images to cut up; name a split"
    ):
        labelled_cases(open_dataset(str(fake_root / "STARE")))


def test_patches_of_one_patient_leave_the_choice_to_the_pretraining(
    cases: tuple[Case, ...], tmp_path: Path
) -> None:
    found = cut(cases[:2])
    found[1] = replace(found[1], patches=())  # too small a photograph
    list(write_patches(found, tmp_path / "patches", CONFIG, dataset="folders"))
    assert not (tmp_path / "patches" / "val").exists()
    assert len(open_class_tree(tmp_path / "patches", val_share=0.5).val) == 3
