"""Threshold, calibration and component rules, chosen on held-out predictions.

Each run predicts its own validation images only, and the predictions of all runs are pooled, so
that the folds of a cross-validation determine the settings of a network that is then trained on all
their images.
"""

import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel
from scipy.optimize import minimize
from scipy.special import expit, log_expit

from venule.data.case import Expert
from venule.data.catalog import open_dataset
from venule.data.protocols import Selection, select
from venule.data.sample import Sample, load_sample
from venule.data.truth import VESSEL
from venule.errors import DatasetError, UsageError, WeightsError
from venule.evaluation.intervals import Interval, bootstrap
from venule.evaluation.score import Scorer
from venule.image.arrays import FloatMap, Mask
from venule.image.fov import outlined
from venule.image.preprocess import restore
from venule.inference.load import load
from venule.inference.prediction import ProbabilityMap
from venule.inference.segment import Segmenter, finish
from venule.metrics.counts import count, dice, mean_of_defined
from venule.metrics.curves import Histogram, best_threshold
from venule.metrics.metric import Scored, labels
from venule.metrics.topology import components, largest_component_share
from venule.models.record import Calibration, ClassRecord, ComponentRules

MIN_COMPONENTS = (0.0, 5e-5, 1e-4, 2e-4, 3e-4, 4e-4, 6e-4, 8e-4, 1e-3)
"""Candidates for `ComponentRules.min_component`; 1e-4 is 23 px in a DRIVE photograph."""

RECONNECTION_BUDGETS = (0.0, 2.0, 4.0, 8.0, 16.0)
"""Candidates for `ComponentRules.reconnection_budget`."""

DICE_GIVEN_UP = 0.001
"""Largest loss of mean Dice, relative to the best, by reconnection and by removing components."""

POOLED_DICE_GIVEN_UP = 0.002
"""The same for the threshold: thin vessels, of few pixels, matter more than their Dice weight."""

SHARE_GIVEN_UP = 0.005
"""Tolerance for a smaller budget: loss in the ground-truth share of the largest component."""

SHARE = "largest_component_share"

_SURE = 16.0
"""Logit beyond which a network is saturated: the probability differs from 0 or 1 by 1e-7."""

Rule = Literal["lowest", "mean-dice"]
"""Rules for the threshold: the lowest with nearly the best pooled Dice, or the best mean Dice."""

THRESHOLDS = tuple(round(percent / 100, 2) for percent in range(1, 100))
"""Candidates of the rule "mean-dice"."""

Tried = dict[str, dict[str, float]]
"""Mean scores by candidate."""

Progress = Callable[[str], None]

Change = Callable[[Segmenter], Segmenter]


class CalibrationResult(BaseModel, frozen=True):
    """The chosen settings, and their scores on the images that they were chosen on.

    The networks were not trained on these images, but as the settings were chosen on them, Dice and
    ECE are optimistic.

    `mean` has bootstrap intervals over images; `without` gives the means excluding some images;
    `tried` the mean scores by candidate of a setting, with the other settings at the values they
    had then.
    """

    runs: tuple[str, ...]
    images: tuple[str, ...]
    threshold: float
    calibration: Calibration
    components: ComponentRules
    mean: dict[str, Interval]
    pooled: dict[str, float]
    without: dict[str, dict[str, float]]
    per_image: dict[str, dict[str, float]]
    tried: dict[str, dict[str, dict[str, float]]]


@dataclass(frozen=True)
class _HeldOut:
    """A photograph, and the (h, w) logits of a network that was not trained on it."""

    sample: Sample
    logits: FloatMap

    @property
    def truth(self) -> Mask:
        """The annotation, which `protocols.select` requires for validation images."""
        assert self.sample.vessels is not None
        return self.sample.vessels

    def found(self, settings: ClassRecord) -> ProbabilityMap:
        """The map that `segment` would give with these settings."""
        return finish(self.logits, self.sample.fov, settings)


