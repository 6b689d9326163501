"""`venule visualize`: contact sheets of a split, with predictions of one or more models."""

from pathlib import Path
from typing import Annotated

import typer

from venule.cli.evaluate import (
    AccessLog,
    BestBy,
    Data,
    Device,
    Models,
    Protocol,
    Split,
    Threshold,
    Truth,
)
from venule.cli.outputs import Overwrite, check_files, data_files, model_files
from venule.cli.progress import Progress


def visualize(
    models: Models,
    data: Data,
    split: Split,
    out: Annotated[Path, typer.Option("--out", "-o", metavar="OUT.png", help="The sheet.")],
    *,
    protocol: Protocol = None,
    expert: Annotated[Truth, typer.Option(help="The expert taken as ground truth.")] = Truth.first,
    threshold: Threshold = None,
    rows: Annotated[int, typer.Option(min=1, help="Photographs per page.")] = 8,
    cell: Annotated[int, typer.Option(metavar="PX", min=32, help="Width of an image.")] = 280,
    device: Annotated[Device, typer.Option(help="Device for networks.")] = Device.auto,
    checkpoint: BestBy = "dice",
    overwrite: Overwrite = False,
    access_log: AccessLog = None,
) -> None:
    """Draw photographs, truth, and for each model its probabilities and its errors in colour.

    With several pages, the files are OUT-1.png, OUT-2.png and so on.
    """
    from venule.data.catalog import open_dataset
    from venule.data.protocols import select
    from venule.evaluation.access_log import holds_test_images, record_sheet
    from venule.evaluation.predictor import Options, open_predictors
    from venule.evaluation.sheet import sheet_headings, sheet_rows
    from venule.image.io import write_png
    from venule.viz.montage import page_paths, pages
    from venule.viz.overlay import LEGEND

    dataset = open_dataset(data)
    selection = select(dataset, protocol, split)
    files = page_paths(out, rows=len(selection.cases), rows_per_page=rows)
    log = [] if access_log is None else [access_log]
    inputs = (*data_files(data, dataset), *model_files(models), *log)
    check_files(files, inputs, overwrite=overwrite)
    options = Options(threshold=threshold, device=device.value, checkpoint=checkpoint)
    predictors = open_predictors(models, selection, options)
    if access_log is not None and holds_test_images(dataset, selection):
        for source in predictors:
            if source.kind != "expert":
                record_sheet(source, selection, access_log, expert=expert.value)
    with Progress(total=len(files)) as progress:
        sheets = pages(
            sheet_rows(predictors, selection, expert=expert.value),
            sheet_headings(predictors),
            rows_per_page=rows,
            cell_px=cell,
            legend=list(LEGEND.items()),
        )
        for file, sheet in zip(files, sheets, strict=True):
            write_png(file, sheet)
            progress.advance(str(file))
            progress.result(str(file))
