"""`venule train`: a training run from one configuration file."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from venule.cli.progress import Progress

if TYPE_CHECKING:
    from venule.training.config_file import Override

ALIASES = {
    "--data": "data.dataset",
    "--epochs": "schedule.epochs",
    "--lr": "optimizer.learning_rate",
    "--batch": "schedule.batch_size",
    "--imgsz": "input.resize_px",
}


def train(
    config: Annotated[
        Path | None, typer.Argument(metavar="CONFIG.toml", help="The run's settings.")
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Argument(metavar="key=value...", help="Changes, such as schedule.epochs=50."),
    ] = None,
    *,
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="RUNS", help="Parent folder of runs.")
    ] = Path("runs"),
    resume: Annotated[
        Path | None, typer.Option(metavar="RUN", help="Resume this interrupted run instead.")
    ] = None,
    data: Annotated[str | None, typer.Option(help="Alias of data.dataset.")] = None,
    epochs: Annotated[int | None, typer.Option(help="Alias of schedule.epochs.")] = None,
    lr: Annotated[float | None, typer.Option(help="Alias of optimizer.learning_rate.")] = None,
    batch: Annotated[int | None, typer.Option(help="Alias of schedule.batch_size.")] = None,
    imgsz: Annotated[int | None, typer.Option(help="Alias of input.resize_px.")] = None,
) -> None:
    """Train a network by a configuration file; prints the run's folder at the end."""
    from venule.errors import UsageError

    given = {"--data": data, "--epochs": epochs, "--lr": lr, "--batch": batch, "--imgsz": imgsz}
    overrides = _with_aliases(settings or [], given)
    if resume is not None and (config is not None or overrides):
        raise UsageError("--resume takes its settings from the run; give nothing else with it")
    if resume is None and config is None:
        raise UsageError("name a configuration, such as configs/ddrnet23-slim-drive.toml")

    from venule.training.config import TrainConfig
    from venule.training.config_file import read_config
    from venule.training.train import resume as carry_on
    from venule.training.train import train as begin

    if resume is not None:
        with TrainingProgress() as progress:
            run = carry_on(resume, report=progress.report)
    else:
        assert config is not None
        parsed = read_config(config, overrides, TrainConfig)
        with TrainingProgress() as progress:
            run = begin(parsed, root=out, report=progress.report)
    if os.environ.get("RANK", "0") == "0":  # torchrun sets the process's rank
        typer.echo(run.path)


def _with_aliases(settings: list[str], given: Mapping[str, object]) -> "list[Override]":
    """The overrides with aliases resolved; giving both forms of a key is a usage error."""
    from venule.errors import UsageError

    keys = {setting.partition("=")[0] for setting in settings}
    aliases: list[Override] = []
    for flag, value in given.items():
        if value is None:
            continue
        if ALIASES[flag] in keys:
            raise UsageError(f"{flag} and {ALIASES[flag]} are the same setting; give one of them")
        aliases.append((ALIASES[flag], value))
    return [*settings, *aliases]


class TrainingProgress(Progress):
    """Steps as a bar on a terminal; in any case one line per epoch."""

    def __init__(self) -> None:
        super().__init__(total=0)

    def report(self, kind: str, values: Mapping[str, float]) -> None:
        """Show a completed step or epoch."""
        if kind == "step" and self._bar is not None:
            step = f"epoch {values['epoch']:.0f}"
            self._bar.update(
                self._bar.task_ids[0],
                completed=int(values["step"]),
                total=int(values["steps"]),
                now=step,
            )
        elif kind == "pretrained":
            self.line(
                f"pretrained: {values['loaded']:.0f} tensors loaded, {values['mismatched']:.0f} of "
                f"another shape, {values['missing']:.0f} missing; see pretrained.json in the run"
            )
        elif kind == "epoch":
            scores = {key: value for key, value in values.items() if key != "epoch"}
            shown = "  ".join(f"{name} {value:.4g}" for name, value in scores.items())
            self.line(f"epoch {values['epoch']:.0f}  {shown}")
