from pathlib import Path

import pytest

from support import trees
from support.commands import Run
from support.drawn import make_synthetic, settings
from venule.training.run import to_toml


@pytest.fixture(scope="module")
def drive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trees.make_drive(tmp_path_factory.mktemp("data"))


def of(drive: Path, split: str) -> tuple[object, ...]:
    return ("--data", f"drive={drive}", "--split", split)


@pytest.mark.parametrize("option", ["--json", "--csv", "--report"])
def test_scores_replace_a_file_only_on_request(
    venule: Run, drive: Path, tmp_path: Path, option: str
) -> None:
    file = tmp_path / "mine.html"
    file.write_text("mine", encoding="utf-8")
    command = ("evaluate", "expert:second", *of(drive, "test"), option, file)
    ran = venule(*command)
    assert (ran.code, ran.out) == (2, "")
    assert f"{file} exists already; replace it with --overwrite" in ran.err
    assert file.read_text(encoding="utf-8") == "mine"
    assert venule(*command, "--overwrite").code == 0
    assert file.read_text(encoding="utf-8") != "mine"


def test_a_page_of_scores_ends_in_html(venule: Run, drive: Path, tmp_path: Path) -> None:
    command = ("evaluate", "expert:second", *of(drive, "test"))
    ran = venule(*command, "--report", tmp_path / "scores.png")
    assert ran.code == 2
    assert "name a file that ends in .html" in ran.err


@pytest.mark.parametrize(
    "place", ["test/images/01_test.tif", "test/mask/01_test_mask.gif", "test/2nd_manual"]
)
@pytest.mark.parametrize("split", ["test", "val"])
def test_files_of_the_data_set_are_never_replaced(
    venule: Run, drive: Path, place: str, split: str
) -> None:
    file = drive / place
    if file.is_dir():
        file = min(file.iterdir())
    before = file.read_bytes()
    ran = venule("evaluate", "expert:first", *of(drive, split), "--json", file, "--overwrite")
    assert ran.code == 2
    assert "is an input; name another file for the output" in ran.err
    assert file.read_bytes() == before


def test_a_sheet_replaces_a_file_only_on_request_and_never_a_map(
    venule: Run, drive: Path, tmp_path: Path
) -> None:
    maps, sheet = tmp_path / "maps", tmp_path / "sheet.png"
    for number in range(21, 41):
        trees.save(maps / f"{number}.png", trees.draw(number).first)
    sheet.write_bytes(b"mine")
    command = ("visualize", maps, *of(drive, "val"), "-o")
    ran = venule(*command, sheet)
    assert ran.code == 2
    assert "exists already" in ran.err
    assert sheet.read_bytes() == b"mine"
    assert venule(*command, sheet, "--overwrite").code == 0
    before = (maps / "37.png").read_bytes()
    ran = venule(*command, maps / "37.png", "--overwrite")
    assert ran.code == 2
    assert "is an input" in ran.err
    assert (maps / "37.png").read_bytes() == before


def test_results_of_predict_are_never_replaced(venule: Run, drive: Path, tmp_path: Path) -> None:
    photograph, out = drive / "test" / "images" / "01_test.tif", tmp_path / "out"
    assert venule("predict", photograph, "-o", out).code == 0
    before = (out / "report.csv").read_bytes()
    for option in ("--csv", "--json"):
        scored = ("evaluate", "expert:second", *of(drive, "test"), option, out / "report.csv")
        ran = venule(*scored, "--overwrite")
        assert ran.code == 2
        assert f"belongs to the results in {out}" in ran.err
    assert (out / "report.csv").read_bytes() == before


def test_learning_curves_replace_a_file_only_on_request_and_never_a_run(
    venule: Run, tmp_path: Path
) -> None:
    run, curves = tmp_path / "run", tmp_path / "curves.svg"
    run.mkdir()
    log = "epoch,train_loss,val_dice\n1,0.5,0.7\n2,0.4,0.75\n"
    (run / "metrics.csv").write_text(log, encoding="utf-8")
    curves.write_text("mine", encoding="utf-8")
    assert venule("plot", run, "-o", curves).code == 2
    assert curves.read_text(encoding="utf-8") == "mine"
    assert venule("plot", run, "-o", curves, "--overwrite").code == 0
    assert "svg" in curves.read_text(encoding="utf-8")
    ran = venule("plot", run, "-o", run / "metrics.csv", "--overwrite")
    assert "is an input" in ran.err
    assert (run / "metrics.csv").read_text(encoding="utf-8") == log


def test_timings_replace_a_file_only_on_request_and_never_weights(
    venule: Run, tiny_onnx: Path, tmp_path: Path
) -> None:
    file = tmp_path / "bench.json"
    file.write_text("mine", encoding="utf-8")
    command = ("bench", tiny_onnx, "--size", "72,80", "--repeat", 1, "--runtime", "onnx", "--json")
    ran = venule(*command, file)
    assert (ran.code, file.read_text(encoding="utf-8")) == (2, "mine")
    assert venule(*command, file, "--overwrite").code == 0
    assert "median" in file.read_text(encoding="utf-8")
    ran = venule(*command, tiny_onnx, "--overwrite")
    assert ran.code == 2
    assert "is an input" in ran.err


def test_what_calibrate_and_the_tasks_write_replaces_no_file_unasked(
    venule: Run, drive: Path, tiny_onnx: Path, tmp_path: Path
) -> None:
    weights, file = tmp_path / "run" / "weights" / "last.safetensors", tmp_path / "mine.json"
    weights.parent.mkdir(parents=True)
    for path in (weights, file):
        path.write_text("mine", encoding="utf-8")
    ran = venule("calibrate", tmp_path / "run", "--json", file)
    assert "exists already" in ran.err
    ran = venule("calibrate", tmp_path / "run", "--json", weights, "--overwrite")
    assert "is an input" in ran.err
    (tmp_path / "run" / "config.toml").touch()
    ran = venule("export", tiny_onnx, "-o", weights, "--overwrite")
    assert f"belongs to the run in {tmp_path / 'run'}" in ran.err
    eyes = trees.make_folders(tmp_path / "eyes")
    av = ("--data", eyes, "--split", "all", "--task", "av", "--vessels", "self", "--json")
    (eyes / "av").mkdir()
    for label in (eyes / "labels").iterdir():
        trees.save(eyes / "av" / label.name, trees.draw(1).image)
    ran = venule("evaluate", tiny_onnx, *av, file)
    assert "exists already" in ran.err
    assert {path.read_text(encoding="utf-8") for path in (weights, file)} == {"mine"}


def test_a_sheet_of_samples_replaces_a_file_only_on_request_and_never_a_photograph(
    venule: Run, tmp_path: Path
) -> None:
    data, config, sheet = make_synthetic(tmp_path), tmp_path / "tiny.toml", tmp_path / "sheet.png"
    config.write_text(to_toml(settings(data)), encoding="utf-8")
    sheet.write_text("mine", encoding="utf-8")
    photograph = tmp_path / "images" / "00.png"
    before = photograph.read_bytes()
    command = ("data", "show", "--config", config, "--samples", 1, "-o")
    ran = venule(*command, sheet)
    assert (ran.code, sheet.read_text(encoding="utf-8")) == (2, "mine")
    ran = venule(*command, photograph, "--overwrite")
    assert ran.code == 2
    assert "is an input" in ran.err
    assert photograph.read_bytes() == before
    assert venule(*command, sheet, "--overwrite").code == 0
