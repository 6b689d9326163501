"""Splits are disjoint, complete, keep patients together, and are the published lists."""

import itertools
from dataclasses import replace
from pathlib import Path

import pytest

from support import trees
from venule.data.case import Dataset
from venule.data.catalog import open_dataset
from venule.data.protocol import Protocol
from venule.data.protocols import protocols_of, select
from venule.errors import DatasetError, UsageError

FOLDERS = ("DRIVE", "STARE", "CHASE_DB1", "HRF", "FIVES", "drive_folders", "own", "own/list.csv")


def groups_of(protocol: Protocol) -> list[dict[str, tuple[str, ...]]]:
    """The splits that are used together: each fold of a protocol with folds, else all of them."""
    folds = [split.partition("-")[2] for split in protocol.splits if split.startswith("train-")]
    if not folds:
        # The whole test set of the DDRNet for DRIVE (AghdamAmir) is its val and its test together.
        return [{s: ids for s, ids in protocol.splits.items() if s != "testval"}]
    return [
        {s: ids for s, ids in protocol.splits.items() if s.partition("-")[2] in ("", fold)}
        for fold in folds
    ]


@pytest.fixture(params=FOLDERS)
def dataset(request: pytest.FixtureRequest, fake_root: Path) -> Dataset:
    return open_dataset(str(fake_root / request.param))


def test_splits_of_every_protocol_are_disjoint_and_complete(dataset: Dataset) -> None:
    everything = sorted(case.id for case in dataset.cases)
    for protocol in protocols_of(dataset).values():
        for splits in groups_of(protocol):
            ids = [id for split in splits.values() for id in split]
            assert sorted(ids) == everything, protocol.name


def test_no_patient_is_in_two_splits_of_any_protocol(dataset: Dataset) -> None:
    patient = {case.id: case.patient or case.id for case in dataset.cases}
    for protocol in protocols_of(dataset).values():
        for splits in groups_of(protocol):
            patients = [{patient[id] for id in ids} for ids in splits.values()]
            for one, other in itertools.combinations(patients, 2):
                assert not one & other, protocol.name


def test_every_protocol_names_its_source(dataset: Dataset) -> None:
    assert all(protocol.source for protocol in protocols_of(dataset).values())


def test_every_data_set_has_a_protocol_all(dataset: Dataset) -> None:
    selection = select(dataset, "all", "all")
    assert selection.cases == dataset.cases


def numbers(dataset: Dataset, protocol: str | None, split: str) -> list[int]:
    return [int(case.id) for case in select(dataset, protocol, split).cases]


@pytest.fixture
def drive(fake_root: Path) -> Dataset:
    return open_dataset("drive", data_root=fake_root)


def test_drive_official_is_16_and_4_of_the_training_images_and_the_whole_test_set(
    drive: Dataset,
) -> None:
    assert numbers(drive, None, "val") == [24, 28, 33, 38]
    train = [21, 22, 23, 25, 26, 27, 29, 30, 31, 32, 34, 35, 36, 37, 39, 40]
    assert numbers(drive, "official", "train") == train
    assert numbers(drive, "official", "test") == list(range(1, 21))


def test_drive_cv5_has_five_folds_of_four(drive: Dataset) -> None:
    assert numbers(drive, "cv5", "val-1") == [21, 26, 31, 36]
    assert numbers(drive, "cv5", "val-5") == [25, 30, 35, 40]
    validated = [n for i in range(1, 6) for n in numbers(drive, "cv5", f"val-{i}")]
    assert sorted(validated) == list(range(21, 41))
    assert len(numbers(drive, "cv5", "train-3")) == 16


def test_drive_whole_trains_on_the_training_half_and_validates_nothing(drive: Dataset) -> None:
    assert numbers(drive, "whole", "train") == list(range(21, 41))
    assert numbers(drive, "whole", "test") == list(range(1, 21))
    with pytest.raises(UsageError, match="unknown split"):
        numbers(drive, "whole", "val")


def test_drive_ddrnet_selects_on_the_first_half_of_the_test_set(drive: Dataset) -> None:
    assert numbers(drive, "ddrnet", "train") == list(range(21, 41))
    assert numbers(drive, "ddrnet", "val") == list(range(1, 11))
    assert numbers(drive, "ddrnet", "test") == list(range(11, 21))
    assert numbers(drive, "ddrnet", "testval") == list(range(1, 21))


