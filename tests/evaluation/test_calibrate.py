"""Settings from held-out predictions: the likeliest calibration, the best threshold."""

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.special import expit, logit
from sklearn.linear_model import LogisticRegression
from typer.testing import CliRunner

from support import trees
from support.drawn import make_synthetic, settings
from venule.cli.main import app
from venule.data.case import Annotation, Case, Expert
from venule.data.protocols import Selection
from venule.data.sample import Sample
from venule.data.truth import ArteryVein, GroundTruth, Landmarks
from venule.errors import DatasetError, UsageError, VenuleError, WeightsError
from venule.evaluation.calibrate import (
    _drop,
    _HeldOut,
    _lowest_threshold,
    _reconnect,
    _threshold_of_mean_dice,
    calibrate,
    fit_platt,
)
from venule.image.arrays import FloatMap, Mask
from venule.inference.segment import Segmenter
from venule.metrics.counts import count, dice
from venule.models.record import Calibration, ClassRecord, ModelRecord
from venule.training.config import TrainConfig
from venule.training.config_file import parse_config
from venule.training.run import Run


def annotated(mask: Mask) -> GroundTruth:
    """A (H, W) vessel mask as the truth of the one class `vessel`, valid everywhere."""
    return GroundTruth(("vessel",), mask[None])


def held_out(id: str, seed: int, *, mean: float = 0.0) -> _HeldOut:
    """Overconfident probabilities: the truth follows half of their logit, minus one."""
    rng = np.random.default_rng(seed)
    shape = (60, 70)
    z = rng.normal(mean, 3, shape)
    truth = rng.random(shape) < expit(0.5 * z - 1)
    fov = rng.random(shape) < 0.9
    image = np.zeros((*shape, 3), np.uint8)
    return _HeldOut(Sample(id, image, fov, annotated(truth)), z.astype(np.float32))


def test_the_calibration_is_that_of_a_logistic_regression_on_the_logit() -> None:
    items = [held_out("a", 0), held_out("b", 1)]
    x = np.concatenate([i.logits[i.sample.fov] for i in items]).astype(np.float64)
    y = np.concatenate([i.truth[i.sample.fov] for i in items])
    expected = LogisticRegression(C=1e9, tol=1e-8).fit(x[:, None], y)
    after = fit_platt(items)
    scale, offset = after.scale, after.offset
    assert scale == pytest.approx(float(expected.coef_[0, 0]), abs=1e-3)
    assert offset == pytest.approx(float(expected.intercept_[0]), abs=1e-3)
    assert scale == pytest.approx(0.5, abs=0.05)
    assert offset == pytest.approx(-1, abs=0.1)


def test_a_calibration_is_of_the_logits_not_of_levels_that_do_not_tell_them_apart() -> None:
    items = [held_out(str(seed), seed, mean=-8.0) for seed in range(20)]
    x = np.concatenate([i.logits[i.sample.fov] for i in items]).astype(np.float64)
    y = np.concatenate([i.truth[i.sample.fov] for i in items])
    expected = LogisticRegression(C=1e9, tol=1e-8).fit(x.clip(-16, 16)[:, None], y)
    after = fit_platt(items)
    assert after.scale == pytest.approx(float(expected.coef_[0, 0]), abs=2e-4)
    assert after.offset == pytest.approx(float(expected.intercept_[0]), abs=1e-3)


def test_networks_that_are_worse_than_chance_are_refused() -> None:
    good = held_out("a", 0)
    with pytest.raises(VenuleError, match="the less often it is a vessel"):
        fit_platt([_HeldOut(good.sample, -good.logits)])


def test_of_the_thresholds_with_nearly_the_best_dice_the_lowest_is_taken() -> None:
    item = held_out("a", 3)
    probability = expit(item.logits.astype(np.float64))

    def score(threshold: float) -> float:
        return dice(count(probability >= threshold, item.truth, item.sample.fov))

    chosen = _lowest_threshold([item], ClassRecord())
    best = max(score(t) for t in np.linspace(0.01, 0.99, 197))
    assert best - 0.0021 <= score(chosen) <= best
    assert all(score(t) < best - 0.0019 for t in np.linspace(0.01, chosen - 0.01, 50))


