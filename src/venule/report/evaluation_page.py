"""The page of an evaluation: curves, calibration, recall by calibre, differences, extremes."""

import base64
import math
from collections.abc import Iterator, Sequence
from html import escape

from venule.evaluation.card_terms import ATTRIBUTIONS
from venule.evaluation.intervals import Interval
from venule.evaluation.report import (
    difference_table,
    headings,
    legacy_table,
    number_text,
    score_table,
    to_json,
    warnings_of,
)
from venule.evaluation.result import Report, Result, WidthRecall
from venule.metrics.counts import sensitivity, specificity
from venule.metrics.curves import operating_points
from venule.metrics.metric import labels
from venule.report.charts import Series, class_chart, forest, legend, unit_chart
from venule.report.document import document
from venule.report.gallery import Column, Gallery
from venule.report.pictures import data_uri
from venule.report.tables import html_table
from venule.viz.overlay import LEGEND

_SHARES = frozenset(
    {
        "roc_auc",
        "average_precision",
        "dice",
        "iou",
        "sensitivity",
        "specificity",
        "accuracy",
        "mcc",
        "cldice",
        "thin_recall",
        "largest_component_share",
    }
)
"""Scores on one scale, whose differences are drawn together."""


def evaluation_page(report: Report, gallery: Gallery) -> str:
    """The HTML of a report, with the images collected in `gallery`."""
    first = report.results[0]
    title = f"{', '.join(one.model for one in report.results)} on {first.dataset} {first.split}"
    body = [
        *_head(report, title),
        *_charts(report, gallery.columns),
        *_scores(report),
        *_differences(report),
        *_examples(report, gallery),
        *_images(report),
        *_exactly(report),
    ]
    return document(title, body, styles=("scores.css",))


def _head(report: Report, title: str) -> Iterator[str]:
    first = report.results[0]
    yield f"<header><h1>{escape(title)}</h1>"
    yield '<p class="soft">Scored by venule. Research use only, not a medical device.</p>'
    for result in report.results:
        for line in warnings_of(result):
            yield f'<p class="alarm">{escape(line)}</p>'
    terms = ATTRIBUTIONS.get(first.dataset)
    if terms is not None and not terms.pictures:
        yield f'<p class="alarm">The terms of {escape(first.dataset)} do not allow its photographs '
        yield "to be passed on, and this page shows some: keep it to yourself.</p>"
    for line in headings(report):
        yield f"<p>{escape(line)}</p>"
    yield "</header>"


def _charts(report: Report, columns: Sequence[Column]) -> Iterator[str]:
    names = [result.model for result in report.results]
    yield f"<section><h2>Curves</h2>{legend(names)}"
    yield '<p class="soft">Of all pixels inside the fields of view together. A dot is the '
    yield "operating point: the threshold of the mask. Masks and observers have no curve.</p>"
    yield '<div class="charts">'
    pairs = list(zip(report.results, columns, strict=True))
    yield unit_chart(
        "ROC",
        ("false-positive rate (1 − specificity)", "sensitivity"),
        [_roc(result, column) for result, column in pairs],
        diagonal=True,
    )
    yield unit_chart(
        "Precision and recall",
        ("recall (sensitivity)", "precision"),
        [_precision(result, column) for result, column in pairs],
    )
    yield unit_chart(
        "Calibration: are probabilities true?",
        ("predicted probability", "share of vessel pixels"),
        [_reliability(result) for result in report.results],
        diagonal=True,
    )
    yield from _by_width(report)
    yield "</div></section>"


def _roc(result: Result, column: Column) -> Series:
    line = [] if _binary(result) else [(x, y) for x, y, _ in operating_points(column.histogram)]
    counts = column.counts
    return Series(result.model, line, [(1 - specificity(counts), sensitivity(counts))])


def _precision(result: Result, column: Column) -> Series:
    line = [] if _binary(result) else [(x, y) for _, x, y in operating_points(column.histogram)]
    counts, marked = column.counts, column.counts.tp + column.counts.fp
    precision = counts.tp / marked if marked else math.nan
    return Series(result.model, line, [(sensitivity(counts), precision)])


def _reliability(result: Result) -> Series:
    places = [(one.mean_probability, one.vessel_share) for one in result.calibration if one.pixels]
    return Series(result.model, places, places)


def _by_width(report: Report) -> Iterator[str]:
    rows = {
        scale: [
            [row for row in one.recall_by_width if row.scale == scale] for one in report.results
        ]
        for scale in ("native", "fov")
    }
    for scale, unit in (("native", "pixels"), ("fov", "pixels of a field 540 px wide")):
        recalls = rows[scale]
        if not recalls[0] or (scale == "fov" and _same(recalls, rows["native"])):
            continue
        yield class_chart(
            "Recall by width of the vessel",
            (f"width in {unit}", "recall, mean over images, 95 %"),
            [_width_class(row) for row in recalls[0]],
            [
                Series(
                    result.model,
                    (),
                    [(place, row.mean.mean) for place, row in enumerate(found)],
                    [(place, row.mean.low, row.mean.high) for place, row in enumerate(found)],
                )
                for result, found in zip(report.results, recalls, strict=True)
            ],
        )


