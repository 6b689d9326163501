"""`venule plot`: learning curves of training runs."""

from pathlib import Path
from typing import Annotated

import typer

from venule.cli.outputs import Overwrite, check_files


def plot(
    sources: Annotated[
        list[Path],
        typer.Argument(metavar="RUN_OR_CSV...", help="Run folders, or their metrics.csv."),
    ],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="FILE", help="A .png or .svg file.")],
    *,
    overwrite: Overwrite = False,
) -> None:
    """Plot loss, pixel accuracy, mIoU, Dice and AUC of one or more runs against the epoch."""
    from venule.viz.curves import plot_curves, read_curves

    inputs = (*sources, *(source / "metrics.csv" for source in sources))
    check_files([out], inputs, overwrite=overwrite)
    plot_curves([read_curves(source) for source in sources], out)
    typer.echo(str(out))
