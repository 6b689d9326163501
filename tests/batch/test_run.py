import csv
import json
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import replace
from functools import partial
from multiprocessing import Pipe
from pathlib import Path
from typing import Any

import pytest

from support.networks import write_network
from support.segmenters import DEADLY, broken, deadly, green, noise, working
from venule import __version__
from venule.batch.choice import ModelChoice, open_same, require_same, settings_of
from venule.batch.engine import OpenWorker, Resources
from venule.batch.ledger import Ledger
from venule.batch.plan import Job, plan
from venule.batch.predict import resources_of
from venule.batch.process import Failed, Kept, Outcome, Task, Written
from venule.batch.processes import _Read, _Worker
from venule.batch.records import Records
from venule.batch.run import run, start
from venule.errors import OutputError, UsageError, VenuleError
from venule.files.hashes import file_sha256
from venule.image.io import write_png
from venule.inference.segment import Segmenter
from venule.models.record import ModelRecord

Predict = Callable[..., list[Outcome]]

SETTINGS = {"outputs": ["mask"], "columns": ["quality"]}
ABC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    write_png(tmp_path / "in" / "eye.png", noise(40))
    return tmp_path / "in"


@pytest.fixture
def predict(folder: Path, tmp_path: Path) -> Predict:
    """Predict the folder into out/, in worker processes if a time limit is given."""

    def predict(
        *,
        outputs: tuple[str, ...] = ("mask",),
        network: Callable[[int], Segmenter] = green,
        open_worker: OpenWorker | None = None,
        overwrite: bool = False,
        workers: int = 1,
        timeout: float | None = None,
        check: Callable[[], None] | None = None,
        **settings: object,
    ) -> list[Outcome]:
        jobs = plan([folder], tmp_path / "out", outputs=outputs)
        given = {"outputs": outputs, "columns": ["quality"], **settings}
        outcomes = run(
            jobs,
            start(jobs, Records(tmp_path / "out"), given, overwrite=overwrite),
            open_worker or working(network),
            engine="inline" if timeout is None else "processes",
            resources=resources_of(workers, timeout),
            check=check,
        )
        with closing(outcomes):
            return list(outcomes)

    return predict


def _run(
    jobs: Sequence[Job],
    out: Path,
    network: Callable[[int], Segmenter] = green,
    *,
    engine: str = "inline",
    workers: int = 1,
) -> Generator[Outcome, None, None]:
    return run(
        jobs,
        start(jobs, Records(out), SETTINGS),
        working(network),
        engine=engine,
        resources=resources_of(workers, None),
    )


def _report(out: Path) -> list[dict[str, str]]:
    with (out / "report.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _kinds(outcomes: list[Outcome]) -> dict[str, type]:
    return {outcome.job.name: type(outcome) for outcome in outcomes}


def test_a_run_leaves_masks_a_report_and_what_they_were_made_with(
    predict: Predict, folder: Path, tmp_path: Path
) -> None:
    assert _kinds(predict(model="green")) == {"eye": Written}
    (row,) = _report(tmp_path / "out")
    assert float(row.pop("seconds")) > 0
    assert 0 < float(row.pop("uncertainty")) < 1
    assert "too small" in row.pop("quality_reasons").split("; ")  # 40 px
    assert row == {
        "path": str(folder / "eye.png"),
        "id": "eye",
        "status": "done",
        "reason": "",
        "outputs": "eye_mask.png",
        "warnings": "",
        "quality": "reject",
    }
    record = json.loads((tmp_path / "out" / "run.json").read_text())
    assert record["model"] == "green"
    assert record["outputs"] == ["mask"]
    assert record["columns"] == ["quality"]
    assert {"python", "numpy", "onnxruntime"} <= set(record["versions"])
    assert record["counts"] == {"inputs": 1, "done": 1, "failed": 0, "pending": 0}
    assert record["quality"] == {"ok": 0, "usable": 0, "reject": 1}
    last = record["last_run"]
    assert (last["written"], last["kept"], last["failed"]) == (1, 0, 0)
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        ".venule.sqlite",
        "eye_mask.png",
        "report.csv",
        "run.json",
    }


