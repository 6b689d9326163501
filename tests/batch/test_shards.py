"""Shards divide a folder of photographs; merged, their results are those of one run."""

import csv
import json
from contextlib import closing
from pathlib import Path

import pytest

from support.networks import write_network
from support.segmenters import noise
from venule.batch.choice import ModelChoice
from venule.batch.ledger import Ledger
from venule.batch.merge import merge_shards
from venule.batch.predict import predict_folder
from venule.batch.process import Kept, Outcome
from venule.batch.records import Records, Shard, is_ledger, parse_shard
from venule.errors import OutputError, UsageError
from venule.image.io import write_png
from venule.models.record import ModelRecord

COUNT = 3


@pytest.fixture
def tiny(tmp_path: Path) -> ModelChoice:
    record = ModelRecord(name="tiny", model="tiny")
    return ModelChoice(model=write_network(tmp_path / "tiny.onnx", record), runtime="onnx")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "in"
    for seed in range(7):
        path = folder / f"person{seed % 2}" / f"eye{seed}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_png(path, noise(40, seed=seed))
    (folder / "broken.png").write_bytes(b"no photograph")
    return folder


def _run(folder: Path, out: Path, model: ModelChoice, number: int) -> list[Outcome]:
    outcomes: list[Outcome] = []
    shard = Shard(number, COUNT)
    predict_folder(folder, out, model=model, engine="inline", shard=shard, progress=outcomes.append)
    return outcomes


def _table(out: Path) -> list[dict[str, str]]:
    with (out / "report.csv").open(encoding="utf-8", newline="") as file:
        return [{k: v for k, v in row.items() if k != "seconds"} for row in csv.DictReader(file)]


def _pictures(out: Path) -> dict[str, bytes]:
    return {path.relative_to(out).as_posix(): path.read_bytes() for path in out.rglob("*.png")}


def test_every_name_belongs_to_exactly_one_shard() -> None:
    names = [f"deep/eye{k}" for k in range(2000)]
    taken = [[Shard(k, 8).takes(name) for name in names] for k in range(1, 9)]
    assert [sum(column) for column in zip(*taken, strict=True)] == [1] * 2000
    assert all(200 <= sum(row) <= 300 for row in taken)  # 250 each, five standard deviations


def test_merged_shards_are_as_one_run(folder: Path, tiny: ModelChoice, tmp_path: Path) -> None:
    predict_folder(folder, tmp_path / "whole", model=tiny, engine="inline")
    for number in (2, 3, 1):
        _run(folder, tmp_path / "parts", tiny, number)
    assert merge_shards(tmp_path / "parts") == 8
    assert _table(tmp_path / "parts") == _table(tmp_path / "whole")
    assert _pictures(tmp_path / "parts") == _pictures(tmp_path / "whole")
    run, parts = (
        json.loads((tmp_path / name / "run.json").read_text()) for name in ("whole", "parts")
    )
    assert run.pop("last_run")["failed"] == 1
    assert parts.pop("last_run") == {"merged_shards": COUNT}
    assert run == parts


@pytest.mark.parametrize("as_shards", [False, True])
def test_a_merged_folder_goes_on_as_one_run_or_as_shards(
    folder: Path, tiny: ModelChoice, tmp_path: Path, as_shards: bool
) -> None:
    out = tmp_path / "out"
    for number in (1, 2, 3):
        _run(folder, out, tiny, number)
    merge_shards(out)
    write_png(folder / "broken.png", noise(40, seed=9))
    again: list[Outcome] = []
    if as_shards:
        again += [outcome for number in (1, 2, 3) for outcome in _run(folder, out, tiny, number)]
        assert merge_shards(out) == 8
    else:
        predict_folder(folder, out, model=tiny, engine="inline", progress=again.append)
    assert [type(outcome) for outcome in again].count(Kept) == 7
    assert {row["status"] for row in _table(out)} == {"done"}


def test_a_missing_shard_is_named(folder: Path, tiny: ModelChoice, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="holds no shards"):
        merge_shards(tmp_path)
    _run(folder, tmp_path / "out", tiny, 1)
    with pytest.raises(UsageError, match=r"shard 2/3 has not run \(2 of 3 missing\)"):
        merge_shards(tmp_path / "out")


def test_a_shard_that_is_still_at_work_is_not_merged(
    folder: Path, tiny: ModelChoice, tmp_path: Path
) -> None:
    for number in (1, 2, 3):
        _run(folder, tmp_path / "out", tiny, number)
    with (
        closing(Ledger(Records(tmp_path / "out", Shard(2, COUNT)))),
        pytest.raises(OutputError, match="another venule predict is running there"),
    ):
        merge_shards(tmp_path / "out")


def test_shards_of_other_settings_are_not_merged(
    folder: Path, tiny: ModelChoice, tmp_path: Path
) -> None:
    for number in (1, 2):
        _run(folder, tmp_path / "out", tiny, number)
    other = ModelChoice(model=tiny.model, runtime="onnx", threshold=0.7)
    _run(folder, tmp_path / "out", other, 3)
    with pytest.raises(OutputError, match="threshold"):
        merge_shards(tmp_path / "out")


@pytest.mark.parametrize("text", ["0/3", "4/3", "1", "1/0", "a/b", "1/3/5", "-1/3"])
def test_what_is_no_shard_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="I from 1 to N"):
        parse_shard(text)


def test_ledgers_are_known_by_their_names() -> None:
    assert is_ledger(".venule.sqlite")
    assert is_ledger(".venule-3-of-12.sqlite")
    assert not is_ledger(".venule.sqlite-wal")
    assert Records(Path("out"), Shard(3, 12)).ledger.name == ".venule-3-of-12.sqlite"