def test_drive_deeplab_stays_inside_the_training_images_and_tests_without_truth(
    drive: Dataset,
) -> None:
    inside = numbers(drive, "deeplab", "train") + numbers(drive, "deeplab", "val")
    assert sorted(inside) == list(range(21, 41))
    assert len(numbers(drive, "deeplab", "val")) == 4
    for case in select(drive, "deeplab", "test").cases:
        assert (case.first, case.second) == (None, None)


def test_chase_first20_tests_on_the_last_four_children(fake_root: Path) -> None:
    chase = open_dataset("chase", data_root=fake_root)
    test = {case.patient for case in select(chase, None, "test").cases}
    assert test == {"11", "12", "13", "14"}
    val = {case.id for case in select(chase, "first20", "val").cases}
    assert val == {"05L", "05R", "10L", "10R"}
    assert len(select(chase, "first20", "train").cases) == 16


def test_hrf_orlando_is_5_and_10_of_each_group(fake_root: Path) -> None:
    hrf = open_dataset("hrf", data_root=fake_root)
    sizes = {split: len(select(hrf, "orlando", split).cases) for split in ("train", "val", "test")}
    assert sizes == {"train": 12, "val": 3, "test": 30}
    trained = [case.id for split in ("train", "val") for case in select(hrf, None, split).cases]
    assert {id[:2] for id in trained} == {"01", "02", "03", "04", "05"}
    val = {case.id for case in select(hrf, "orlando", "val").cases}
    assert val == {"05_dr", "05_g", "05_h"}


def test_labels_without_a_licence_are_not_in_the_open_protocol(fake_root: Path) -> None:
    hrf = open_dataset("hrf", data_root=fake_root)
    ids = {case.id for case in select(hrf, "open", "train").cases}
    everything = {case.id for case in select(hrf, "all", "all").cases}
    assert everything - ids == {"11_h", "12_h", "13_h"}


def test_stare_leaves_one_out(fake_root: Path) -> None:
    stare = open_dataset("stare", data_root=fake_root)
    assert [case.id for case in select(stare, "loo", "test-im0324").cases] == ["im0324"]
    assert len(select(stare, "loo", "train-im0324").cases) == 16
    val = [case.id for case in select(stare, "loo", "val-im0324").cases]
    assert val == ["im0001", "im0002", "im0003"]
    val = [case.id for case in select(stare, "loo", "val-im0005").cases]
    assert val == ["im0044", "im0077", "im0081"]


def test_fives_validates_on_the_training_numbers_that_end_in_0(fake_root: Path) -> None:
    fives = open_dataset("fives", data_root=fake_root)
    val = [case.id for case in select(fives, None, "val").cases]
    assert (val[0], val[-1], len(val)) == ("train-10_A", "train-600_N", 60)
    assert len(select(fives, "official", "train").cases) == 540
    assert len(select(fives, "official", "test").cases) == 200


def test_part_of_fives_is_not_taken_for_the_whole(tmp_path: Path) -> None:
    fives = open_dataset(str(trees.make_fives(tmp_path, train=20, test=8)))
    with pytest.raises(DatasetError, match=r"8 of the 200 images of official test are under"):
        select(fives, None, "test")
    assert len(select(fives, "all", "all").cases) == 28


def test_a_selection_says_where_it_is_from(drive: Dataset) -> None:
    selection = select(drive, None, "test")
    assert (selection.dataset, selection.protocol, selection.split) == ("DRIVE", "official", "test")
    assert "Staal" in selection.source


def test_unknown_protocols_and_splits_suggest_the_nearest(drive: Dataset) -> None:
    with pytest.raises(UsageError, match=r"'offical'; did you mean official"):
        select(drive, "offical", "test")
    with pytest.raises(UsageError, match=r"'tests'; did you mean test\? known: train, val, test"):
        select(drive, None, "tests")


def test_an_image_of_the_list_that_is_missing_is_told(drive: Dataset) -> None:
    part = Dataset(name="DRIVE", root=drive.root, cases=drive.cases[1:])
    with pytest.raises(DatasetError, match="no image 01 of official test under"):
        select(part, "official", "test")
    assert len(select(part, "official", "train").cases) == 16


def test_a_training_image_without_a_mask_is_told_with_where_it_belongs(
    drive: Dataset,
) -> None:
    cases = tuple(replace(r, first=None) if r.id == "21" else r for r in drive.cases)
    bare = Dataset(name="DRIVE", root=drive.root, cases=cases)
    with pytest.raises(DatasetError) as caught:
        select(bare, "official", "train")
    message = str(caught.value)
    assert "21_training.tif has no vessel mask" in message
    assert str(drive.root / "training/1st_manual/21_manual1.gif") in message
    assert "\n" not in message
