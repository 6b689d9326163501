"""Many trainings in two compact tables, every number read from the files of the runs.

about.json, beside the folders of the runs:

    {"kind": "table", "title": ..., "text": [...], "commands": [...],
     "rows": [{"experiment": "DDRNet, stride 8", "config": "ddrnet23-slim-stride8",
               "published_epochs": 580, "runs": ["ddrnet23-slim-stride8-seed0", ...],
               "note": "..."}, ...],
     "pairs": [{"scratch": "DDRNet, stride 8", "pretrained": "DDRNet, stride 8, pretrained"}],
     "gains": [{"of": "DDRNet, stride 2", "over": "DDRNet, stride 8"}],
     "pretrainings": [{"experiment": "...", "config": "...", "runs": ["..."]}],
     "ours": [{"experiment": "accurate", "report": "../accurate/test.json",
               "costs": ["../accurate/cost.json"], "note": "..."}],
     "best": {"of": ["DeepLabV3 R50 at 512 px", ...], "called": "DeepLabV3"}}

`published_epochs` is left out where nothing was published. `runs` are folders beside about.json
(`run_published.py` fills them): one that is not there was not run yet, and a row of which none is
there says so, or in `not_run` why. Each folder holds, as `venule train` and `venule evaluate
--json` wrote them, config.toml (the seed), metrics.csv (epochs, seconds, validation), run.json (why
it stopped), cost.json (time and peak memory of all sessions) and, but for `pretrainings`,
test.json. `ours` stand below the experiments, for comparison; `costs` of several trainings one
after the other add up. `pairs`, `gains`, `pretrainings`, `ours` and `best` may be left out.
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

ONE_SEED = "one seed, no significance claimed"


class Row(BaseModel, frozen=True, extra="forbid"):
    """One experiment as about.json names it."""

    experiment: str
    config: str | None = None  # of configs/published/, for `run_published.py`
    published_epochs: int | None = None
    runs: tuple[str, ...]
    note: str = ""
    not_run: str = "not run yet"


class Pair(BaseModel, frozen=True, extra="forbid"):
    """Two experiments that differ in their first weights only."""

    scratch: str
    pretrained: str


class Gain(BaseModel, frozen=True, extra="forbid"):
    """Two experiments, one of which should score higher."""

    of: str
    over: str


class Ours(BaseModel, frozen=True, extra="forbid"):
    """A network of this project, to be compared with the experiments."""

    experiment: str
    report: str
    costs: tuple[str, ...] = ()
    note: str = ""


class Best(BaseModel, frozen=True, extra="forbid"):
    """Several experiments, of which the best is named."""

    of: tuple[str, ...]
    called: str


@dataclass(frozen=True)
class Training:
    """One run, as its files tell it. `validation` has a row for every validated epoch."""

    seed: int
    epochs: int
    early: bool
    seconds: float
    peak_bytes: int | None
    validation: tuple[dict[str, float], ...]
    train_loss: float
    tested: Result | None

    @property
    def test(self) -> Result:
        """The scores on test images; UsageError if there are none."""
        if self.tested is None:
            raise UsageError(f"seed {self.seed} of an experiment has no test.json; evaluate it")
        return self.tested

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

    @property
    def note(self) -> str:
        """The row's note, with what is known of its runs: none yet, or one only."""
        known = self.row.not_run if not self.runs else ONE_SEED if len(self.runs) == 1 else ""
        return "; ".join(text for text in (self.row.note, known) if text)

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
    experiments = read_experiments(folder, about["rows"])
    done = [experiment for experiment in experiments if experiment.runs]
    lines = [f"{len(done)} of {len(experiments)} experiments were run. Validation scores are the"]
    lines += ["best of any epoch, at threshold 0.5; of several seeds mean ± standard deviation."]
    ours = [Ours.model_validate(one) for one in about.get("ours", ())]
    trained = [*training_table(experiments), *(_our_cost(folder, one) for one in ours)]
    lines += ["", *markdown(trained, words=(0, -1)), ""]
    lines += [_scored_on(experiments), ""]
    tested = [*test_table(experiments), *(_our_scores(folder, one) for one in ours)]
    lines += [*markdown(tested), ""] if done else []
    if best := about.get("best"):
        lines += [best_line(experiments, Best.model_validate(best), folder), ""]
    if pairs := [Pair.model_validate(pair) for pair in about.get("pairs", ())]:
        chosen = [_of(experiments, (pair.scratch, pair.pretrained), folder) for pair in pairs]
        lines += [*markdown(pair_table(chosen), words=(0, 1)), ""]
    if gains := [Gain.model_validate(gain) for gain in about.get("gains", ())]:
        chosen = [_of(experiments, (gain.of, gain.over), folder) for gain in gains]
        lines += [
            "Differences of means; where a side has one seed, no significance is claimed:",
            "",
        ]
        lines += [*markdown(gain_table(chosen), words=(0, 1)), ""]
    if pretrainings := read_experiments(folder, about.get("pretrainings", ()), tested=False):
        lines += [*markdown(pretraining_table(pretrainings), words=(0, -1)), ""]
    pictures = [(path.stem, path.name) for path in sorted(folder.glob("*.png"))]
    links = [f"[{stem}](../results/{folder.name}/{name})" for stem, name in pictures]
    return [*lines, f"Curves: {', '.join(links)}.", ""] if links else lines


