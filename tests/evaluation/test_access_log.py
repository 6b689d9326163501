import json
import subprocess
from pathlib import Path

import numpy as np
import pytest

from support import trees
from venule.data.case import Dataset
from venule.data.catalog import open_dataset
from venule.data.protocols import Selection, select
from venule.errors import OutputError
from venule.evaluation.access_log import (
    default_file,
    holds_test_images,
    record_access,
    require_writable,
)
from venule.evaluation.evaluate import evaluate_segmenter
from venule.inference.segment import Segmenter


@pytest.mark.parametrize(
    ("protocol", "split", "expected"),
    [
        ("official", "train", False),
        ("official", "val", False),
        ("official", "test", True),
        ("cv5", "val-1", False),
        ("ddrnet", "val", True),  # ten of the official test images
        ("ddrnet", "testval", True),
        ("all", "all", True),
    ],
)
def test_every_split_with_a_test_image_counts_as_a_look(
    drive: Dataset, protocol: str, split: str, expected: bool
) -> None:
    assert holds_test_images(drive, select(drive, protocol, split)) is expected


def test_each_look_is_one_more_json_line(
    val: Selection, segmenter: Segmenter, tmp_path: Path
) -> None:
    result = evaluate_segmenter(segmenter, val).model_copy(update={"weights_sha256": "abc"})
    file = tmp_path / "results" / "looks.jsonl"
    record_access(result, file)
    record_access(result, file)
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert len(lines) == 2
    look = lines[0]
    assert (look["dataset"], look["protocol"], look["split"]) == ("DRIVE", "official", "val")
    assert (look["model"], look["weights_sha256"], look["threshold"]) == ("dark", "abc", 0.4)
    assert look["scores"]["mean"]["dice"] == pytest.approx(result.mean["dice"].mean, abs=1e-6)
    assert look["date"].endswith("+00:00")


def test_undefined_scores_are_null(val: Selection, segmenter: Segmenter, tmp_path: Path) -> None:
    result = evaluate_segmenter(segmenter, val)
    undefined = result.model_copy(update={"pooled": {"dice": float("nan")}})
    record_access(undefined, tmp_path / "looks.jsonl")
    assert json.loads((tmp_path / "looks.jsonl").read_text())["scores"]["pooled"]["dice"] is None


def test_a_file_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="--access-log"):
        require_writable(tmp_path / "file" / "looks.jsonl")


def test_the_default_file_lies_at_the_top_of_the_checkout(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    inside = tmp_path / "repository" / "below"
    inside.mkdir(parents=True)
    monkeypatch.chdir(inside)
    assert default_file() == inside / "results" / "test_access.jsonl"
    subprocess.run(["git", "init", "-q", str(inside.parent)], check=True)
    assert default_file() == inside.parent / "results" / "test_access.jsonl"


@pytest.mark.parametrize(
    ("protocol", "split", "expected"),
    [
        ("loo", "test-im0001", True),
        ("loo", "val-im0001", False),
        ("all", "all", True),  # each of them is tested on once
    ],
)
def test_where_one_is_left_out_all_are_test_images(
    tmp_path: Path, protocol: str, split: str, expected: bool
) -> None:
    stare = open_dataset(str(trees.make_stare(tmp_path)))
    assert holds_test_images(stare, select(stare, protocol, split)) is expected


@pytest.mark.parametrize("split", ["test", "Test", "testing"])
def test_a_test_split_of_a_list_counts_however_it_is_spelt(tmp_path: Path, split: str) -> None:
    trees.save(tmp_path / "a.png", np.zeros((8, 8, 3), np.uint8))
    trees.save(tmp_path / "l.png", np.zeros((8, 8), np.uint8))
    (tmp_path / "list.csv").write_text(f"id,image,label,split\na,a.png,l.png,{split}\n")
    dataset = open_dataset(str(tmp_path / "list.csv"))
    for protocol, name in (("csv", "test"), ("all", "all")):
        assert holds_test_images(dataset, select(dataset, protocol, name))


def test_a_look_names_the_commit_and_whether_files_differ_from_it(
    val: Selection, segmenter: Segmenter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def git(*arguments: str) -> str:
        command = ["git", "-c", "user.name=a", "-c", "user.email=a@b.c", *arguments]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    file = tmp_path / "results" / "test_access.jsonl"
    file.parent.mkdir()
    file.touch()
    (tmp_path / "code.py").write_text("1")
    git("init", "-q")
    git("add", ".")
    git("commit", "-qm", "first")
    head = git("rev-parse", "HEAD")
    monkeypatch.chdir(tmp_path)
    result = evaluate_segmenter(segmenter, val)
    record_access(result, file)
    record_access(result, file)  # the first look has changed the file of looks
    (tmp_path / "code.py").write_text("2")
    record_access(result, file)
    commits = [json.loads(line)["commit"] for line in file.read_text().splitlines()]
    assert commits == [head, head, f"{head}-dirty"]
