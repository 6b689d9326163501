import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from support import trees
from venule.cli.evaluate import evaluate
from venule.errors import DatasetError, OutputError, UsageError
from venule.image.arrays import FloatMap
from venule.image.io import pixel_hash
from venule.image.photograph import read_photograph
from venule.inference.segment import Segmenter
from venule.models.record import ModelRecord, SeenImages

app = typer.Typer()
app.command()(evaluate)


@pytest.fixture(scope="module")
def drive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trees.make_drive(tmp_path_factory.mktemp("data"))


@pytest.fixture
def weights(drive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A weights file that loads as a segmenter which has seen test image 03 and training 24."""

    def run(pixels: FloatMap) -> FloatMap:
        return -3 * pixels[:, 1:2] - 2

    images = [
        drive / "test" / "images" / "03_test.tif",
        drive / "training" / "images" / "24_training.tif",
    ]
    seen = SeenImages(
        dataset="DRIVE",
        protocol="official",
        split="train",
        role="trained",
        images={path.stem[:2]: pixel_hash(read_photograph(path).pixels) for path in images},
    )
    record = ModelRecord(name="dark", model="none", seen=(seen,))
    path = tmp_path / "dark.onnx"
    path.write_bytes(b"weights")
    monkeypatch.setattr(
        "venule.evaluation.predictor.load", lambda model, **options: Segmenter(record, run)
    )
    return path


def call(*arguments: object) -> tuple[str, str]:
    done = CliRunner().invoke(app, [*map(str, arguments)])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == 0, done.output
    return done.stdout, done.stderr


def test_a_test_split_is_recorded_and_warned_of_and_written(
    drive: Path, weights: Path, tmp_path: Path
) -> None:
    log, json_file, csv_file = (tmp_path / name for name in ("access.jsonl", "a.json", "a.csv"))
    stdout, stderr = call(
        *(weights, "expert:second", "--data", f"drive={drive}", "--split", "test"),
        *("--access-log", log, "--json", json_file, "--csv", csv_file),
    )
    assert "protocol official, split test: 20 images" in stdout
    assert "dark: threshold 0.5 (default)" in stdout
    assert "expert:second - dark" in stdout
    assert "WARNING: dark was trained on 1 of the 20 images scored here (same pixels): 03" in stderr
    report = json.loads(json_file.read_text())
    assert [hit["id"] for hit in report["results"][0]["seen"]] == ["03"]
    assert csv_file.read_text().startswith("model,")
    (access,) = [json.loads(line) for line in log.read_text().splitlines()]
    assert access["model"] == "dark"
    # printf weights | sha256sum
    assert access["weights_sha256"].startswith("9a129038")


def test_the_dice_of_every_image_their_mean_and_the_pooled_one_are_in_the_json(
    drive: Path, tmp_path: Path
) -> None:
    file = tmp_path / "a.json"
    arguments = ("--data", f"drive={drive}", "--split", "test", "--json", file)
    call("expert:second", *arguments, "--access-log", tmp_path / "accesses.jsonl")
    (result,) = json.loads(file.read_text())["results"]
    eyes = [trees.draw(number) for number in range(1, 21)]
    both = [2 * int((eye.first & eye.second).sum()) for eye in eyes]
    each = [int(eye.first.sum()) + int(eye.second.sum()) for eye in eyes]
    dice = [twice / total for twice, total in zip(both, each, strict=True)]
    assert min(dice) > 0
    assert max(dice) < 1
    assert [image["scores"]["dice"] for image in result["images"]] == pytest.approx(dice)
    assert result["mean"]["dice"]["mean"] == pytest.approx(sum(dice) / 20)
    assert result["pooled"]["dice"] == pytest.approx(sum(both) / sum(each))


def test_a_validation_split_is_no_access(drive: Path, weights: Path, tmp_path: Path) -> None:
    log = tmp_path / "access.jsonl"
    arguments = ("--data", f"drive={drive}", "--split", "val", "--access-log", log)
    stdout, stderr = call(weights, *arguments, "--threshold", "0.3")
    assert not log.exists()
    assert "threshold 0.3 (given by the user)" in stdout
    assert "[4/4] 38" in stderr


def test_with_test_time_augmentation_the_result_says_so(
    drive: Path, weights: Path, tmp_path: Path
) -> None:
    file = tmp_path / "a.json"
    arguments = ("--data", f"drive={drive}", "--split", "val", "--json", file)
    call(weights, *arguments, "--tta")
    (result,) = json.loads(file.read_text())["results"]
    assert result["runtime"].endswith("mean of 8 symmetries")
    with pytest.raises(UsageError, match="--tta"):
        call(weights, *arguments, "--tta", "--task", "av")
    with pytest.raises(UsageError, match="--fov"):
        call(weights, *arguments, "--fov", "given", "--task", "av")
    with pytest.raises(UsageError, match="--vessels goes with --task"):
        call(weights, *arguments, "--vessels", "accurate")


def test_a_human_observer_alone_is_no_access(drive: Path, tmp_path: Path) -> None:
    log = tmp_path / "access.jsonl"
    call("expert:second", "--data", f"drive={drive}", "--split", "test", "--access-log", log)
    assert not log.exists()


def test_a_folder_of_maps_of_test_images_is_an_access(drive: Path, tmp_path: Path) -> None:
    log = tmp_path / "access.jsonl"
    folder = drive / "test" / "1st_manual"
    maps = tmp_path / "maps"
    for path in folder.iterdir():
        trees.save_palette(maps / f"{path.name[:2]}.gif", trees.draw(int(path.name[:2])).first)
    stdout, _ = call(maps, "--data", f"drive={drive}", "--split", "test", "--access-log", log)
    assert "1.0000 [1.0000, 1.0000]" in stdout
    assert json.loads(log.read_text())["weights_sha256"] is None


def test_a_disk_that_is_full_at_the_end_does_not_cost_the_scores(
    drive: Path, weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, _: bytes) -> None:
        raise OutputError(f"{path}: cannot be written (No space left on device)")

    monkeypatch.setattr("venule.files.atomic.write_bytes", full)
    arguments = ("--data", f"drive={drive}", "--split", "val", "--json", tmp_path / "a.json")
    done = CliRunner().invoke(app, [*map(str, (weights, *arguments))])
    assert isinstance(done.exception, OutputError)
    assert "ROC AUC" in done.stdout


def test_images_without_truth_are_refused_before_anything_is_loaded(
    drive: Path, tmp_path: Path
) -> None:
    with pytest.raises(DatasetError, match="no annotation of the first expert"):
        call("none.onnx", "--data", f"drive={drive}", "--protocol", "deeplab", "--split", "test")


def test_a_result_file_in_no_folder_is_refused_before_scoring(
    drive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("venule.cli.evaluate._score", lambda *_, **__: pytest.fail("scored"))
    arguments = ("expert:second", "--data", f"drive={drive}", "--split", "test")
    with pytest.raises(OutputError, match="does not exist"):
        call(*arguments, "--json", tmp_path / "none" / "a.json")


def test_a_folder_and_one_file_twice_are_refused_before_scoring(
    drive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("venule.cli.evaluate._score", lambda *_, **__: pytest.fail("scored"))
    asked = ("expert:second", "--data", f"drive={drive}", "--split", "test")
    with pytest.raises(OutputError, match="is a folder; name a file in it"):
        call(*asked, "--json", tmp_path)
    with pytest.raises(UsageError, match="two outputs would be written there"):
        call(*asked, "--json", tmp_path / "a", "--csv", tmp_path / "a")
    assert not list(tmp_path.iterdir())