def test_a_second_run_keeps_what_the_first_finished(predict: Predict, tmp_path: Path) -> None:
    predict(model="green")
    first = _report(tmp_path / "out")
    assert _kinds(predict(model="green")) == {"eye": Kept}
    assert _report(tmp_path / "out") == first


def test_a_mask_edited_by_hand_is_kept_until_overwriting(predict: Predict, tmp_path: Path) -> None:
    predict()
    mask = tmp_path / "out" / "eye_mask.png"
    predicted = mask.read_bytes()
    mask.write_bytes(b"drawn by hand")
    for _ in range(2):
        assert _kinds(predict()) == {"eye": Failed}
        assert mask.read_bytes() == b"drawn by hand"
        (row,) = _report(tmp_path / "out")
        assert (row["status"], row["outputs"]) == ("done", "eye_mask.png")
        assert "--overwrite" in row["reason"]
    mask.write_bytes(predicted)
    assert _kinds(predict()) == {"eye": Kept}
    assert _report(tmp_path / "out")[0]["reason"] == ""
    mask.write_bytes(b"drawn by hand")
    assert _kinds(predict(overwrite=True)) == {"eye": Written}
    assert mask.read_bytes() == predicted


def test_a_mask_edited_by_hand_is_kept_where_its_photograph_changes_too(
    predict: Predict, folder: Path, tmp_path: Path
) -> None:
    predict()
    mask = tmp_path / "out" / "eye_mask.png"
    mask.write_bytes(b"drawn by hand")
    write_png(folder / "eye.png", noise(40, seed=1))
    assert _kinds(predict()) == {"eye": Failed}
    assert mask.read_bytes() == b"drawn by hand"
    assert "changed by another program" in _report(tmp_path / "out")[0]["reason"]
    assert _kinds(predict(overwrite=True)) == {"eye": Written}


def test_a_changed_photograph_is_predicted_again_and_a_broken_one_loses_its_mask(
    predict: Predict, folder: Path, tmp_path: Path
) -> None:
    predict()
    write_png(folder / "eye.png", noise(40, seed=1))
    assert _kinds(predict()) == {"eye": Written}
    (folder / "eye.png").write_bytes(b"broken")
    assert _kinds(predict()) == {"eye": Failed}
    assert not (tmp_path / "out" / "eye_mask.png").exists()
    (row,) = _report(tmp_path / "out")
    assert row["status"] == "failed"
    assert row["reason"].startswith("not an image")
    assert row["outputs"] == ""


def test_a_rejected_photograph_of_a_strict_run_keeps_its_quality_in_the_report(
    folder: Path, tmp_path: Path
) -> None:
    jobs = plan([folder], tmp_path / "out", strict=True)
    with closing(_run(jobs, tmp_path / "out")) as outcomes:
        assert _kinds(list(outcomes)) == {"eye": Failed}
    (row,) = _report(tmp_path / "out")
    assert (row["status"], row["quality"], row["outputs"]) == ("failed", "reject", "")
    assert row["reason"] == "rejected: " + row["quality_reasons"].replace("; ", ", ")
    record = json.loads((tmp_path / "out" / "run.json").read_text())
    assert record["quality"] == {"ok": 0, "usable": 0, "reject": 1}


def test_other_settings_are_refused_until_overwriting_replaces_all_they_made(
    predict: Predict, tmp_path: Path
) -> None:
    predict(outputs=("prob", "mask"), threshold=0.5)
    before = (tmp_path / "out" / "run.json").read_bytes()
    with pytest.raises(OutputError, match=r"--threshold was 0\.5, now 0\.6"):
        predict(outputs=("prob", "mask"), threshold=0.6)
    assert (tmp_path / "out" / "run.json").read_bytes() == before
    assert _kinds(predict(outputs=("mask",), threshold=0.6, overwrite=True)) == {"eye": Written}
    assert not (tmp_path / "out" / "eye_prob.png").exists()