def read_experiments(folder: Path, rows: Iterable[Any], *, tested: bool = True) -> list[Experiment]:
    """The rows of about.json with those of their runs that are in `folder`."""
    parsed = [Row.model_validate(row) for row in rows]
    return [
        Experiment(
            row,
            tuple(
                read_training(folder / run, tested=tested)
                for run in row.runs
                if (folder / run).is_dir()
            ),
        )
        for row in parsed
    ]


def read_training(folder: Path, *, tested: bool = True) -> Training:
    """What the files of one run say; UsageError if one is missing."""
    try:
        config = tomllib.loads((folder / "config.toml").read_text(encoding="utf-8"))
        stopped = json.loads((folder / "run.json").read_text(encoding="utf-8"))
        with (folder / "metrics.csv").open(encoding="utf-8", newline="") as file:
            log = [
                {name: float(cell) for name, cell in row.items() if cell}
                for row in csv.DictReader(file)
            ]
        cost = json.loads(_text(folder / "cost.json") or "{}")
    except OSError as error:
        raise UsageError(f"{error.filename}: cannot be read ({error.strerror})") from None
    test = None
    if tested:
        own = [r for r in read_report(folder / "test.json").results if r.kind == "model"]
        test = own[0]
    return Training(
        seed=config["schedule"]["seed"],
        epochs=int(log[-1]["epoch"]),
        early=stopped["stopped"].startswith("early"),
        seconds=cost.get("seconds", sum(row["seconds"] for row in log)),
        peak_bytes=cost.get("peak_memory_bytes"),
        validation=tuple(row for row in log if any(name.startswith("val_") for name in row)),
        train_loss=log[-1]["train_loss"],
        tested=test,
    )


