"""`venule predict`: masks, probability maps and overlays of photographs and folders of them."""

import math
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from venule.cli.evaluate import Device, Which
from venule.cli.progress import Progress, say, shown
from venule.cli.runtime import Runtime

if TYPE_CHECKING:
    from venule.batch.plan import Kind
    from venule.batch.predict import Failed, Written

LISTED = 50
"""Failed inputs that are named on stderr; the report names all."""


def _path(text: str) -> Path:
    """A path; an empty one, such as an unset variable of a shell, is not the current folder."""
    if not text:
        raise typer.BadParameter("an empty path; name a file or folder")
    return Path(text)


def predict(
    paths: Annotated[
        list[Path],
        typer.Argument(
            help="Photographs, or folders that are searched for them.",
            metavar="PATHS",
            parser=_path,
        ),
    ],
    out: Annotated[
        Path,
        typer.Option("--out", "-o", metavar="OUT", help="Folder of the results.", parser=_path),
    ],
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
    from venule.errors import UsageError
    from venule.image.io import file_sha256
    from venule.inference.load import weights_file

    if timeout is not None and not math.isfinite(timeout):
        raise UsageError(f"--timeout {timeout}: give a number of seconds")
    kinds = _kinds(save)
    jobs = plan(paths, out, save=kinds, strict=strict)
    name = _default_model() if model is None else model
    network = partial(
        open_network,
        model=name,
        device=device.value,
        which=which.value,
        runtime=runtime.value,
        threshold=threshold,
        resize_px=imgsz,
    )
    weights = weights_file(name, which=which.value)
    sha256 = file_sha256(weights)  # before it is opened; `run` sees that it stays so
    segmenter = network(threads_each(workers))
    parameters = {"save": kinds, "imgsz": imgsz, "strict": strict}
    settings = settings_of(segmenter, sha256, parameters)
    ledger = start(jobs, out, settings, overwrite=overwrite)
    say(f"weights {segmenter.record.name}: {segmenter.record.licence}")
    outcomes = run(
        jobs,
        network,
        ledger,
        segmenter=segmenter,
        weights=weights,
        workers=workers,
        timeout=timeout,
    )
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
                progress.result(*outcome.job.targets)
    if progress.skipped:
        say(f"{progress.skipped} of {len(jobs)} inputs were finished before")
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
        say("venule: to go on, run it again (without --overwrite)")
        raise


def _list(failures: Sequence["Failed"], *, total: int, out: Path) -> None:
    say(f"venule: error: {len(failures)} of {total} inputs failed:")
    for failure in failures[:LISTED]:
        say(f"  {shown(failure.job.source)}: {shown(failure.reason)}")
    if len(failures) > LISTED:
        say(f"  and {len(failures) - LISTED} more, see {shown(out / 'report.csv')}")


def _default_model() -> str:
    from venule.errors import UsageError
    from venule.inference.load import shipped_weights

    shipped = shipped_weights()
    if not shipped:
        raise UsageError("no weights are shipped with this version; name some with --model")
    return next(iter(shipped))