def test_a_runtime_installed_half_way_is_refused_until_overwriting(
    predict: Predict, folder: Path, tmp_path: Path
) -> None:
    # "auto" both times: the second time it is another runtime, in another precision.
    asked = {"runtime": "auto"}
    before, now = (replace(green(1), runtime=name) for name in ("ONNX 1, fp32", "OpenVINO 2, bf16"))
    weights = folder / "eye.png"
    settings = [settings_of(one, file_sha256(weights), asked) for one in (before, now)]

    predict(**settings[0])
    assert json.loads((tmp_path / "out" / "run.json").read_text())["runtime"] == "ONNX 1, fp32"
    with pytest.raises(OutputError, match=r"runtime 'ONNX 1, fp32', now 'OpenVINO 2, bf16'.*--ov"):
        predict(**settings[1])
    assert _kinds(predict(**settings[0])) == {"eye": Kept}
    assert _kinds(predict(**settings[1], overwrite=True)) == {"eye": Written}


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    return write_network(tmp_path / "tiny.onnx", ModelRecord(name="tiny", model="tiny"))


@pytest.mark.parametrize("timeout", [None, 60])
def test_workers_that_would_compute_in_another_runtime_write_nothing(
    predict: Predict, tmp_path: Path, tiny: Path, timeout: float | None
) -> None:
    choice = ModelChoice(model=tiny, runtime="onnx")
    open_worker = partial(open_same, choice, "another", file_sha256(tiny))
    with pytest.raises(UsageError, match=r"in ONNX Runtime .*, but the run began in another"):
        predict(open_worker=open_worker, timeout=timeout)
    assert not (tmp_path / "out" / "eye_mask.png").exists()


@pytest.mark.parametrize("timeout", [None, 60])
def test_weights_that_change_while_they_are_opened_write_nothing(
    predict: Predict, tmp_path: Path, timeout: float | None
) -> None:
    (tmp_path / "weights").write_text("abd")
    same = partial(require_same, tmp_path / "weights", ABC)
    with pytest.raises(UsageError, match=r"weights: has changed since the run began"):
        predict(check=same, timeout=timeout)
    assert not (tmp_path / "out" / "eye_mask.png").exists()


def test_weights_are_the_same_until_a_byte_of_them_changes(tmp_path: Path) -> None:
    (tmp_path / "weights").write_text("abc")
    require_same(tmp_path / "weights", ABC)
    (tmp_path / "weights").write_text("abd")
    with pytest.raises(UsageError, match=r"has changed since the run began"):
        require_same(tmp_path / "weights", ABC)


def test_a_worker_does_not_go_on_with_other_weights_than_the_run_began_with(tiny: Path) -> None:
    choice, sha256 = ModelChoice(model=tiny, runtime="onnx"), file_sha256(tiny)
    runtime = choice.open(1).runtime
    assert open_same(choice, runtime, sha256, 1).networks.vessels.runtime == runtime
    write_network(tiny, ModelRecord(name="another", model="tiny"))
    with pytest.raises(UsageError, match=r"has changed since the run began"):
        open_same(choice, runtime, sha256, 1)


def test_a_photograph_that_cannot_be_read_today_keeps_its_results(
    predict: Predict, folder: Path, tmp_path: Path
) -> None:
    share = tmp_path / "share"
    share.mkdir()
    (folder / "eye.png").rename(share / "eye.png")
    (folder / "eye.png").symlink_to(share / "eye.png")
    predict()
    mask = (tmp_path / "out" / "eye_mask.png").read_bytes()
    share.rename(tmp_path / "not mounted")
    (outcome,) = predict()
    assert isinstance(outcome, Failed)
    assert not outcome.read
    assert (tmp_path / "out" / "eye_mask.png").read_bytes() == mask
    (row,) = _report(tmp_path / "out")
    assert (row["status"], row["outputs"]) == ("done", "eye_mask.png")
    assert row["reason"] == "no such file; results of an earlier run are kept"

    (tmp_path / "not mounted").rename(share)
    assert _kinds(predict()) == {"eye": Kept}
    assert _report(tmp_path / "out")[0]["reason"] == ""


