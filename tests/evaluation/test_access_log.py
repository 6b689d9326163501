import json
from pathlib import Path

import numpy as np
import pytest

from support import trees
from venule.data.case import Dataset
from venule.data.catalog import open_dataset
from venule.data.protocols import Selection, select
from venule.errors import OutputError
from venule.evaluation.access_log import (
    holds_test_images,
    record_access,
    require_writable,
)
from venule.evaluation.evaluate import evaluate
from venule.evaluation.predictor import segmenter_predictor
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
def test_every_split_with_a_test_image_is_an_access(
    drive: Dataset, protocol: str, split: str, expected: bool
) -> None:
    assert holds_test_images(drive, select(drive, protocol, split)) is expected


def test_each_access_is_one_more_json_line(
    val: Selection, segmenter: Segmenter, tmp_path: Path
) -> None:
    result = evaluate(segmenter_predictor(segmenter), val).model_copy(
        update={"weights_sha256": "abc"}
    )
    file = tmp_path / "results" / "access.jsonl"
    record_access(result, file)
    record_access(result, file)
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert len(lines) == 2
    access = lines[0]
    assert (access["dataset"], access["protocol"], access["split"]) == ("DRIVE", "official", "val")
    assert (access["model"], access["weights_sha256"], access["threshold"]) == ("dark", "abc", 0.4)
    assert access["scores"]["mean"]["dice"] == pytest.approx(result.mean["dice"].mean, abs=1e-6)
    assert access["date"].endswith("+00:00")


def test_undefined_scores_are_null(val: Selection, segmenter: Segmenter, tmp_path: Path) -> None:
    result = evaluate(segmenter_predictor(segmenter), val)
    undefined = result.model_copy(update={"pooled": {"dice": float("nan")}})
    record_access(undefined, tmp_path / "access.jsonl")
    assert json.loads((tmp_path / "access.jsonl").read_text())["scores"]["pooled"]["dice"] is None


def test_a_file_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="--access-log"):
        require_writable(tmp_path / "file" / "access.jsonl")


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


def test_what_else_the_keeper_of_the_log_knows_stands_in_its_line(
    val: Selection, segmenter: Segmenter, tmp_path: Path
) -> None:
    result = evaluate(segmenter_predictor(segmenter), val)
    record_access(result, tmp_path / "a.jsonl", context={"commit": "abc", "grader": None})
    record_access(result, tmp_path / "a.jsonl")
    first, second = map(json.loads, (tmp_path / "a.jsonl").read_text().splitlines())
    assert (first["commit"], first["grader"]) == ("abc", None)
    assert first.keys() - second.keys() == {"commit", "grader"}
