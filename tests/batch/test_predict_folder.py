"""A folder is predicted from Python as by the command, in whichever engine."""

import csv
import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pytest
from PIL import Image

from support.networks import write_network
from support.segmenters import green, noise, working
from venule.analysis.analyse import Analysis, Networks, Step
from venule.analysis.columns import COLUMNS, Cell, Columns, completed
from venule.analysis.mask_files import find_masks
from venule.analysis.outputs import OUTPUTS, Output
from venule.batch.choice import ModelChoice
from venule.batch.engine import Resources
from venule.batch.engines import ENGINES
from venule.batch.ledger import Ledger
from venule.batch.plan import Job
from venule.batch.predict import _engine_name, predict_folder
from venule.batch.process import Failed, Finished, Outcome, Task, Written
from venule.batch.reading import open_result, photograph_file, read_results
from venule.batch.records import Records
from venule.batch.report import write_reports
from venule.errors import OutputError, UsageError
from venule.image.io import write_png
from venule.models.record import ModelRecord

Value = TypeVar("Value")


@pytest.fixture
def tiny(tmp_path: Path) -> ModelChoice:
    """A network of one 1 x 1 convolution whose logit is minus the normalised green channel."""
    record = ModelRecord(name="tiny", model="tiny")
    return ModelChoice(model=write_network(tmp_path / "tiny.onnx", record), runtime="onnx")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two photographs, one without colour and a broken one."""
    folder = tmp_path / "in"
    (folder / "deep").mkdir(parents=True)
    write_png(folder / "eye.png", noise(48))
    write_png(folder / "deep" / "eye.png", noise(40, seed=1))
    Image.fromarray(np.full((40, 40), 90, np.uint8)).save(folder / "grey.png")
    (folder / "broken.png").write_bytes(b"no photograph")
    return folder


def _table(out: Path) -> list[dict[str, str]]:
    with (out / "report.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _found(out: Path) -> dict[str, object]:
    """Every file below `out` with what it holds, times and the ledger's bytes left out."""
    found: dict[str, object] = {
        path.relative_to(out).as_posix(): path.read_bytes() for path in out.rglob("*.png")
    }
    found["report.csv"] = [{**row, "seconds": ""} for row in _table(out)]
    run = json.loads((out / "run.json").read_text(encoding="utf-8"))
    found["run.json"] = {name: value for name, value in run.items() if name != "last_run"}
    return found


def test_a_folder_is_predicted_from_python_and_its_outcomes_are_counted(
    tiny: ModelChoice, folder: Path, tmp_path: Path
) -> None:
    told: list[Outcome] = []
    begun: list[tuple[str, int]] = []
    out = tmp_path / "out"
    summary = predict_folder(
        folder,
        out,
        model=tiny,
        engine="inline",
        begun=lambda record, total: begun.append((record.name, total)),
        progress=told.append,
    )
    assert (summary.out, summary.total, summary.written, summary.kept) == (out, 4, 3, 0)
    (failure,) = summary.failed
    assert failure.job.source == folder / "broken.png"
    assert failure.reason.startswith("not an image")
    assert begun == [("tiny", 4)]
    assert [type(outcome) for outcome in told].count(Written) == 3
    assert {path.relative_to(out).as_posix() for path in out.rglob("*.png")} == {
        "eye_mask.png",
        "grey_mask.png",
        "deep/eye_mask.png",
    }

    again = predict_folder([str(folder)], str(out), model=tiny, engine="inline")
    assert (again.written, again.kept, len(again.failed)) == (0, 3, 1)


