"""`venule predict`: masks, probability maps and overlays of photographs and folders of them."""

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from venule.cli.evaluate import Which
from venule.cli.progress import Progress
from venule.cli.runtime import Runtime

if TYPE_CHECKING:
    from venule.batch.plan import Kind
    from venule.batch.predict import Failed, Written

LISTED = 50
"""Failed inputs that are named on stderr; the report names all."""


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
    runtime: Annotated[
        Runtime, typer.Option(help="What computes the network; openvino is bf16 where it can be.")
    ] = Runtime.auto,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace older results.")] = False,
    imgsz: Annotated[
        int | None,
        typer.Option(metavar="PX", min=32, help="Scale to a square of PX pixels first."),
    ] = None,
    threshold: Annotated[
        float | None,
        typer.Option(metavar="T", help="Probability from which a pixel is vessel, 0 < T < 1."),
    ] = None,
    save: Annotated[
        str, typer.Option(metavar="KINDS", help="What to write: prob,mask,overlay or some of them.")
    ] = "mask",
    workers: Annotated[
        int, typer.Option(metavar="N", min=1, help="Processes that share the cores.")
    ] = 1,
    strict: Annotated[
        bool, typer.Option("--strict", help='Photographs of quality "reject" fail, without files.')
    ] = False,
    timeout: Annotated[
        float | None,
        typer.Option(
            metavar="SECONDS",
            min=0.001,
            help="Give a photograph up after that long.",
            show_default="600, none for a photograph alone",
        ),
    ] = None,
) -> None:
    """Write the vessels of photographs as masks of their own size; run again to go on."""
    from venule.batch.plan import plan
    from venule.batch.predict import Failed, Kept
    from venule.batch.run import open_network, run, settings_of, start, threads_each
    from venule.inference.load import weights_file

    kinds = _kinds(save)
    jobs = plan(paths, out, save=kinds, strict=strict)
    name = model or _default_model()
    network = partial(
        open_network,
        model=name,
        device=device.value,
        which=which.value,
        runtime=runtime.value,
        threshold=threshold,
        resize_px=imgsz,
    )
    segmenter = network(threads_each(workers))
    parameters = {"save": kinds, "imgsz": imgsz, "strict": strict}
    settings = settings_of(segmenter, weights_file(name, which=which.value), parameters)
    ledger = start(jobs, out, settings, overwrite=overwrite)
    typer.echo(f"weights {segmenter.record.name}: {segmenter.record.licence}", err=True)
    outcomes = run(jobs, network, ledger, segmenter=segmenter, workers=workers, timeout=timeout)
    failures: list[Failed] = []
    with _saying_how_to_go_on(), closing(outcomes), Progress(total=len(jobs)) as progress:
        for outcome in outcomes:
            if isinstance(outcome, Kept):
                progress.skip()
                continue
            for warning in _warnings(outcome):
                progress.line(f"venule: warning: {warning}")
            if isinstance(outcome, Failed):
                failures.append(outcome)
                progress.advance(f"{outcome.job.source}: failed")
            else:
                progress.advance(str(outcome.job.source))
                progress.result("\n".join(map(str, outcome.job.targets)))
    if progress.skipped:
        typer.echo(f"{progress.skipped} of {len(jobs)} inputs were finished before", err=True)
    if failures:
        _list(failures, total=len(jobs), out=out)
        raise typer.Exit(4 if len(failures) == len(jobs) else 3)


def _kinds(save: str) -> tuple["Kind", ...]:
    """The kinds named in `--save`, in the order in which they are written."""
    from venule.batch.plan import KINDS
    from venule.errors import UsageError

    wanted = {name.strip() for name in save.split(",")}
    if not wanted <= set(KINDS):
        raise UsageError(f"--save {save}: use {','.join(KINDS)} or some of them")
    return tuple(kind for kind in KINDS if kind in wanted)


def _warnings(outcome: "Written | Failed") -> Iterator[str]:
    """What is to be said of a photograph, one line each; a failed one is listed at the end."""
    from venule.batch.predict import Written

    yield from outcome.warnings
    quality = outcome.quality
    if isinstance(outcome, Written) and quality is not None and quality.reasons:
        yield f"{outcome.job.source}: {quality.grade}: {', '.join(quality.reasons)}"


@contextmanager
def _saying_how_to_go_on() -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        typer.echo("venule: to go on, run it again (without --overwrite)", err=True)
        raise


def _list(failures: Sequence["Failed"], *, total: int, out: Path) -> None:
    typer.echo(f"venule: error: {len(failures)} of {total} inputs failed:", err=True)
    for failure in failures[:LISTED]:
        typer.echo(f"  {failure.job.source}: {failure.reason}", err=True)
    if len(failures) > LISTED:
        typer.echo(f"  and {len(failures) - LISTED} more, see {out / 'report.csv'}", err=True)


def _default_model() -> str:
    from venule.errors import UsageError
    from venule.inference.load import shipped_weights

    shipped = shipped_weights()
    if not shipped:
        raise UsageError("no weights are shipped with this version; name some with --model")
    return next(iter(shipped))
