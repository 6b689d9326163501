"""Tables of published experiments, with all numbers from the files of their runs."""

import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from publish.runs import (
    Best,
    Experiment,
    Gain,
    Ours,
    Pair,
    Row,
    Training,
    read_experiments,
)
from venule.errors import UsageError
from venule.evaluation.card import read_report
from venule.evaluation.report import Table, markdown
from venule.evaluation.result import Result


def experiments_section(folder: Path, about: dict[str, Any]) -> list[str]:
    """The tables of one about.json, as lines of Markdown."""
    experiments = read_experiments(folder, about["rows"])
    done = [experiment for experiment in experiments if experiment.runs]
    lines = [f"{len(done)} of {len(experiments)} experiments were run. Validation scores are the"]
    lines += ["best of any epoch, at threshold 0.5; for several seeds, mean ± standard deviation."]
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
            "Differences of means; where either has one seed, no significance is claimed:",
            "",
        ]
        lines += [*markdown(gain_table(chosen), words=(0, 1)), ""]
    if pretrainings := read_experiments(folder, about.get("pretrainings", ()), tested=False):
        lines += [*markdown(pretraining_table(pretrainings), words=(0, -1)), ""]
    pictures = [(path.stem, path.name) for path in sorted(folder.glob("*.png"))]
    links = [f"[{stem}](../results/{folder.name}/{name})" for stem, name in pictures]
    return [*lines, f"Curves: {', '.join(links)}.", ""] if links else lines


def training_table(experiments: Iterable[Experiment]) -> Table:
    """Tabulate the training runs: epochs, seeds, best validation scores, time and memory."""
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
    """Describe the pretraining of the pretrained rows, and its cost."""
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
    """Name the experiment with the highest validation mIoU, and those that were not run."""
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
    """Tabulate the scores on test images, by our protocol and by the two historic scorings."""
    table: Table = [["experiment", *_OURS, '"AUC" as first published', "mIoU", "pixel accuracy"]]
    for experiment in experiments:
        if not experiment.runs:
            continue
        scores = [experiment.over_seeds(_score_at(place)) for place in range(len(table[0]) - 1)]
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
"""The scores of our protocol in the table, by heading."""


def _scores(result: Result) -> list[float]:
    """The scores in the table: by our protocol, then by the two historic scorings."""
    first, second = result.legacy.aghdamamir, result.legacy.manshi3
    ours = [result.mean[name].mean for name in _OURS.values()]
    return [*ours, first.auc_of_thresholded_map.mean, second.miou, second.pixel_accuracy]


def _score_at(place: int) -> Callable[[Training], float]:
    """Read the score in the given column of the table."""
    return lambda run: _scores(run.test)[place]


def _our_scores(folder: Path, ours: Ours) -> list[str]:
    """A row of the table of test scores."""
    report = read_report(folder / ours.report)
    result = next(result for result in report.results if result.kind == "model")
    return [ours.experiment, *(f"{score:.4f}" for score in _scores(result))]


def _our_cost(folder: Path, ours: Ours) -> list[str]:
    """A row of the table of training runs."""
    costs = [json.loads((folder / name).read_text(encoding="utf-8")) for name in ours.costs]
    hours, peak = "–", "–"
    if costs:
        hours = f"{sum(cost['seconds'] for cost in costs) / 3600:.2f}"
        peak = f"{max(cost['peak_memory_bytes'] for cost in costs) / 1e9:.1f} GB"
    return [ours.experiment, *["–"] * 5, hours, peak, ours.note]


def pair_table(pairs: Sequence[tuple[Experiment, Experiment]]) -> Table:
    """Epochs until scratch and pretrained reach the lower of their best validation Dice scores."""
    table: Table = [["from scratch", "pretrained", "validation Dice"]]
    table[0] += ["epochs to reach it: scratch", "pretrained"]
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
    """Compare the test scores of pairs of experiments, by our protocol and as published."""
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
    """The "AUC" of the DDRNet for DRIVE (AghdamAmir), of the thresholded map; mean over images."""
    return run.test.legacy.aghdamamir.auc_of_thresholded_map.mean


def _mean_of(score: str) -> Callable[[Training], float]:
    return lambda run: run.test.mean[score].mean


def _best(experiment: Experiment, score: str) -> str:
    return experiment.over_seeds(lambda run: run.best(score))


def _epochs(row: Row, runs: Sequence[Training]) -> str:
    """`60 / 580`, or `58-60 / 580` if seeds differ; `early` if a run stopped early."""
    published = "–" if row.published_epochs is None else str(row.published_epochs)
    if not runs:
        return f"0 / {published}"
    least, most = min(run.epochs for run in runs), max(run.epochs for run in runs)
    number = str(least) if least == most else f"{least}-{most}"
    early = " (early)" if any(run.early for run in runs) else ""
    return f"{number}{early} / {published}"


def _epochs_to(experiment: Experiment, target: float) -> str:
    """The first epoch that reaches the target, for each seed; `> N` if N epochs did not."""
    firsts = [(run.first_epoch_with("val_dice", target), run.epochs) for run in experiment.runs]
    return ", ".join(f"> {epochs}" if first is None else str(first) for first, epochs in firsts)


def _peak(runs: Sequence[Training]) -> str:
    peaks = [run.peak_bytes for run in runs if run.peak_bytes is not None]
    return f"{max(peaks) / 1e9:.1f} GB" if peaks else "–"


def _scored_on(experiments: Iterable[Experiment]) -> str:
    """Name the images of the second table; UsageError if they differ between experiments."""
    tests = [run.test for experiment in experiments for run in experiment.runs]
    places = {(r.dataset, r.protocol, r.split, r.expert, len(r.images)) for r in tests}
    if len(places) > 1:
        raise UsageError(f"a table of experiments scored on different images: {sorted(places)}")
    if not places:
        return "Nothing has been scored on test images yet."
    dataset, protocol, split, expert, images = places.pop()
    return (
        f"Test scores: {dataset}, protocol {protocol}, split {split}, {images} images, {expert} "
        "expert. The first six are inside the field of view, at native size and the stored "
        "threshold; of the historic scorings, on the whole "
        'frame as a square, the first calls balanced accuracy "AUC".'
    )


def _of(
    experiments: Iterable[Experiment], names: tuple[str, str], folder: Path
) -> tuple[Experiment, Experiment]:
    """The two experiments with these names."""
    return _named(experiments, names[0], folder), _named(experiments, names[1], folder)


def _named(experiments: Iterable[Experiment], name: str, folder: Path) -> Experiment:
    """The experiment with that name; UsageError if about.json has none."""
    for one in experiments:
        if one.row.experiment == name:
            return one
    raise UsageError(f"{folder}: no experiment called {name!r}")