def calibrate(
    runs: Sequence[Path],
    *,
    checkpoint: str = "last",
    threshold: Rule = "lowest",
    without: Sequence[str] = (),
    change: Change | None = None,
    progress: Progress | None = None,
) -> CalibrationResult:
    """Choose settings on the pooled held-out predictions of `runs`.

    Platt scaling (1999) by maximum likelihood over all pixels in the fields of view; the lowest
    threshold whose pooled Dice is within POOLED_DICE_GIVEN_UP of the best, or by the rule
    "mean-dice" that of THRESHOLDS with the largest mean Dice over images; the smallest reconnection
    budget that reaches the best mean share of the ground truth in the largest component; then the
    smallest `min_component` that leaves no more components than the ground truth has; each within
    DICE_GIVEN_UP of mean Dice. `without` names images that are excluded from a second set of
    scores; `change` transforms each segmenter, for example to add test-time augmentation.

    Raises:
        WeightsError: no weights in a folder, or weights that have learnt nothing.
        DatasetError: validation images are missing, two runs share one, or none has a vessel.
        UsageError: a run segments other classes than vessels, or `without` names an image that is
            not among them.
    """
    images = [validation_images(run) for run in runs]
    for run, own in zip(runs, images, strict=True):
        _require_vessels(run, own)
    ids = _ids(images)
    if unknown := [id for id in without if id not in ids]:
        raise UsageError(
            f"image {unknown[0]} to be left out is not a validation image of these runs; use: "
            f"{', '.join(ids)}"
        )
    held_out = [
        item
        for run, chosen in zip(runs, images, strict=True)
        for item in _predict(run, chosen, checkpoint, change, progress)
    ]
    if not any((item.truth & item.sample.fov).any() for item in held_out):
        raise DatasetError("none of the validation images has a vessel; nothing can be chosen")
    chosen = ClassRecord(calibration=fit_platt(held_out))
    choose = _lowest_threshold if threshold == "lowest" else _threshold_of_mean_dice
    chosen = chosen.model_copy(update={"threshold": choose(held_out, chosen)})
    chosen, budgets = _reconnect(held_out, chosen)
    chosen, smallest = _drop(held_out, chosen)
    scorer, rows = Scorer(binary=False), {}
    for id, item in zip(ids, held_out, strict=True):
        final = item.found(chosen).probability
        scored = Scored(final, item.truth, item.sample.fov, threshold=chosen.threshold)
        rows[id] = scorer.score(scored)
    names = [name for name in labels() if name in next(iter(rows.values()))]
    return CalibrationResult(
        runs=tuple(run.name for run in runs),
        images=tuple(ids),
        threshold=chosen.threshold,
        calibration=chosen.calibration,
        components=chosen.components,
        mean={name: bootstrap([row[name] for row in rows.values()]) for name in names},
        pooled=scorer.pooled(),
        without={
            id: {
                name: bootstrap([row[name] for key, row in rows.items() if key != id]).mean
                for name in names
            }
            for id in without
        },
        per_image=rows,
        tried={"reconnection_budget": budgets, "min_component": smallest},
    )


