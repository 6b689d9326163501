import csv
import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from support.commands import Run
from venule.cli.progress import shown
from venule.synth.fundus import synthesize_fundus

KINDS = ("prob", "mask", "overlay")
ALL = ("--save", "prob,mask,overlay")
LASTING = {"engine", "workers", "threads", "timeout_s", "written", "kept", "failed"}
RECORDS = {".venule.sqlite", "report.csv", "run.json"}


@pytest.fixture
def photograph(tmp_path: Path) -> Path:
    path = tmp_path / "photographs" / "eye.png"
    path.parent.mkdir()
    Image.fromarray(synthesize_fundus(0, size_px=96).image).save(path)
    return path


def _pixels(path: Path) -> NDArray[Any]:
    with Image.open(path) as image:
        return np.asarray(image)


def _outputs(out: Path) -> set[str]:
    """The files below `out` beside the records of the run."""
    return {str(path.relative_to(out)) for path in out.rglob("*") if path.is_file()} - RECORDS


def test_a_photograph_becomes_a_mask_unless_more_is_asked_for(
    venule: Run, tiny_onnx: Path, photograph: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    ran = venule("predict", photograph, "-o", out, "--model", tiny_onnx)
    assert ran.code == 0, ran.err
    assert ran.out.split() == [str(out / "eye_mask.png")]
    assert _outputs(out) == {"eye_mask.png"}


def test_a_photograph_becomes_three_files_of_its_own_size(
    venule: Run, tiny_onnx: Path, photograph: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    save = ("--save", "overlay,prob, mask")
    ran = venule("predict", photograph, "-o", out, "--model", tiny_onnx, *save)
    assert ran.code == 0, ran.err
    assert ran.out.split() == [str(out / f"eye_{kind}.png") for kind in KINDS]
    modes = {}
    for kind in KINDS:
        with Image.open(out / f"eye_{kind}.png") as image:
            modes[kind] = image.mode
            assert image.size == (96, 96)
    assert modes == {"prob": "I;16", "mask": "L", "overlay": "RGB"}


def test_the_map_is_the_probability_of_the_python_interface_times_65535(
    venule: Run, tiny_onnx: Path, photograph: Path, tmp_path: Path
) -> None:
    import venule as package
    from venule.image.photograph import read_photograph

    venule("predict", photograph, "-o", tmp_path / "out", "--model", tiny_onnx, *ALL)
    expected = (
        package.load(tiny_onnx, device="cpu")
        .segment(read_photograph(photograph).pixels)
        .probability
    )
    stored = _pixels(tmp_path / "out" / "eye_prob.png")
    assert stored.dtype == np.uint16
    assert np.array_equal(stored / np.float32(65535), expected)
    assert stored.max() > 40000


def test_the_mask_is_255_where_the_map_reaches_the_records_threshold(
    venule: Run, tiny_onnx: Path, photograph: Path, tmp_path: Path
) -> None:
    venule("predict", photograph, "-o", tmp_path / "out", "--model", tiny_onnx, *ALL)
    stored = _pixels(tmp_path / "out" / "eye_prob.png")
    mask = _pixels(tmp_path / "out" / "eye_mask.png")
    assert set(np.unique(mask)) == {0, 255}
    assert np.array_equal(mask == 255, stored >= 39321)  # 0.6 * 65535


def test_another_threshold_gives_another_mask(
    venule: Run, tiny_onnx: Path, photograph: Path, tmp_path: Path
) -> None:
    sizes = {}
    for threshold in ("0.3", "0.9"):
        out = tmp_path / threshold
        options = ("-o", out, "--model", tiny_onnx, "--threshold", threshold)
        assert venule("predict", photograph, *options).code == 0
        sizes[threshold] = int((_pixels(out / "eye_mask.png") == 255).sum())
    assert sizes["0.9"] < sizes["0.3"]


def test_a_square_working_size_leaves_the_results_at_the_photographs_size(
    venule: Run, tiny_onnx: Path, tmp_path: Path
) -> None:
    wide = tmp_path / "wide.png"
    Image.fromarray(synthesize_fundus(1, size_px=96).image[8:-8]).save(wide)
    whole, squared = tmp_path / "whole", tmp_path / "squared"
    venule("predict", wide, "-o", whole, "--model", tiny_onnx, *ALL)
    ran = venule("predict", wide, "-o", squared, "--model", tiny_onnx, "--imgsz", "64", *ALL)
    assert ran.code == 0, ran.err
    maps = [_pixels(out / "wide_prob.png") for out in (whole, squared)]
    assert maps[0].shape == maps[1].shape == (80, 96)
    assert (maps[0] != maps[1]).any()


def test_with_test_time_augmentation_the_run_says_so_and_other_results_are_not_mixed_in(
    venule: Run, photograph: Path, tmp_path: Path
) -> None:
    options = (photograph, "-o", tmp_path / "out", "--save", "prob")
    assert venule("predict", *options).code == 0
    once = _pixels(tmp_path / "out" / "eye_prob.png")
    ran = venule("predict", *options, "--tta")
    assert ran.code == 2
    assert "results of other settings (--tta is given now)" in ran.err
    ran = venule("predict", *options, "--tta", "--overwrite")
    assert ran.code == 0, ran.err
    assert (_pixels(tmp_path / "out" / "eye_prob.png") != once).any()
    run = json.loads((tmp_path / "out" / "run.json").read_text())
    assert run["runtime"].endswith("mean of 8 symmetries")


def test_the_weights_of_a_runs_folder_can_be_chosen(
    venule: Run, photograph: Path, tmp_path: Path
) -> None:
    (tmp_path / "run" / "weights").mkdir(parents=True)
    for name in ("best_dice", "last"):
        (tmp_path / "run" / "weights" / f"{name}.safetensors").touch()
    given = ("--model", tmp_path / "run", "--checkpoint", "iou")
    ran = venule("predict", photograph, "-o", tmp_path / "out", *given)
    assert ran.code == 2
    assert f"checkpoint 'iou': {tmp_path / 'run'} has dice, last" in ran.err


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_a_reader_that_goes_away_does_not_stop_the_work(
    tiny_onnx: Path, cohort: Path, tmp_path: Path, stream: str
) -> None:
    command = [sys.executable, "-m", "venule", "predict", cohort, "-o", tmp_path / "out"]
    out, err = (subprocess.PIPE if one == stream else None for one in ("stdout", "stderr"))
    with subprocess.Popen(
        [*map(str, command), "--model", str(tiny_onnx)], stdout=out, stderr=err
    ) as process:
        getattr(process, stream).close()
        assert process.wait(timeout=60) == 0
    assert len(_outputs(tmp_path / "out")) == 4


def test_a_name_does_not_steer_the_terminal_or_begin_a_line(
    venule: Run, tiny_onnx: Path, photograph: Path, tmp_path: Path
) -> None:
    photograph.rename(photograph.with_name("a\nvenule: error: \x1b[2J.png"))
    photograph.with_name("b\x1b[31m.png").write_bytes(b"broken")
    ran = venule("predict", photograph.parent, "-o", tmp_path / "out", "--model", tiny_onnx)
    assert ran.code == 3
    assert "\x1b" not in ran.err + ran.out
    assert r"a\nvenule: error: \x1b[2J_mask.png" in ran.out
    assert ran.out.count("\n") == 1
    assert r"b\x1b[31m.png: not an image" in ran.err
    assert [line for line in ran.err.splitlines() if line.startswith("venule: error:")] == [
        "venule: error: 1 of 2 inputs failed:"
    ]


def test_names_keep_what_steers_nothing() -> None:
    assert shown("3.01\u202fPM \xe4 \U0001f469\u200d\u2695.png") == (
        "3.01\u202fPM \xe4 \U0001f469\u200d\u2695.png"
    )
    assert shown("a\u202egnp.exe\udcff\x07") == r"a\u202egnp.exe\udcff\x07"


@pytest.mark.skipif(os.name == "nt", reason="Windows has no pseudo-terminals")
def test_a_terminal_that_is_gone_does_not_stop_the_work(
    tiny_onnx: Path, photograph: Path, tmp_path: Path
) -> None:
    import pty

    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "venule", "predict", photograph, "-o", tmp_path / "out"]
    with subprocess.Popen(
        [*map(str, command), "--model", str(tiny_onnx)],
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=theirs,
    ) as process:
        os.close(theirs)
        os.close(ours)
        assert process.wait(timeout=60) == 0
    assert _outputs(tmp_path / "out") == {"eye_mask.png"}


def test_a_folder_that_cannot_be_made_is_said_before_anything_is_computed(
    venule: Run, tiny_onnx: Path, photograph: Path
) -> None:
    ran = venule("predict", photograph, "-o", photograph / "out", "--model", tiny_onnx)
    assert ran.code == 2
    assert "cannot be made" in ran.err
    assert "[1/1]" not in ran.err
    ran = venule("predict", photograph, "-o", photograph, "--model", tiny_onnx)
    assert ran.code == 2
    assert f"{photograph}: is a file, not a folder; name a folder" in ran.err


def test_an_interrupted_photograph_leaves_all_of_its_results_or_none(
    venule: Run, tiny_onnx: Path, photograph: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("venule.analysis.outputs.overlay_strips", interrupt)
    ran = venule("predict", photograph, "-o", tmp_path / "out", "--model", tiny_onnx, *ALL)
    assert ran.code == 130
    assert "run it again" in ran.err
    assert "interrupted" in ran.err
    assert _outputs(tmp_path / "out") == set()


def test_folders_are_mirrored(
    venule: Run, tiny_onnx: Path, photograph: Path, tmp_path: Path
) -> None:
    inner = photograph.parent / "left" / "deep"
    inner.mkdir(parents=True)
    (inner / "other.png").write_bytes(photograph.read_bytes())
    (photograph.parent / "notes.txt").write_text("no photograph")
    out = tmp_path / "out"
    assert venule("predict", photograph.parent, "-o", out, "--model", tiny_onnx).code == 0
    assert _outputs(out) == {"eye_mask.png", "left/deep/other_mask.png"}


def test_older_results_are_refused_before_anything_is_written(
    venule: Run, tiny_onnx: Path, photograph: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "eye_mask.png").write_text("older")
    ran = venule("predict", photograph, "-o", out, "--model", tiny_onnx)
    assert ran.code == 2
    assert "eye_mask.png" in ran.err
    assert "--overwrite" in ran.err
    assert _outputs(out) == {"eye_mask.png"}
    ran = venule("predict", photograph, "-o", out, "--model", tiny_onnx, "--overwrite")
    assert ran.code == 0
    assert _pixels(out / "eye_mask.png").shape == (96, 96)


def test_a_photograph_of_an_unsupported_format_in_a_folder_fails_and_is_reported(
    venule: Run, tiny_onnx: Path, photograph: Path, tmp_path: Path
) -> None:
    heic = photograph.with_name("phone.heic")
    heic.write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(40))
    out = tmp_path / "out"
    ran = venule("predict", photograph.parent, "-o", out, "--model", tiny_onnx)
    assert ran.code == 3
    assert "1 of 2 inputs failed" in ran.err
    assert ran.err.splitlines()[-1].startswith(f"  {heic}: it is a HEIC photograph; export")
    assert 'phone.heic,phone,failed,"it is a HEIC photograph;' in (out / "report.csv").read_text()
    assert json.loads((out / "run.json").read_text())["counts"]["failed"] == 1


def test_a_bad_file_does_not_stop_the_batch_and_is_named_at_the_end(
    venule: Run, tiny_onnx: Path, photograph: Path, tmp_path: Path
) -> None:
    bad = photograph.parent / "aaa.png"
    bad.write_bytes(photograph.read_bytes()[:200])
    out = tmp_path / "out"
    ran = venule("predict", photograph.parent, "-o", out, "--model", tiny_onnx)
    assert ran.code == 3
    assert _outputs(out) == {"eye_mask.png"}
    last = ran.err.splitlines()[-2:]
    assert last[0] == "venule: error: 1 of 2 inputs failed:"
    assert last[1].startswith(f"  {bad}: ")
    assert "Traceback" not in ran.err


def test_nothing_that_worked_exits_with_4(venule: Run, tiny_onnx: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.png"
    bad.write_text("not a photograph")
    assert venule("predict", bad, "-o", tmp_path / "out", "--model", tiny_onnx).code == 4


@pytest.mark.filterwarnings("default")
def test_a_grey_photograph_is_predicted_with_one_line_of_warning(
    venule: Run, tiny_onnx: Path, tmp_path: Path
) -> None:
    grey = tmp_path / "grey.png"
    image = Image.fromarray(synthesize_fundus(0, size_px=96).image).convert("L")
    image.save(grey)
    ran = venule("predict", grey, "-o", tmp_path / "out", "--model", tiny_onnx)
    assert ran.code == 0
    warning = [line for line in ran.err.splitlines() if line.startswith("venule: warning: ")]
    assert [line for line in warning if "a photograph without colour" in line] == warning[:1]
    assert str(grey) in warning[0]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["missing.png"], "missing.png: no such file"),
        (["."], "no photographs in"),
        (["eye.png", "--model", "missing.onnx"], "missing.onnx"),
        (["eye.png", "--model", ""], "empty name of weights"),
        (["eye.png", "--threshold", "1.5"], "threshold 1.5"),
        (["eye.png", "--save", "mask,map"], "output map: use one or more of prob, mask, overlay"),
        ([""], "an empty path"),
        (["eye.png", "-o", ""], "an empty path"),
        (["eye.png", "--timeout", "inf"], "timeout inf: give a number of seconds"),
        (["eye.png", "--timeout", "nan"], "--timeout"),
        (["eye.png", "--imgsz", "1000000000"], "--imgsz"),
    ],
)
def test_mistakes_are_one_line_and_exit_code_2(
    venule: Run,
    tiny_onnx: Path,
    photograph: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    options: list[str],
    said: str,
) -> None:
    folder = tmp_path / "empty" if options == ["."] else photograph.parent
    folder.mkdir(exist_ok=True)
    monkeypatch.chdir(folder)
    model = [] if "--model" in options else ["--model", str(tiny_onnx)]
    out = [] if "-o" in options else ["-o", str(tmp_path / "out")]
    ran = venule("predict", *options, *model, *out)
    assert ran.code == 2
    assert ran.err.startswith("venule: error: ")
    assert said in ran.err
    assert ran.err.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_progress_goes_to_stderr_one_line_a_photograph(
    venule: Run, tiny_onnx: Path, photograph: Path, tmp_path: Path
) -> None:
    ran = venule("predict", photograph, "-o", tmp_path / "out", "--model", tiny_onnx)
    steps = [line for line in ran.err.splitlines() if line.startswith("[")]
    assert len(steps) == 1
    assert steps[0].startswith(f"[1/1] {photograph} (")


