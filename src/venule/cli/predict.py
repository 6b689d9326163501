"""`venule predict`: masks, probability maps and overlays of photographs and folders of them."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from venule.cli.evaluate import BestBy, Device
from venule.cli.progress import Progress, counted, say, shown
from venule.cli.runtime import Runtime

if TYPE_CHECKING:
    from venule.batch.predict import Summary
    from venule.batch.process import Outcome, Written
    from venule.models.record import ModelRecord


class SegType(StrEnum):
    """Contents of the pixels of a DICOM SEG."""

    binary = "binary"
    fractional = "fractional"
    labelmap = "labelmap"


class Layout(StrEnum):
    """Layouts of a results folder."""

    mirror = "mirror"
    hashed = "hashed"


LISTED = 50
"""Number of failed inputs listed on stderr; the report lists all."""


def _path(text: str) -> Path:
    """A path; an empty one, such as an unset shell variable, does not mean the current folder."""
    if not text:
        raise typer.BadParameter("an empty path; name a file or folder")
    return Path(text)


def predict(
    paths: Annotated[
        list[Path],
        typer.Argument(
            help="Photographs, or folders to search for them.",
            metavar="PATHS",
            parser=_path,
        ),
    ],
    out: Annotated[
        Path,
        typer.Option("--out", "-o", metavar="OUT", help="Results folder.", parser=_path),
    ],
    *,
    model: Annotated[
        str | None,
        typer.Option(
            help="A shipped name, a .onnx or .safetensors file, or a run folder.",
            show_default="the first that `venule models` lists",
        ),
    ] = None,
    checkpoint: BestBy = "dice",
    device: Annotated[Device, typer.Option(help="Device for the network.")] = Device.auto,
    runtime: Annotated[
        Runtime, typer.Option(help="Runtime of the network; openvino uses bf16 if faster.")
    ] = Runtime.auto,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace existing results.")
    ] = False,
    imgsz: Annotated[
        int | None,
        typer.Option(
            metavar="PX", min=32, max=14_000, help="Resize to a square of PX pixels first."
        ),
    ] = None,
    threshold: Annotated[
        float | None,
        typer.Option(metavar="T", help="Probability from which a pixel is vessel, 0 < T < 1."),
    ] = None,
    tta: Annotated[
        bool,
        typer.Option(
            "--tta", help="Average over 8 flips and rotations: more accurate, 8 times as slow."
        ),
    ] = False,
    save: Annotated[
        str,
        typer.Option(
            metavar="KINDS",
            help="Outputs: prob,mask,overlay,av,disc; for DICOM photographs also seg,sc.",
        ),
    ] = "mask",
    measure: Annotated[
        bool, typer.Option("--measure", help="Also measure the vessels: OUT/measurements.csv.")
    ] = False,
    seg_type: Annotated[
        SegType, typer.Option(help="Contents of a DICOM SEG: masks, probabilities or labels.")
    ] = SegType.binary,
    deidentify: Annotated[
        bool, typer.Option("--deidentify", help="No patient, study or date in seg and sc.")
    ] = False,
    key: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Write a CSV file that maps pseudonyms to DICOM photographs.",
            parser=_path,
        ),
    ] = None,
    engine: Annotated[
        str | None,
        typer.Option(
            metavar="ENGINE",
            help="Engine that processes photographs: inline, processes or ray.",
            show_default="processes, inline for a single photograph",
        ),
    ] = None,
    workers: Annotated[
        int, typer.Option(metavar="N", min=1, help="Number of processes, which share the cores.")
    ] = 1,
    shard: Annotated[
        str | None,
        typer.Option(metavar="I/N", help="Process one of N parts; then `venule merge OUT`."),
    ] = None,
    layout: Annotated[
        Layout, typer.Option(help="Results mirror the photographs' folders, or use hashed ones.")
    ] = Layout.mirror,
    strict: Annotated[
        bool, typer.Option("--strict", help='Photographs of grade "reject" fail, without files.')
    ] = False,
    timeout: Annotated[
        float | None,
        typer.Option(
            metavar="SECONDS",
            min=0.001,
            help="Time limit per photograph.",
            show_default="600, none for a single photograph",
        ),
    ] = None,
) -> None:
    """Segment the vessels of photographs as masks of their own size; run again to resume."""
    from venule.batch.choice import ModelChoice
    from venule.batch.predict import predict_folder
    from venule.batch.records import parse_shard
    from venule.cli.plain import plain_lines
    from venule.inference.load import DEFAULT

    choice = ModelChoice(
        model=DEFAULT if model is None else model,
        device=device.value,
        checkpoint=checkpoint,
        runtime=runtime.value,
        threshold=threshold,
        resize_px=imgsz,
        tta=tta,
    )
    with _saying_how_to_go_on(), ExitStack() as stack:
        told = _Told(stack)
        summary = predict_folder(
            paths,
            out,
            model=choice,
            outputs=_outputs(save, seg_type),
            columns=("quality", "measure") if measure else ("quality",),
            engine=engine,
            workers=workers,
            timeout=timeout,
            strict=strict,
            deidentify=deidentify,
            key=key,
            overwrite=overwrite,
            layout=layout.value,
            shard=None if shard is None else parse_shard(shard),
            begun=told.begin,
            progress=told.outcome,
        )
    if summary.total == 1 and told.written is not None:
        for line in plain_lines(told.written):
            say(line)
    if summary.kept:
        were = "was" if summary.kept == 1 else "were"
        say(f"{summary.kept} of {counted(summary.total, 'input')} {were} finished before")
    if summary.failed:
        _list(summary, out)
        raise typer.Exit(4 if summary.failures == summary.total else 3)


def _outputs(save: str, seg_type: SegType) -> list[str]:
    """The names of outputs; `seg` becomes the output of the given type."""
    seg = "seg" if seg_type is SegType.binary else f"seg-{seg_type.value}"
    names = (name.strip() for name in save.split(","))
    return [seg if name == "seg" else name for name in names]


class _Told:
    """Reports a run's progress on stderr and its results on stdout."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self.written: Written | None = None  # the last one
        self._progress = Progress(total=0)

    def begin(self, record: "ModelRecord", total: int) -> None:
        say(f"weights {record.name}: {record.licence}")
        self._progress = self._stack.enter_context(Progress(total=total))

    def outcome(self, outcome: "Outcome") -> None:
        from venule.batch.process import Failed, Kept

        progress = self._progress
        if isinstance(outcome, Kept):
            progress.skip()
            return
        source = outcome.job.label
        for note in outcome.notes:
            progress.line(f"venule: warning: {source}: {note}")
        if isinstance(outcome, Failed):
            progress.advance(f"{source}: failed", outcome.seconds)
            return
        self.written = outcome
        grade, reasons = outcome.cells.get("quality"), outcome.cells.get("quality_reasons")
        if reasons:
            progress.line(f"venule: warning: {source}: {grade}: {reasons}")
        progress.advance(source, outcome.seconds)
        progress.result(*outcome.job.targets)


@contextmanager
def _saying_how_to_go_on() -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        say("venule: to resume, run it again (without --overwrite)")
        raise


def _list(summary: "Summary", out: Path) -> None:
    say(f"venule: error: {summary.failures} of {counted(summary.total, 'input')} failed:")
    for failure in summary.failed[:LISTED]:
        say(f"  {shown(failure.job.label)}: {shown(failure.reason)}")
    if summary.failures > LISTED:
        say(f"  and {summary.failures - LISTED} more, see {shown(out / 'report.csv')}")
