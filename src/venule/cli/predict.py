"""`venule predict`: probability maps, masks and overlays of photographs."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from venule.cli.evaluate import Which
from venule.cli.progress import Progress


class Device(StrEnum):
    """Where a network runs."""

    auto = "auto"
    cpu = "cpu"
    cuda = "cuda"


def predict(
    paths: Annotated[
        list[Path],
        typer.Argument(help="Photographs, or folders that are searched for them.", metavar="PATHS"),
    ],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="OUT", help="Folder of the results.")],
    *,
    model: Annotated[
        str | None,
        typer.Option(
            help="A shipped name, a .onnx or .safetensors file, or a run's folder.",
            show_default="the first that `venule models` lists",
        ),
    ] = None,
    which: Annotated[Which, typer.Option(help="Best by what, of a run's folder.")] = Which.dice,
    device: Annotated[Device, typer.Option(help="Where the network runs.")] = Device.auto,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace older results.")] = False,
    imgsz: Annotated[
        int | None,
        typer.Option(metavar="PX", min=32, help="Scale to a square of PX pixels first."),
    ] = None,
    threshold: Annotated[
        float | None,
        typer.Option(metavar="T", help="Probability from which a pixel is vessel, 0 < T < 1."),
    ] = None,
) -> None:
    """Write the vessels of photographs: probability map, mask and overlay, at their own size."""
    from venule.batch.plan import plan, refuse_overwriting
    from venule.batch.predict import Failed, make_folder, run
    from venule.inference.load import load

    jobs = plan(paths, out)
    if not overwrite:
        refuse_overwriting(jobs)
    segmenter = load(model or _default_model(), device=device.value, which=which.value)
    segmenter = segmenter.with_settings(threshold=threshold, resize_px=imgsz)
    make_folder(out)
    typer.echo(f"weights {segmenter.record.name}: {segmenter.record.licence}", err=True)
    failures: list[Failed] = []
    with Progress(total=len(jobs)) as progress:
        for outcome in run(jobs, segmenter):
            if isinstance(outcome, Failed):
                failures.append(outcome)
                progress.advance(f"{outcome.job.source}: failed")
            else:
                progress.advance(str(outcome.job.source))
                progress.result("\n".join(map(str, outcome.job.targets)))
    if failures:
        typer.echo(f"venule: error: {len(failures)} of {len(jobs)} inputs failed:", err=True)
        for failure in failures:
            typer.echo(f"  {failure.job.source}: {failure.reason}", err=True)
        raise typer.Exit(4 if len(failures) == len(jobs) else 3)


def _default_model() -> str:
    from venule.errors import UsageError
    from venule.inference.load import shipped_weights

    shipped = shipped_weights()
    if not shipped:
        raise UsageError("no weights are shipped with this version; name some with --model")
    return next(iter(shipped))
