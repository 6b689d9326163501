"""`venule evaluate`: scores of models, folders of maps and human observers on one split."""

from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from venule.cli.card import check_card
from venule.cli.outputs import Overwrite, check_files, data_files, model_files
from venule.cli.progress import Progress, shown
from venule.cli.runtime import Runtime
from venule.cli.table import print_table
from venule.errors import UsageError

if TYPE_CHECKING:
    from venule.data.case import Expert
    from venule.data.protocols import Selection
    from venule.evaluation.predictor import Predictor
    from venule.evaluation.result import Report, Result
    from venule.report.gallery import Gallery


class Truth(StrEnum):
    """The expert whose annotation is the ground truth."""

    first = "first"
    second = "second"


class FovMode(StrEnum):
    """The field of view that networks see."""

    found = "found"
    given = "given"


class Task(StrEnum):
    """Tasks that can be scored."""

    vessels = "vessels"
    av = "av"
    landmarks = "landmarks"


class Device(StrEnum):
    """Devices for running a network."""

    auto = "auto"
    cpu = "cpu"
    cuda = "cuda"
    mps = "mps"


BestBy = Annotated[
    str,
    typer.Option(
        metavar="METRIC", help="Of a run folder: best by this score (loss, dice ...), or last."
    ),
]
_MODELS_HELP = (
    "A shipped name, a .onnx or .safetensors file, a run folder, a folder of probability maps or "
    "masks, expert:second for the data set's second observer, or corrected:OUT, corrections in OUT."
)
Models = Annotated[list[str], typer.Argument(metavar="MODEL...", help=_MODELS_HELP)]
MaybeModels = Annotated[list[str] | None, typer.Argument(metavar="[MODEL...]", help=_MODELS_HELP)]
_DATA = typer.Option("--data", metavar="D", help="NAME, NAME=PATH or PATH.")
_SPLIT = typer.Option("--split", metavar="S", help="A split of the protocol, such as val.")
Data = Annotated[str, _DATA]
MaybeData = Annotated[str | None, _DATA]
Split = Annotated[str, _SPLIT]
MaybeSplit = Annotated[str | None, _SPLIT]
Card = Annotated[
    str | None,
    typer.Option(
        "--card",
        metavar="MODEL",
        help="Instead: recompute every score on a shipped model's card, and fail if one "
        "differs by more than 0.0001.",
    ),
]
DataRoot = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR", help="With --card: the data sets' folder.", show_default="VENULE_DATA"
    ),
]
Protocol = Annotated[
    str | None,
    typer.Option(
        metavar="P", help="The protocol that defines the split.", show_default="its default"
    ),
]
Threshold = Annotated[
    float | None,
    typer.Option(
        metavar="T",
        help="Probability from which a pixel is vessel, 0 < T < 1.",
        show_default="from the weights",
    ),
]
AccessLog = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Append a line of JSON for each access to test images.",
        show_default="no record",
    ),
]
Page = Annotated[
    Path | None,
    typer.Option(
        "--report",
        metavar="FILE",
        help="Write a page: curves, calibration, recall by calibre, differences, best and worst.",
    ),
]


