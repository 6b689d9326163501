"""Shards divide a folder of photographs; merged, their results are those of one run."""

import csv
import json
import shutil
from contextlib import closing
from pathlib import Path

import pytest

from support.networks import write_network
from support.segmenters import noise
from venule.batch.choice import ModelChoice
from venule.batch.ledger import Ledger
from venule.batch.merge import merge_shards
from venule.batch.predict import predict_folder
from venule.batch.process import Failed, Kept, Outcome
from venule.batch.reading import read_results
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


def _run(
    folder: Path,
    out: Path,
    model: ModelChoice,
    number: int,
    *,
    count: int = COUNT,
    overwrite: bool = False,
) -> list[Outcome]:
    outcomes: list[Outcome] = []
    predict_folder(
        folder,
        out,
        model=model,
        engine="inline",
        shard=Shard(number, count),
        overwrite=overwrite,
        progress=outcomes.append,
    )
    return outcomes


def _run_all(folder: Path, out: Path, model: ModelChoice) -> None:
    for number in range(1, COUNT + 1):
        _run(folder, out, model, number)


def _merge_all(folder: Path, out: Path, model: ModelChoice) -> None:
    _run_all(folder, out, model)
    merge_shards(out)


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


def test_a_shard_of_other_settings_is_refused_and_if_forced_not_merged(
    folder: Path, tiny: ModelChoice, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    for number in (1, 2):
        _run(folder, out, tiny, number)
    other = ModelChoice(model=tiny.model, runtime="onnx", threshold=0.7)
    with pytest.raises(OutputError, match=r"--threshold was 0\.5, now 0\.7"):
        _run(folder, out, other, 3)
    _run(folder, out, other, 3, overwrite=True)
    for read in (merge_shards, read_results):
        with pytest.raises(OutputError, match="run those that do not again, with --overwrite"):
            read(out)
    for number in (1, 2):
        _run(folder, out, other, number, overwrite=True)
    assert merge_shards(out) == 8
    assert json.loads((out / "run.json").read_text())["threshold"] == {"vessel": 0.7}


def test_shards_run_again_with_other_settings_replace_what_was_merged(
    folder: Path, tiny: ModelChoice, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    _merge_all(folder, out, tiny)
    other = ModelChoice(model=tiny.model, runtime="onnx", threshold=0.7)
    with pytest.raises(OutputError, match="--threshold"):
        _run(folder, out, other, 1)
    for number in (1, 2, 3):
        _run(folder, out, other, number, overwrite=True)
    assert merge_shards(out) == 8
    assert read_results(out).threshold == 0.7
    predict_folder(folder, tmp_path / "whole", model=other, engine="inline")
    assert _table(out) == _table(tmp_path / "whole")
    assert _pictures(out) == _pictures(tmp_path / "whole")


def test_results_of_other_settings_that_no_shard_replaces_are_not_merged_with_others(
    folder: Path, tiny: ModelChoice, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    _merge_all(folder, out, tiny)
    other = ModelChoice(model=tiny.model, runtime="onnx", threshold=0.7)
    _run(folder, out, other, 1, overwrite=True)
    with pytest.raises(OutputError, match="holds results of other settings"):
        merge_shards(out)


def test_one_run_after_a_merge_is_what_is_read(
    folder: Path, tiny: ModelChoice, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    _run_all(folder, out, tiny)
    with pytest.raises(OutputError, match="shards that are not merged; run venule merge"):
        predict_folder(folder, out, model=tiny, engine="inline")
    merge_shards(out)
    other = ModelChoice(model=tiny.model, runtime="onnx", threshold=0.7)
    predict_folder(folder, out, model=other, engine="inline", overwrite=True)
    found = read_results(out)
    assert found.threshold == 0.7
    assert {one.status for one in found.results} == {"done", "failed"}
    assert sorted(path.name for path in out.glob("*-of-*")) == []


def test_a_merge_repeated_changes_nothing(folder: Path, tiny: ModelChoice, tmp_path: Path) -> None:
    _run_all(folder, tmp_path, tiny)
    assert merge_shards(tmp_path) == 8
    before = (tmp_path / "report.csv").read_bytes()
    assert merge_shards(tmp_path) == 8
    assert (tmp_path / "report.csv").read_bytes() == before


def test_one_shard_run_again_is_merged_with_the_rest(
    folder: Path, tiny: ModelChoice, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    _merge_all(folder, out, tiny)
    again = _run(folder, out, tiny, 1)
    assert all(isinstance(one, Kept | Failed) for one in again)
    assert merge_shards(out) == 8
    assert len(_table(out)) == 8


@pytest.mark.parametrize("overwrite", [False, True])
def test_one_shard_run_again_after_a_whole_run_is_merged_with_the_rest(
    folder: Path, tiny: ModelChoice, tmp_path: Path, overwrite: bool
) -> None:
    out = tmp_path / "out"
    _merge_all(folder, out, tiny)
    for _ in range(2):
        predict_folder(folder, out, model=tiny, engine="inline", overwrite=overwrite)
        _run(folder, out, tiny, 1)
        assert merge_shards(out) == 8
        assert merge_shards(out) == 8
    predict_folder(folder, tmp_path / "whole", model=tiny, engine="inline")
    assert _table(out) == _table(tmp_path / "whole")


def test_a_shard_of_another_division_is_refused_until_the_first_is_merged(
    folder: Path, tiny: ModelChoice, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    _run(folder, out, tiny, 1)
    before = sorted(out.rglob("*"))
    for overwrite in (False, True):
        with pytest.raises(OutputError, match=r"holds shards of 3; run all I/3 and merge them"):
            _run(folder, out, tiny, 1, count=2, overwrite=overwrite)
    assert sorted(out.rglob("*")) == before
    _merge_all(folder, out, tiny)
    for number in (1, 2):
        _run(folder, out, tiny, number, count=2)
    assert merge_shards(out) == 8


def test_a_folder_that_got_shards_of_two_divisions_goes_on_as_is_said(
    folder: Path, tiny: ModelChoice, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    _run(folder, tmp_path / "other", tiny, 1)
    for number in (1, 2):
        _run(folder, out, tiny, number, count=2)
    shutil.copy(tmp_path / "other" / ".venule-1-of-3.sqlite", out)
    said = r"of 2 and of 3; delete \.venule-\*-of-3\.sqlite\* in it, run all I/2 with --overwrite"
    with pytest.raises(OutputError, match=said):
        merge_shards(out)
    with pytest.raises(OutputError, match=said):
        _run(folder, out, tiny, 3)
    (out / ".venule-1-of-3.sqlite").unlink()
    for number in (1, 2):
        _run(folder, out, tiny, number, count=2, overwrite=True)
    assert merge_shards(out) == 8


@pytest.mark.parametrize("merged_between", [False, True])
def test_a_second_format_beside_a_photograph_gives_it_one_row(
    folder: Path, tiny: ModelChoice, tmp_path: Path, merged_between: bool
) -> None:
    out = tmp_path / "out"
    _run_all(folder, out, tiny)
    if merged_between:
        merge_shards(out)
    for path in sorted(folder.rglob("eye*.png")):
        shutil.copy(path, path.with_suffix(".jpg"))  # read by content
    _run_all(folder, out, tiny)
    assert merge_shards(out) == 15
    predict_folder(folder, tmp_path / "whole", model=tiny, engine="inline")
    assert _table(out) == _table(tmp_path / "whole")
    assert _pictures(out) == _pictures(tmp_path / "whole")


@pytest.mark.parametrize("text", ["0/3", "4/3", "1", "1/0", "a/b", "1/3/5", "-1/3"])
def test_what_is_no_shard_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="I from 1 to N"):
        parse_shard(text)


def test_ledgers_are_known_by_their_names() -> None:
    assert is_ledger(".venule.sqlite")
    assert is_ledger(".venule-3-of-12.sqlite")
    assert not is_ledger(".venule.sqlite-wal")
    assert Records(Path("out"), Shard(3, 12)).ledger.name == ".venule-3-of-12.sqlite"