def test_the_threshold_of_mean_dice_weighs_every_photograph_alike() -> None:
    # One photograph of 1 vessel pixel that needs a threshold above 0.6, one of 900 below 0.3.
    def photograph(vessel: float, background: float, vessels: int) -> _HeldOut:
        truth = np.arange(1000).reshape(20, 50) < vessels
        probability = np.where(truth, vessel, background)
        image, fov = np.zeros((20, 50, 3), np.uint8), np.ones((20, 50), bool)
        sample = Sample("a", image, fov, annotated(truth))
        return _HeldOut(sample, logit(probability).astype(np.float32))

    few, many = photograph(0.655, 0.605, 1), photograph(0.305, 0.105, 900)
    # At 0.61 to 0.65 Dice is 1 and 0; at 0.11 to 0.30 it is 2 / 1001 and 1, the larger mean.
    assert _threshold_of_mean_dice([few, many], ClassRecord()) == 0.11
    assert _threshold_of_mean_dice([few, few, many], ClassRecord()) == 0.61
    assert _lowest_threshold([few, few, many], ClassRecord()) < 0.305


def mapped(truth: np.ndarray, vessels: np.ndarray, faint: np.ndarray | None = None) -> _HeldOut:
    """Vessels of probability 0.98, faint ones of 0.27, everything else 0.0003."""
    image = np.zeros((*truth.shape, 3), np.uint8)
    logits = np.where(vessels, 4.0, -8.0 if faint is None else np.where(faint, -1.0, -8.0))
    sample = Sample("a", image, np.ones_like(truth), annotated(truth))
    return _HeldOut(sample, logits.astype(np.float32))


def test_specks_go_until_no_more_components_are_left_than_the_truth_has() -> None:
    truth = np.zeros((200, 200), bool)
    truth[50, 20:180] = truth[150, 20:50] = True  # components of 160 and 30 px
    wrong = truth.copy()
    wrong[100, 10:32] = True  # 22 px are more than 5e-4 of the field of view
    chosen, tried = _drop([mapped(truth, wrong)], ClassRecord())
    assert chosen.components.min_component == 6e-4
    assert tried["0.0004"]["components"] == 3
    assert tried["0.0006"]["components"] == 2
    assert tried["0.0006"]["dice"] == 1
    assert tried["0.001"]["components"] == 1  # and the smaller vessel would be lost


def test_an_image_without_vessels_leaves_the_choice_to_the_others() -> None:
    truth = np.zeros((200, 200), bool)
    truth[50, 20:180] = True
    vessels = truth.copy()
    vessels[50, 95:100] = False
    items = [mapped(truth, vessels, faint=truth), mapped(np.zeros_like(truth), truth & False)]
    joined, budgets = _reconnect(items, ClassRecord())
    assert joined.components.reconnection_budget > 0
    assert budgets["0"]["largest_component_share"] < 1
    chosen, tried = _drop(items, joined)
    assert chosen.components.min_component == 0.0
    assert not any(np.isnan(value) for means in tried.values() for value in means.values())


def test_no_vessel_is_dropped_to_leave_few_components() -> None:
    truth = np.zeros((200, 200), bool)
    truth[50, 20:180] = truth[150, 20:50] = True
    found = truth.copy()
    found[50, 98:102] = False  # three components where the truth has two
    chosen, _ = _drop([mapped(truth, found)], ClassRecord())
    assert chosen.components.min_component == 6e-4  # the largest that keeps the 30 px


def test_components_are_reconnected_where_that_gains_and_with_no_more_than_that_takes() -> None:
    truth = np.zeros((200, 200), bool)
    truth[50, 20:180] = True
    found, faint = truth.copy(), truth.copy()
    found[50, 100:104] = False  # four steps of log(0.5 / 0.27) = 0.62 each: 2.5
    assert (
        _reconnect([mapped(truth, found, faint)], ClassRecord())[0].components.reconnection_budget
        == 4
    )
    assert _reconnect([mapped(truth, truth)], ClassRecord())[0].components.reconnection_budget == 0