def test_seconds_in_progress_are_the_photographs_own_as_in_the_report(
    venule: Run, tiny_onnx: Path, cohort: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    ran = venule("predict", cohort, "-o", out, "--model", tiny_onnx, "--workers", 2)
    assert ran.code == 0, ran.err
    steps = [line for line in ran.err.splitlines() if line.startswith("[")]
    said = {line.split()[1]: line.partition("(")[2].partition(" s")[0] for line in steps}
    with (out / "report.csv").open(encoding="utf-8", newline="") as file:
        rows = {row["path"]: f"{float(row['seconds']):.1f}" for row in csv.DictReader(file)}
    assert said == rows


SLOW_PREDICT = """
import signal, time
import venule.batch.process as batch
analyse, hang_up, seconds = batch.analyse, signal.{hang_up}, {seconds}
if hasattr(signal, "SIGHUP"):
    signal.signal(signal.SIGHUP, hang_up)  # the tests themselves may run under nohup
def stuck(*arguments, **options):
    print("ready", flush=True)
    time.sleep(seconds)
    return analyse(*arguments, **options)
batch.analyse = stuck
from venule.cli.main import main
main()
"""


def _signalled(
    name: str, arguments: Sequence[object], *, hang_up: str, seconds: float
) -> tuple[int, str]:
    """Exit code and stderr of a command that gets a signal while it predicts for so long."""
    code = SLOW_PREDICT.format(hang_up=hang_up, seconds=seconds)
    process = subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(getattr(signal, name))
    _, err = process.communicate(timeout=60)
    return process.returncode, err


@pytest.mark.skipif(os.name == "nt", reason="signals are not sent like this on Windows")
@pytest.mark.parametrize(("name", "code"), [("SIGINT", 130), ("SIGTERM", 143), ("SIGHUP", 129)])
def test_an_interrupted_batch_exits_with_its_code_and_a_report_and_no_traceback(
    tiny_onnx: Path, photograph: Path, tmp_path: Path, name: str, code: int
) -> None:
    arguments = ("predict", photograph, "-o", tmp_path / "out", "--model", tiny_onnx)
    returned, err = _signalled(name, arguments, hang_up="SIG_DFL", seconds=60)
    assert returned == code
    assert "Traceback" not in err
    assert "finished results are kept" in err
    assert "pending" in (tmp_path / "out" / "report.csv").read_text(encoding="utf-8")


@pytest.mark.skipif(os.name == "nt", reason="signals are not sent like this on Windows")
def test_a_closed_terminal_ends_nothing_under_nohup(
    tiny_onnx: Path, photograph: Path, tmp_path: Path
) -> None:
    arguments = ("predict", photograph, "-o", tmp_path / "out", "--model", tiny_onnx)
    assert _signalled("SIGHUP", arguments, hang_up="SIG_IGN", seconds=1)[0] == 0
    assert _outputs(tmp_path / "out") == {"eye_mask.png"}


def _found(out: Path) -> dict[str, object]:
    """Every file below `out` with what it holds, times left out; of the ledger only that it is."""
    found: dict[str, object] = {name: (out / name).read_bytes() for name in _outputs(out)}
    with (out / "report.csv").open(encoding="utf-8", newline="") as file:
        found["report.csv"] = [{**row, "seconds": ""} for row in csv.DictReader(file)]
    run = json.loads((out / "run.json").read_text(encoding="utf-8"))
    last = {name: value for name, value in run.pop("last_run").items() if name in LASTING}
    found["run.json"] = run | {"last_run": last}
    return found | {".venule.sqlite": (out / ".venule.sqlite").is_file()}


@pytest.mark.parametrize(
    ("options", "arguments"),
    [
        ([], {}),
        (["--engine", "inline"], {"engine": "inline"}),
        (
            ["--save", "mask,prob,overlay", "--workers", "2", "--timeout", "60", "--strict"],
            {"outputs": KINDS, "workers": 2, "timeout": 60.0, "strict": True},
        ),
    ],
)
def test_python_does_what_the_command_does(
    venule: Run,
    tiny_onnx: Path,
    cohort: Path,
    tmp_path: Path,
    options: list[str],
    arguments: dict[str, Any],
) -> None:
    import venule as package
    from venule.batch.choice import ModelChoice

    (cohort / "broken.png").write_bytes(b"no photograph")
    typed, called = tmp_path / "typed", tmp_path / "called"
    model = ("--model", tiny_onnx, "--runtime", "onnx", "--threshold", "0.7")
    ran = venule("predict", cohort, "-o", typed, *model, *options)
    choice = ModelChoice(model=tiny_onnx, runtime="onnx", threshold=0.7)
    summary = package.predict_folder(cohort, called, model=choice, **arguments)
    assert _found(called) == _found(typed)
    failed = len(summary.failed)
    assert (summary.total, summary.written + failed, summary.kept) == (5, 5, 0)
    assert ran.code == (4 if failed == 5 else 3), ran.err
    assert f"{failed} of 5 inputs failed:" in ran.err


def test_both_engines_can_be_named_and_another_one_is_one_line(
    venule: Run, tiny_onnx: Path, cohort: Path, tmp_path: Path
) -> None:
    options = (cohort, "-o", tmp_path / "out", "--model", tiny_onnx)
    ran = venule("predict", *options, "--engine", "dask")
    assert ran.code == 2
    assert ran.err == "venule: error: engine dask: use one of inline, processes, ray\n"
    assert venule("predict", *options, "--engine", "inline", "--workers", "2").code == 2
    assert not (tmp_path / "out").exists()
    first = venule("predict", *options, "--engine", "inline")
    assert (first.code, len(first.out.split())) == (0, 4)
    again = venule("predict", *options, "--engine", "processes")
    assert (again.code, again.out) == (0, "")
    assert "4 of 4 inputs were finished before" in again.err


def test_results_of_another_version_are_one_line_and_exit_code_2(
    venule: Run, tiny_onnx: Path, photograph: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    with closing(sqlite3.connect(out / ".venule.sqlite")) as base:
        base.execute("CREATE TABLE files (name TEXT PRIMARY KEY, quality TEXT)")
    for more in ([], ["--overwrite"]):
        ran = venule("predict", photograph, "-o", out, "--model", tiny_onnx, *more)
        assert ran.code == 2
        assert ran.err == (
            f"venule: error: {out} holds results of another version of venule; choose another "
            "folder for -o\n"
        )
    assert _outputs(out) == set()


@pytest.fixture
def cohort(photograph: Path) -> Path:
    """A folder of four photographs."""
    for number in range(1, 4):
        image = synthesize_fundus(number, size_px=96).image
        Image.fromarray(image).save(photograph.with_name(f"eye{number}.png"))
    return photograph.parent


def test_a_cohort_goes_on_where_it_stands(
    venule: Run, tiny_onnx: Path, cohort: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    options = (cohort, "-o", out, "--model", tiny_onnx, "--workers", "2")
    first = venule("predict", *options)
    assert first.code == 0, first.err
    assert len(first.out.split()) == 4
    Image.fromarray(synthesize_fundus(4, size_px=96).image).save(cohort / "eye4.png")
    (out / "eye1_mask.png").unlink()
    again = venule("predict", *options)
    assert again.code == 0, again.err
    assert set(again.out.split()) == {str(out / "eye1_mask.png"), str(out / "eye4_mask.png")}
    assert "3 of 5 inputs were finished before" in again.err


def test_other_settings_exit_with_2_and_name_the_difference(
    venule: Run, tiny_onnx: Path, photograph: Path, tmp_path: Path
) -> None:
    options = (photograph, "-o", tmp_path / "out", "--model", tiny_onnx)
    assert venule("predict", *options).code == 0
    ran = venule("predict", *options, "--threshold", "0.7")
    assert ran.code == 2
    assert ran.err.count("\n") == 1
    assert "(--threshold was 0.6, now 0.7)" in ran.err
    assert venule("predict", *options, "--threshold", "0.7", "--overwrite").code == 0


def test_settings_that_differ_are_named_by_their_options(
    venule: Run, tiny_onnx: Path, photograph: Path, tmp_path: Path
) -> None:
    options = (photograph, "-o", tmp_path / "out", "--model", tiny_onnx)
    given = ("--save", "mask,av,disc", "--measure", "--tta", "--imgsz", 64)
    assert venule("predict", *options, *given).code == 0
    ran = venule("predict", *options)
    assert ran.code == 2
    for difference in (
        "--save was mask,av,disc, now mask",
        "--measure was given",
        "--tta was given",
        "--imgsz was 64, now not given",
    ):
        assert difference in ran.err
    assert not any(raw in ran.err for raw in ("networks", "columns", "runtime", "parameters"))
    ran = venule("predict", *options, *given, "--strict")
    assert "(--strict is given now)" in ran.err


def test_weights_that_were_moved_are_the_same_and_changed_ones_are_not(
    venule: Run, tiny_onnx: Path, photograph: Path, tmp_path: Path
) -> None:
    import onnx

    options = (photograph, "-o", tmp_path / "out", "--model")
    assert venule("predict", *options, tiny_onnx).code == 0
    moved = tiny_onnx.rename(tmp_path / "moved.onnx")
    assert "1 of 1 input was finished before" in venule("predict", *options, moved).err
    model = onnx.load(moved)
    model.doc_string = "changed"
    onnx.save(model, moved)
    ran = venule("predict", *options, moved)
    assert ran.code == 2
    assert "(the weights have changed, SHA-256 " in ran.err


def test_a_result_of_low_quality_is_written_with_one_line_of_warning(
    venule: Run, tiny_onnx: Path, photograph: Path, tmp_path: Path
) -> None:
    ran = venule("predict", photograph, "-o", tmp_path / "out", "--model", tiny_onnx)
    assert ran.code == 0
    # The drawing is 96 px wide.
    (warning,) = [line for line in ran.err.splitlines() if line.startswith("venule: warning: ")]
    assert warning.startswith(f"venule: warning: {photograph}: reject: ")
    assert "too small" in warning
    assert _outputs(tmp_path / "out") == {"eye_mask.png"}


def test_a_strict_run_fails_what_is_rejected_and_writes_no_file_of_it(
    venule: Run, tiny_onnx: Path, photograph: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    options = (photograph.parent, "-o", out, "--model", tiny_onnx)
    ran = venule("predict", *options, "--strict")
    assert ran.code == 4
    assert _outputs(out) == set()
    last = ran.err.splitlines()[-1]
    assert last.startswith(f"  {photograph}: rejected: ")
    assert "too small" in last
    assert "warning" not in ran.err
    # It is another run without the word, and the other way round.
    ran = venule("predict", *options)
    assert ran.code == 2
    assert "(--strict was given)" in ran.err
    assert venule("predict", *options, "--overwrite").code == 0
    assert _outputs(out) == {"eye_mask.png"}


def test_many_failures_are_listed_in_the_report_only(
    venule: Run, tiny_onnx: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for number in range(60):
        (folder / f"{number}.png").write_bytes(b"no photograph")
    ran = venule("predict", folder, "-o", tmp_path / "out", "--model", tiny_onnx)
    assert ran.code == 4
    assert "and 10 more, see " in ran.err
    assert len((tmp_path / "out" / "report.csv").read_text().splitlines()) == 61


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="SIGINT is not sent like this on Windows")
def test_an_interrupted_cohort_says_how_to_go_on_and_does(
    venule: Run, tiny_onnx: Path, cohort: Path, tmp_path: Path
) -> None:
    for number in range(60):
        (cohort / f"copy{number}.png").write_bytes((cohort / "eye1.png").read_bytes())
    out = tmp_path / "out"
    options = ["predict", str(cohort), "-o", str(out), "--model", str(tiny_onnx), "--workers", "2"]
    with subprocess.Popen(
        [sys.executable, "-m", "venule", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does: its workers get it too
        written, err = process.communicate(timeout=120)
    assert process.returncode == 130, err
    assert "Traceback" not in err
    assert "to resume, run it again" in err
    assert not list(out.rglob(".*.tmp"))
    done = len(list(out.glob("*_mask.png")))
    assert len(written.split()) + 1 <= done < 64
    ran = venule(*options)
    assert ran.code == 0
    assert len(list(out.glob("*_mask.png"))) == 64
    assert len(ran.out.split()) <= 64 - len(written.split()) - 1
