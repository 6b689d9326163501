"""Threshold, calibration and smallest piece from predictions on images that did not train them.

Each run is asked about its own validation images only, and all runs choose together, so that the
folds of a cross-validation fix the settings of a network that is then trained on all their images.
"""

import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel
from scipy.optimize import minimize
from scipy.special import expit, log_expit, logit

from venule.data.catalog import open_dataset
from venule.data.protocols import Selection, select
from venule.data.record import Expert
from venule.data.sample import Sample, load_sample
from venule.errors import DatasetError, WeightsError
from venule.evaluation.intervals import Interval, bootstrap
from venule.evaluation.score import LABELS, Scorer
from venule.image.arrays import FloatMap, Mask
from venule.image.pieces import lower_small_pieces
from venule.inference.load import load
from venule.metrics.counts import count, dice
from venule.metrics.curves import Histogram, best_threshold
from venule.models.record import Postprocessing

MIN_PIECES = (0.0, 5e-5, 1e-4, 2e-4, 3e-4, 4e-4, 6e-4, 8e-4, 1e-3)
"""Candidates for `Postprocessing.min_piece`; 1e-4 is 23 px in a DRIVE photograph."""

DICE_GIVEN_UP = 0.001
"""Largest loss of mean Dice against the best candidate that cleaner maps may cost."""

Progress = Callable[[str], None]


class Calibration(BaseModel, frozen=True):
    """What was chosen, and what it scores on the images that it was chosen on.

    `mean` has bootstrap intervals over images; `without` gives the means again without some.
    """

    runs: tuple[str, ...]
    images: tuple[str, ...]
    threshold: float
    postprocessing: Postprocessing
    mean: dict[str, Interval]
    pooled: dict[str, float]
    without: dict[str, dict[str, float]]
    per_image: dict[str, dict[str, float]]


@dataclass(frozen=True)
class _HeldOut:
    """A photograph and the probabilities of a network that has not trained on it."""

    sample: Sample
    probability: FloatMap

    @property
    def truth(self) -> Mask:
        """The annotation; `protocols.select` requires one of validation images."""
        assert self.sample.vessels is not None
        return self.sample.vessels


def calibrate(
    runs: Sequence[Path],
    *,
    which: str = "last",
    without: Sequence[str] = (),
    progress: Progress | None = None,
) -> Calibration:
    """Choose by the held-out predictions of `runs`, pooled.

    Platt's calibration (1999) by maximum likelihood over all pixels in the fields of view; the
    threshold of largest pooled Dice of the calibrated maps; then the largest `min_piece` whose
    mean Dice is within DICE_GIVEN_UP of the best. `without` names images that the scores are also
    given without.

    Raises:
        WeightsError: no weights in a folder, or such as have learnt nothing.
        DatasetError: validation images are missing, or two runs share one.
    """
    held_out = [item for run in runs for item in _predict(run, which, progress)]
    ids = [item.sample.id for item in held_out]
    if len(set(ids)) < len(ids):
        double = next(id for id in ids if ids.count(id) > 1)
        raise DatasetError(f"image {double} validates two runs; give the folds of one division")
    scale, offset = fit_platt(held_out)
    calibrated = [_moved(item, scale, offset) for item in held_out]
    threshold = _best_threshold(calibrated)
    min_piece = _smallest_piece(calibrated, threshold)
    after = Postprocessing(scale=scale, offset=offset, min_piece=min_piece)
    scorer, rows = Scorer(binary=False), {}
    for item in calibrated:
        final = lower_small_pieces(
            item.probability, item.sample.fov, threshold=threshold, min_piece=min_piece
        )
        rows[item.sample.id] = scorer.add(final, item.truth, item.sample.fov, threshold=threshold)
    names = [name for name in LABELS if name in next(iter(rows.values()))]
    return Calibration(
        runs=tuple(run.name for run in runs),
        images=tuple(ids),
        threshold=threshold,
        postprocessing=after,
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
    )


def fit_platt(held_out: Sequence[_HeldOut]) -> tuple[float, float]:
    """Scale and offset of the logit that give the pixels' truth the largest likelihood.

    Raises:
        WeightsError: the scale is not above 0: the networks have learnt nothing.
    """
    logits, vessels = [], []
    for item in held_out:
        inside = item.sample.fov
        logits.append(logit(item.probability[inside].astype(np.float64).clip(1e-7, 1 - 1e-7)))
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
    return float(found.x[0]), float(found.x[1])


def _predict(run: Path, which: str, progress: Progress | None) -> list[_HeldOut]:
    segmenter = load(run, which=which)
    if not (run / "config.toml").is_file():
        raise WeightsError(f"{run}: not a training run (it has no config.toml); give runs' folders")
    plain = segmenter.record.model_copy(update={"postprocessing": Postprocessing()})
    segmenter = replace(segmenter, record=plain)
    held_out = []
    for selection, expert in _validation_images(run):
        for record in selection.records:
            sample = load_sample(record, expert=expert)
            probability = segmenter.segment(sample.image, fov=sample.fov).probability
            held_out.append(_HeldOut(sample, probability))
            if progress is not None:
                progress(record.id)
    if not held_out:
        raise DatasetError(f"{run}: has no validation images to choose by")
    return held_out


def _validation_images(run: Path) -> list[tuple[Selection, Expert]]:
    """The splits of `data.val` in the run's configuration, with their expert."""
    data = tomllib.loads((run / "config.toml").read_text(encoding="utf-8"))["data"]
    sources = [data | {"split": data["val"]}] if isinstance(data["val"], str) else data["val"]
    return [
        (
            select(open_dataset(source["dataset"]), source.get("protocol"), source["split"]),
            source["expert"],
        )
        for source in sources
    ]


def _moved(item: _HeldOut, scale: float, offset: float) -> _HeldOut:
    z = scale * logit(item.probability.clip(1e-7, 1 - 1e-7)) + offset
    moved = np.where(item.sample.fov, expit(z), 0).astype(np.float32)
    return _HeldOut(item.sample, moved)


def _best_threshold(calibrated: Sequence[_HeldOut]) -> float:
    pooled = Histogram()
    for item in calibrated:
        pooled.accumulate(item.probability, item.truth, item.sample.fov)
    return round(best_threshold(pooled), 4)


def _smallest_piece(calibrated: Sequence[_HeldOut], threshold: float) -> float:
    def mean_dice(min_piece: float) -> float:
        scores = []
        for item in calibrated:
            final = lower_small_pieces(
                item.probability, item.sample.fov, threshold=threshold, min_piece=min_piece
            )
            counts = count(final >= threshold, item.truth, item.sample.fov)
            scores.append(dice(counts))
        return float(np.mean(scores))

    by_piece = {min_piece: mean_dice(min_piece) for min_piece in MIN_PIECES}
    least = max(by_piece.values()) - DICE_GIVEN_UP
    return max(min_piece for min_piece, score in by_piece.items() if score >= least)