def _same(
    recalls: Sequence[Sequence[WidthRecall]], native: Sequence[Sequence[WidthRecall]]
) -> bool:
    return [[row.pixels for row in one] for one in recalls] == [
        [row.pixels for row in one] for one in native
    ]


def _width_class(row: WidthRecall) -> str:
    if row.up_to_px is None:
        return f"> {row.above_px:g}"
    return f"{row.above_px:g}–{row.up_to_px:g}" if row.above_px else f"≤ {row.up_to_px:g}"


def _scores(report: Report) -> Iterator[str]:
    yield f"<section><h2>Scores</h2>{html_table(score_table(report))}"
    yield "<details><summary>Historic scorings</summary>"
    yield f"{html_table(legacy_table(report))}</details></section>"


def _differences(report: Report) -> Iterator[str]:
    if not report.differences:
        return
    reference = report.results[0].model
    yield f"<section><h2>Compared with {escape(reference)}</h2>"
    yield '<p class="soft">Paired by image. An interval on one side of 0 is a difference that '
    yield "these images show; right of 0 is better.</p>"
    yield legend([reference, *(one.model for one in report.differences)])
    rows = [
        (labels()[name], [_triple(one.scores.get(name)) for one in report.differences])
        for name in labels()
        if name in _SHARES and any(name in one.scores for one in report.differences)
    ]
    yield forest(f"Difference to {reference}, mean over images, 95 %", rows)
    yield f"{html_table(difference_table(report))}</section>"


def _triple(interval: Interval | None) -> tuple[float, float, float]:
    if interval is None:
        return (math.nan, math.nan, math.nan)
    return (interval.mean, interval.low, interval.high)


def _examples(report: Report, gallery: Gallery) -> Iterator[str]:
    if not gallery.photographs:
        return
    first = report.results[0].model
    yield "<section><h2>Worst and best</h2>"
    yield f'<p class="soft">By the Dice of {escape(first)}. '
    yield "Grey: correct; orange: false (in the map only); blue: missed (in the truth only).</p>"
    yield '<ul class="legend">'
    for meaning, color in LEGEND.items():
        yield '<li><svg viewBox="0 0 12 12" aria-hidden="true"><rect width="12" height="12" '
        yield f'fill="rgb{color}"/></svg>{meaning}</li>'
    yield "</ul>"
    scores = [{image.id: image.scores for image in one.images} for one in report.results]
    for heading, ids in (("Worst", gallery.worst), ("Best", gallery.best)):
        if ids:
            yield f"<h3>{heading}</h3>"
        for id in ids:
            yield f'<article class="example"><h4>{escape(id)}</h4><div class="row">'
            yield _picture(gallery.photographs[id], f"Photograph {id}", "photograph")
            for column, values in zip(gallery.columns, scores, strict=True):
                dice = f"{column.name}: Dice {number_text(values[id]['dice'])}"
                yield _picture(column.maps[id], f"Errors of {column.name} in {id}", dice)
            yield "</div></article>"
    yield "</section>"


def _picture(content: bytes, alt: str, caption: str) -> str:
    return (
        f'<figure><img alt="{escape(alt)}" src="{data_uri(content, "image/jpeg")}">'
        f"<figcaption>{escape(caption)}</figcaption></figure>"
    )


def _images(report: Report) -> Iterator[str]:
    names = [name for name in labels() if name in report.results[0].images[0].scores]
    many = len(report.results) > 1
    head = ["image", *(["model"] if many else []), *(labels()[name] for name in names)]
    rows = [head]
    for place, image in enumerate(report.results[0].images):
        for result in report.results:
            scores = result.images[place].scores
            values = [number_text(scores.get(name)) for name in names]
            rows.append([image.id, *([result.model] if many else []), *values])
    yield "<section><h2>Image by image</h2>"
    yield f"{html_table(rows, words=2 if many else 1, sortable=True)}</section>"


def _exactly(report: Report) -> Iterator[str]:
    rows = [["", "weights (SHA-256)", "threshold", "runtime", "venule"]]
    rows += [
        [
            one.model,
            one.weights_sha256 or "–",
            f"{one.threshold:.6g} ({one.threshold_source})",
            one.runtime or "–",
            one.package_version,
        ]
        for one in report.results
    ]
    yield f"<section><h2>Exactly</h2>{html_table(rows, words=5)}"
    content = base64.b64encode(to_json(report)).decode()
    yield '<p><a download="scores.json" href="data:application/json;base64,'
    yield f'{content}">Everything as JSON</a></p></section>'


def _binary(result: Result) -> bool:
    return not result.calibration
