"""`venule data`: check prints a table and the problems, synth writes synthetic images."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from support import trees
from venule.batch.corrections import Collected
from venule.cli.data import app
from venule.data.catalog import open_dataset
from venule.data.protocols import select
from venule.errors import DatasetError, OutputError

ARGUMENTS = ["check"]


def rows(table: str) -> list[str]:
    """The lines that are not empty, their columns one space apart."""
    return [" ".join(line.split()) for line in table.splitlines() if line.strip()]


def test_a_clean_data_set_gives_its_counts_and_exit_code_0(tmp_path: Path) -> None:
    root = trees.make_drive(tmp_path)
    result = CliRunner().invoke(app, [*ARGUMENTS, str(root)])
    assert result.exit_code == 0, result.output
    assert rows(result.stdout) == [
        "data set split images field of view 1st expert 2nd expert",
        "DRIVE test 20 20 20 20",
        "DRIVE training 20 20 20 0",
        "0 problems",
    ]
    assert "checking DRIVE" in result.stderr


def test_a_problem_is_one_line_and_exit_code_3(tmp_path: Path) -> None:
    root = trees.make_folders(tmp_path)
    (root / "labels/a.png").unlink()
    result = CliRunner().invoke(app, [*ARGUMENTS, f"folders={root}"])
    assert result.exit_code == 3
    *_, problem, count = result.stdout.splitlines()
    assert problem.startswith(f"{root / 'images/a.png'}: has no vessel mask; expected ")
    assert count == "1 problem"


def test_several_data_sets_share_one_table(tmp_path: Path) -> None:
    folders, chase = trees.make_folders(tmp_path), trees.make_chase(tmp_path)
    result = CliRunner().invoke(app, [*ARGUMENTS, str(folders), f"chase={chase}"])
    assert [row.split()[0] for row in rows(result.stdout)[1:-1]] == ["folders", "CHASE_DB1"]


def test_without_arguments_all_under_venule_data_are_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trees.make_chase(tmp_path)
    trees.make_stare(tmp_path)
    monkeypatch.setenv("VENULE_DATA", str(tmp_path))
    result = CliRunner().invoke(app, ARGUMENTS)
    assert result.exit_code == 0, result.output
    assert "STARE - 20 0 20 20" in rows(result.stdout)
    assert "CHASE_DB1 - 28 28 28 28" in rows(result.stdout)


def test_no_data_set_is_an_error_before_anything_is_checked(tmp_path: Path) -> None:
    root = trees.make_folders(tmp_path)
    result = CliRunner().invoke(app, [*ARGUMENTS, str(root), str(tmp_path / "nothing")])
    assert isinstance(result.exception, DatasetError)
    assert result.output == ""


def test_synth_writes_a_data_set_and_says_where(tmp_path: Path) -> None:
    out = tmp_path / "synthetic"
    arguments = ["synth", str(out), "--count", "2", "--size", "64", "--format", "jpg"]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    assert result.stdout == f"{out}\n"
    assert "[2/2] images/000001.jpg" in result.stderr
    check = CliRunner().invoke(app, ["check", str(out)])
    assert "folders - 2 2 2 0" in rows(check.stdout)
    again = CliRunner().invoke(app, arguments)
    assert again.exit_code == 0, again.output
    assert "images" not in again.stderr


def test_patches_sorts_squares_into_classes_and_says_where(tmp_path: Path) -> None:
    root, out = trees.make_folders(tmp_path), tmp_path / "patches"
    arguments = [
        "patches",
        str(root),
        str(out),
        "--size",
        "16",
        "--per-image",
        "4",
        "--classes",
        "2",
    ]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    assert result.stdout == f"{out}\n"
    assert "[1/6] a.png: 4 patches" in result.stderr
    assert "[6/6] c.png: written" in result.stderr
    assert len(list(out.glob("*/share-[12]/*.png"))) == 12
    again = CliRunner().invoke(app, arguments)
    assert isinstance(again.exception, OutputError)


@pytest.mark.parametrize(
    ("options", "protocol", "split"),
    [
        ([], "official", "train"),
        (["--split", "val"], "official", "val"),
        (["--protocol", "cv5", "--split", "val-1"], "cv5", "val-1"),
    ],
)
def test_patches_are_of_the_split_or_of_no_image_that_validates_or_tests(
    tmp_path: Path, options: list[str], protocol: str, split: str
) -> None:
    drive, out = trees.make_drive(tmp_path), tmp_path / "patches"
    sizes = ["--size", "16", "--per-image", "1", "--classes", "2"]
    result = CliRunner().invoke(app, ["patches", str(drive), str(out), *sizes, *options])
    assert result.exit_code == 0, result.output
    train, val = json.loads((out / "patches.json").read_text())["seen"]
    cases = select(open_dataset(str(drive)), protocol, split).cases
    assert set(train["images"]) | set(val["images"]) == {case.id for case in cases}


@pytest.mark.parametrize(("cases", "said"), [(1, "1 photograph in"), (2, "2 photographs in")])
def test_exported_corrections_are_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cases: int, said: str
) -> None:
    done = Collected(cases, ())
    monkeypatch.setattr("venule.batch.corrections.collect_corrections", lambda *_: done)
    folders = [str(tmp_path / "out"), str(tmp_path / "data")]
    result = CliRunner().invoke(app, ["from-corrections", *folders])
    assert result.stdout == f"{said} {tmp_path / 'data'}\n"