def test_what_was_found_goes_where_its_photograph_has_changed_and_takes_too_long(
    predict: Predict, folder: Path, tmp_path: Path
) -> None:
    predict()
    write_png(folder / "eye.png", noise(DEADLY["hang"]))
    (outcome,) = predict(network=deadly, timeout=5)
    assert isinstance(outcome, Failed)
    assert outcome.reason == "took longer than 5 s"
    assert not (tmp_path / "out" / "eye_mask.png").exists()
    assert [row["status"] for row in _report(tmp_path / "out")] == ["failed"]


@pytest.mark.parametrize("changed", [False, True])
def test_what_was_found_stays_where_its_photograph_takes_too_long_to_be_looked_at(
    predict: Predict, folder: Path, tmp_path: Path, changed: bool
) -> None:
    predict()
    (job,) = plan([folder], tmp_path / "out")
    with closing(Ledger(Records(tmp_path / "out"))) as ledger:
        finished = ledger.finished(job)
    ours, theirs = Pipe()

    class Process:
        def kill(self) -> None:
            """It hangs, and is killed."""

        join = kill

    worker = object.__new__(_Worker)
    worker.connection, worker.process = ours, Process()  # type: ignore[assignment]
    worker.give(Task(job, finished))
    if changed:
        theirs.send(_Read())
    outcome = worker.receive(0.0)
    assert isinstance(outcome, Failed)
    assert outcome.read is changed
    assert outcome.reason.endswith("are kept") is not changed
    assert (tmp_path / "out" / "eye_mask.png").exists() is not changed


def test_what_an_interrupted_overwriting_left_stays_where_it_cannot_be_read(
    predict: Predict, folder: Path, tmp_path: Path
) -> None:
    predict()
    jobs = plan([folder], tmp_path / "out")
    start(jobs, Records(tmp_path / "out"), SETTINGS, overwrite=True).close()
    (folder / "eye.png").rename(tmp_path / "away.png")
    (folder / "eye.png").symlink_to(tmp_path / "nowhere.png")
    assert _kinds(predict()) == {"eye": Failed}
    assert (tmp_path / "out" / "eye_mask.png").exists()
    assert [row["status"] for row in _report(tmp_path / "out")] == ["pending"]


def test_a_file_that_somebody_put_in_the_place_of_a_failed_result_stays(
    predict: Predict, folder: Path, tmp_path: Path
) -> None:
    (folder / "bad.png").write_bytes(b"broken")
    assert _kinds(predict()) == {"bad": Failed, "eye": Written}
    by_hand = tmp_path / "out" / "bad_mask.png"
    by_hand.write_bytes(b"drawn by hand")
    assert _kinds(predict()) == {"bad": Failed, "eye": Kept}
    write_png(folder / "bad.png", noise(40))  # it could be read now
    outcomes = {outcome.job.name: outcome for outcome in predict()}
    assert isinstance(outcomes["bad"], Failed)
    assert "a file that venule did not write" in outcomes["bad"].reason
    assert by_hand.read_bytes() == b"drawn by hand"
    rows = {Path(row["path"]).stem: row for row in _report(tmp_path / "out")}
    assert rows["bad"]["status"] == "failed"
    assert _kinds(predict(overwrite=True)) == {"bad": Written, "eye": Written}
    assert by_hand.read_bytes() != b"drawn by hand"


@pytest.mark.parametrize("name", ["report.csv", "run.json"])
def test_a_file_of_a_reports_name_is_not_replaced(
    predict: Predict, tmp_path: Path, name: str
) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / name).write_text("mine")
    with pytest.raises(OutputError, match=f"{name} exists already"):
        predict()
    assert (tmp_path / "out" / name).read_text() == "mine"
    assert [path.name for path in (tmp_path / "out").iterdir()] == [name]


