"""One command for one published experiment, on a made-up row; nothing is trained."""

import importlib
import json
from pathlib import Path
from types import ModuleType

import pytest

from venule.errors import UsageError

ROOT = Path(__file__).parents[1]


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ModuleType:
    """The script, in a folder of its own."""
    monkeypatch.syspath_prepend(str(ROOT / "results"))
    monkeypatch.chdir(tmp_path)
    return importlib.import_module("run_published")


@pytest.fixture
def published(tmp_path: Path) -> Path:
    """A row of two seeds and a pretraining, with their configurations."""
    folder = tmp_path / "published"
    folder.mkdir()
    (tmp_path / "configs").mkdir()
    (tmp_path / "configs" / "tiny.toml").write_text(
        '[data]\ndataset = "drive"\n[schedule]\nmonitor = "loss"\n'
    )
    (tmp_path / "configs" / "classes.toml").write_text('[data]\nfolder = "drawn-classes"\n')
    about = {
        "rows": [
            {"experiment": "tiny", "config": "tiny", "runs": ["tiny-seed0", "tiny-seed1"]},
        ],
        "pretrainings": [{"experiment": "classes", "config": "classes", "runs": ["classes"]}],
    }
    (folder / "about.json").write_text(json.dumps(about))
    return folder


class Fake:
    """Stands for venule: notes each command and leaves what it would leave in runs/NAME."""

    def __init__(self, name: str, *, absolute: str = "") -> None:
        self.run, self.absolute = Path("runs") / name, absolute
        self.commands: list[list[str]] = []

    def __call__(self, command: list[str]) -> None:
        self.commands.append(command)
        if command[0] in ("train", "pretrain"):
            (self.run / "weights").mkdir(parents=True, exist_ok=True)
            (self.run / "weights" / "last.safetensors").write_bytes(b"weights")
            (self.run / "state.pt").write_bytes(b"state")
            (self.run / "config.toml").write_text(f'folder = "{self.absolute}"\n')
            for name in ("metrics.csv", "run.json", "cost.json"):
                (self.run / name).write_text(name)
        if command[0] == "evaluate":
            (self.run / "test.json").write_text("{}")


def find(script: ModuleType, published: Path, name: str) -> object:
    return script.experiments(published, published.parent / "configs")[name]


def test_an_experiment_is_trained_scored_once_and_kept_without_weights(
    script: ModuleType, published: Path
) -> None:
    venule = Fake("tiny-seed1")
    one = find(script, published, "tiny-seed1")
    target = script.run(
        one, venule, epochs=60, settings=["schedule.workers=1"], published=published
    )
    config = str(published.parent / "configs" / "tiny.toml")
    train, evaluate, plot = venule.commands
    changes = ["schedule.workers=1", "name=tiny-seed1", "schedule.seed=1", "schedule.epochs=60"]
    assert train == ["train", config, *changes, "--out", "runs"]
    assert evaluate[:2] == ["evaluate", "runs/tiny-seed1"]
    assert evaluate[evaluate.index("--split") + 1] == "test"
    assert evaluate[evaluate.index("--checkpoint") + 1] == "loss"
    assert evaluate[-1] == str(ROOT / "results" / "test_access.jsonl")
    assert plot == ["plot", str(target), "-o", str(published / "tiny.png")]
    kept = {path.name for path in target.iterdir()}
    assert kept == {"config.toml", "metrics.csv", "run.json", "cost.json", "test.json"}

    again = Fake("tiny-seed1")
    script.run(one, again, published=published)
    assert [command[0] for command in again.commands] == ["plot"]  # no second look


def test_the_curves_of_all_seeds_are_drawn_together(script: ModuleType, published: Path) -> None:
    for name in ("tiny-seed0", "tiny-seed1"):
        venule = Fake(name)
        script.run(find(script, published, name), venule, published=published)
    assert venule.commands[-1][1:3] == [str(published / f"tiny-seed{seed}") for seed in (0, 1)]


def test_an_interrupted_training_is_carried_on(script: ModuleType, published: Path) -> None:
    Path("runs/tiny-seed0").mkdir(parents=True)
    Path("runs/tiny-seed0/config.toml").write_text("")
    one = find(script, published, "tiny-seed0")
    venule = Fake("tiny-seed0")
    script.run(one, venule, published=published)
    assert venule.commands[0] == ["train", "--resume", "runs/tiny-seed0"]
    with pytest.raises(UsageError, match="was begun with its own settings"):
        script.run(one, venule, epochs=3, published=published)


def test_a_folder_that_is_no_training_is_not_taken_for_one(
    script: ModuleType, published: Path
) -> None:
    Path("runs/tiny-seed0").mkdir(parents=True)
    with pytest.raises(UsageError, match="remove it"):
        script.run(find(script, published, "tiny-seed0"), Fake("tiny-seed0"), published=published)


def test_a_classifier_learns_from_its_folder_and_is_not_scored(
    script: ModuleType, published: Path, tmp_path: Path
) -> None:
    venule = Fake("classes", absolute=f"{tmp_path}/drawn-classes")
    target = script.run(find(script, published, "classes"), venule, published=published)
    config = str(tmp_path / "configs" / "classes.toml")
    pretrain, _ = venule.commands
    where = ["--config", config, "--out", "runs"]
    assert pretrain == ["pretrain", "drawn-classes", "name=classes", *where]
    assert (target / "config.toml").read_text() == 'folder = "drawn-classes"\n'


def test_every_experiment_of_the_table_has_its_configuration(script: ModuleType) -> None:
    known = script.experiments()
    assert {one.config for one in known.values()} == set(script.CONFIGS.glob("*.toml"))
    for name, one in known.items():
        assert name.startswith(one.config.stem)
        assert one.tested == (one.seed is not None)
