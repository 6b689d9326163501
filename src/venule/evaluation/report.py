"""A report as text tables, JSON and CSV."""

import csv
import io
import math
from collections.abc import Iterator, Sequence

from venule.evaluation.intervals import Interval
from venule.evaluation.legacy import LegacyScores
from venule.evaluation.result import Report, Result
from venule.evaluation.tasks import TaskResult
from venule.files.cells import Lines, inert
from venule.metrics.metric import labels

Table = list[list[str]]
"""Rows of cells, the header first."""


_NETWORK_FOV = {"found": "that it finds", "given": "given with the data set"}


def headings(report: Report) -> list[str]:
    """Heading lines: what was scored, on which images, and how."""
    first = report.results[0]
    lines = [
        f"{first.dataset}, protocol {first.protocol}, split {first.split}: "
        f"{len(first.images)} images ({first.split_source})",
        f"truth: {first.expert} expert; inside the field of view ({first.fov_rule}), "
        f"at native size",
    ]
    for result in report.results:
        line = f"{result.model}: threshold {result.threshold:.4g} ({result.threshold_source})"
        if result.runtime:
            line += f"; {result.runtime}; on the field of view {_NETWORK_FOV[result.network_fov]}"
        lines.append(line)
    lines.append(f"mean over images [{report.interval}], and all pixels pooled")
    return lines


def score_table(report: Report) -> Table:
    """One row per score: for every result the mean with its interval, and the pooled score."""
    header = ["score"]
    for result in report.results:
        header += [f"{result.model}: mean", "pooled"]
    rows = [header]
    for name, label in labels().items():
        if not any(name in result.mean or name in result.pooled for result in report.results):
            continue
        row = [label]
        for result in report.results:
            row += [interval_text(result.mean.get(name)), number_text(result.pooled.get(name))]
        rows.append(row)
    return rows


def difference_table(report: Report) -> Table:
    """One row per score: for every other result, its paired difference to the first."""
    reference = report.results[0].model
    rows = [["paired difference", *(f"{d.model} - {reference}" for d in report.differences)]]
    for name, label in labels().items():
        cells = [interval_text(d.scores.get(name), signed=True) for d in report.differences]
        if any(cells):
            rows.append([label, *cells])
    return rows


def legacy_table(report: Report) -> Table:
    """One row for each figure of the two historic scorings."""
    rows = [
        [
            "historic scorings: whole frame as a square, threshold 0.5",
            *(result.model for result in report.results),
        ]
    ]
    columns = [list(legacy_cells(result.legacy)) for result in report.results]
    for cells in zip(*columns, strict=True):
        rows.append([cells[0][0], *(cell for _, cell in cells)])
    return rows


def markdown(table: Table, *, words: Sequence[int] = (0,)) -> list[str]:
    """A table as lines of Markdown, with numbers right-aligned and `words` left-aligned.

    Args:
        table: rows of cells, the header first.
        words: indices of the text columns; -1 is the last.
    """
    header, *rows = ["| " + " | ".join(row) + " |" for row in table]
    rules = [" ---: "] * len(table[0])
    for column in words:
        rules[column] = " --- "
    return [header, f"|{'|'.join(rules)}|", *rows]


def warnings_of(result: Result | TaskResult) -> list[str]:
    """A warning for each role in which the weights have seen scored images; usually none."""
    lines = []
    for role in ("trained", "selected"):
        ids = list(dict.fromkeys(seen.id for seen in result.seen if seen.role == role))
        if ids:
            lines.append(
                f"WARNING: {result.model} was {role} on {len(ids)} of the {len(result.images)} "
                f"images scored here (same pixels): {', '.join(ids)}. "
                f"These scores are not a test of it."
            )
    return lines


def to_json(report: Report) -> bytes:
    """The whole report as JSON, with nan as null."""
    return report.model_dump_json(indent=2).encode() + b"\n"


def to_csv(report: Report) -> bytes:
    """One CSV row per image of each result."""
    fields = ["dataset", "protocol", "split", "expert", "fov_rule", "threshold", "threshold_source"]
    text = io.StringIO(newline="")
    writer = csv.writer(Lines(text))
    writer.writerow(["model", *fields, "image", *labels()])
    for result in report.results:
        start = [result.model, *(getattr(result, field) for field in fields)]
        for image in result.images:
            cells = (_cell(image.scores.get(name)) for name in labels())
            writer.writerow(map(inert, (*start, image.id, *cells)))
    return text.getvalue().encode()


def legacy_cells(legacy: LegacyScores) -> Iterator[tuple[str, str]]:
    """Yield each figure of the two historic scorings: its label and its text."""
    first, second = legacy.aghdamamir, legacy.manshi3
    way = f"DDRNet for DRIVE (AghdamAmir) ({first.side_px} px, mean and sd)"
    for label, value in (
        ("accuracy", first.accuracy),
        ("sensitivity", first.sensitivity),
        ('"AUC" of the thresholded map', first.auc_of_thresholded_map),
    ):
        yield f"{way}: {label}", f"{number_text(value.mean)} ± {number_text(value.sd)}"
    way = f"DeepLabV3 on DRIVE (Manshi3) (batches of {second.batch})"
    yield f"{way}: mIoU", f"{number_text(second.miou)} at {second.side_px} px"
    yield f"{way}: pixel accuracy", f"{number_text(second.pixel_accuracy)} at {second.side_px} px"


def interval_text(interval: Interval | None, *, signed: bool = False) -> str:
    """Mean and bounds to four digits, without bounds if there are none; empty for None."""
    if interval is None:
        return ""
    if math.isnan(interval.low):
        return number_text(interval.mean, signed=signed)
    numbers = [number_text(value, signed=signed) for value in (interval.mean, interval.low)]
    return f"{numbers[0]} [{numbers[1]}, {number_text(interval.high, signed=signed)}]"


def number_text(value: float | None, *, signed: bool = False) -> str:
    """A number to four digits; empty for None."""
    if value is None:
        return ""
    if math.isnan(value):
        return "nan"
    return f"{value:{'+' if signed else ''}.4f}"


def _cell(value: float | None) -> str:
    return "" if value is None or math.isnan(value) else repr(value)