def fit_platt(held_out: Sequence[_HeldOut]) -> Calibration:
    """Scale and offset of the logit that maximise the likelihood of the ground truth.

    Raises:
        WeightsError: the scale is not above 0: the networks have learnt nothing.
    """
    logits, vessels = [], []
    for item in held_out:
        inside = item.sample.fov
        # Not from the map, whose levels do not distinguish logits below -11.
        restored = restore(item.logits[None], (inside.shape[0], inside.shape[1]))[0]
        logits.append(restored[inside].astype(np.float64).clip(-_SURE, _SURE))
        vessels.append(item.truth[inside])
    x, y = np.concatenate(logits), np.concatenate(vessels)

    def negative_likelihood(parameters: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        scale, offset = parameters
        z = scale * x + offset
        residual = expit(z) - y
        loss = -float(np.mean(np.where(y, log_expit(z), log_expit(-z))))
        return loss, np.array([np.mean(residual * x), np.mean(residual)])

    found = minimize(negative_likelihood, np.array([1.0, 0.0]), jac=True, method="L-BFGS-B")
    if found.x[0] <= 0:
        raise WeightsError("the higher the probability, the less often it is a vessel; train on")
    return Calibration(scale=float(found.x[0]), offset=float(found.x[1]))


def _predict(
    run: Path,
    images: Sequence[tuple[Selection, Expert]],
    checkpoint: str,
    change: Change | None,
    progress: Progress | None,
) -> list[_HeldOut]:
    segmenter = load(run.absolute(), checkpoint=checkpoint)  # never a shipped name
    if change is not None:
        segmenter = change(segmenter)
    held_out = []
    for selection, expert in images:
        for case in selection.cases:
            sample = load_sample(case, expert=expert)
            logits = segmenter.logits(sample.image, outlined(sample.fov))[0]
            held_out.append(_HeldOut(sample, logits))
            if progress is not None:
                progress(case.id)
    if not held_out:
        raise DatasetError(f"{run}: has no validation images to choose by")
    return held_out


def validation_images(run: Path) -> list[tuple[Selection, Expert]]:
    """The splits of `data.val` in the run's configuration, each with its expert."""
    if not (run / "config.toml").is_file():
        raise WeightsError(f"{run}: not a training run (it has no config.toml); give runs' folders")
    try:
        data = tomllib.loads((run / "config.toml").read_text(encoding="utf-8"))["data"]
        given = [data | {"split": data["val"]}] if isinstance(data["val"], str) else data["val"]
        predictors = [
            (one["dataset"], one.get("protocol"), one["split"], one["expert"]) for one in given
        ]
    except (ValueError, KeyError, TypeError, AttributeError):  # damaged, or of `venule pretrain`
        raise WeightsError(
            f"{run}: its config.toml names no validation images with vessels; give runs of "
            "`venule train`"
        ) from None
    return [
        (select(open_dataset(dataset), protocol, split, expert=expert), expert)
        for dataset, protocol, split, expert in predictors
    ]


def _require_vessels(run: Path, images: Sequence[tuple[Selection, Expert]]) -> None:
    """Raise UsageError unless the validation images, and so the network's class, are of vessels."""
    for selection, expert in images:
        for case in selection.cases:
            annotation = case.annotation(expert)
            if annotation is not None and annotation.codec.classes != (VESSEL,):
                raise UsageError(
                    f"{run}: segments {' and '.join(annotation.codec.classes)}; calibrate is for "
                    "networks of one class, vessels; give runs trained on vessels (here, each "
                    "class keeps the threshold that `venule train` chose)"
                )


def _ids(images: Sequence[Sequence[tuple[Selection, Expert]]]) -> list[str]:
    """Name each validation image: by its id, or by its file if ids are not unique.

    Raises:
        DatasetError: a photograph is a validation image twice.
    """
    cases = [case for chosen in images for selection, _ in chosen for case in selection.cases]
    files = [case.image.resolve() for case in cases]
    for case, file in zip(cases, files, strict=True):
        if files.count(file) > 1:
            raise DatasetError(
                f"image {case.id} validates twice; give the folds of one split ({file})"
            )
    plain = [case.id for case in cases]
    return [
        id if plain.count(id) == 1 else str(file) for id, file in zip(plain, files, strict=True)
    ]


def _lowest_threshold(held_out: Sequence[_HeldOut], settings: ClassRecord) -> float:
    pooled = Histogram()
    for item in held_out:
        pooled.accumulate(item.found(settings).probability, item.truth, item.sample.fov)
    lowest = best_threshold(pooled, dice_given_up=POOLED_DICE_GIVEN_UP)
    return min(max(round(lowest, 4), 0.0001), 0.9999)  # four digits, inside 0..1


def _threshold_of_mean_dice(held_out: Sequence[_HeldOut], settings: ClassRecord) -> float:
    found = [item.found(settings).probability for item in held_out]

    def mean_dice(threshold: float) -> float:
        counts = [
            count(probability >= threshold, item.truth, item.sample.fov)
            for probability, item in zip(found, held_out, strict=True)
        ]
        return mean_of_defined([dice(one) for one in counts])

    return max(THRESHOLDS, key=mean_dice)


def _reconnect(held_out: Sequence[_HeldOut], settings: ClassRecord) -> tuple[ClassRecord, Tried]:
    """Choose the smallest budget with largest components nearly as large as for any candidate."""
    candidates = {b: _with_rule(settings, reconnection_budget=b) for b in RECONNECTION_BUDGETS}
    tried = {budget: _means(held_out, c) for budget, c in candidates.items()}
    least = tried[0.0]["dice"] - DICE_GIVEN_UP
    good = {b: means[SHARE] for b, means in tried.items() if means["dice"] >= least}
    budget = min(b for b, share in good.items() if share >= max(good.values()) - SHARE_GIVEN_UP)
    return candidates[budget], {f"{b:g}": means for b, means in tried.items()}


def _drop(held_out: Sequence[_HeldOut], settings: ClassRecord) -> tuple[ClassRecord, Tried]:
    """Choose the smallest `min_component` that leaves no more components than the ground truth.

    It may cost at most DICE_GIVEN_UP; if none of those leaves so few, the largest is chosen.
    """
    candidates = {share: _with_rule(settings, min_component=share) for share in MIN_COMPONENTS}
    tried = {share: _means(held_out, c) for share, c in candidates.items()}
    least = max(means["dice"] for means in tried.values()) - DICE_GIVEN_UP
    allowed = [share for share, means in tried.items() if means["dice"] >= least]
    true = float(np.mean([components(item.truth, item.sample.fov) for item in held_out]))
    enough = [share for share in allowed if tried[share]["components"] <= true]
    chosen = min(enough) if enough else max(allowed)
    return candidates[chosen], {f"{share:g}": means for share, means in tried.items()}


def _with_rule(settings: ClassRecord, **rule: float) -> ClassRecord:
    components = settings.components.model_copy(update=rule)
    return settings.model_copy(update={"components": components})


def _means(held_out: Sequence[_HeldOut], settings: ClassRecord) -> dict[str, float]:
    rows = []
    for item in held_out:
        vessels = item.found(settings).mask
        truth, fov = item.truth, item.sample.fov
        rows.append(
            {
                "dice": dice(count(vessels, truth, fov)),
                SHARE: largest_component_share(vessels, truth, fov),
                "components": float(components(vessels, fov)),
            }
        )
    return {name: mean_of_defined([row[name] for row in rows]) for name in rows[0]}