def test_components_that_belong_apart_stay_apart() -> None:
    truth = np.zeros((200, 200), bool)
    truth[50, 20:100] = truth[150, 20:100] = True
    faint = np.zeros_like(truth)
    faint[50:151, 60] = True
    assert (
        _reconnect([mapped(truth, truth, faint)], ClassRecord())[0].components.reconnection_budget
        == 0
    )


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Two runs on two data sets whose networks take what is dark in green for a vessel."""

    def dark(pixels: FloatMap) -> FloatMap:
        return np.asarray(-2 * pixels[:, 1:2] - 2, np.float32)

    def load(run: Path, checkpoint: str) -> Segmenter:
        assert checkpoint == "last"
        # Of an earlier choice, to be left out.
        earlier = ClassRecord(threshold=0.9, calibration=Calibration(scale=3, offset=1))
        return Segmenter(ModelRecord(name=run.name, model="none", classes=(earlier,)), dark)

    monkeypatch.setattr("venule.evaluation.calibrate.load", load)
    made = []
    for number in range(2):
        data = make_synthetic(tmp_path / str(number), train=2, val=1 + number)
        config = parse_config(settings(data), TrainConfig, source="test")
        made.append(Run.create(tmp_path / "runs", "fold"))
        made[-1].write_config(config)
    return [run.path for run in made]


def test_runs_that_share_a_validation_image_are_refused_before_they_are_asked(
    runs: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("venule.evaluation.calibrate._predict", lambda *_: pytest.fail("predicted"))
    with pytest.raises(DatasetError, match="image 02 validates twice"):
        calibrate([runs[0], runs[0]])


@pytest.mark.parametrize(
    ("expert", "classes"), [("av", "artery and vein"), ("landmarks", "disc and fovea")]
)
def test_networks_of_other_classes_are_refused_before_they_are_asked(
    runs: list[Path], monkeypatch: pytest.MonkeyPatch, expert: str, classes: str
) -> None:
    def annotated(dataset: str, protocol: str | None, split: str, expert: Expert) -> Selection:
        av, disc = Annotation(Path("av.png"), ArteryVein()), Annotation(Path("d.png"), Landmarks())
        case = Case(id="02", image=Path("02.png"), av=av, landmarks=disc)
        assert expert in ("av", "landmarks")
        return Selection(dataset, protocol or "", split, "", (case,))

    monkeypatch.setattr("venule.evaluation.calibrate._predict", lambda *_: pytest.fail("predicted"))
    monkeypatch.setattr("venule.evaluation.calibrate.open_dataset", lambda name: name)
    monkeypatch.setattr("venule.evaluation.calibrate.select", annotated)
    config = runs[0] / "config.toml"
    config.write_text(config.read_text().replace('expert = "first"', f'expert = "{expert}"'))
    with pytest.raises(UsageError, match=f"segments {classes}; calibrate is for networks of one"):
        calibrate(runs[:1])


def test_images_of_equal_ids_in_two_data_sets_are_told_apart(
    runs: list[Path], tmp_path: Path
) -> None:
    others = trees.make_folders(tmp_path / "own", ("02",))
    config = runs[0] / "config.toml"
    predictors = ", ".join(
        f'{{ dataset = "{data}", split = "{split}", expert = "first" }}'
        for data, split in ((tmp_path / "0" / "synthetic.csv", "val"), (others, "all"))
    )
    config.write_text(config.read_text().replace('val = "val"', f"val = [{predictors}]"))
    chosen = calibrate(runs[:1])
    photographs = (tmp_path / "0" / "images" / "02.png", others / "images" / "02.png")
    assert chosen.images == tuple(map(str, photographs))
    assert set(chosen.per_image) == set(chosen.images)


@pytest.mark.parametrize(
    "text", ["data = [", 'data = "x"', "[data]\nval = 3", '[data]\nfolder = "x"']
)
def test_a_damaged_run_or_one_of_a_classifier_is_one_line(tmp_path: Path, text: str) -> None:
    (tmp_path / "config.toml").write_text(text)
    with pytest.raises(WeightsError, match="give runs of `venule train`"):
        calibrate([tmp_path])


def test_a_run_of_a_shipped_models_name_is_asked_itself(
    runs: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Path] = []

    def load(run: Path, checkpoint: str) -> Segmenter:
        asked.append(run)
        raise WeightsError("enough")

    monkeypatch.setattr("venule.evaluation.calibrate.load", load)
    (runs[0].parent / "general").symlink_to(runs[0])
    monkeypatch.chdir(runs[0].parent)
    with pytest.raises(WeightsError, match="enough"):
        calibrate([Path("general")])
    assert asked == [runs[0].parent / "general"]


def test_a_folder_without_weights_is_said(tmp_path: Path) -> None:
    with pytest.raises(VenuleError, match="not a training run"):
        calibrate([tmp_path])


def test_weights_without_their_run_are_refused() -> None:
    with pytest.raises(VenuleError, match=r"general: not a training run .* give runs' folders"):
        calibrate([Path("general")])


def test_the_networks_can_be_changed_before_they_are_asked(runs: list[Path]) -> None:
    def against(segmenter: Segmenter) -> Segmenter:
        return replace(segmenter, run=lambda pixels: -segmenter.run(pixels))

    assert calibrate([runs[1]]).mean["roc_auc"].mean > 0.7
    with pytest.raises(WeightsError, match="the less often it is a vessel"):
        calibrate([runs[1]], change=against)


def test_the_command_prints_settings_that_a_configuration_takes(
    runs: list[Path], tmp_path: Path
) -> None:
    file = tmp_path / "held_out.json"
    result = CliRunner().invoke(
        app, ["calibrate", str(runs[1]), "--json", str(file), "--without", "02"]
    )
    assert result.exit_code == 0, result.output
    chosen = json.loads(file.read_text())
    assert chosen["images"] == ["02", "03"]
    assert chosen["mean"]["roc_auc"]["mean"] > 0.7
    assert chosen["without"]["02"]["dice"] == pytest.approx(chosen["per_image"]["03"]["dice"])
    assert f"threshold = {chosen['threshold']}" in result.output
    assert "reconnection_budget" in result.output
    assert "min_component" in result.output
    head = "Held out from training; settings chosen on these same images, so ECE and Dice are"
    assert head in result.output.partition("score ")[0]


def test_the_command_takes_the_rule_for_the_threshold(runs: list[Path]) -> None:
    result = CliRunner().invoke(app, ["calibrate", str(runs[1]), "--threshold", "mean-dice"])
    assert result.exit_code == 0, result.output
    assert re.search(r"^threshold = 0\.\d\d?$", result.output, re.MULTILINE)


def test_an_image_to_be_left_out_must_be_one_of_theirs(runs: list[Path]) -> None:
    with pytest.raises(UsageError, match=r"image 99 to be left out .* use: 02, 03"):
        calibrate([runs[1]], without=["99"])


def test_a_threshold_stays_inside_0_and_1() -> None:
    truth = np.zeros((40, 40), bool)
    truth[10:30, 18:22] = True
    item = mapped(truth, truth)
    sure = _HeldOut(item.sample, np.where(truth, 80, -80).astype(np.float32))
    assert 0 < _lowest_threshold([sure], ClassRecord()) < 1
    unsure = _HeldOut(item.sample, np.where(truth, -20, -80).astype(np.float32))
    assert 0 < _lowest_threshold([unsure], ClassRecord()) < 1


def test_runs_without_validation_images_or_vessels_choose_nothing(
    runs: list[Path], tmp_path: Path
) -> None:
    config = runs[0] / "config.toml"
    text = config.read_text()
    assert 'val = "val"' in text
    config.write_text(text.replace('val = "val"', "val = []"))
    with pytest.raises(DatasetError, match="has no validation images to choose by"):
        calibrate(runs[:1])
    data = tmp_path / "0" / "synthetic.csv"
    listed = f'val = [{{ dataset = "{data}", split = "val", expert = "first" }}]'
    config.write_text(text.replace('val = "val"', listed))
    assert calibrate(runs[:1]).images == ("02",)
    trees.save(data.parent / "labels" / "02.png", np.zeros((80, 80), np.uint8))
    with pytest.raises(DatasetError, match="none of the validation images has a vessel"):
        calibrate(runs[:1])
