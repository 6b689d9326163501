"""Scores of a network on annotated photographs, computed by the same code path that users run."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from venule.data.sample import Sample
from venule.data.truth import GroundTruth
from venule.errors import ConfigError
from venule.image.arrays import FloatMap, Mask
from venule.image.fov import outlined
from venule.inference.segment import Segmenter, finish
from venule.metrics.counts import mean_of_defined
from venule.metrics.curves import Histogram, best_threshold
from venule.metrics.metric import Scored, validation_metrics
from venule.training.losses import Loss

Scores = dict[str, float]


@dataclass
class Validation:
    """Whole photographs one by one, at native size inside the field of view, at threshold 0.5.

    `found` holds the (K, H, W) mask predicted for each photograph, `scores` its scores: the loss,
    and means over the classes. Undefined scores, such as the AUC of an absent class, are left out
    of means.
    """

    segmenter: Segmenter
    loss: Loss
    scores: list[Scores] = field(default_factory=list)
    found: list[NDArray[np.bool_]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._plain = self.segmenter.keep_all_components().record
        self._pooled = {name: Histogram() for name in self.segmenter.record.class_names}

    def add(self, sample: Sample) -> None:
        """Score one photograph.

        Raises:
            ConfigError: the network's output is nan.
        """
        truth = truth_of(sample)
        logits = self.segmenter.logits(sample.image, outlined(sample.fov))
        if not np.isfinite(logits).all():
            raise ConfigError(
                "the network's output is nan; lower optimizer.learning_rate or set "
                "optimizer.clip_norm"
            )
        probability = np.stack(
            [self._class(index, plane, truth, sample.fov) for index, plane in enumerate(logits)]
        )
        rows = [
            _of_class(plane, truth.plane(name), sample.fov & truth.counts(name))
            for name, plane in zip(truth.classes, probability, strict=True)
        ]
        score = {"loss": self._loss(probability, truth, sample.fov)}
        score |= {name: mean_of_defined([row[name] for row in rows]) for name in rows[0]}
        if len(rows) > 1:
            named = zip(truth.classes, rows, strict=True)
            score |= {f"dice_{name}": row["dice"] for name, row in named}
        self.scores.append(score)
        self.found.append(probability >= 0.5)

    def means(self) -> Scores:
        """Means over the photographs."""
        names = self.scores[0]
        return {name: mean_of_defined([score[name] for score in self.scores]) for name in names}

    def thresholds(self) -> Mapping[str, float]:
        """Thresholds of largest pooled Dice, one per class; nan if no pixel belongs to the class.

        They are chosen before components are reconnected or dropped.
        """
        return {name: best_threshold(pooled) for name, pooled in self._pooled.items()}

    def _class(self, index: int, logits: FloatMap, truth: GroundTruth, fov: Mask) -> FloatMap:
        """The probability map (H, W) of one class, whose pixels are pooled for the threshold."""
        found, kept = (record.classes[index] for record in (self.segmenter.record, self._plain))
        probability = finish(logits, fov, found).probability
        pooled = probability if found == kept else finish(logits, fov, kept).probability
        counts = fov & truth.counts(found.name)
        self._pooled[found.name].accumulate(pooled, truth.plane(found.name), counts)
        return probability

    def _loss(self, probability: FloatMap, truth: GroundTruth, fov: Mask) -> float:
        logits = torch.from_numpy(probability)[None].logit(eps=1e-6)
        counts = fov[None] if truth.valid is None else fov & truth.valid
        return float(self.loss(logits, _planes(truth.planes), _planes(counts)))


def truth_of(sample: Sample) -> GroundTruth:
    """The annotation, which `load_annotated` requires of a validation image."""
    assert sample.truth is not None
    return sample.truth


def _of_class(probability: FloatMap, truth: Mask, counts: Mask) -> Scores:
    image = Scored(probability, truth, counts, threshold=0.5)
    return {metric.validation: metric.image_score(image) for metric in validation_metrics()}


def _planes(masks: NDArray[np.bool_]) -> Tensor:
    return torch.from_numpy(masks.astype(np.float32))[None]
