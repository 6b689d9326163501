"""The folder of a run: never shared, whole at any moment, readable again."""

import csv
import json
from pathlib import Path

import pytest
import torch

from venule.errors import ConfigError, OutputError, WeightsError
from venule.training.run import Run, environment


def test_a_run_never_writes_over_another(tmp_path: Path) -> None:
    names = [Run.create(tmp_path / "runs", "mine").path.name for _ in range(3)]
    assert names == ["mine", "mine-2", "mine-3"]


def test_a_file_of_that_name_is_not_written_over_either(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("something else")
    assert Run.create(tmp_path, "mine").path.name == "mine-2"
    assert (tmp_path / "mine").read_text() == "something else"


def test_a_root_that_is_no_folder_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot be made"):
        Run.create(tmp_path / "file", "mine")


def test_a_folder_without_configuration_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"not a training run \(it has no config\.toml\)"):
        Run.open(tmp_path)


def test_the_log_has_a_column_for_every_score_of_any_epoch(tmp_path: Path) -> None:
    run = Run.create(tmp_path, "mine")
    rows = [{"epoch": 1, "train_loss": 0.5}, {"epoch": 2, "train_loss": 0.25, "val_dice": 0.75}]
    run.write_rows(rows)
    with (run.path / "metrics.csv").open(newline="") as file:
        assert list(csv.DictReader(file)) == [
            {"epoch": "1", "train_loss": "0.5", "val_dice": ""},
            {"epoch": "2", "train_loss": "0.25", "val_dice": "0.75"},
        ]
    lines = (run.path / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == rows


def test_numbers_of_the_log_lose_no_digit(tmp_path: Path) -> None:
    run = Run.create(tmp_path, "mine")
    run.write_rows([{"epoch": 1, "x": 1 / 3}])
    assert float((run.path / "metrics.csv").read_text().split(",")[-1]) == 1 / 3


def test_a_state_comes_back_as_it_was(tmp_path: Path) -> None:
    run = Run.create(tmp_path, "mine")
    assert run.load_state() is None
    run.save_state({"model": {"w": torch.tensor([1.5])}, "rows": [{"epoch": 1}], "average": None})
    state = run.load_state()
    assert state is not None
    assert torch.equal(state["model"]["w"], torch.tensor([1.5]))
    assert (state["rows"], state["average"]) == ([{"epoch": 1}], None)


def test_what_a_killed_process_was_writing_can_be_cleared_away(tmp_path: Path) -> None:
    run = Run.create(tmp_path, "mine")
    for name in (".state.pt.x1.tmp", "weights/.last.safetensors.x2.tmp", "metrics.csv"):
        (run.path / name).write_text("half")
    run.clear_unfinished()
    assert sorted(file.name for file in run.path.rglob("*") if file.is_file()) == ["metrics.csv"]


def test_the_environment_names_versions_processor_and_threads() -> None:
    facts = environment()
    assert facts["packages"]["torch"].partition("+")[0] == torch.__version__.partition("+")[0]
    assert {"venule", "torch", "numpy", "pillow"} <= set(facts["packages"])
    assert facts["torch_threads"] == 1
    assert facts["processor"]


@pytest.mark.parametrize(
    ("folder", "right", "wrong"), [(True, "pretrain", "train"), (False, "train", "pretrain")]
)
def test_a_run_is_resumed_by_the_command_that_made_it(
    tmp_path: Path, folder: bool, right: str, wrong: str
) -> None:
    run = Run.create(tmp_path, "run")
    data = 'folder = "tree"' if folder else 'dataset = "drive"'
    (run.path / "config.toml").write_text(f"[data]\n{data}\n")
    run.require_kind(pretraining=right == "pretrain")
    with pytest.raises(ConfigError, match=f"a run of `venule {right}`"):
        run.require_kind(pretraining=wrong == "pretrain")


def test_a_root_that_is_a_link_to_nothing_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "scratch").symlink_to(tmp_path / "unmounted" / "disk")
    with pytest.raises(OutputError, match="scratch: cannot be made"):
        Run.create(tmp_path / "scratch", "mine")
