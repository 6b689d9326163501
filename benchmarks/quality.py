"""Uncertainty and grades compared with the Dice of the vessels, on original and degraded images.

    python benchmarks/quality.py MODEL [-o FILE.json] [--data D:PROTOCOL:SPLIT ...] [--every N]

Every photograph is predicted as it is and degraded by the methods of `degrade`, with
the field of view that venule finds; Dice is inside the data set's own field of view, at the
weights' threshold. An access to test images is logged as by `venule evaluate`: once per data set,
with the scores of the undegraded photographs.

Weights must be tested on photographs that they have not seen, so MODEL must not have trained on the
split: the default is DRIVE's training half, for `general`.
"""

import argparse
import json
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import pearsonr, spearmanr

import venule
from degrade import DEGRADATIONS, Degraded
from venule.analysis.analyse import analyse
from venule.data.case import Case, Dataset
from venule.data.catalog import open_dataset
from venule.data.protocols import Selection, select
from venule.data.sample import Sample
from venule.errors import UsageError, VenuleError
from venule.evaluation.access_log import (
    holds_test_images,
    record_access,
    require_writable,
)
from venule.evaluation.evaluate import evaluate, require_truth
from venule.evaluation.predictor import Predictor, segmenter_predictor
from venule.files.atomic import require_folder, write_bytes
from venule.files.hashes import file_sha256
from venule.image.arrays import FloatMap
from venule.inference.load import load, weights_file
from venule.inference.segment import Segmenter
from venule.metrics.counts import count, dice
from venule.quality.assess import GRADES, assess
from venule.quality.features import expected_dice

AS_IS = "as it is"

DATA = ("DRIVE:official:train",)

TIMES = 5
"""Number of assessments of one photograph, of which the median is kept."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One photograph, as it is or degraded, with its Dice, grade and uncertainty."""

    dataset: str
    id: str
    degraded: str
    strength: float | None
    dice: float
    expected_dice: float
    uncertainty: float
    grade: str
    reasons: tuple[str, ...]
    ms: float | None = None  # of `assess`, median of TIMES, if not degraded


def versions(photo: Degraded) -> Iterator[tuple[str, float | None, Degraded]]:
    """The photograph as it is and in every degraded version: method, strength, and pixels."""
    yield AS_IS, None, photo
    for name, (degrade, strengths) in DEGRADATIONS.items():
        for strength in strengths:
            yield name, strength, degrade(photo, strength)


def rows_of(dataset: str, id: str, photo: Degraded, segmenter: Segmenter) -> Iterator[Row]:
    """Predict and grade every version of one photograph."""
    for name, strength, degraded in versions(photo):
        analysis = analyse(degraded.image, segmenter)
        prediction, quality = analysis.prediction, analysis.quality
        assert quality is not None
        yield Row(
            dataset=dataset,
            id=id,
            degraded=name,
            strength=strength,
            dice=dice(count(prediction.vessels, degraded.vessels, degraded.fov)),
            expected_dice=expected_dice(prediction.probability, prediction.vessels),
            uncertainty=quality.uncertainty,
            grade=quality.grade,
            reasons=quality.reasons,
            ms=_ms(degraded, segmenter) if name == AS_IS else None,
        )


def _ms(photo: Degraded, segmenter: Segmenter) -> float:
    prediction = segmenter.segment(photo.image)
    found, fov = prediction.vessel_map, prediction.fov
    times = []
    for _ in range(TIMES):
        started = time.perf_counter()
        assess(photo.image, fov, found.levels, threshold=found.threshold)
        times.append(1e3 * (time.perf_counter() - started))
    return float(np.median(times))


def measure(
    dataset: Dataset,
    selection: Selection,
    *,
    source: Predictor,
    segmenter: Segmenter,
    access_log: Path | None,
) -> list[Row]:
    """The rows of one split; access to test images is logged."""
    rows: list[Row] = []

    def predict(case: Case, sample: Sample) -> FloatMap:
        assert sample.vessels is not None
        photo = Degraded(sample.image, sample.fov, sample.vessels)
        rows.extend(rows_of(selection.dataset, case.id, photo, segmenter))
        sys.stderr.write(f"{selection.dataset} {case.id}\n")
        return source.predict(case, sample)

    require_truth(selection, "first")
    recorded = access_log is not None and holds_test_images(dataset, selection)
    if access_log is not None and recorded:
        require_writable(access_log)
    result = evaluate(replace(source, predict=predict), selection)
    if access_log is not None and recorded:
        record_access(result, access_log)
    if result.seen:
        sys.stderr.write(f"warning: the weights have seen {len(result.seen)} of these images\n")
    return rows


def correlations(rows: Sequence[Row]) -> dict[str, dict[str, float]]:
    """Correlation of Dice with uncertainty, and with 1 - expected Dice; nan below three rows."""
    rows = [row for row in rows if not np.isnan(row.dice)]  # no annotated or predicted vessels
    scores = [row.dice for row in rows]
    against = {
        "uncertainty": [row.uncertainty for row in rows],
        "one_minus_expected_dice": [1 - row.expected_dice for row in rows],
    }
    return {name: _correlation(values, scores) for name, values in against.items()}


