"""Many trainings in two compact tables, every number read from the files of the runs.

about.json, beside the folders of the runs:

    {"kind": "table", "title": ..., "text": [...], "commands": [...],
     "rows": [{"experiment": "DDRNet, stride 8", "published_epochs": 580,
               "runs": ["stride8-seed0", ...], "note": "..."}, ...],
     "pairs": [{"scratch": "DDRNet, stride 8", "pretrained": "DDRNet, stride 8, pretrained"}],
     "gains": [{"of": "DDRNet, stride 2", "over": "DDRNet, stride 8"}]}

`published_epochs` is null where nothing was published; a row without `runs` was not run, and its
note says why. Each run's folder holds, as `venule train` and `venule evaluate --json` wrote them,
config.toml (the seed), metrics.csv (epochs, seconds, validation), run.json (why it stopped;
`peak_memory_bytes` if measured) and test.json. `pairs` and `gains` may be left out.
"""

import csv
import json
import math
import statistics
import tomllib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from venule.errors import UsageError
from venule.evaluation.card import read_report
from venule.evaluation.report import Table, markdown
from venule.evaluation.result import Result


class Row(BaseModel, frozen=True, extra="forbid"):
    """One experiment as about.json names it."""

    experiment: str
    published_epochs: int | None = None
    runs: tuple[str, ...]
    note: str = ""


class Pair(BaseModel, frozen=True, extra="forbid"):
    """Two experiments that differ in their first weights only."""

    scratch: str
    pretrained: str


class Gain(BaseModel, frozen=True, extra="forbid"):
    """Two experiments, one of which should score higher."""

    of: str
    over: str


@dataclass(frozen=True)
class Training:
    """One run, as its files tell it. `validation` has a row for every validated epoch."""

    seed: int
    epochs: int
    early: bool
    seconds: float
    peak_bytes: int | None
    validation: tuple[dict[str, float], ...]
    test: Result

    def best(self, score: str) -> float:
        """The highest validation score of any epoch; nan if it was never validated."""
        return max((row[score] for row in self.validation if score in row), default=math.nan)

    def first_epoch_with(self, score: str, value: float) -> int | None:
        """The first epoch whose validation score reaches `value`; None if none does."""
        reached = (row["epoch"] for row in self.validation if row.get(score, -math.inf) >= value)
        first = next(reached, None)
        return None if first is None else int(first)


@dataclass(frozen=True)
class Experiment:
    """A row with its runs, one a seed."""

    row: Row
    runs: tuple[Training, ...]

    def over_seeds(self, value: Callable[[Training], float], digits: int = 4) -> str:
        """The mean over seeds, with the standard deviation (divisor n - 1) of two or more."""
        values = [value(run) for run in self.runs]
        if not values:
            return "–"
        mean = f"{statistics.fmean(values):.{digits}f}"
        if len(values) == 1:
            return mean
        return f"{mean} ± {statistics.stdev(values):.{digits}f}"

    def mean(self, value: Callable[[Training], float]) -> float:
        """The mean over seeds."""
        return statistics.fmean(value(run) for run in self.runs)


def experiments_section(folder: Path, about: dict[str, Any]) -> list[str]:
    """The tables of one about.json, as lines of Markdown."""
    rows = [Row.model_validate(row) for row in about["rows"]]
    experiments = [
        Experiment(row, tuple(read_training(folder / run) for run in row.runs)) for row in rows
    ]
    for experiment in experiments:
        if not experiment.runs and not experiment.row.note:
            raise UsageError(f"{folder}: {experiment.row.experiment} was not run; say why in note")
    lines = ["Validation scores are the best of any epoch, at threshold 0.5; of several seeds"]
    lines += ["mean ± standard deviation. One seed: no significance claimed."]
    lines += ["", *_markdown(training_table(experiments), left=(0, -1)), ""]
    lines += [_scored_on(experiments), ""]
    lines += [*_markdown(test_table(experiments)), ""]
    if pairs := [Pair.model_validate(pair) for pair in about.get("pairs", ())]:
        chosen = [_of(experiments, (pair.scratch, pair.pretrained), folder) for pair in pairs]
        lines += [*_markdown(pair_table(chosen), left=(0, 1)), ""]
    if gains := [Gain.model_validate(gain) for gain in about.get("gains", ())]:
        chosen = [_of(experiments, (gain.of, gain.over), folder) for gain in gains]
        lines += [*_markdown(gain_table(chosen), left=(0, 1)), ""]
    return lines


def read_training(folder: Path) -> Training:
    """What the files of one run say; UsageError if one is missing."""
    try:
        config = tomllib.loads((folder / "config.toml").read_text(encoding="utf-8"))
        stopped = json.loads((folder / "run.json").read_text(encoding="utf-8"))
        with (folder / "metrics.csv").open(encoding="utf-8", newline="") as file:
            log = [
                {name: float(cell) for name, cell in row.items() if cell}
                for row in csv.DictReader(file)
            ]
    except OSError as error:
        raise UsageError(f"{error.filename}: cannot be read ({error.strerror})") from None
    own = [r for r in read_report(folder / "test.json").results if r.kind == "model"]
    return Training(
        seed=config["schedule"]["seed"],
        epochs=int(log[-1]["epoch"]),
        early=stopped["stopped"].startswith("early"),
        seconds=sum(row["seconds"] for row in log),
        peak_bytes=stopped.get("peak_memory_bytes"),
        validation=tuple(row for row in log if any(name.startswith("val_") for name in row)),
        test=own[0],
    )


