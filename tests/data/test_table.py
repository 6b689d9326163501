"""A data set written down as a CSV file."""

from pathlib import Path

import pytest

from support import trees
from venule.data import table
from venule.data.protocols import select
from venule.errors import DatasetError

ROW = {"id": "a", "image": "images/a.png", "label": "labels/a.png"}


def test_paths_are_relative_to_the_file_and_columns_become_fields(fake_root: Path) -> None:
    path = fake_root / "own/list.csv"
    first, _, last = table.read(path).cases
    assert first.image == path.parent / "images/a.png"
    assert first.first == path.parent / "labels/a.png"
    assert first.fov == path.parent / "fov/a.png"
    assert (first.split, first.patient, last.split) == ("train", "A", "test")


def test_its_split_column_is_its_protocol(fake_root: Path) -> None:
    dataset = table.read(fake_root / "own/list.csv")
    selection = select(dataset, "csv", "train")
    assert [case.id for case in selection.cases] == ["a", "b"]


def test_optional_columns_may_be_left_out(tmp_path: Path) -> None:
    case = table.read(trees.make_csv(tmp_path, [ROW])).cases[0]
    assert (case.fov, case.split, case.patient) == (None, None, None)


def test_without_a_split_column_all_is_the_split(tmp_path: Path) -> None:
    dataset = table.read(trees.make_csv(tmp_path, [ROW]))
    assert len(select(dataset, None, "all").cases) == 1


def test_absolute_paths_stay_absolute(tmp_path: Path) -> None:
    image = tmp_path / "own/images/a.png"
    case = table.read(trees.make_csv(tmp_path, [ROW | {"image": str(image)}])).cases[0]
    assert case.image == image


def test_an_empty_label_is_none_and_training_on_it_is_an_error(tmp_path: Path) -> None:
    dataset = table.read(trees.make_csv(tmp_path, [ROW | {"label": "", "split": "train"}]))
    assert dataset.cases[0].first is None
    with pytest.raises(DatasetError, match=r"a.png has no vessel mask"):
        select(dataset, None, "train")


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([ROW | {"splt": "train"}], "unknown column 'splt'; did you mean split"),
        ([{"id": "a", "image": "images/a.png"}], "no column label"),
        ([ROW, ROW], "id a is in two rows"),
        ([ROW | {"image": ""}], "line 2 has no image"),
        ([ROW | {"id": ""}], "line 2 has no id"),
        ([ROW | {"id": "site1/000"}], "line 2 has the id site1/000; it names files"),
    ],
)
def test_mistakes_in_the_file_are_one_line(
    rows: list[dict[str, str]], message: str, tmp_path: Path
) -> None:
    with pytest.raises(DatasetError, match=message) as caught:
        table.read(trees.make_csv(tmp_path, rows))
    assert "\n" not in str(caught.value)


def test_blank_lines_do_not_shift_the_number_of_a_line(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text("id,image,label\n\na,a.png,\n\n,b.png,\n")
    with pytest.raises(DatasetError, match="line 5 has no id"):
        table.read(tmp_path / "list.csv")


def test_a_column_may_not_be_there_twice(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text("id,image,label, label\na,a.png,x.png,y.png\n")
    with pytest.raises(DatasetError, match="column 'label' occurs twice"):
        table.read(tmp_path / "list.csv")


@pytest.mark.parametrize("line", ["a,images/a.png", "a,images/a.png,labels/a.png,more"])
def test_rows_of_another_length_are_an_error(line: str, tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_text(f"id,image,label\n{line}\n")
    with pytest.raises(DatasetError, match="line 2 has more or fewer cells"):
        table.read(path)


def test_a_file_of_another_encoding_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_bytes(b"id,image,label\nM\xfcller,a.png,b.png\n")
    with pytest.raises(DatasetError, match="save it as UTF-8"):
        table.read(path)


def test_the_byte_order_mark_of_spreadsheets_is_passed_over(tmp_path: Path) -> None:
    path = trees.make_csv(tmp_path, [ROW])
    path.write_text(path.read_text(), encoding="utf-8-sig")
    assert table.read(path).cases[0].id == "a"


def test_a_patient_in_two_splits_is_an_error(tmp_path: Path) -> None:
    rows = [
        ROW | {"split": "train", "patient": "7"},
        ROW | {"id": "b", "split": "val", "patient": "7"},
    ]
    dataset = table.read(trees.make_csv(tmp_path, rows))
    with pytest.raises(DatasetError, match="patient 7 is in train and in val"):
        select(dataset, None, "train")