def _correlation(values: Sequence[float], scores: Sequence[float]) -> dict[str, float]:
    if len(scores) < 3 or np.ptp(values) == 0 or np.ptp(scores) == 0:
        return {"spearman": float("nan"), "pearson": float("nan")}
    return {
        "spearman": float(spearmanr(values, scores).statistic),
        "pearson": float(pearsonr(values, scores).statistic),
    }


def summary(rows: Sequence[Row]) -> dict[str, Any]:
    """Correlations, Dice by grade, grades by degradation and times, over some rows."""
    plain = [row for row in rows if row.degraded == AS_IS]
    degraded = [row for row in rows if row.degraded != AS_IS]
    groups: dict[tuple[str, float | None], list[Row]] = {}
    for row in rows:
        groups.setdefault((row.degraded, row.strength), []).append(row)
    kinds = dict.fromkeys(row.degraded for row in degraded)
    times = [row.ms for row in plain if row.ms is not None]
    return {
        "photographs": len(plain),
        "correlation": {
            AS_IS: correlations(plain),
            "degraded": correlations(degraded),
            "all": correlations(rows),
            **{
                kind: correlations([row for row in degraded if row.degraded == kind])
                for kind in kinds
            },
        },
        "dice_by_grade": {
            grade: _spread(
                [row.dice for row in rows if row.grade == grade and not np.isnan(row.dice)]
            )
            for grade in GRADES
        },
        "versions": [
            {"degraded": kind, "strength": strength, **_group(group)}
            for (kind, strength), group in groups.items()
        ],
        "ms": _spread(times),
    }


def _group(rows: Sequence[Row]) -> dict[str, Any]:
    scores = [row.dice for row in rows if not np.isnan(row.dice)]
    return {
        "dice": float(np.mean(scores)) if scores else float("nan"),
        "uncertainty": float(np.mean([row.uncertainty for row in rows])),
        "grades": {grade: sum(row.grade == grade for row in rows) for grade in GRADES},
    }


def _spread(values: Sequence[float]) -> dict[str, float | int]:
    if not values:
        return {"n": 0}
    low, median, high = np.percentile(values, [25, 50, 75])
    return {
        "n": len(values),
        "mean": float(np.mean(values)),
        "quartile_1": float(low),
        "median": float(median),
        "quartile_3": float(high),
    }


def report(
    source: Predictor, selections: Sequence[Selection], rows: Sequence[Row], *, every: int
) -> dict[str, Any]:
    """The complete report, as JSON."""
    return {
        "venule": venule.__version__,
        "model": source.name,
        "weights_sha256": source.weights_sha256,
        "runtime": source.runtime,
        "threshold": source.threshold,
        "every": every,
        "data": [f"{s.dataset}:{s.protocol}:{s.split}" for s in selections],
        "all": summary(rows),
        "by_dataset": {
            name: summary([row for row in rows if row.dataset == name])
            for name in dict.fromkeys(row.dataset for row in rows)
        },
        "rows": [asdict(row) for row in rows],
    }


def rounded(value: Any) -> Any:
    """The report with four decimals, and None for nan, which JSON lacks."""
    if isinstance(value, float):
        return None if np.isnan(value) else round(value, 4)
    if isinstance(value, Mapping):
        return {key: rounded(item) for key, item in value.items()}
    return [rounded(item) for item in value] if isinstance(value, list | tuple) else value


def chosen(spec: str, every: int) -> tuple[Dataset, Selection]:
    """The data set and the split given by D:PROTOCOL:SPLIT, subsampled by `every`."""
    parts = spec.rsplit(":", 2)
    if len(parts) != 3:
        raise UsageError(f"--data {spec}: use D:PROTOCOL:SPLIT, such as {DATA[0]}")
    dataset = open_dataset(parts[0])
    selection = select(dataset, parts[1], parts[2])
    return dataset, replace(selection, cases=selection.cases[::every])


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and write the report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", help="a shipped name, a weights file or a run folder")
    parser.add_argument("-o", "--out", type=Path, default=Path("results/quality.json"))
    parser.add_argument("--data", nargs="+", default=list(DATA), metavar="D:PROTOCOL:SPLIT")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="take every N-th")
    parser.add_argument("--access-log", type=Path, help="log of accesses to test images")
    options = parser.parse_args(arguments)
    try:
        require_folder(options.out)
        chosen_data = [chosen(spec, options.every) for spec in options.data]
        selections = [selection for _, selection in chosen_data]
        weights = weights_file(options.model)
        # In float32, so that the figures are reproducible elsewhere.
        segmenter = load(options.model, runtime="onnx" if weights.suffix == ".onnx" else "auto")
        source = segmenter_predictor(segmenter, weights_sha256=file_sha256(weights))
        rows: list[Row] = []
        for dataset, selection in chosen_data:
            rows += measure(
                dataset,
                selection,
                source=source,
                segmenter=segmenter,
                access_log=options.access_log,
            )
        found = report(source, selections, rows, every=options.every)
        write_bytes(options.out, (json.dumps(rounded(found), indent=1) + "\n").encode())
    except VenuleError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
