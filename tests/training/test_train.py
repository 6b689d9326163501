"""Real, tiny trainings on synthetic photographs: what a run's folder holds, and that it is true."""

import csv
import hashlib
import json
import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from support.drawn import make_synthetic, settings
from support.runs import silent
from support.trees import save
from venule.data.catalog import open_dataset
from venule.data.protocols import select
from venule.data.sample import load_sample
from venule.errors import (
    ConfigError,
    DatasetError,
    OutputError,
    UsageError,
    VenuleError,
    WeightsError,
)
from venule.evaluation.evaluate import evaluate
from venule.evaluation.predictor import segmenter_predictor
from venule.image.fov import outlined
from venule.image.io import pixel_hash
from venule.inference.load import load
from venule.models.checkpoint import build_model, load_model, read_weights, save_weights
from venule.models.record import Calibration, ComponentRules, SeenImages
from venule.synth.fundus import synthesize_fundus
from venule.training.config import TrainConfig
from venule.training.config_file import parse_config
from venule.training.run import Run
from venule.training.segmentation import SegmentationTask, choose
from venule.training.train import resume, train


def run(data: Path, root: Path, /, **sections: Any) -> Run:
    config = parse_config(settings(data, **sections), TrainConfig, source="test")
    return train(config, root=root, report=silent)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_synthetic(tmp_path_factory.mktemp("synthetic"))


