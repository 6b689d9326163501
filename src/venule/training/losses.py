"""Losses of vessel segmentation: per image, inside the field of view, in fp32.

Every loss maps logits (N, C, H, W), truth (N, C, H, W) in 0..1 (soft at interpolated borders) and
fov (N, 1 or C, H, W) in {0, 1}, where the truth of all classes or of each is valid, to one value
per image, (N,): the mean over classes. Means over images come last, so that the gradient of a
batch does not depend on how it is divided among processes.
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from venule.training.config import LossConfig

Loss = Callable[[Tensor, Tensor, Tensor], Tensor]

SPATIAL = (2, 3)

SMOOTH = 1.0
"""Pixels added to numerator and denominator, so that the ratio is defined without vessels."""

_ITERATIONS = 5
"""Erosions of the soft skeletons of soft clDice; 5 reach vessels 10 px wide."""


def masked_mean(values: Tensor, fov: Tensor) -> Tensor:
    """The mean of `values` inside the field of view of each image; 0 if it is empty.

    With several classes, the mean of their means.
    """
    return ((values * fov).sum(SPATIAL) / fov.sum(SPATIAL).clamp(min=1)).mean(1)


def bce(logits: Tensor, truth: Tensor, fov: Tensor, *, pos_weight: float = 1.0) -> Tensor:
    """Binary cross-entropy with vessel pixels weighted by `pos_weight`; 1 leaves it unweighted."""
    weight = torch.tensor(pos_weight, device=logits.device)
    values = F.binary_cross_entropy_with_logits(logits, truth, reduction="none", pos_weight=weight)
    return masked_mean(values, fov)


def dice(logits: Tensor, truth: Tensor, fov: Tensor) -> Tensor:
    """1 - soft Dice (Milletari et al. 2016, arXiv:1606.04797, with plain sums below).

    1 - (2 sum(p t) + s) / (sum(p) + sum(t) + s) of each image, with s = SMOOTH.
    """
    probability, truth = logits.sigmoid() * fov, truth * fov
    overlap = (probability * truth).sum(SPATIAL)
    total = probability.sum(SPATIAL) + truth.sum(SPATIAL)
    return (1 - (2 * overlap + SMOOTH) / (total + SMOOTH)).mean(1)


def focal(logits: Tensor, truth: Tensor, fov: Tensor, *, gamma: float = 2.0) -> Tensor:
    """Focal loss (Lin et al. 2017, arXiv:1708.02002, eq. 4); gamma 0 is cross-entropy."""
    values = F.binary_cross_entropy_with_logits(logits, truth, reduction="none")
    probability = logits.sigmoid()
    # For gamma below 1 the power has an infinite slope at 0, and infinity times a zero loss is nan.
    missed = (probability * (1 - truth) + (1 - probability) * truth).clamp(min=1e-8)
    return masked_mean(missed**gamma * values, fov)


def soft_skeleton(probability: Tensor, iterations: int) -> Tensor:
    """The soft skeleton (Shit et al. 2021, arXiv:2003.07311, algorithm 1)."""
    opened = _dilate(_erode(probability))
    skeleton = F.relu(probability - opened)
    for _ in range(iterations):
        probability = _erode(probability)
        delta = F.relu(probability - _dilate(_erode(probability)))
        skeleton = skeleton + F.relu(delta - skeleton * delta)
    return skeleton


def soft_cldice(logits: Tensor, truth: Tensor, fov: Tensor) -> Tensor:
    """1 - soft clDice (Shit et al. 2021, algorithm 2)."""
    probability, target = logits.sigmoid() * fov, truth * fov
    predicted_skeleton = soft_skeleton(probability, _ITERATIONS)
    true_skeleton = soft_skeleton(target, _ITERATIONS)
    precision = _share(predicted_skeleton, target)
    sensitivity = _share(true_skeleton, probability)
    return (1 - 2 * precision * sensitivity / (precision + sensitivity)).mean(1)


def _share(skeleton: Tensor, mask: Tensor) -> Tensor:
    return ((skeleton * mask).sum(SPATIAL) + SMOOTH) / (skeleton.sum(SPATIAL) + SMOOTH)


def _erode(x: Tensor) -> Tensor:
    rows = -F.max_pool2d(-x, (3, 1), 1, (1, 0))
    columns = -F.max_pool2d(-x, (1, 3), 1, (0, 1))
    return torch.minimum(rows, columns)


def _dilate(x: Tensor) -> Tensor:
    return F.max_pool2d(x, 3, 1, 1)


def exclusive(logits: Tensor, truth: Tensor, fov: Tensor) -> Tensor:
    """Cross-entropy between classes, at pixels that belong to exactly one.

    Classes are weighted equally, however many pixels they have; a pixel is weighted by the margin
    of its likeliest class over the second. 0 if no pixel belongs to exactly one class.
    """
    first, second = truth.topk(2, dim=1).values.unbind(1)
    ahead = ((first - second) * fov.amin(1))[:, None]
    chosen = F.one_hot(truth.argmax(1), truth.shape[1]).movedim(-1, 1)
    weight = ahead * chosen
    per_class = weight.sum(SPATIAL)
    losses = -(weight * logits.log_softmax(1)).sum(SPATIAL) / per_class.clamp(min=1)
    there = (per_class > 0).float()
    return (losses * there).sum(1) / there.sum(1).clamp(min=1)


def one_against_rest(logits: Tensor) -> Tensor:
    """Logits (N, K, H, W) of each class against the rest, from softmax's (N, 1 + K, H, W).

    Their sigmoids are the softmax probabilities; the first plane is the background's.
    """
    others = [
        torch.cat((logits[:, :index], logits[:, index + 1 :]), dim=1).logsumexp(1)
        for index in range(1, logits.shape[1])
    ]
    return logits[:, 1:] - torch.stack(others, dim=1)


def build_loss(config: LossConfig) -> Loss:
    """The configured loss as one function."""
    weight, share = config.pos_weight, config.dice_weight

    def weighted_bce(logits: Tensor, truth: Tensor, fov: Tensor) -> Tensor:
        return bce(logits, truth, fov, pos_weight=weight)

    def bce_dice(logits: Tensor, truth: Tensor, fov: Tensor) -> Tensor:
        return weighted_bce(logits, truth, fov) + share * dice(logits, truth, fov)

    def bce_dice_cldice(logits: Tensor, truth: Tensor, fov: Tensor) -> Tensor:
        return bce_dice(logits, truth, fov) + share * soft_cldice(logits, truth, fov)

    def focal_gamma(logits: Tensor, truth: Tensor, fov: Tensor) -> Tensor:
        return focal(logits, truth, fov, gamma=config.focal_gamma)

    losses: dict[str, Loss] = {
        "bce": weighted_bce,
        "cross_entropy": bce,
        "dice": dice,
        "bce_dice": bce_dice,
        "focal": focal_gamma,
        "cldice": bce_dice_cldice,
    }
    loss = losses[config.kind]
    if not config.exclusive_weight:
        return loss

    def with_exclusive(logits: Tensor, truth: Tensor, fov: Tensor) -> Tensor:
        return loss(logits, truth, fov) + config.exclusive_weight * exclusive(logits, truth, fov)

    return with_exclusive


def total_loss(
    heads: tuple[Tensor, ...], truth: Tensor, fov: Tensor, *, loss: Loss, auxiliary_weight: float
) -> Tensor:
    """The main head's loss plus `auxiliary_weight` x each other head's; per image, (N,)."""
    main, *others = (loss(head.float(), truth, fov) for head in heads)
    return main + sum((auxiliary_weight * other for other in others), torch.zeros_like(main))
