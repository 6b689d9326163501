"""Folders of synthetic images are the same however they were made, and read as data sets."""

from dataclasses import replace
from pathlib import Path

import pytest

from venule.data.catalog import open_dataset
from venule.data.check import check_dataset
from venule.errors import OutputError
from venule.image.io import read_mask
from venule.image.photograph import read_photograph
from venule.synth.collection import Collection, synthesize_all


def make(root: Path, count: int, *, workers: int = 1, collection: Collection | None = None) -> int:
    """Draw what is missing of a set, tiny unless given; how many that were."""
    images = replace(collection or Collection(root=root, size_px=64), root=root)
    images.begin()
    return len(list(synthesize_all(images, images.missing(count), workers=workers)))


def content(root: Path) -> dict[str, bytes]:
    return {str(p.relative_to(root)): p.read_bytes() for p in root.rglob("*") if p.is_file()}


def test_the_folder_is_a_data_set_without_problems(tmp_path: Path) -> None:
    make(tmp_path / "set", 3)
    dataset = open_dataset(str(tmp_path / "set"))
    assert [case.id for case in dataset.cases] == ["000000", "000001", "000002"]
    assert not check_dataset(dataset)
    for case in dataset.cases:
        assert case.fov is not None
        assert case.first is not None
        vessels, fov = read_mask(case.first), read_mask(case.fov)
        assert read_photograph(case.image).pixels.shape[:2] == vessels.shape == fov.shape
        assert vessels.any()
        assert not (vessels & ~fov).any()


def test_two_workers_write_the_same_bytes_as_one(tmp_path: Path) -> None:
    assert make(tmp_path / "one", 4) == 4
    assert make(tmp_path / "two", 4, workers=2) == 4
    assert content(tmp_path / "one") == content(tmp_path / "two")


def test_a_set_can_be_extended_and_only_what_is_missing_is_drawn(tmp_path: Path) -> None:
    make(tmp_path / "short", 2)
    before = content(tmp_path / "short")
    assert make(tmp_path / "short", 4) == 2
    assert make(tmp_path / "short", 4) == 0
    (tmp_path / "short/images/000001.png").unlink()
    assert make(tmp_path / "short", 4) == 1
    after = content(tmp_path / "short")
    assert before.items() <= after.items()
    make(tmp_path / "long", 4)
    assert after == content(tmp_path / "long")


def test_drawings_differ_within_a_set_and_between_seeds(tmp_path: Path) -> None:
    make(tmp_path / "a", 2)
    make(tmp_path / "b", 2, collection=Collection(root=tmp_path, size_px=64, seed=1))
    images = [p.read_bytes() for name in "ab" for p in (tmp_path / name / "images").iterdir()]
    assert len(set(images)) == 4


def test_a_folder_of_another_kind_of_drawing_is_refused(tmp_path: Path) -> None:
    make(tmp_path / "set", 1)
    with pytest.raises(OutputError, match="another size_px; give another folder"):
        make(tmp_path / "set", 1, collection=Collection(root=tmp_path, size_px=80))


def test_a_folder_with_other_files_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(OutputError, match="not empty"):
        make(tmp_path, 1)


def test_a_broken_account_is_refused(tmp_path: Path) -> None:
    (tmp_path / "synth.json").write_text("[")
    with pytest.raises(OutputError, match="cannot be read; give another folder"):
        make(tmp_path, 1)


def test_photographs_may_be_jpeg_and_labels_stay_png(tmp_path: Path) -> None:
    make(tmp_path / "set", 1, collection=Collection(root=tmp_path, size_px=64, format="jpg"))
    assert set(content(tmp_path / "set")) == {
        "synth.json", "images/000000.jpg", "labels/000000.png", "fov/000000.png",
    }  # fmt: skip
    (record,) = open_dataset(str(tmp_path / "set")).cases
    assert record.first is not None
