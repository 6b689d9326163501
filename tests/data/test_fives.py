"""FIVES: equal names in train/ and test/ are different photographs."""

from pathlib import Path

from venule.data import fives


def test_the_part_belongs_to_the_id(fake_root: Path) -> None:
    root = fake_root / "FIVES"
    cases = {case.id: case for case in fives.read(root).cases}
    assert len(cases) == 800
    train, test = cases["train-1_A"], cases["test-1_A"]
    assert train.image == root / "train/Original/1_A.png"
    assert train.first == root / "train/Ground truth/1_A.png"
    assert test.image == root / "test/Original/1_A.png"
    assert (train.split, test.split) == ("train", "test")


def test_records_are_in_the_order_of_their_numbers(fake_root: Path) -> None:
    numbers = [fives.number_of(r) for r in fives.read(fake_root / "FIVES").cases]
    assert numbers == [*range(1, 601), *range(1, 201)]
