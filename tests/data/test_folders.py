"""Folders of one's own, and the train/validation folders of the second published system."""

import unicodedata
from pathlib import Path

import numpy as np
import pytest

from support import trees
from venule.data import folders
from venule.data.catalog import open_dataset
from venule.data.protocols import protocols_of, select
from venule.data.sample import load_annotated
from venule.errors import DatasetError, UsageError


def test_labels_and_fields_of_view_are_matched_by_stem(tmp_path: Path) -> None:
    root = trees.make_folders(tmp_path)
    (root / "fov/b.png").unlink()
    a, b, _ = folders.read_plain(root).cases
    assert (a.id, a.first, a.fov) == ("a", root / "labels/a.png", root / "fov/a.png")
    assert (b.first, b.fov) == (root / "labels/b.png", None)


def test_a_drawn_disc_lies_in_a_folder_of_its_own(tmp_path: Path) -> None:
    disc = np.zeros((40, 50), bool)
    disc[10:20, 30:40] = True
    trees.save(tmp_path / "images" / "a.png", np.zeros((40, 50, 3), np.uint8))
    trees.save(tmp_path / "disc" / "a.png", disc)
    dataset = open_dataset(str(tmp_path))  # by its layout: discs alone make a data set, too
    (case,) = select(dataset, None, "all", expert="landmarks").cases
    _, truth = load_annotated(case, expert="landmarks")
    assert np.array_equal(truth.plane("disc"), disc)
    assert truth.counts("disc").all()
    assert not truth.counts("fovea").any()


def test_names_written_on_a_mac_are_the_same_names(tmp_path: Path) -> None:
    composed, decomposed = (unicodedata.normalize(form, "Müller") for form in ("NFC", "NFD"))
    root = trees.make_folders(tmp_path, (decomposed,))
    (root / "labels" / f"{decomposed}.png").rename(root / "labels" / f"{composed}.png")
    (case,) = folders.read_plain(root).cases
    assert (case.id, case.first) == (composed, root / "labels" / f"{composed}.png")


def test_masks_may_be_the_name_of_the_labels(tmp_path: Path) -> None:
    root = trees.make_folders(tmp_path)
    (root / "labels").rename(root / "masks")
    assert folders.read_plain(root).cases[0].first == root / "masks/a.png"


@pytest.mark.parametrize(("protocol", "split"), [("official", "train"), (None, "train")])
def test_a_split_that_folders_do_not_have_is_told_with_how_to_make_one(
    tmp_path: Path, protocol: str | None, split: str
) -> None:
    dataset = folders.read_plain(trees.make_folders(tmp_path))
    with pytest.raises(UsageError, match=r"known: .*all; a CSV file with a column split makes"):
        select(dataset, protocol, split)


def test_labels_beside_masks_are_ambiguous(tmp_path: Path) -> None:
    root = trees.make_folders(tmp_path)
    (root / "masks").mkdir()
    with pytest.raises(DatasetError, match="rename masks/ to fov/"):
        folders.read_plain(root)


def test_the_folders_of_manshi3_are_its_splits(fake_root: Path) -> None:
    root = fake_root / "drive_folders"
    dataset = folders.read_deeplab(root)
    assert next(iter(protocols_of(dataset))) == "deeplab"
    counts = {s: len(select(dataset, None, s).cases) for s in ("train", "val", "test")}
    assert counts == {"train": 16, "val": 4, "test": 20}
    first = select(dataset, None, "val").cases[0]
    assert (first.id, first.first) == ("37_training", root / "valid_masks/37_manual1.gif")


def test_its_test_images_have_no_truth(fake_root: Path) -> None:
    selection = select(folders.read_deeplab(fake_root / "drive_folders"), "deeplab", "test")
    assert {case.first for case in selection.cases} == {None}


def test_masks_of_the_same_stem_are_matched(tmp_path: Path) -> None:
    for part, name in (("train", "1"), ("valid", "1")):
        trees.save(tmp_path / f"{part}_images/{name}.png", trees.draw(1).image)
        trees.save(tmp_path / f"{part}_masks/{name}.png", trees.draw(1).first)
    cases = folders.read_deeplab(tmp_path).cases
    assert [case.id for case in cases] == ["train-1", "val-1"]
    assert cases[1].first == tmp_path / "valid_masks/1.png"