def test_a_script_needs_no_guard_around_its_main_program(
    tiny: ModelChoice, folder: Path, tmp_path: Path
) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "import venule\n"
        "print('once', flush=True)\n"
        f"done = venule.predict_folder({str(folder)!r}, 'out', model={str(tiny.model)!r})\n"
        "print(done.written, len(done.failed))\n",
        encoding="utf-8",
    )
    ran = subprocess.run(
        [sys.executable, str(script)], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.split("\n")[:2] == ["once", "3 1"]
    assert (tmp_path / "out" / "eye_mask.png").is_file()


def test_every_engine_writes_the_same_bytes_and_the_same_report(
    tiny: ModelChoice, folder: Path, tmp_path: Path
) -> None:
    kinds = ("overlay", "mask", "prob")
    one, many = tmp_path / "one", tmp_path / "many"
    predict_folder(folder, one, model=tiny, outputs=kinds, engine="inline")
    predict_folder(folder, many, model=tiny, outputs=kinds, engine="processes", workers=2)
    found = _found(one)
    assert len(found) == 3 * 3 + 2
    assert _found(many) == found
    # They are one run: what the one engine has finished the other keeps.
    summary = predict_folder(folder, one, model=tiny, outputs=kinds, engine="processes")
    assert (summary.written, summary.kept, len(summary.failed)) == (0, 3, 1)
    assert _found(one) == found


def test_the_names_that_others_read_are_as_they_were(
    tiny: ModelChoice, folder: Path, tmp_path: Path
) -> None:
    assert {name: OUTPUTS[name].suffix for name in ("prob", "mask", "overlay")} == {
        "prob": "_prob.png",
        "mask": "_mask.png",
        "overlay": "_overlay.png",
    }
    out = tmp_path / "out"
    predict_folder(folder, out, model=tiny, outputs=("prob", "mask", "overlay"), engine="inline")
    modes = {}
    for kind in ("prob", "mask", "overlay"):
        with Image.open(out / f"eye_{kind}.png") as image:
            modes[kind] = image.mode
            assert image.size == (48, 40)
    assert modes == {"prob": "I;16", "mask": "L", "overlay": "RGB"}
    header = (out / "report.csv").read_text(encoding="utf-8").splitlines()[0]
    columns = "path,id,status,reason,outputs,seconds,warnings,quality,quality_reasons,uncertainty"
    assert header == columns
    rows = {Path(row["path"]).relative_to(folder).as_posix(): row for row in _table(out)}
    assert rows["eye.png"]["outputs"] == "eye_prob.png;eye_mask.png;eye_overlay.png"
    assert rows["grey.png"]["warnings"].startswith("a photograph without colour")
    assert {row["status"] for row in rows.values()} == {"done", "failed"}


def test_a_kind_of_file_and_a_group_of_columns_are_added_in_one_place_each(
    tiny: ModelChoice, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[Analysis] = []

    def look(analysis: Analysis, _: Networks) -> Analysis:
        taken.append(analysis)
        return analysis

    step = Step("look", look)

    def area(analysis: Analysis) -> Mapping[str, Cell]:
        vessels = analysis.prediction.vessels
        return {"vessel_px": int(vessels.sum()), "vessel_share": float(vessels.mean())}

    def text(analysis: Analysis) -> bytes:
        return str(area(analysis)["vessel_px"]).encode()

    monkeypatch.setitem(_dict(OUTPUTS), "area", Output("_area.txt", text, (step,)))
    group = Columns(("vessel_px", "vessel_share"), area, (step,))
    monkeypatch.setitem(_dict(COLUMNS), "area", group)

    out = tmp_path / "out"
    source = folder / "eye.png"
    predict_folder(source, out, model=tiny, outputs=("mask", "area"), columns=("quality", "area"))
    with Image.open(out / "eye_mask.png") as image:
        mask = np.asarray(image) == 255
    assert 0 < mask.sum() < mask.size
    assert (out / "eye_area.txt").read_text() == str(mask.sum())
    (row,) = _table(out)
    assert list(row)[-5:] == ["quality", "quality_reasons", "uncertainty", *group.names]
    assert row["outputs"] == "eye_mask.png;eye_area.txt"
    assert int(row["vessel_px"]) == mask.sum()
    assert float(row["vessel_share"]) == mask.mean()
    assert row["quality"] in ("ok", "usable", "reject")
    assert len(taken) == 1  # though both need it
    # It is in the ledger too, and asked for again it is kept.
    assert (
        predict_folder(
            source, out, model=tiny, outputs=("mask", "area"), columns=("quality", "area")
        ).kept
        == 1
    )
    assert _table(out) == [row]


def _dict(mapping: Mapping[str, Value]) -> dict[str, Value]:
    assert isinstance(mapping, dict)
    return mapping


def test_columns_that_are_not_asked_for_are_not_there(
    tiny: ModelChoice, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    group = Columns(("always_7",), lambda _: {"always_7": 7})
    monkeypatch.setitem(_dict(COLUMNS), "seven", group)
    predict_folder(folder / "eye.png", tmp_path / "out", model=tiny, columns=("seven",))
    (row,) = _table(tmp_path / "out")
    assert list(row)[-2:] == ["warnings", "always_7"]
    assert row["always_7"] == "7"


def test_measuring_and_discs_need_the_landmarks_and_the_scale() -> None:
    assert completed(("measure", "quality"), ("mask",)) == (
        *("quality", "landmarks", "file", "measure"),
    )
    assert completed(("quality",), ("mask", "disc")) == ("quality", "landmarks", "file")
    assert completed(("quality",), ("mask",)) == ("quality",)


def test_measuring_from_python_gives_the_landmarks_and_the_scale_too(
    tiny: ModelChoice, folder: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    predict_folder(folder / "eye.png", out, model=tiny, columns=("quality", "measure"))
    (row,) = _table(out)
    assert {"disc_x_px", "um_per_px"} <= set(row)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"outputs": ("mask", "map")}, "output map: use one or more of prob, mask, overlay"),
        ({"outputs": "map"}, "output map: use one or more of prob, mask, overlay"),
        ({"outputs": ()}, "output none: use one or more of prob, mask, overlay"),
        ({"columns": ("age",)}, "columns age: use one or more of quality"),
        ({"engine": "dask"}, "engine dask: use one of inline, processes, ray"),
        ({"engine": "inline", "workers": 2}, "engine inline is one worker"),
        ({"engine": "inline", "timeout": 5.0}, "engine inline is one worker without a time limit"),
        ({"workers": 0}, "workers = 0: use 1 or more"),
        ({"timeout": 0.0}, "timeout 0.0: give a number of seconds"),
        ({"timeout": float("nan")}, "timeout nan: give a number of seconds"),
        ({"timeout": float("inf")}, "timeout inf: give a number of seconds"),
    ],
)
def test_what_cannot_be_done_is_refused_before_anything_is_made(
    tiny: ModelChoice, folder: Path, tmp_path: Path, options: dict[str, Any], said: str
) -> None:
    with pytest.raises(UsageError, match=re.escape(said)):
        predict_folder(folder, tmp_path / "out", model=tiny, **options)
    assert not (tmp_path / "out").exists()


