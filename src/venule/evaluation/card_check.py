"""Recomputation of a card's scores, to check that the shipped weights still reach them."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from venule.data.case import Dataset
from venule.data.catalog import open_dataset
from venule.data.protocols import Selection, select
from venule.errors import DatasetError
from venule.evaluation.card import Card, CardScores, card_scores, require_weights
from venule.evaluation.evaluate import require_truth
from venule.evaluation.predictor import Predictor, segmenter_predictor
from venule.evaluation.result import Result
from venule.inference.load import weights_file
from venule.inference.onnx_runner import load_onnx
from venule.metrics.metric import labels

TOLERANCE = 1e-4
"""Largest difference of a score from its card that does not count as drift."""


@dataclass(frozen=True)
class Part:
    """One set of scores on the card, and the images to recompute it on."""

    scores: CardScores
    dataset: Dataset
    selection: Selection


@dataclass(frozen=True)
class Comparison:
    """One number of a card and its recomputed value; nan if undefined or missing."""

    where: str
    score: str
    card: float
    now: float

    @property
    def difference(self) -> float:
        """Now minus card."""
        return self.now - self.card

    @property
    def size(self) -> float:
        """The absolute difference: 0 if both are nan, infinite if one is."""
        if math.isnan(self.card) or math.isnan(self.now):
            return 0.0 if math.isnan(self.card) and math.isnan(self.now) else math.inf
        return abs(self.difference)

    @property
    def drifted(self) -> bool:
        """True if the two differ by more than TOLERANCE."""
        return self.size > TOLERANCE


def find_parts(card: Card, data_root: Path | None = None) -> tuple[list[Part], list[str]]:
    """The scores of a card whose annotated images are available, and a line for each missing one.

    Images are searched under `data_root`, or VENULE_DATA.

    Raises:
        DatasetError: no images are available for any.
    """
    parts: list[Part] = []
    missing: list[str] = []
    for scores in card.scores:
        try:
            dataset = open_dataset(scores.dataset, data_root=data_root)
            selection = select(dataset, scores.protocol, scores.split)
            require_truth(selection, scores.expert)
        except DatasetError as error:
            missing.append(f"{scores.where}: not checked, {error}")
            continue
        parts.append(Part(scores, dataset, selection))
    if not parts:
        raise DatasetError(missing[0] if missing else f"{card.name}: its card has no scores")
    return parts, missing


def card_predictor(card: Card, *, device: str = "auto") -> Predictor:
    """The shipped weights of a card as a predictor; WeightsError if the file is another one.

    They run in ONNX Runtime, as for the card's numbers, whatever else is installed.
    """
    path = weights_file(card.name)
    digest = require_weights(card, path)
    return segmenter_predictor(
        load_onnx(path, device=device), name=card.name, weights_sha256=digest
    )


def compare_scores(old: CardScores, result: Result) -> list[Comparison]:
    """Compare every number of `old` with that of `result`."""
    new = dict(_numbers(card_scores(result)))
    return [
        Comparison(old.where, name, value, new.get(name, math.nan)) for name, value in _numbers(old)
    ]


def width_class(above_px: float, up_to_px: float | None) -> str:
    """A class of vessel width in words."""
    if up_to_px is None:
        return f"above {above_px:g} px"
    return f"{above_px:g} to {up_to_px:g} px" if above_px else f"up to {up_to_px:g} px"


def _numbers(scores: CardScores) -> Iterator[tuple[str, float]]:
    yield "images", scores.images
    yield "threshold", scores.threshold
    for name, label in labels().items():
        if (mean := scores.mean.get(name)) is not None:
            yield f"{label}: mean", mean.mean
            yield f"{label}: low", mean.low
            yield f"{label}: high", mean.high
        if name in scores.pooled:
            yield f"{label}: pooled", scores.pooled[name]
    for row in scores.recall_by_width:
        label = f"recall, {row.scale} width {width_class(row.above_px, row.up_to_px)}"
        yield f"{label}: mean", row.mean.mean
        yield f"{label}: low", row.mean.low
        yield f"{label}: high", row.mean.high
        yield f"{label}: pooled", row.pooled
    for part in scores.calibration:
        label = f"calibration {part.low:.2f} to {part.high:.2f}"
        yield f"{label}: mean probability", part.mean_probability
        yield f"{label}: share of vessels", part.vessel_share
    for image in scores.worst:
        yield f"low Dice of {image.id}", image.dice
    yield from _legacy_numbers(scores)


def _legacy_numbers(scores: CardScores) -> Iterator[tuple[str, float]]:
    first, second = scores.legacy.aghdamamir, scores.legacy.manshi3
    for label, value in (
        ("accuracy", first.accuracy),
        ("sensitivity", first.sensitivity),
        ("AUC of the thresholded map", first.auc_of_thresholded_map),
    ):
        yield f"AghdamAmir's scoring, {label}: mean", value.mean
        yield f"AghdamAmir's scoring, {label}: sd", value.sd
    yield "Manshi3's scoring: mIoU", second.miou
    yield "Manshi3's scoring: pixel accuracy", second.pixel_accuracy
