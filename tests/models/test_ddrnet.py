from typing import Literal

import pytest
import torch

from venule.models.ddrnet import DDRNetConfig

Stride = Literal[1, 2, 4, 8]
STRIDES = pytest.mark.parametrize("stride", [8, 4, 2, 1])


def parameters(config: DDRNetConfig) -> int:
    with torch.device("meta"):
        return sum(parameter.numel() for parameter in config.build().parameters())


def test_ddrnet_23_slim_has_the_5_7_million_parameters_of_the_paper() -> None:
    assert parameters(DDRNetConfig(auxiliary=False, classes=1)) == 5_694_817


@STRIDES
def test_the_high_resolution_branch_has_the_output_stride_asked_for(stride: Stride) -> None:
    with torch.device("meta"):
        network = DDRNetConfig(stride=stride).build()
        low, high, stage3_high = network.backbone(torch.zeros(1, 3, 128, 256))
    assert high.shape == (1, 128, 128 // stride, 256 // stride)
    assert stage3_high.shape == (1, 64, 128 // stride, 256 // stride)
    assert low.shape == (1, 512, 16 // stride, 32 // stride)


@STRIDES
def test_the_stride_does_not_change_the_number_of_parameters(stride: Stride) -> None:
    assert parameters(DDRNetConfig(stride=stride)) == parameters(DDRNetConfig())


def test_the_context_of_one_image_uses_running_statistics_where_pooling_leaves_one_value() -> None:
    dappm = DDRNetConfig(width=4, context_width=4).build().dappm.train()
    dappm(torch.randn(1, 64, 3, 5))
    state = dappm.state_dict()
    moved = [bool(state[f"scales.{i}.norm.running_mean"].any()) for i in range(4)]
    # Pooled by 2, 4 and 8, 3 x 5 values become 2 x 3, 1 x 2 and 1 x 1; the last scale is global.
    assert moved == [True, True, False, False]


def test_one_image_whose_deepest_stage_is_one_pixel_can_train() -> None:
    network = DDRNetConfig(width=4, context_width=4, head_width=4).build().train()
    heads = network.training_logits(torch.randn(1, 3, 64, 64))
    torch.stack(heads).sum().backward()  # type: ignore[no-untyped-call]
    assert [head.shape for head in heads] == [(1, 1, 64, 64)] * 2
    assert all(torch.isfinite(head).all() for head in heads)


def test_the_classifier_has_the_trunk_of_the_segmentation_network() -> None:
    config = DDRNetConfig(width=4)
    classifier = config.build_classifier(7).eval()
    assert classifier(torch.randn(2, 3, 65, 97)).shape == (2, 7)
    shapes = {name: tensor.shape for name, tensor in config.build().backbone.state_dict().items()}
    assert {n: t.shape for n, t in classifier.backbone.state_dict().items()} == shapes