def test_an_output_alone_is_named_without_a_list(
    tiny: ModelChoice, folder: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    predict_folder(folder / "eye.png", out, model=tiny, outputs="prob", columns="quality")
    assert {path.name for path in out.glob("*.png")} == {"eye_prob.png"}


def _jobs(count: int) -> list[Job]:
    return [
        Job(source=Path(f"{n}.png"), out=Path("out"), name=f"{n}", outputs=("mask",))
        for n in range(count)
    ]


@pytest.mark.parametrize(
    ("photographs", "workers", "timeout", "expected"),
    [
        (1, 1, None, "inline"),
        (2, 1, None, "processes"),
        (1, 2, None, "processes"),
        (1, 1, 5.0, "processes"),
    ],
)
def test_only_a_photograph_alone_without_a_limit_stays_in_this_process(
    photographs: int, workers: int, timeout: float | None, expected: str
) -> None:
    jobs = _jobs(photographs)
    assert _engine_name(None, jobs, workers=workers, timeout=timeout) == expected
    assert _engine_name("processes", jobs, workers=workers, timeout=timeout) == "processes"


def test_an_engine_that_is_named_is_taken_for_many_photographs_too() -> None:
    assert _engine_name("inline", _jobs(3), workers=1, timeout=None) == "inline"


@pytest.mark.parametrize("engine", ["inline", "processes"])  # ray: see test_ray.py
def test_every_engine_yields_one_outcome_a_task_and_leaves_the_ledger_alone(
    tmp_path: Path, engine: str
) -> None:
    for number in range(3):
        write_png(tmp_path / f"{number}.png", noise(40, seed=number))
    tasks = [
        Task(Job(source=tmp_path / f"{n}.png", out=tmp_path, name=f"{n}", outputs=("mask",)), None)
        for n in range(3)
    ]
    outcomes = ENGINES[engine](tasks, working(green), Resources(1, 1, 60.0))
    with closing(outcomes):
        found = {outcome.job.name: type(outcome) for outcome in outcomes}
    assert found == dict.fromkeys("012", Written)
    assert not (tmp_path / ".venule.sqlite").exists()


def test_only_photographs_that_have_a_result_have_a_row_of_measurements(tmp_path: Path) -> None:
    good, rejected = jobs = _jobs(2)
    cells: dict[str, Cell] = {"quality": "reject", "vessel_density": 0.5}
    with closing(Ledger(Records(tmp_path))) as ledger:
        ledger.begin(jobs, {"columns": ["quality", "measure"]}, overwrite=False)
        ledger.record(Written(good, Finished("12ab", {}), seconds=1, cells=cells))
        ledger.record(Failed(rejected, "rejected: blurred", cells=cells))
        write_reports(ledger, last_run={})
    assert [row["quality"] for row in _table(tmp_path)] == ["reject", "reject"]
    with (tmp_path / "measurements.csv").open(encoding="utf-8", newline="") as file:
        assert [(row["id"], row["quality"]) for row in csv.DictReader(file)] == [("0", "reject")]


def test_of_millions_that_fail_a_summary_names_the_first_and_counts_all(
    tiny: ModelChoice, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("venule.batch.predict.FAILED_KEPT", 2)
    (tmp_path / "in").mkdir()
    for number in range(5):
        (tmp_path / "in" / f"{number}.png").write_bytes(b"no photograph")
    write_png(tmp_path / "in" / "eye.png", noise(40))
    found = predict_folder(tmp_path / "in", tmp_path / "out", model=tiny, engine="inline")
    assert [one.job.name for one in found.failed] == ["0", "1"]
    assert (found.written, found.failures, found.total) == (1, 5, 6)
    assert [row["status"] for row in _table(tmp_path / "out")].count("failed") == 5


@pytest.mark.skipif(os.name == "nt", reason="no such names")
def test_a_carriage_return_in_a_name_splits_no_row_and_its_mask_can_be_measured(
    tiny: ModelChoice, tmp_path: Path
) -> None:
    path = tmp_path / "in" / "a\r=1+1.png"
    path.parent.mkdir()
    write_png(path, noise(40))
    predict_folder(path.parent, tmp_path / "out", model=tiny, columns=("quality", "measure"))
    for name in ("report.csv", "measurements.csv"):
        with (tmp_path / "out" / name).open(encoding="utf-8", newline="") as file:
            assert [row["id"] for row in csv.DictReader(file)] == ["a\r=1+1"]
    (found,) = find_masks(tmp_path / "out")
    assert found.id == "a\r=1+1"


def test_a_photograph_whose_name_is_not_utf_8_is_found_again(
    tiny: ModelChoice, tmp_path: Path
) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/in/\xe9t\xe9.png"))
    path.parent.mkdir()
    try:
        write_png(path, noise(40))
    except (OutputError, OSError) as error:
        pytest.skip(f"no such name here ({error})")
    predict_folder(path.parent, tmp_path / "out", model=tiny)
    (result,) = read_results(tmp_path / "out").results
    assert photograph_file(result) == path
    assert open_result(read_results(tmp_path / "out"), result).photograph.shape == (40, 40)