@pytest.mark.parametrize("engine", ["inline", "processes"])
def test_a_run_that_is_killed_leaves_a_report_that_says_so(
    folder: Path, tmp_path: Path, engine: str
) -> None:
    write_png(folder / "more.png", noise(40, seed=1))
    out = tmp_path / "out"
    jobs = plan([folder], out)
    outcomes = _run(jobs, out, engine=engine)
    with closing(outcomes):
        next(outcomes)  # and as if no more were heard of it
        assert {row["status"] for row in _report(out)} == {"pending"}
        record = json.loads((out / "run.json").read_text())
        assert record["counts"]["pending"] == 2
        assert record["last_run"]["finished"] is None
    record = json.loads((out / "run.json").read_text())
    assert record["last_run"]["finished"] is not None


def test_files_in_the_way_are_refused_and_nothing_is_written(
    predict: Predict, tmp_path: Path
) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "eye_mask.png").write_text("mine")
    with pytest.raises(OutputError, match=r"eye_mask\.png exists already"):
        predict()
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["eye_mask.png"]


def test_what_a_killed_process_left_half_written_is_removed(
    predict: Predict, tmp_path: Path
) -> None:
    (tmp_path / "out").mkdir()
    for name in (".eye_mask.png.abcd1234.tmp", ".report.csv.abcd1234.tmp"):
        (tmp_path / "out" / name).touch()
    predict()
    assert not list((tmp_path / "out").glob(".*.tmp"))


@pytest.mark.parametrize("engine", ["inline", "processes"])
def test_a_run_that_is_closed_early_reports_what_it_left_and_gives_the_ledger_free(
    folder: Path, tmp_path: Path, engine: str
) -> None:
    for number in range(3):
        write_png(folder / f"more{number}.png", noise(40, seed=number))
    out = tmp_path / "out"
    jobs = plan([folder], out)
    outcomes = _run(jobs, out, engine=engine)
    first = next(outcomes)
    outcomes.close()
    statuses = {Path(row["path"]).stem: row["status"] for row in _report(out)}
    assert statuses == dict.fromkeys(statuses, "pending") | {first.job.name: "done"}
    assert [path.name for path in out.glob("*_mask.png")] == [f"{first.job.name}_mask.png"]
    with closing(Ledger(Records(out))) as ledger:
        assert ledger.finished(first.job) is not None


def test_a_repetition_that_is_closed_early_keeps_what_was_finished(
    folder: Path, tmp_path: Path
) -> None:
    for number in range(4):
        write_png(folder / f"more{number}.png", noise(40, seed=number))
    out = tmp_path / "out"
    jobs = plan([folder], out)

    def begin() -> Generator[Outcome, None, None]:
        return _run(jobs, out, engine="processes", workers=2)

    with closing(begin()) as outcomes:
        assert {type(outcome) for outcome in outcomes} == {Written}
    before = {path.name: path.read_bytes() for path in out.glob("*_mask.png")}
    assert len(before) == 5
    with closing(begin()) as outcomes:
        assert isinstance(next(outcomes), Kept)
    assert {path.name: path.read_bytes() for path in out.glob("*_mask.png")} == before


def test_what_hangs_or_kills_its_worker_costs_that_photograph_only(
    predict: Predict, folder: Path, tmp_path: Path
) -> None:
    (folder / "eye.png").unlink()
    for number in range(6):
        write_png(folder / f"good{number}.png", noise(40, seed=number))
    (folder / "bad").mkdir()
    for name, width in DEADLY.items():
        write_png(folder / "bad" / f"{name}.png", noise(width))
    outcomes = predict(network=deadly, workers=2, timeout=5)
    good = {f"good{number}" for number in range(6)}
    assert {outcome.job.name for outcome in outcomes if isinstance(outcome, Written)} == good
    reasons = {out.job.name: out.reason for out in outcomes if isinstance(out, Failed)}
    assert reasons == {
        "bad/exit": "its worker process ended (3), twice",
        "bad/segfault": "its worker process was stopped by SIGSEGV, twice",
        "bad/memory": "its worker process ran out of memory, twice",
        "bad/hang": "took longer than 5 s",
        "bad/fault": "a fault in venule, please report it: RuntimeError: planted",
    }
    assert {row["status"] for row in _report(tmp_path / "out") if "bad" in row["path"]} == {
        "failed"
    }
    masks = {path.name for path in (tmp_path / "out").rglob("*_mask.png")}
    assert masks == {f"{name}_mask.png" for name in good}