def training_table(experiments: Iterable[Experiment]) -> Table:
    """How each was trained: epochs, seeds, best validation scores, time and memory."""
    table: Table = [
        ["experiment", "epochs run / published", "seeds", "validation AUC", "Dice", "mIoU"]
    ]
    table[0] += ["hours", "peak memory", "note"]
    for experiment in experiments:
        row, runs = experiment.row, experiment.runs
        seeds = ", ".join(str(run.seed) for run in runs) or "not run"
        scores = [_best(experiment, name) for name in ("val_auc", "val_dice", "val_miou")]
        hours = experiment.over_seeds(lambda run: run.seconds / 3600, digits=2)
        table.append(
            [row.experiment, _epochs(row, runs), seeds, *scores, hours, _peak(runs), row.note]
        )
    return table


def test_table(experiments: Iterable[Experiment]) -> Table:
    """What each scores on test images, by our protocol and by the two published ways."""
    ours = {"AUC": "roc_auc", "Dice": "dice", "mIoU": "miou", "accuracy": "accuracy"}
    table: Table = [["experiment", *ours, '"AUC" as first published', "mIoU", "pixel accuracy"]]
    for experiment in experiments:
        if not experiment.runs:
            continue
        scores = [experiment.over_seeds(_mean_of(name)) for name in ours.values()]
        published = [
            experiment.over_seeds(published_auc),
            experiment.over_seeds(lambda run: run.test.published.second_system.miou),
            experiment.over_seeds(lambda run: run.test.published.second_system.pixel_accuracy),
        ]
        table.append([experiment.row.experiment, *scores, *published])
    return table


def pair_table(pairs: Sequence[tuple[Experiment, Experiment]]) -> Table:
    """When scratch and pretrained first reach one validation Dice, the lower of the two bests."""
    table: Table = [["from scratch", "pretrained", "validation Dice"]]
    table[0] += ["epochs to it: scratch", "pretrained"]
    for scratch, pretrained in pairs:
        target = min(one.mean(lambda run: run.best("val_dice")) for one in (scratch, pretrained))
        epochs = [_epochs_to(experiment, target) for experiment in (scratch, pretrained)]
        names = [scratch.row.experiment, pretrained.row.experiment]
        table.append([*names, f"{target:.4f}", *epochs])
    return table


def gain_table(gains: Sequence[tuple[Experiment, Experiment]]) -> Table:
    """How much one scores above another on test images, by our protocol and as published."""
    table: Table = [["gain of", "over", "AUC", '"AUC" of the thresholded map, as first published']]
    for better, other in gains:
        row = [better.row.experiment, other.row.experiment]
        for value in (_mean_of("roc_auc"), published_auc):
            new, old = better.mean(value), other.mean(value)
            row.append(f"{new - old:+.4f} ({100 * (new - old) / old:+.1f} %)")
        table.append(row)
    return table


def published_auc(run: Training) -> float:
    """The first system's "AUC", of the thresholded map: its mean over images."""
    return run.test.published.first_system.auc_of_thresholded_map.mean


def _mean_of(score: str) -> Callable[[Training], float]:
    return lambda run: run.test.mean[score].mean


def _best(experiment: Experiment, score: str) -> str:
    return experiment.over_seeds(lambda run: run.best(score))


def _epochs(row: Row, runs: Sequence[Training]) -> str:
    """`60 / 580`, or `58-60 / 580` where seeds differ; `early` where a run ended by itself."""
    published = "–" if row.published_epochs is None else str(row.published_epochs)
    if not runs:
        return f"0 / {published}"
    least, most = min(run.epochs for run in runs), max(run.epochs for run in runs)
    number = str(least) if least == most else f"{least}-{most}"
    early = " (early)" if any(run.early for run in runs) else ""
    return f"{number}{early} / {published}"


def _epochs_to(experiment: Experiment, target: float) -> str:
    """The first epoch with the target for each seed; `> N` where N epochs did not reach it."""
    firsts = [(run.first_epoch_with("val_dice", target), run.epochs) for run in experiment.runs]
    return ", ".join(f"> {epochs}" if first is None else str(first) for first, epochs in firsts)


def _peak(runs: Sequence[Training]) -> str:
    peaks = [run.peak_bytes for run in runs if run.peak_bytes is not None]
    return f"{max(peaks) / 1e9:.1f} GB" if peaks else "–"


def _scored_on(experiments: Iterable[Experiment]) -> str:
    """Which images the second table is about; UsageError if they are not the same for all."""
    tests = [run.test for experiment in experiments for run in experiment.runs]
    places = {(r.dataset, r.protocol, r.split, r.expert, len(r.images)) for r in tests}
    if len(places) > 1:
        raise UsageError(f"a table of experiments scored on different images: {sorted(places)}")
    if not places:
        return "Nothing has been scored yet."
    dataset, protocol, split, expert, images = places.pop()
    return (
        f"Test scores: {dataset}, protocol {protocol}, split {split}, {images} images, {expert} "
        "expert. The four to the left are ours; of the published ways, which look at the whole "
        'frame, squared, the first calls balanced accuracy "AUC".'
    )


def _of(
    experiments: Iterable[Experiment], names: tuple[str, str], folder: Path
) -> tuple[Experiment, Experiment]:
    """The two experiments of these names; UsageError if one was not run."""
    run = {one.row.experiment: one for one in experiments if one.runs}
    if missing := [name for name in names if name not in run]:
        raise UsageError(f"{folder}: no experiment called {missing[0]!r} that was run")
    return run[names[0]], run[names[1]]


def _markdown(table: Table, *, left: Sequence[int] = (0,)) -> list[str]:
    """As `markdown`, with the columns `left` on the left."""
    header, _, *rows = markdown(table)
    rules = [" ---: "] * len(table[0])
    for column in left:
        rules[column] = " --- "
    return [header, f"|{'|'.join(rules)}|", *rows]