def _text(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.exists() else None


def training_table(experiments: Iterable[Experiment]) -> Table:
    """How each was trained: epochs, seeds, best validation scores, time and memory."""
    table: Table = [
        ["experiment", "epochs run / published", "seeds", "validation AUC", "Dice", "mIoU"]
    ]
    table[0] += ["hours", "peak memory", "note"]
    for experiment in experiments:
        row, runs = experiment.row, experiment.runs
        seeds = ", ".join(str(run.seed) for run in runs) or "not run"
        if runs and len(runs) < len(row.runs):
            seeds += f" (of {len(row.runs)})"
        scores = [_best(experiment, name) for name in ("val_auc", "val_dice", "val_miou")]
        hours = experiment.over_seeds(lambda run: run.seconds / 3600, digits=2)
        note = experiment.note
        table.append([row.experiment, _epochs(row, runs), seeds, *scores, hours, _peak(runs), note])
    return table


def pretraining_table(pretrainings: Iterable[Experiment]) -> Table:
    """What the pretrained rows started from, and what that cost."""
    table: Table = [["pretraining", "epochs", "training loss, last", "validation accuracy"]]
    table[0] += ["hours", "peak memory", "note"]
    for one in pretrainings:
        epochs = ", ".join(str(run.epochs) for run in one.runs) or "not run"
        validated = any(run.validation for run in one.runs)
        accuracy = _best(one, "val_accuracy") if validated else "–"
        hours = one.over_seeds(lambda run: run.seconds / 3600, digits=2)
        loss = one.over_seeds(lambda run: run.train_loss)
        note = one.row.note if one.runs else one.note
        table.append([one.row.experiment, epochs, loss, accuracy, hours, _peak(one.runs), note])
    return table


def best_line(experiments: Sequence[Experiment], best: Best, folder: Path) -> str:
    """Which of several experiments has the highest validation mIoU, and which were not run."""
    named = [_named(experiments, name, folder) for name in best.of]
    runs = [one for one in named if one.runs]
    missing = [one.row.experiment for one in named if not one.runs]
    left_out = f" Not run: {', '.join(missing)}." if missing else ""
    if not runs:
        return f"None of the {best.called} experiments was run yet."
    first = max(runs, key=lambda one: one.mean(lambda run: run.best("val_miou")))
    name, validation = first.row.experiment, _best(first, "val_miou")
    if len(runs) == 1:
        found = (
            f"{name} is the only {best.called} experiment yet; its validation mIoU is {validation}"
        )
    else:
        found = (
            f"Of {len(runs)} {best.called} experiments {name} has the highest validation mIoU, "
            f"{validation}"
        )
    return (
        f"{found}; on test images its mIoU is "
        f"{first.over_seeds(_mean_of('miou'))} by our protocol.{left_out}"
    )


def test_table(experiments: Iterable[Experiment]) -> Table:
    """What each scores on test images, by our protocol and by the two published ways."""
    table: Table = [["experiment", *_OURS, '"AUC" as first published', "mIoU", "pixel accuracy"]]
    for experiment in experiments:
        if not experiment.runs:
            continue
        scores = [
            experiment.over_seeds(lambda run, place=place: _scores(run.test)[place])
            for place in range(len(table[0]) - 1)
        ]
        table.append([experiment.row.experiment, *scores])
    return table


_OURS = {
    "AUC": "roc_auc",
    "AP": "average_precision",
    "Dice": "dice",
    "clDice": "cldice",
    "mIoU": "miou",
    "accuracy": "accuracy",
}
"""The scores of our protocol in the table, by their headings."""


def _scores(result: Result) -> list[float]:
    """Those of the table: by our protocol, then in the two published ways."""
    first, second = result.legacy.aghdamamir, result.legacy.manshi3
    ours = [result.mean[name].mean for name in _OURS.values()]
    return [*ours, first.auc_of_thresholded_map.mean, second.miou, second.pixel_accuracy]


def _our_scores(folder: Path, ours: Ours) -> list[str]:
    """A row of the table of test scores."""
    report = read_report(folder / ours.report)
    result = next(result for result in report.results if result.kind == "model")
    return [ours.experiment, *(f"{score:.4f}" for score in _scores(result))]


def _our_cost(folder: Path, ours: Ours) -> list[str]:
    """A row of the table of trainings."""
    costs = [json.loads((folder / name).read_text(encoding="utf-8")) for name in ours.costs]
    hours, peak = "–", "–"
    if costs:
        hours = f"{sum(cost['seconds'] for cost in costs) / 3600:.2f}"
        peak = f"{max(cost['peak_memory_bytes'] for cost in costs) / 1e9:.1f} GB"
    return [ours.experiment, *["–"] * 5, hours, peak, ours.note]


def pair_table(pairs: Sequence[tuple[Experiment, Experiment]]) -> Table:
    """When scratch and pretrained first reach one validation Dice, the lower of the two bests."""
    table: Table = [["from scratch", "pretrained", "validation Dice"]]
    table[0] += ["epochs to it: scratch", "pretrained"]
    for scratch, pretrained in pairs:
        names = [scratch.row.experiment, pretrained.row.experiment]
        if not (scratch.runs and pretrained.runs):
            table.append(
                [*names, "–", *("–" if one.runs else "not run" for one in (scratch, pretrained))]
            )
            continue
        target = min(one.mean(lambda run: run.best("val_dice")) for one in (scratch, pretrained))
        epochs = [_epochs_to(experiment, target) for experiment in (scratch, pretrained)]
        table.append([*names, f"{target:.4f}", *epochs])
    return table


def gain_table(gains: Sequence[tuple[Experiment, Experiment]]) -> Table:
    """How much one scores above another on test images, by our protocol and as published."""
    table: Table = [["gain of", "over", "seeds"]]
    table[0] += ["AUC", '"AUC" of the thresholded map, as first published']
    for better, other in gains:
        row = [better.row.experiment, other.row.experiment]
        if not (better.runs and other.runs):
            table.append([*row, "–", "not run", "not run"])
            continue
        row.append(f"{len(better.runs)}, {len(other.runs)}")
        for value in (_mean_of("roc_auc"), published_auc):
            new, old = better.mean(value), other.mean(value)
            row.append(f"{new - old:+.4f} ({100 * (new - old) / old:+.1f} %)")
        table.append(row)
    return table


def published_auc(run: Training) -> float:
    """The DDRNet for DRIVE (AghdamAmir)'s "AUC", of the thresholded map: its mean over images."""
    return run.test.legacy.aghdamamir.auc_of_thresholded_map.mean


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
        return "Nothing has been scored on test images yet."
    dataset, protocol, split, expert, images = places.pop()
    return (
        f"Test scores: {dataset}, protocol {protocol}, split {split}, {images} images, {expert} "
        "expert. The six to the left are inside the field of view, at native size and the stored "
        "threshold; of the published ways, which look at the whole "
        'frame, squared, the first calls balanced accuracy "AUC".'
    )


def _of(
    experiments: Iterable[Experiment], names: tuple[str, str], folder: Path
) -> tuple[Experiment, Experiment]:
    """The two experiments of these names."""
    return _named(experiments, names[0], folder), _named(experiments, names[1], folder)


def _named(experiments: Iterable[Experiment], name: str, folder: Path) -> Experiment:
    """The experiment of that name; UsageError if about.json has none."""
    for one in experiments:
        if one.row.experiment == name:
            return one
    raise UsageError(f"{folder}: no experiment called {name!r}")
