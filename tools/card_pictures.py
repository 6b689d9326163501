"""Pictures of failures of shipped weights, for data sets whose terms allow showing them."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from venule.data.case import Expert
from venule.data.catalog import open_dataset
from venule.data.protocols import Selection, select
from venule.errors import UsageError
from venule.evaluation.access_log import Context, record_sheet, require_writable
from venule.evaluation.card import FAILURES, Failures, read_report, worst_images
from venule.evaluation.card_terms import ATTRIBUTIONS
from venule.evaluation.predictor import Predictor
from venule.evaluation.result import Result
from venule.evaluation.sheet import sheet_headings, sheet_rows
from venule.files.atomic import write_bytes
from venule.image.arrays import RGB
from venule.image.encode import encode_jpeg
from venule.viz.montage import montage
from venule.viz.overlay import LEGEND

CELL_PX = 320
"""Width of one picture on the sheet; photographs are scaled down."""


@dataclass(frozen=True)
class Worst:
    """A report in the folder whose worst images are drawn, and its predictor.

    `made` says how the weights were made if they are not the card's.
    """

    report: str
    source: Predictor
    made: str = ""


def draw_failures(
    folder: Path,
    worst: Sequence[Worst],
    docs: Path,
    data_root: Path | None = None,
    *,
    access_log: Path | None = None,
    context: Context | None = None,
) -> list[Path]:
    """Draw the worst images of reports in `folder`; return the files written, failures.json last.

    The pictures are DOCS/cards/images/NAME-DATASET-SPLIT.jpg, with NAME that of the folder. The
    access to test images is recorded in `access_log`, if given.

    Raises:
        UsageError: a report is not of its weights, or its photographs must not be shown.
        DatasetError: the photographs are missing.
    """
    if access_log is not None:
        require_writable(access_log)
    results = [_allowed(folder / part.report, part.source) for part in worst]
    failures, written = [], []
    for part, result in zip(worst, results, strict=True):
        file = f"{folder.name}-{result.dataset.lower()}-{result.split}.jpg"
        path = docs / "cards" / "images" / file
        path.parent.mkdir(parents=True, exist_ok=True)
        shown = _worst(result, data_root)
        if access_log is not None:
            record_sheet(part.source, shown, access_log, expert=result.expert, context=context)
        sheet = _sheet(shown, part.source, result.expert)
        write_bytes(path, encode_jpeg(sheet, quality=88))
        written.append(path)
        failures.append(
            Failures(
                report=part.report,
                weights_sha256=result.weights_sha256 or "",
                made=part.made,
                dataset=result.dataset,
                protocol=result.protocol,
                split=result.split,
                picture=f"cards/images/{file}",
                images=worst_images(result),
            )
        )
    text = json.dumps([part.model_dump(mode="json") for part in failures], indent=2) + "\n"
    write_bytes(folder / FAILURES, text.encode())
    return [*written, folder / FAILURES]


def _allowed(report: Path, source: Predictor) -> Result:
    """The report's result for these weights, on photographs that may be shown."""
    own = [r for r in read_report(report).results if r.weights_sha256 == source.weights_sha256]
    if not own:
        raise UsageError(f"{report}: does not score {source.name} ({source.weights_sha256})")
    terms = ATTRIBUTIONS.get(own[0].dataset)
    if terms is None or not terms.pictures:
        raise UsageError(
            f"{report}: photographs of {own[0].dataset} must not be shown; name reports on others"
        )
    return own[0]


def _worst(result: Result, data_root: Path | None) -> Selection:
    """The images of lowest Dice."""
    selection = select(
        open_dataset(result.dataset, data_root=data_root), result.protocol, result.split
    )
    by_id = {case.id: case for case in selection.cases}
    worst = tuple(by_id[image.id] for image in worst_images(result))
    return replace(selection, cases=worst)


def _sheet(selection: Selection, source: Predictor, expert: Expert) -> RGB:
    rows = sheet_rows([source], selection, expert=expert)
    return montage(
        list(rows), sheet_headings([source]), cell_px=CELL_PX, legend=list(LEGEND.items())
    )
