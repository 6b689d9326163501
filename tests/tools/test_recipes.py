"""Every result has its recipe: files that exist, configurations that are read, nothing left out."""

from fnmatch import fnmatch
from pathlib import Path

import pytest

import reproduce
from checkout import RESULTS, ROOT
from recipe.book import chosen, plan, recipes, steps_of, with_settings
from recipe.making import Train
from recipe.recipe import Recipe, expanded, read_recipe
from venule.errors import ConfigError, UsageError
from venule.training.config import NetworkConfig, PretrainConfig, TrainConfig
from venule.training.config_file import read_config

BY_HAND = {"about.json", "card.toml"}
"""Files that a person writes beside those that recipes make."""

LOG = "test_access.jsonl"


@pytest.fixture(scope="module")
def book() -> dict[str, Recipe]:
    return recipes()


def test_every_file_of_every_result_is_made_by_a_recipe_or_said_to_be_gone(
    book: dict[str, Recipe],
) -> None:
    made = {
        (recipe.result, name)
        for recipe in book.values()
        for step in recipe.steps
        for name in step.writes()
    }
    gone = [(recipe.result, pattern) for recipe in book.values() for pattern in recipe.gone]
    left_out = []
    for path in sorted(path for path in RESULTS.rglob("*") if path.is_file()):
        result, _, name = path.relative_to(RESULTS).as_posix().partition("/")
        if not name:
            result, name = "", result
        known = (result, name) in made or name in BY_HAND or (result, name) == ("", LOG)
        if not known and not any(result == one and fnmatch(name, p) for one, p in gone):
            left_out.append(f"{result}/{name}")
    assert left_out == []


def test_what_is_said_to_be_gone_is_a_committed_file(book: dict[str, Recipe]) -> None:
    for name, recipe in book.items():
        for pattern, why in recipe.gone.items():
            assert list((RESULTS / recipe.result).glob(pattern)), f"{name}: {pattern}"
            assert "\n" not in why


def test_every_shipped_model_and_every_folder_of_results_has_a_recipe(
    book: dict[str, Recipe],
) -> None:
    folders = {path.name for path in RESULTS.iterdir() if path.is_dir()}
    assert {recipe.result for recipe in book.values()} == folders | {""}
    assert {path.stem for path in (ROOT / "src/venule/weights").glob("*.onnx")} <= book.keys()
    runs = {path.name for path in (RESULTS / "published").iterdir() if path.is_dir()}
    assert runs <= book.keys()


def network_of(step: Train) -> NetworkConfig:
    """The section [network] of the training, whose configuration is read whole."""
    path, changes = ROOT / step.config, [*step.set.items()]
    if step.folder is not None:
        return read_config(path, changes, PretrainConfig).network
    return read_config(path, changes, TrainConfig).network


@pytest.mark.parametrize("name", sorted(recipes()))
def test_a_recipe_names_configurations_that_can_be_read(book: dict[str, Recipe], name: str) -> None:
    found = chosen(name, book)
    trained = set()
    for _, step in steps_of(found):
        for config in step.configs():
            assert (ROOT / config).is_file(), config
        if isinstance(step, Train):
            start = network_of(step).pretrained or ""
            if start.startswith("runs/"):  # what it starts from has been trained before it
                assert start.removeprefix("runs/") in trained, step
            trained.add(step.name)
    assert len(plan(found)) >= len(book[name].steps)


def test_a_kept_configuration_names_the_seed_of_its_run(book: dict[str, Recipe]) -> None:
    (train,) = (s for s in book["ddrnet23-slim-stride8-seed2"].steps if isinstance(s, Train))
    assert train.config == "results/published/ddrnet23-slim-stride8-seed2/config.toml"
    assert read_config(ROOT / train.config, (), TrainConfig).schedule.seed == 2
    (train,) = (s for s in book["ddrnet23-slim-stride2-seed1"].steps if isinstance(s, Train))
    assert train.config == "configs/published/ddrnet23-slim-stride2.toml"  # was not run yet
    assert train.set == {"schedule.seed": 1}


def test_dry_run_prints_the_steps_and_what_differs(capsys: pytest.CaptureFixture[str]) -> None:
    reproduce.main(["general", "--dry-run", "schedule.epochs=3"])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("note: general: stage 1 learnt from synthetic images of generator 2")
    assert "train runs/general by configs/general.toml, schedule.epochs = 3" in lines
    chase = lines.index("train runs/chase-alone by results/general-alone/config-chase.toml")
    assert chase < lines.index("export runs/general: weights/general.onnx")


def test_the_list_names_every_recipe(
    book: dict[str, Recipe], capsys: pytest.CaptureFixture[str]
) -> None:
    reproduce.main(["--list"])
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == list(book)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["accurat"],
            "no recipe 'accurat'; known: published, accurate-plain, accurate-second, accurate,",
        ),
        (["published", "schedule.epochs=3"], "published is several recipes"),
        (["benchmarks", "a=b", "--dry-run"], "has no training runs/benchmarks"),
        (["general", "schedule.epochs", "--dry-run"], "expected key=value"),
    ],
)
def test_what_cannot_be_reproduced_is_one_line(arguments: list[str], message: str) -> None:
    with pytest.raises(SystemExit) as ended:
        reproduce.main(arguments)
    assert message in str(ended.value)
    assert "\n" not in str(ended.value)


def test_a_step_with_each_is_one_for_every_combination() -> None:
    step = {
        "do": "train",
        "each": {"fold": [1, 2], "data": ["a", "b"]},
        "name": "{data}{fold}",
        "set": {"data.{data}": ["{fold}", 3]},
    }
    found = list(expanded(step))
    assert [one["name"] for one in found] == ["a1", "b1", "a2", "b2"]
    assert found[1]["set"] == {"data.b": ["1", 3]}
    assert list(expanded({"do": "synth", "out": "{x}"})) == [{"do": "synth", "out": "{x}"}]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("steps = [", "not a recipe"),
        ('result = "a"\ntext = "b"\nsteps = [{ do = "fly" }]\n', "steps.0"),
        ('result = "a"\ntext = "b"\nstep = 1\n', "step: Extra"),
        (
            'result = "a"\ntext = "b"\n[[steps]]\ndo = "synth"\neach = { a = [1] }\nout = "{b}"\n',
            "not a recipe",
        ),
    ],
)
def test_a_faulty_recipe_is_one_line(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "a.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=message):
        read_recipe(path)
    with pytest.raises(ConfigError, match="cannot be read"):
        read_recipe(tmp_path / "b.toml")


def test_recipes_that_need_each_other_are_refused() -> None:
    one = Recipe(result="a", text="", needs=("two",))
    two = Recipe(result="b", text="", needs=("one",))
    with pytest.raises(UsageError, match="one -> two -> one"):
        chosen("one", {"one": one, "two": two})
    with pytest.raises(UsageError, match="needs 'two', which does not exist"):
        chosen("one", {"one": one})


def test_settings_change_the_training_of_that_name_only() -> None:
    steps = tuple(Train(config="c.toml", name=name, set={"a": 1, "b": 1}) for name in ("x", "y"))
    changed = with_settings(Recipe(result="r", text="", steps=steps), "y", {"b": 2})
    assert [step.set for step in changed.steps if isinstance(step, Train)] == [
        {"a": 1, "b": 1},
        {"a": 1, "b": 2},
    ]