def evaluate(
    models: MaybeModels = None,
    data: MaybeData = None,
    split: MaybeSplit = None,
    *,
    card: Card = None,
    data_root: DataRoot = None,
    protocol: Protocol = None,
    expert: Annotated[Truth, typer.Option(help="The expert taken as ground truth.")] = Truth.first,
    threshold: Threshold = None,
    json: Annotated[Path | None, typer.Option(metavar="FILE", help="Write everything.")] = None,
    csv: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write one row per image.")
    ] = None,
    page: Page = None,
    overwrite: Overwrite = False,
    access_log: AccessLog = None,
    fov: Annotated[
        FovMode,
        typer.Option(help="The field of view that networks get; scores use the data set's."),
    ] = FovMode.found,
    device: Annotated[Device, typer.Option(help="Device for networks.")] = Device.auto,
    runtime: Annotated[
        Runtime, typer.Option(help="Runtime for networks; auto is float32, the same for all.")
    ] = Runtime.auto,
    checkpoint: BestBy = "dice",
    tta: Annotated[
        bool, typer.Option("--tta", help="Average networks over 8 flips and rotations.")
    ] = False,
    task: Annotated[
        Task, typer.Option(help="Score vessels, arteries and veins, or disc and fovea.")
    ] = Task.vessels,
    vessels: Annotated[
        str,
        typer.Option(
            metavar="MODEL", help="With --task av: the vessels' model, or self: MODEL itself."
        ),
    ] = "general",
) -> None:
    """Score models inside the field of view, at native size; compare several with the first."""
    if card is not None:
        given = (models, data, split, protocol, threshold, json, csv, page)
        chosen = (expert, runtime, checkpoint, tta, overwrite)
        defaults = (Truth.first, Runtime.auto, "dice", False, False)
        if chosen != defaults or any(value is not None for value in given):
            raise UsageError(
                "--card recomputes a card's scores; the only other options are --data-root, "
                "--access-log and --device"
            )
        check_card(card, data_root=data_root, access_log=access_log, device=device.value)
        return
    if not models or data is None or split is None:
        raise UsageError("give MODEL, --data and --split; or --card MODEL")
    if data_root is not None:
        raise UsageError("--data-root goes with --card; give --data NAME=PATH")
    if task is not Task.vessels:
        from venule.cli.evaluate_task import evaluate_task

        others = any(value is not None for value in (threshold, csv, page))
        changed = (expert, fov, tta) != (Truth.first, FovMode.found, False)
        if len(models) > 1 or others or changed:
            raise UsageError(
                f"--task {task.value} scores one model; leave out --threshold, --csv, --report, "
                "--tta, --expert and --fov"
            )
        evaluate_task(
            "av" if task is Task.av else "landmarks",
            models[0],
            data,
            split,
            protocol=protocol,
            vessels=vessels,
            device=device.value,
            runtime=runtime.value,
            checkpoint=checkpoint,
            json=json,
            overwrite=overwrite,
            access_log=access_log,
        )
        return
    if vessels != "general":
        raise UsageError("--vessels goes with --task av or landmarks")
    from venule.data.catalog import open_dataset
    from venule.data.protocols import select
    from venule.evaluation.access_log import holds_test_images, require_writable
    from venule.evaluation.evaluate import require_truth
    from venule.evaluation.predictor import Options, open_predictors
    from venule.evaluation.report import to_csv, to_json
    from venule.evaluation.result import compare
    from venule.files.atomic import write_bytes

    dataset = open_dataset(data)
    selection = select(dataset, protocol, split)
    require_truth(selection, expert.value)
    if page is not None and page.suffix.lower() != ".html":
        raise UsageError(f"--report {page}: name a file that ends in .html")
    log = [] if access_log is None else [access_log]
    inputs = (*data_files(data, dataset), *model_files(models), *log)
    check_files((json, csv, page), inputs, overwrite=overwrite)
    options = Options(
        threshold=threshold,
        device=device.value,
        checkpoint=checkpoint,
        runtime=runtime.value,
        fov=fov.value,
        tta=tta,
    )
    predictors = open_predictors(models, selection, options)
    if not holds_test_images(dataset, selection):
        access_log = None
    if access_log is not None and any(source.kind != "expert" for source in predictors):
        require_writable(access_log)
    gallery = None
    if page is not None:
        from venule.report.gallery import Gallery

        gallery = Gallery()
    report = compare(
        _score(predictors, selection, expert=expert.value, access_log=access_log, gallery=gallery)
    )
    # Before printing: a closed stdout must not prevent the files, nor a full disk the printing of
    # scores.
    try:
        if json is not None:
            write_bytes(json, to_json(report))
        if csv is not None:
            write_bytes(csv, to_csv(report))
        if page is not None and gallery is not None:
            from venule.report.document import write_document
            from venule.report.evaluation_page import evaluation_page

            write_document(evaluation_page(report, gallery), page)
    finally:
        _warn(report.results)
        _print(report)


def _score(
    predictors: "list[Predictor]",
    selection: "Selection",
    *,
    expert: "Expert",
    access_log: Path | None,
    gallery: "Gallery | None" = None,
) -> "tuple[Result, ...]":
    """The result of each source, logged in `access_log`, with images for `gallery`.

    Images of test photographs count as a separate access.
    """
    from venule.evaluation.access_log import record_access, record_sheet
    from venule.evaluation.evaluate import evaluate as score

    results = []
    with Progress(total=len(predictors) * len(selection.cases)) as progress:
        for source in predictors:
            if gallery is not None:
                gallery.begin(source.name)
            result = score(
                source,
                selection,
                expert=expert,
                progress=progress.advance,
                watch=None if gallery is None else gallery.add,
            )
            # Logged before any score is shown: an interrupted access counts too.
            if access_log is not None and source.kind != "expert":
                record_access(result, access_log)
                if gallery is not None:
                    drawn = tuple(
                        case for case in selection.cases if case.id in gallery.photographs
                    )
                    record_sheet(source, replace(selection, cases=drawn), access_log, expert=expert)
            results.append(result)
    return tuple(results)


def _warn(results: "tuple[Result, ...]") -> None:
    from venule.evaluation.report import warnings_of

    for result in results:
        for line in warnings_of(result):
            typer.secho(shown(line), err=True, fg="red", bold=True)


def _print(report: "Report") -> None:
    from venule.evaluation.report import (
        difference_table,
        headings,
        legacy_table,
        score_table,
    )

    typer.echo("\n".join(map(shown, headings(report))))
    tables = [score_table(report), legacy_table(report)]
    if report.differences:
        tables.insert(1, difference_table(report))
    for table in tables:
        typer.echo()
        print_table(table)
