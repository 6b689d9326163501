"""The step that trains: starts a new run, or resumes an interrupted one."""

from typing import TYPE_CHECKING

from recipe.place import Place
from venule.cli.train import TrainingProgress
from venule.errors import UsageError

if TYPE_CHECKING:
    from recipe.making import Train
    from venule.training.config_file import Override


def train(step: "Train", place: Place) -> None:
    """Train runs/NAME to its end.

    Raises:
        UsageError: the run's folder exists and cannot be resumed.
    """
    from recipe.step import RUNS
    from venule.training.config import PretrainConfig, TrainConfig
    from venule.training.config_file import read_config
    from venule.training.pretrain import pretrain
    from venule.training.pretrain import resume as resume_pretraining
    from venule.training.train import resume
    from venule.training.train import train as begin

    run = RUNS / step.name
    if run.exists() and not (run / "config.toml").is_file():
        raise UsageError(f"{run}: holds no training run that can be resumed; remove it")
    overrides: list[Override] = [*step.set.items(), ("name", step.name)]
    if place.device != "auto":
        overrides.append(("schedule.device", place.device))
    config = place.root / step.config
    with TrainingProgress() as progress:
        if step.folder is not None:
            if run.exists():
                resume_pretraining(run, report=progress.report)
                return
            overrides.append(("data.folder", str(step.folder.resolve())))
            parsed = read_config(config, overrides, PretrainConfig)
            pretrain(parsed, root=RUNS, report=progress.report)
        elif run.exists():
            resume(run, report=progress.report)
        else:
            begin(read_config(config, overrides, TrainConfig), root=RUNS, report=progress.report)
