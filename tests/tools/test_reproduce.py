"""A tiny recipe from synthetic images to scores, run to its end, interrupted and run again."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from recipe.book import run
from recipe.judging import Evaluate, Script
from recipe.making import Patches, SoftLabels, Synth, Train
from recipe.place import Place
from recipe.recipe import Recipe, read_recipe
from recipe.step import StepError
from support import trees
from support.networks import write_network
from venule.errors import UsageError
from venule.evaluation.card import read_report
from venule.models.record import ModelRecord

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning")

CONFIG = """\
name = "tiny"
[data]
train = [{ dataset = "folders=images", split = "all" }]
val = [{ dataset = "chase", split = "val" }]
[network]
model = "resunet"
options = { widths = [8, 8, 8, 8], blocks = [0, 0, 0, 0] }
[input]
crop_px = 32
crops_per_image = 1
fov_px = 60
[schedule]
epochs = 1
batch_size = 2
"""

RECIPE = """\
result = "tiny"
text = "a test"

[[steps]]
do = "synth"
out = "images"
count = 2
size_px = 80

[[steps]]
do = "train"
config = "configs/tiny.toml"
name = "tiny"

[[steps]]
do = "export"
run = "tiny"
checkpoint = "last"
out = "weights/tiny.onnx"

[[steps]]
do = "evaluate"
each = { split = ["val", "test"] }
models = ["weights/tiny.onnx", "expert:second"]
data = "chase"
split = "{split}"
out = "{split}.json"

[[steps]]
do = "plot"
runs = ["tiny"]
out = "curves.png"

[[steps]]
do = "keep"
run = "tiny"
files = { "config.toml" = "config.toml", "metrics.csv" = "metrics.csv" }
"""


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout with one configuration and one recipe, and a data set beside it."""
    root = tmp_path_factory.mktemp("checkout")
    (root / "configs").mkdir()
    (root / "configs" / "tiny.toml").write_text(CONFIG)
    (root / "tiny.toml").write_text(RECIPE)
    trees.make_chase(root / "data")
    return root


@pytest.fixture(scope="module")
def place(root: Path) -> Place:
    work = root / "work"
    log = root / "access.jsonl"
    return Place(
        work=work, results=work / "results", docs=work, access_log=log, root=root, device="cpu"
    )


@pytest.fixture(scope="module")
def recipe(root: Path) -> Recipe:
    return read_recipe(root / "tiny.toml")


@pytest.fixture(scope="module")
def told(root: Path, place: Place, recipe: Recipe) -> list[str]:
    """Lines that are told while the recipe runs for the first time."""
    lines: list[str] = []
    run({"tiny": recipe}, place, lines.append, root / "data")
    return lines


@pytest.mark.slow
def test_the_recipe_runs_from_images_to_scores(
    told: list[str], place: Place, recipe: Recipe
) -> None:
    assert len(told) == len(recipe.steps) == 7
    assert all(line.startswith("now: ") for line in told)
    results = place.results / "tiny"
    assert {path.name for path in results.iterdir()} == {
        "val.json",
        "test.json",
        "curves.png",
        "config.toml",
        "metrics.csv",
    }
    tested = read_report(results / "test.json").results
    assert [(one.model, len(one.images)) for one in tested] == [("tiny", 8), ("expert:second", 8)]
    assert str(place.work) not in (results / "config.toml").read_text()


@pytest.mark.slow
def test_only_the_networks_access_to_test_images_is_recorded_with_the_commit(
    told: list[str], place: Place
) -> None:
    assert told
    (access,) = map(json.loads, place.access_log.read_text().splitlines())
    assert (access["model"], access["split"], access["purpose"]) == ("tiny", "test", "evaluation")
    assert "commit" in access


@pytest.mark.slow
def test_what_is_there_is_kept_and_what_is_missing_made(
    told: list[str], root: Path, place: Place, recipe: Recipe
) -> None:
    assert told
    weights = (place.work / "runs" / "tiny" / "weights" / "last.safetensors").stat().st_mtime_ns
    (place.results / "tiny" / "val.json").unlink()
    lines: list[str] = []
    run({"tiny": recipe}, place, lines.append, root / "data")
    assert [line for line in lines if line.startswith("now: ")] == [
        "now: evaluate weights/tiny.onnx, expert:second on chase val: val.json"
    ]
    again = (place.work / "runs" / "tiny" / "weights" / "last.safetensors").stat().st_mtime_ns
    assert weights == again
    assert len(place.access_log.read_text().splitlines()) == 1


@pytest.fixture
def inside(root: Path, place: Place, tmp_path: Path) -> Iterator[Place]:
    """A place of its own, which is the current folder."""
    own = replace(place, work=tmp_path / "work", results=tmp_path / "results")
    with own.entered(root / "data"):
        yield own


@pytest.mark.slow
def test_an_interrupted_training_goes_on(told: list[str], place: Place, inside: Place) -> None:
    assert told
    shutil.copytree(place.work / "images", "images")
    shutil.copytree(place.work / "runs", "runs")
    log = Path("runs/tiny/metrics.csv").read_text()
    Path("runs/tiny/run.json").unlink()
    step = Train(config="configs/tiny.toml", name="tiny")
    assert not step.done(inside)
    step.run(inside)
    assert step.done(inside)
    assert Path("runs/tiny/metrics.csv").read_text() == log  # its only epoch was not repeated


def test_a_folder_that_is_no_training_is_not_taken_for_one(inside: Place) -> None:
    Path("runs/tiny").mkdir(parents=True)
    with pytest.raises(UsageError, match="holds no training run that can be resumed"):
        Train(config="configs/tiny.toml", name="tiny").run(inside)


def test_a_log_that_cannot_be_written_stops_the_step_before_it_scores(
    inside: Place, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    blocked = replace(inside, access_log=tmp_path / "file" / "access.jsonl")
    write_network(Path("tiny.onnx"), ModelRecord(name="tiny", model="none"))
    step = Evaluate(models=("tiny.onnx",), data="chase", split="test", out="test.json")
    with pytest.raises(Exception, match="cannot be written"):
        step.run(blocked)
    assert not step.done(blocked)


@pytest.mark.slow
def test_images_that_are_missing_are_added_and_patches_are_whole_or_not_there(
    told: list[str], place: Place, inside: Place
) -> None:
    assert told
    shutil.copytree(place.work / "images", "images")
    (Path("images") / "images" / "000001.jpg").unlink()
    synth = Synth(out=Path("images"), count=2, size_px=80)
    assert not synth.done(inside)
    synth.run(inside)
    assert synth.done(inside)
    patches = Patches(data="folders=images", out=Path("patches"), size_px=16, per_image=4)
    patches.run(inside)
    assert patches.done(inside)
    assert list(Path("patches").rglob("*.png"))
    assert not Path("patches.part").exists()


def test_soft_labels_are_there_when_every_photograph_has_its_map(inside: Place) -> None:
    write_network(Path("tiny.onnx"), ModelRecord(name="tiny", model="none"))
    step = SoftLabels(models=("tiny.onnx",), data="chase", split="val", out=Path("maps"))
    assert not step.done(inside)
    step.run(inside)
    assert step.done(inside)
    next(Path("maps").glob("*_prob.png")).unlink()
    assert not step.done(inside)


def test_a_script_that_fails_is_one_line(inside: Place) -> None:
    step = Script(script="benchmarks/none.py", out="none.json")
    with pytest.raises(StepError, match=r"benchmarks/none\.py: failed"):
        step.run(inside)