def test_a_network_that_kills_every_worker_is_one_error(predict: Predict) -> None:
    with pytest.raises(OutputError, match=r"ended \(9\) while it loaded the network"):
        predict(network=broken, timeout=60)


def test_what_is_wrong_with_the_weights_is_said_by_the_worker(
    predict: Predict, tmp_path: Path
) -> None:
    choice = ModelChoice(model=tmp_path / "missing.onnx")
    with pytest.raises(VenuleError, match=r"missing\.onnx: no such weights file"):
        predict(open_worker=partial(open_same, choice, "any", ABC), timeout=60)


def test_the_cores_are_shared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("venule.batch.predict.core_count", lambda: 8)
    shared = [resources_of(workers, None) for workers in (1, 2, 3, 8, 20)]
    assert [one.threads for one in shared] == [8, 4, 2, 1, 1]
    assert [one.workers for one in shared] == [1, 2, 3, 8, 20]
    assert shared[0] == Resources(1, 8, 600.0)
    assert resources_of(1, 2.5).timeout_s == 2.5


def test_settings_name_the_version_the_weights_and_what_was_chosen() -> None:
    settings = settings_of(green(1), "12ab", {"imgsz": None}, ("prob",), ("quality",))
    assert settings["venule"] == __version__
    assert settings["model_sha256"] == "12ab"
    assert settings["runtime"] == green(1).runtime
    assert settings["threshold"] == {"vessel": 0.5}
    assert settings["outputs"] == ["prob"]
    assert settings["columns"] == ["quality"]
    assert settings["parameters"] == {"imgsz": None}
    assert settings["networks"] == {}


def test_results_with_other_networks_of_types_or_landmarks_are_not_mixed(
    predict: Predict, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shipped = {name: tmp_path / name for name in ("vessel-types", "landmarks")}
    monkeypatch.setattr("venule.inference.load._shipped", lambda: shipped)
    for path in shipped.values():
        path.write_bytes(b"abc")
    asked: dict[str, Any] = {"outputs": ("mask", "av"), "columns": ("landmarks",)}
    before = settings_of(green(1), "12ab", {}, **asked)
    assert before["networks"] == {"vessel-types": ABC, "landmarks": ABC}
    assert settings_of(green(1), "12ab", {}, ("av",), ("quality",))["networks"] == {
        "vessel-types": ABC
    }
    shipped["landmarks"].write_bytes(b"abd")
    now = settings_of(green(1), "12ab", {}, **asked)

    predict(**{**before, "outputs": ("mask",), "columns": ("quality",)})
    record = json.loads((tmp_path / "out" / "run.json").read_text())
    assert record["networks"] == {"vessel-types": ABC, "landmarks": ABC}
    with pytest.raises(OutputError, match=rf"networks\.landmarks '{ABC}', now '"):
        predict(**{**now, "outputs": ("mask",), "columns": ("quality",)})


def test_a_photograph_too_large_for_this_process_fails(folder: Path, tmp_path: Path) -> None:
    write_png(folder / "eye.png", noise(DEADLY["memory"]))
    out = tmp_path / "out"
    with closing(_run(plan([folder], out), out, deadly)) as outcomes:
        (outcome,) = outcomes
    assert isinstance(outcome, Failed)
    assert outcome.reason == "too large for this computer's memory"
    assert [row["status"] for row in _report(out)] == ["failed"]