@pytest.fixture(scope="module")
def finished(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of two epochs with averaged weights, in fp32."""
    root = tmp_path_factory.mktemp("runs")
    return run(data, root, schedule={"ema_decay": 0.9, "epochs": 2}).path


def rows(path: Path) -> list[dict[str, str]]:
    with (path / "metrics.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_run_holds_all_that_it_promises(finished: Path) -> None:
    names = {str(file.relative_to(finished)) for file in finished.rglob("*") if file.is_file()}
    weights = {f"weights/{name}.safetensors" for name in ("last", "best_loss", "best_auc")}
    files = {"config.toml", "metrics.csv", "metrics.jsonl", "environment.json", "data.json"}
    assert weights | files | {"run.json", "state.pt", "curves.png"} <= names
    assert any(name.startswith("tensorboard/events.") for name in names)


def test_validation_scores_are_those_of_the_evaluation_at_a_half(
    finished: Path, data: Path
) -> None:
    selection = select(open_dataset(str(data)), None, "val")
    segmenter = load(finished, checkpoint="last", device="cpu").with_settings(threshold=0.5)
    # Validation shows the network the field of view of the data set, not the one that is found.
    predictor = replace(
        segmenter_predictor(segmenter),
        predict=lambda _, sample: (
            segmenter.segment(sample.image, fov=outlined(sample.fov)).probability
        ),
    )
    result = evaluate(predictor, selection)
    last = rows(finished)[-1]
    for ours, theirs in (("dice", "dice"), ("iou", "iou"), ("miou", "miou"), ("auc", "roc_auc")):
        assert float(last[f"val_{ours}"]) == pytest.approx(result.mean[theirs].mean, abs=1e-7)
    assert float(last["val_accuracy"]) == pytest.approx(result.mean["accuracy"].mean, abs=1e-7)


def test_weights_remember_the_pixels_they_have_seen(finished: Path, data: Path) -> None:
    _, record = read_weights(finished / "weights/last.safetensors")
    trained, selected = record.seen
    assert (trained.role, selected.role) == ("trained", "selected")
    assert set(trained.images) == {"00", "01", "02", "03"}
    assert set(selected.images) == {"04", "05"}
    with Image.open(data.parent / "images/04.png") as image:
        assert selected.images["04"] == pixel_hash(np.asarray(image))
    account = json.loads((finished / "data.json").read_text())
    assert account["seen"][1]["images"] == selected.images
    label = hashlib.sha256((data.parent / "labels/04.png").read_bytes()).hexdigest()
    assert account["labels"][1][0]["04"] == label


def test_weights_carry_their_epoch_scores_and_threshold(finished: Path) -> None:
    _, record = read_weights(finished / "weights/last.safetensors")
    last = rows(finished)[-1]
    assert record.epoch == 2
    assert record.validation["dice"] == float(last["val_dice"])
    assert 0 < record.threshold < 1
    assert record.threshold_source.startswith("largest pooled Dice on ")


def test_every_best_file_is_of_the_best_epoch_of_its_score(finished: Path) -> None:
    log = rows(finished)
    for score, pick in (("loss", min), ("auc", max)):
        _, record = read_weights(finished / f"weights/best_{score}.safetensors")
        best = pick(log, key=lambda row, score=score: float(row[f"val_{score}"]))  # type: ignore[misc]
        assert record.epoch == int(best["epoch"])


def test_overlays_show_the_errors_of_every_validation_image(finished: Path) -> None:
    pictures = sorted((finished / "overlays").iterdir())
    assert [picture.name for picture in pictures] == ["04_errors.png", "05_errors.png"]
    with Image.open(pictures[0]) as picture:
        assert picture.size == (80, 80)


def test_a_second_run_of_the_name_gets_its_own_folder_and_the_same_bits(
    finished: Path, data: Path
) -> None:
    again = run(data, finished.parent, schedule={"ema_decay": 0.9, "epochs": 2}).path
    assert again.name == "tiny-2"
    ours, theirs = ((p / "weights/last.safetensors").read_bytes() for p in (again, finished))
    assert ours == theirs


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_both_precisions_train_and_keep_their_weights_in_fp32(
    precision: str, data: Path, tmp_path: Path
) -> None:
    schedule = {"precision": precision, "epochs": 1}
    path = run(data, tmp_path, schedule=schedule, input={"crop_px": None, "resize_px": 64}).path
    state, _ = read_weights(path / "weights/last.safetensors")
    kinds = {tensor.dtype for tensor in state.values() if tensor.is_floating_point()}
    assert kinds == {torch.float32}
    assert np.isfinite(float(rows(path)[0]["train_loss"]))


def _sound(cases: object, *, expert: object) -> None:
    """Refuse nothing."""


def test_images_without_any_vessel_do_not_spoil_the_scores_of_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Whole labels without a vessel are refused; maps, and classes of labels, may have none.
    monkeypatch.setattr("venule.training.train.require_sound_labels", _sound)
    data = make_synthetic(tmp_path / "data", train=2, val=2)
    save(data.parent / "labels/02.png", np.zeros((80, 80), bool))
    path = run(data, tmp_path, schedule={"epochs": 1}).path
    assert 0 <= float(rows(path)[0]["val_auc"]) <= 1
    load_model(path / "weights/best_auc.safetensors")


def test_weights_of_a_validation_without_any_vessel_can_still_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Whole labels without a vessel are refused; maps, and classes of labels, may have none.
    monkeypatch.setattr("venule.training.train.require_sound_labels", _sound)
    data = make_synthetic(tmp_path / "data", train=2, val=1)
    save(data.parent / "labels/02.png", np.zeros((80, 80), bool))
    path = run(data, tmp_path, schedule={"epochs": 1}).path
    _, record = load_model(path / "weights/last.safetensors")
    assert record.threshold == 0.5
    assert "auc" not in record.validation


def test_a_network_that_puts_out_nan_is_a_clear_error(data: Path) -> None:
    config = parse_config(settings(data), TrainConfig, source="test")
    task = SegmentationTask(config, choose(config, "train"), choose(config, "val"))
    model = build_model(task.record)
    for parameter in model.parameters():
        torch.nn.init.constant_(parameter, torch.nan)
    with pytest.raises(ConfigError, match="epoch 3: the network's output is nan; lower"):
        task.validate(model, epoch=3)


@pytest.mark.parametrize(
    ("sections", "kind", "message"),
    [
        ({"data": {"val": "train"}}, ConfigError, "data.train and data.val share images"),
        ({"data": {"val": "vall"}}, UsageError, "did you mean val"),
        ({"data": {"dataset": "nowhere/"}}, DatasetError, "nowhere/: no such file or folder"),
        ({"network": {"model": "ddrnet"}}, ConfigError, "did you mean 'ddrnet23"),
        ({"network": {"options": {"widht": 3}}}, ConfigError, "no option 'widht'; did you mean"),
        ({"network": {"pretrained": "none.safetensors"}}, VenuleError, "none.safetensors"),
        (
            {"network": {"options": {"classes": 2}}},
            ConfigError,
            "classes: follows from the annotations",
        ),
        ({"network": {"options": {"auxiliary": "False"}}}, ConfigError, "use true or false"),
        ({"network": {"pretrained": "general"}}, VenuleError, "none of its 100 tensors fits"),
    ],
)
def test_what_is_not_there_is_said_before_a_folder_is_made(
    sections: dict[str, Any], kind: type[Exception], message: str, data: Path, tmp_path: Path
) -> None:
    with pytest.raises(kind, match=message):
        run(data, tmp_path, **sections)
    assert not list(tmp_path.iterdir())


def test_a_training_image_without_its_annotation_is_said_before_a_folder_is_made(
    data: Path, tmp_path: Path
) -> None:
    train = [{"dataset": str(data), "split": "train", "expert": "second"}]
    with pytest.raises(
        DatasetError, match=r"00\.png has no second vessel mask \(4 of 4 images of csv train\)"
    ):
        run(data, tmp_path, data={"train": train})
    assert not list(tmp_path.iterdir())


def test_the_same_photograph_under_another_name_cannot_train_and_validate(
    data: Path, tmp_path: Path
) -> None:
    copy = data.parent / "copy.csv"
    header, *lines = data.read_text().splitlines()
    copy.write_text("\n".join([header, lines[1].replace("01,", "x,", 1)]))
    val = [{"dataset": str(copy), "split": "train"}]
    with pytest.raises(ConfigError, match=r"share images \(x\); name disjoint"):
        run(data, tmp_path / "runs", data={"val": val})
    assert not (tmp_path / "runs").exists()


def test_a_validation_image_without_its_annotation_is_said_before_the_training(
    data: Path, tmp_path: Path
) -> None:
    val = [{"dataset": str(data), "split": "val", "expert": "second"}]
    with pytest.raises(
        DatasetError, match=r"04\.png has no second vessel mask \(2 of 2 images of csv val\)"
    ):
        run(data, tmp_path, data={"val": val})
    assert not list(tmp_path.iterdir())


def test_weights_that_know_the_validation_images_are_refused_as_a_start(
    finished: Path, data: Path, tmp_path: Path
) -> None:
    pretrained = {"network": {"pretrained": str(finished)}}
    val = [{"dataset": str(data), "split": "train"}]  # what `finished` was trained on
    other = make_synthetic(tmp_path / "other", train=2, val=1, size_px=96)
    sources = {"train": [{"dataset": str(other), "split": "train"}], "val": val}
    with pytest.raises(ConfigError, match=r"was trained on validation images \(00, 01, 02, 03\)"):
        run(data, tmp_path / "runs", data=sources, **pretrained)
    assert not (tmp_path / "runs").exists()
    # Images that only selected may select again.
    assert run(data, tmp_path / "runs", schedule={"epochs": 1}, **pretrained).path.is_dir()


def test_a_run_does_not_go_on_with_other_photographs(tmp_path: Path) -> None:
    data = make_synthetic(tmp_path / "data")
    path = run(data, tmp_path).path
    before = {name: (path / name).read_bytes() for name in ("data.json", "metrics.csv")}
    save(data.parent / "images/00.png", synthesize_fundus(9, size_px=80).image)
    with pytest.raises(DatasetError, match="no longer those that it began with"):
        resume(path, report=silent)
    assert before == {name: (path / name).read_bytes() for name in before}


def test_only_a_run_can_be_resumed(tmp_path: Path) -> None:
    with pytest.raises(VenuleError, match="not a training run"):
        resume(tmp_path, report=silent)


def test_several_data_sets_train_together_and_are_all_remembered(
    data: Path, tmp_path: Path
) -> None:
    other = make_synthetic(tmp_path / "other", train=3, val=2, size_px=96)
    sources = {
        "train": [
            {"dataset": str(data), "split": "train"},
            {"dataset": str(other), "split": "train", "crops_per_image": 2},
        ],
        "val": [{"dataset": str(other), "split": "val"}, {"dataset": str(data), "split": "val"}],
    }
    path = run(data, tmp_path, data=sources, schedule={"epochs": 1}).path
    _, record = read_weights(path / "weights/last.safetensors")
    assert [(seen.role, len(seen.images)) for seen in record.seen] == [
        ("trained", 4),
        ("trained", 3),
        ("selected", 2),
        ("selected", 2),
    ]
    assert record.threshold_source == "largest pooled Dice on csv val and csv val"
    assert resume(path, report=silent).path == path  # the configuration was written and read again


def test_maps_teach_instead_of_the_annotation_and_are_looked_for_first(
    data: Path, tmp_path: Path
) -> None:
    source = {"dataset": str(data), "split": "train", "maps": str(tmp_path / "maps")}
    sections = {"data": {"train": [source], "val": []}, "schedule": {"epochs": 30, "seed": 1}}
    with pytest.raises(DatasetError, match="maps: no such folder; give a folder of maps"):
        run(data, tmp_path, **sections)
    assert not list(tmp_path.iterdir())
    for number in range(4):  # what a teacher says that sees vessels everywhere
        save(tmp_path / "maps" / f"{number:02d}_prob.png", np.full((80, 80), 255, np.uint8))
    with pytest.raises(DatasetError, match=r"maps: has no seen\.json, which lists"):
        run(data, tmp_path, **sections)
    (tmp_path / "maps" / "seen.json").write_text('{"seen": []}')
    path = run(data, tmp_path, **sections).path
    del source["maps"]
    annotated = run(data, tmp_path, name="annotated", **sections).path
    losses = [float(rows(one)[-1]["train_loss"]) for one in (path, annotated)]
    assert losses[0] < 0.2 < losses[1]  # all is vessel: learnt sooner than where vessels lie
    sample = load_sample(open_dataset(str(data)).cases[0])
    taught = load(path, device="cpu")
    probability = taught.segment(sample.image, fov=outlined(sample.fov)).probability
    assert float(probability[sample.fov].mean()) > 0.8


def test_photographs_with_maps_need_no_annotation(data: Path, tmp_path: Path) -> None:
    listed = (data / "list.csv" if data.is_dir() else data).read_text().splitlines()
    header, *lines = listed
    label = header.split(",").index("label")
    bare = [line.split(",") for line in lines]
    for cells in bare:
        cells[label] = ""
    table = data.parent / "bare.csv"
    table.write_text("\n".join([header, *map(",".join, bare)]) + "\n")
    for number in range(4):
        save(tmp_path / "maps" / f"{number:02d}_prob.png", np.full((80, 80), 255, np.uint8))
    (tmp_path / "maps" / "seen.json").write_text('{"seen": []}')
    source = {"dataset": str(table), "split": "train"}
    sections = {"data": {"train": [source], "val": []}, "schedule": {"epochs": 1}}
    with pytest.raises(DatasetError, match="no vessel mask"):
        run(data, tmp_path / "runs", **sections)
    sections["data"] = {"train": [source | {"maps": str(tmp_path / "maps")}], "val": []}
    assert run(data, tmp_path / "runs", **sections).weights.is_dir()


def test_without_validation_images_the_last_weights_carry_the_given_threshold(
    data: Path, tmp_path: Path
) -> None:
    calibration, rules = {"scale": 0.8, "offset": 0.1}, {"min_component": 0.001}
    output = {"threshold": 0.37, "calibration": calibration, "components": rules}
    path = run(data, tmp_path, data={"val": []}, output=output).path
    assert [file.name for file in (path / "weights").iterdir()] == ["last.safetensors"]
    _, record = read_weights(path / "weights/last.safetensors")
    assert (record.threshold, record.threshold_source) == (0.37, "given in the configuration")
    (vessel,) = record.classes
    assert vessel.calibration == Calibration.model_validate(calibration)
    assert vessel.components == ComponentRules.model_validate(rules)
    assert [seen.role for seen in record.seen] == ["trained"]
    assert not any(key.startswith("val_") for key in rows(path)[0])
    assert load(path, device="cpu").record.epoch == 2  # the only weights that the run has


def test_training_on_nothing_is_refused(data: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"data.train = \[\]: name at least one"):
        run(data, tmp_path, data={"train": []})


def test_whoever_learns_from_maps_has_seen_what_their_networks_have(
    data: Path, tmp_path: Path
) -> None:
    known = SeenImages(
        dataset="X", protocol="all", split="all", role="trained", images={"a": "12ab"}
    )
    for number in range(4):
        save(tmp_path / "maps" / f"{number:02d}_prob.png", np.full((80, 80), 255, np.uint8))
    file = tmp_path / "maps" / "seen.json"
    file.write_text(json.dumps({"seen": [known.model_dump()]}))
    source = {"dataset": str(data), "split": "train", "maps": str(tmp_path / "maps")}
    path = run(data, tmp_path / "runs", data={"train": [source], "val": []}).path
    _, record = read_weights(path / "weights/last.safetensors")
    assert known in record.seen

    # What a teacher was chosen by may teach others.
    own = pixel_hash(load_sample(open_dataset(str(data)).cases[0]).image)
    selected = {"role": "selected", "images": {"0": own}}
    file.write_text(json.dumps({"seen": [known.model_dump() | selected]}))
    run(data, tmp_path / "runs", data={"train": [source]}, schedule={"epochs": 1})

    # Nor may such maps be those of a network that knows the validation images.
    pixels = pixel_hash(load_sample(open_dataset(str(data)).cases[4]).image)
    file.write_text(json.dumps({"seen": [known.model_dump() | {"images": {"4": pixels}}]}))
    with pytest.raises(ConfigError, match=r"share images \(04\)"):
        run(data, tmp_path / "runs", data={"train": [source]})


def test_annotations_of_equal_ids_in_two_lists_are_told_apart(data: Path, tmp_path: Path) -> None:
    other = make_synthetic(tmp_path / "other", train=4, val=0)
    sources = [{"dataset": str(one), "split": "train"} for one in (other, data)]
    path = run(data, tmp_path / "runs", data={"train": sources}).path
    label = other.parent / "labels" / "00.png"
    save(label, np.zeros((80, 80), np.uint8))
    with pytest.raises(DatasetError, match="annotations are no longer those"):
        resume(path, report=silent)


def _forget_state(path: Path) -> None:
    """Leave the folder as if its process had been killed in the first epoch."""
    for name in ("state.pt", "run.json"):
        (path / name).unlink()


@pytest.mark.parametrize(
    ("name", "content"),
    [("state.pt", b"PK"), ("data.json", b"{"), ("data.json", None), ("state.pt", None)],
)
def test_a_run_with_a_damaged_file_is_not_resumed(
    finished: Path, tmp_path: Path, name: str, content: bytes | None
) -> None:
    path = shutil.copytree(finished, tmp_path / "run")
    if content is None:
        (path / name).unlink()
    else:
        (path / name).write_bytes(content)
    before = (path / "weights/last.safetensors").read_bytes()
    with pytest.raises(WeightsError, match=re.escape(name)):
        resume(path, report=silent)
    assert (path / "weights/last.safetensors").read_bytes() == before


def test_a_run_is_trained_by_one_process_at_a_time(finished: Path, tmp_path: Path) -> None:
    path = shutil.copytree(finished, tmp_path / "run")
    with Run(path).claimed(), pytest.raises(OutputError, match="another process trains it"):
        resume(path, report=silent)
    assert resume(path, report=silent).path == path


def test_overlays_of_two_data_sets_with_the_same_ids_are_all_kept(
    data: Path, tmp_path: Path
) -> None:
    other = make_synthetic(tmp_path / "other", val=1)
    sources = [{"dataset": str(one), "split": "val"} for one in (data, other)]
    train = [{"dataset": str(data), "split": "train"}]
    done = run(data, tmp_path / "runs", data={"train": train, "val": sources})
    drawn = sorted(file.name for file in done.overlays.iterdir())
    assert drawn == ["04-2_errors.png", "04_errors.png", "05_errors.png"]


def test_a_run_that_was_killed_in_its_first_epoch_begins_again_from_the_same_weights(
    finished: Path, data: Path, tmp_path: Path
) -> None:
    weights = tmp_path / "w.safetensors"
    weights.write_bytes((finished / "weights/last.safetensors").read_bytes())
    sections = {"network": {"pretrained": str(weights)}, "schedule": {"epochs": 1}}
    path = run(data, tmp_path / "runs", **sections).path
    ended = (path / "weights/last.safetensors").read_bytes()
    _forget_state(path)
    resume(path, report=silent)
    assert (path / "weights/last.safetensors").read_bytes() == ended
    _forget_state(path)
    state, record = read_weights(weights)
    save_weights(weights, {name: tensor + 1 for name, tensor in state.items()}, record)
    with pytest.raises(ConfigError, match="is no longer the file it began with"):
        resume(path, report=silent)
