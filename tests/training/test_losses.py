"""Losses against arithmetic by hand, torch's own, and their published formulas."""

import math

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from venule.training.config import LossConfig
from venule.training.losses import (
    bce,
    build_loss,
    dice,
    exclusive,
    focal,
    masked_mean,
    one_against_rest,
    soft_cldice,
    soft_skeleton,
    total_loss,
)

KINDS = ("bce", "cross_entropy", "dice", "bce_dice", "focal", "cldice")


def row(*values: float) -> Tensor:
    """One image of one row, (1, 1, 1, W)."""
    return torch.tensor(values)[None, None, None]


def random_batch(images: int = 2, side: int = 16) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(3)
    shape = (images, 1, side, side)
    logits = torch.randn(shape, generator=generator) * 3
    truth = (torch.rand(shape, generator=generator) < 0.3).float()
    fov = (torch.rand(shape, generator=generator) < 0.8).float()
    return logits, truth, fov


def line(side: int = 24) -> Tensor:
    """A straight vessel three pixels wide through a whole square, (1, 1, side, side)."""
    mask = torch.zeros(1, 1, side, side)
    mask[..., side // 2 - 1 : side // 2 + 2, :] = 1
    return mask


def test_bce_of_two_pixels_by_hand() -> None:
    # -log(3/4) for the vessel predicted with 3/4, -log(1/2) for the background with 1/2.
    loss = bce(row(math.log(3), 0.0), row(1.0, 0.0), row(1.0, 1.0))
    assert float(loss) == pytest.approx((math.log(4 / 3) + math.log(2)) / 2)


def test_the_weight_of_vessels_multiplies_their_pixels_only() -> None:
    logits, truth, fov = row(math.log(3), 0.0), row(1.0, 0.0), row(1.0, 1.0)
    loss = bce(logits, truth, fov, pos_weight=5.0)
    assert float(loss) == pytest.approx((5 * math.log(4 / 3) + math.log(2)) / 2)


@pytest.mark.parametrize("weight", [1.0, 0.9137, 4.0])
def test_bce_inside_a_whole_field_of_view_equals_torch(weight: float) -> None:
    logits, truth, _ = random_batch(images=1)
    ours = bce(logits, truth, torch.ones_like(truth), pos_weight=weight)
    theirs = F.binary_cross_entropy_with_logits(logits, truth, pos_weight=torch.tensor(weight))
    assert float(ours) == pytest.approx(float(theirs), rel=1e-6)


def test_cross_entropy_of_one_channel_is_that_of_two_whose_first_is_zero() -> None:
    logits, truth, fov = random_batch()
    both = torch.cat((torch.zeros_like(logits), logits), dim=1)
    pixels = F.cross_entropy(both, truth[:, 0].long(), reduction="none")[:, None]
    ours = build_loss(LossConfig(kind="cross_entropy", pos_weight=7.0))(logits, truth, fov)
    torch.testing.assert_close(ours, masked_mean(pixels, fov))


def test_dice_equals_its_formula() -> None:
    # p = 3/4, 1/2; t = 1, 0: (2 * 3/4 + 1) / (5/4 + 1 + 1) = 10 / 13.
    loss = dice(row(math.log(3), 0.0), row(1.0, 0.0), row(1.0, 1.0))
    assert float(loss) == pytest.approx(1 - 10 / 13)


def test_dice_of_an_image_without_vessels_found_empty_is_zero() -> None:
    loss = dice(row(-100.0, -100.0), row(0.0, 0.0), row(1.0, 1.0))
    assert float(loss) == pytest.approx(0)


def test_bce_and_dice_are_added_with_the_weight_of_dice() -> None:
    logits, truth, fov = random_batch()
    both = build_loss(LossConfig(kind="bce_dice", pos_weight=2.0, dice_weight=0.3))
    expected = bce(logits, truth, fov, pos_weight=2.0) + 0.3 * dice(logits, truth, fov)
    torch.testing.assert_close(both(logits, truth, fov), expected)


def test_the_cldice_loss_is_bce_dice_and_cldice() -> None:
    logits, truth, fov = random_batch()
    ours = build_loss(LossConfig(kind="cldice", dice_weight=0.25))(logits, truth, fov)
    parts = dice(logits, truth, fov) + soft_cldice(logits, truth, fov)
    torch.testing.assert_close(ours, bce(logits, truth, fov) + 0.25 * parts)


def test_focal_with_gamma_zero_is_cross_entropy() -> None:
    batch = random_batch()
    torch.testing.assert_close(focal(*batch, gamma=0.0), bce(*batch))


def test_focal_weighs_a_pixel_by_what_was_missed_of_it() -> None:
    # The vessel was predicted with 3/4, so a quarter was missed: (1/4)^2 * -log(3/4).
    loss = focal(row(math.log(3)), row(1.0), row(1.0), gamma=2.0)
    assert float(loss) == pytest.approx(math.log(4 / 3) / 16)


def test_cldice_of_equal_straight_lines_is_zero() -> None:
    truth = line()
    loss = soft_cldice((truth - 0.5) * 200, truth, torch.ones_like(truth))
    assert float(loss) == pytest.approx(0, abs=1e-6)


def test_cldice_sees_a_gap_more_than_a_loss_of_width() -> None:
    truth = line()
    broken, thin = truth.clone(), torch.zeros_like(truth)
    broken[..., 9:13] = 0
    thin[..., 12, :] = 1
    fov = torch.ones_like(truth)
    gap = float(soft_cldice((broken - 0.5) * 200, truth, fov))
    width = float(soft_cldice((thin - 0.5) * 200, truth, fov))
    assert width == pytest.approx(0, abs=1e-6)
    assert gap > 0.05


def test_the_soft_skeleton_of_a_line_is_its_middle_row() -> None:
    skeleton = soft_skeleton(line(), iterations=5)
    expected = torch.zeros_like(skeleton)
    expected[..., 12, :] = 1
    torch.testing.assert_close(skeleton, expected)


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_outside_the_field_of_view_changes_a_loss_or_its_gradient(kind: str) -> None:
    loss = build_loss(LossConfig.model_validate({"kind": kind}))
    logits, truth, fov = random_batch()
    outside = 1 - fov
    elsewhere = (logits + 9 * outside * torch.randn_like(logits)).requires_grad_()
    logits.requires_grad_()
    first = loss(logits, truth, fov)
    second = loss(elsewhere, truth * fov + outside * (1 - truth), fov)
    torch.testing.assert_close(first, second, rtol=0, atol=0)
    (slope,) = torch.autograd.grad(first.sum(), logits)
    (other,) = torch.autograd.grad(second.sum(), elsewhere)
    torch.testing.assert_close(slope, other, rtol=0, atol=0)
    assert not (slope * outside).any()
    assert (slope * fov).any()


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_are_finite_at_saturated_logits(kind: str) -> None:
    config = LossConfig.model_validate({"kind": kind, "pos_weight": 3.0, "focal_gamma": 0.5})
    _, truth, fov = random_batch()
    for size in (1e2, 1e4):
        for sign in (1, -1):
            logits = (sign * size * (2 * truth - 1)).requires_grad_()
            values = build_loss(config)(logits, truth, fov)
            (slope,) = torch.autograd.grad(values.sum(), logits)
            assert torch.isfinite(values).all()
            assert torch.isfinite(slope).all()


@pytest.mark.parametrize("kind", KINDS)
def test_each_image_has_its_own_loss(kind: str) -> None:
    loss = build_loss(LossConfig.model_validate({"kind": kind}))
    logits, truth, fov = random_batch(images=3)
    alone = [loss(logits[i : i + 1], truth[i : i + 1], fov[i : i + 1]) for i in range(3)]
    torch.testing.assert_close(loss(logits, truth, fov), torch.cat(alone))


@pytest.mark.parametrize("kind", KINDS)
def test_an_image_without_field_of_view_has_a_finite_loss_and_no_gradient(kind: str) -> None:
    logits, truth, fov = random_batch(images=1)
    logits.requires_grad_()
    value = build_loss(LossConfig.model_validate({"kind": kind}))(logits, truth, 0 * fov)
    (slope,) = torch.autograd.grad(value.sum(), logits)
    assert torch.isfinite(value).all()
    assert not slope.any()


def test_auxiliary_heads_enter_the_total_with_their_weight() -> None:
    main, truth, fov = random_batch()
    other = -main
    total = total_loss((main, other, other), truth, fov, loss=bce, auxiliary_weight=0.4)
    expected = bce(main, truth, fov) + 0.8 * bce(other, truth, fov)
    torch.testing.assert_close(total, expected)


def test_losses_of_half_precision_heads_are_taken_in_fp32() -> None:
    logits, truth, fov = random_batch()
    total = total_loss((logits.bfloat16(),), truth, fov, loss=dice, auxiliary_weight=0.4)
    assert total.dtype == torch.float32


@pytest.mark.parametrize("kind", KINDS)
def test_the_loss_of_several_classes_is_the_mean_of_theirs(kind: str) -> None:
    loss = build_loss(LossConfig(kind=kind))
    first, second = random_batch(), tuple(part.flip(-1) for part in random_batch())
    together = loss(*(torch.cat(pair, dim=1) for pair in zip(first, second, strict=True)))
    torch.testing.assert_close(together, (loss(*first) + loss(*second)) / 2)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_not_valid_of_one_class_does_not_count(kind: str) -> None:
    logits, truth, fov = (torch.cat((part, part.flip(-1)), dim=1) for part in random_batch())
    valid = fov.clone()
    valid[:, 1, :8] = 0
    other = torch.where(valid > 0, logits, -logits)
    loss = build_loss(LossConfig(kind=kind))
    torch.testing.assert_close(loss(logits, truth, valid), loss(other, truth, valid))
    assert not torch.equal(loss(logits, truth, fov), loss(other, truth, fov))


def test_which_class_it_is_counts_alike_for_each_whatever_its_pixels() -> None:
    # Three pixels of the first class at odds 3 : 1, one of the second at odds 1 : 1, one of both.
    logits = torch.tensor([[math.log(3)] * 3 + [0.0, 9.0], [0.0] * 5])[None, :, None]
    truth = torch.tensor([[1.0, 1.0, 1.0, 0.0, 1.0], [0.0, 0.0, 0.0, 1.0, 1.0]])[None, :, None]
    loss = exclusive(logits, truth, torch.ones(1, 1, 1, 5))
    assert float(loss) == pytest.approx((math.log(4 / 3) + math.log(2)) / 2)


def test_which_class_it_is_costs_nothing_where_none_is() -> None:
    logits = torch.randn(2, 2, 4, 4)
    nothing = exclusive(logits, torch.zeros_like(logits), torch.ones(2, 1, 4, 4))
    assert nothing.tolist() == [0, 0]


def test_the_weight_of_which_class_it_is_is_added_to_the_loss() -> None:
    logits, truth, fov = (torch.cat((part, part.flip(-1)), dim=1) for part in random_batch())
    plain = build_loss(LossConfig(kind="bce"))(logits, truth, fov)
    both = build_loss(LossConfig(kind="bce", exclusive_weight=2.0))(logits, truth, fov)
    torch.testing.assert_close(both, plain + 2 * exclusive(logits, truth, fov))


def test_the_sigmoid_of_one_against_the_rest_is_the_softmax() -> None:
    logits = torch.randn(2, 4, 5, 5, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(one_against_rest(logits).sigmoid(), logits.softmax(1)[:, 1:])
