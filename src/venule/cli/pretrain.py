"""`venule pretrain`: pretraining of a DDRNet's backbone on a tree of class folders."""

from pathlib import Path
from typing import Annotated

import typer

from venule.cli.train import TrainingProgress


def pretrain(
    folder: Annotated[
        Path | None,
        typer.Argument(
            metavar="FOLDER",
            help="Photographs as train/CLASS/* and val/CLASS/*, or CLASS/* (a tenth is held out).",
        ),
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Argument(metavar="key=value...", help="Changes, such as schedule.epochs=50."),
    ] = None,
    *,
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="RUNS", help="Parent folder of runs.")
    ] = Path("runs"),
    config: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A TOML file with the run's settings.")
    ] = None,
    resume: Annotated[
        Path | None, typer.Option(metavar="RUN", help="Resume this interrupted run instead.")
    ] = None,
) -> None:
    """Pretrain a DDRNet's backbone by classification, for use as `network.pretrained`."""
    from venule.errors import UsageError

    if resume is not None and (folder is not None or settings or config is not None):
        raise UsageError("--resume takes its settings from the run; give nothing else with it")
    if resume is None and folder is None:
        raise UsageError("name a folder that holds a folder of photographs for each class")

    from venule.training.config import PretrainConfig
    from venule.training.config_file import Override, read_config
    from venule.training.pretrain import pretrain as begin
    from venule.training.pretrain import resume as carry_on

    if resume is not None:
        with TrainingProgress() as progress:
            run = carry_on(resume, report=progress.report)
    else:
        assert folder is not None
        overrides: list[Override] = [*(settings or []), ("data.folder", str(folder.resolve()))]
        parsed = read_config(config, overrides, PretrainConfig)
        with TrainingProgress() as progress:
            run = begin(parsed, root=out, report=progress.report)
    typer.echo(run.path)
