"""DRIVE as released, and as downloaded today."""

from pathlib import Path

import pytest

from support import trees
from venule.data import drive
from venule.data.protocols import select
from venule.errors import DatasetError


def test_every_file_of_the_release_lies_in_its_case(fake_root: Path) -> None:
    root = fake_root / "DRIVE"
    cases = {case.id: case for case in drive.read(root).cases}
    assert list(cases) == [f"{number:02d}" for number in range(1, 41)]
    test = cases["01"]
    assert test.image == root / "test/images/01_test.tif"
    assert test.fov == root / "test/mask/01_test_mask.gif"
    assert test.first == root / "test/1st_manual/01_manual1.gif"
    assert test.second == root / "test/2nd_manual/01_manual2.gif"
    assert (test.split, test.patient) == ("test", None)
    training = cases["21"]
    assert training.first == root / "training/1st_manual/21_manual1.gif"
    assert (training.split, training.second) == ("training", None)


def test_the_present_download_without_test_labels_is_read(tmp_path: Path) -> None:
    dataset = drive.read(trees.make_drive(tmp_path, test_labels=False))
    assert len(dataset.cases) == 40
    selection = select(dataset, "official", "test")
    assert all(case.first is None and case.second is None for case in selection.cases)
    assert len(select(dataset, "official", "train").cases) == 16


def test_validation_on_test_images_needs_their_labels(tmp_path: Path) -> None:
    dataset = drive.read(trees.make_drive(tmp_path, test_labels=False))
    with pytest.raises(DatasetError, match=r"01_test.tif has no vessel mask .*01_manual1.gif"):
        select(dataset, "ddrnet", "val")


def test_hidden_files_of_other_systems_are_passed_over(tmp_path: Path) -> None:
    root = trees.make_drive(tmp_path)
    (root / "training/images/._21_training.tif").write_bytes(b"")
    (root / "training/images/Thumbs.db").write_bytes(b"")
    assert len(drive.read(root).cases) == 40


def test_converted_copies_are_read_too(tmp_path: Path) -> None:
    root = trees.make_drive(tmp_path)
    (root / "training/1st_manual/21_manual1.gif").unlink()
    converted = trees.save(root / "training/1st_manual/21_manual1.png", trees.draw(21).first)
    assert {r.id: r for r in drive.read(root).cases}["21"].first == converted


def test_two_files_of_one_stem_are_an_error(tmp_path: Path) -> None:
    root = trees.make_drive(tmp_path)
    trees.save(root / "training/images/21_training.png", trees.draw(21).image)
    with pytest.raises(DatasetError, match=r"21_training.png and 21_training.tif share the name"):
        drive.read(root)
