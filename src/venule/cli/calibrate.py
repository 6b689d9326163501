"""`venule calibrate`: settings of a network from held-out predictions of several runs."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from venule.cli.outputs import Overwrite, case_files, check_files, model_files
from venule.cli.progress import shown
from venule.cli.table import print_table


def calibrate(
    runs: Annotated[
        list[Path], typer.Argument(metavar="RUN...", help="Run folders, such as of five folds.")
    ],
    *,
    json: Annotated[Path | None, typer.Option(metavar="FILE", help="Write everything.")] = None,
    overwrite: Overwrite = False,
    checkpoint: Annotated[
        str, typer.Option(metavar="W", help="Best by this score, or last.")
    ] = "last",
    threshold: Annotated[
        Literal["lowest", "mean-dice"],
        typer.Option(
            help="The lowest with nearly the best pooled Dice, or that of best mean Dice."
        ),
    ] = "lowest",
    without: Annotated[
        list[str] | None,
        typer.Option(metavar="ID", help="Also report scores without this image."),
    ] = None,
) -> None:
    """Choose threshold, calibration and component rules on the runs' validation images."""
    from venule.evaluation.calibrate import calibrate as choose
    from venule.evaluation.calibrate import validation_images
    from venule.files.atomic import write_bytes
    from venule.metrics.metric import labels

    check_files([json], model_files(runs), overwrite=overwrite)
    used = (one for run in runs for chosen, _ in validation_images(run) for one in chosen.cases)
    check_files([json], case_files(used), overwrite=overwrite)
    chosen = choose(
        runs,
        checkpoint=checkpoint,
        threshold=threshold,
        without=without or (),
        progress=lambda id: typer.echo(shown(id), err=True),
    )
    if json is not None:
        write_bytes(json, (chosen.model_dump_json(indent=2) + "\n").encode())
    typer.echo(
        f"[output]\nthreshold = {chosen.threshold}\n[output.calibration]\n"
        f"scale = {chosen.calibration.scale}\noffset = {chosen.calibration.offset}\n"
        "[output.components]\n"
        f"reconnection_budget = {chosen.components.reconnection_budget}\n"
        f"min_component = {chosen.components.min_component}\n"
    )
    typer.echo(
        "Held out from training; settings chosen on these same images, so ECE and Dice are "
        "optimistic:\n"
    )
    heads = ["score", "mean", "95 %", "pooled", *(f"without {id}" for id in chosen.without)]
    rows = [
        [
            labels()[name],
            f"{interval.mean:.4f}",
            f"{interval.low:.4f} to {interval.high:.4f}",
            f"{chosen.pooled[name]:.4f}" if name in chosen.pooled else "",
            *(f"{scores[name]:.4f}" for scores in chosen.without.values()),
        ]
        for name, interval in chosen.mean.items()
    ]
    print_table([heads, *rows])
    typer.echo(f"ECE (pooled, 15 bins) {chosen.pooled['ece']:.4f}")
