import pytest
import torch
from torch import Tensor, nn

from venule.models.base import PooledBatchNorm2d
from venule.models.deeplabv3 import AtrousConv2d, DeepLabV3Config, ImagePool2d


def image_pooling(network: nn.Module) -> tuple[nn.Sequential, Tensor]:
    """The ASPP's branch that pools, and the running mean of its norm."""
    (branch,) = (
        module
        for module in network.modules()
        if isinstance(module, nn.Sequential) and isinstance(module[0], nn.AdaptiveAvgPool2d)
    )
    (norm,) = (module for module in branch if isinstance(module, PooledBatchNorm2d))
    assert norm.running_mean is not None
    return branch, norm.running_mean


def test_image_pooling_of_one_image_uses_the_running_statistics() -> None:
    branch, mean = image_pooling(DeepLabV3Config().build().train())
    branch(torch.randn(1, 2048, 3, 5))
    assert not mean.any()


def test_image_pooling_of_two_images_learns_statistics() -> None:
    branch, mean = image_pooling(DeepLabV3Config().build().train())
    branch(torch.randn(2, 2048, 3, 5))
    assert mean.any()


def test_parameters_keep_torchvisions_names() -> None:
    with torch.device("meta"):
        names = DeepLabV3Config().build().state_dict()
    assert "network.backbone.layer4.2.conv3.weight" in names
    assert "network.classifier.0.convs.4.2.running_mean" in names
    assert "network.aux_classifier.4.bias" in names


@pytest.mark.parametrize(
    ("height", "width", "dilation"), [(10, 7, 3), (10, 7, 12), (5, 5, 5), (13, 20, 12), (9, 9, 36)]
)
def test_taps_added_in_bf16_are_the_dilated_convolution(
    height: int, width: int, dilation: int
) -> None:
    torch.manual_seed(0)
    conv = AtrousConv2d(6, 4, 3, padding=dilation, dilation=dilation, bias=False)
    pixels, gradient = torch.randn(2, 6, height, width), torch.randn(2, 4, height, width)
    found = []
    for bf16 in (False, True):
        x = pixels.clone().requires_grad_()
        conv.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            y = conv(x)
        y.backward(gradient.to(y.dtype))
        assert x.grad is not None
        assert conv.weight.grad is not None
        found.append((y.detach().float(), x.grad, conv.weight.grad))
    for exact, fast in zip(*found, strict=True):
        assert (fast - exact).abs().max() < 0.02 * exact.abs().max()  # bf16 keeps 8 bits


def test_atrous_convolution_is_torchs_own_outside_bf16_training() -> None:
    conv = AtrousConv2d(6, 4, 3, padding=3, dilation=3, bias=False)
    own = nn.Conv2d(6, 4, 3, padding=3, dilation=3, bias=False)
    own.load_state_dict(conv.state_dict())
    x = torch.randn(2, 6, 9, 8)
    assert torch.equal(conv(x), own(x))
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(conv.eval()(x), own(x))


def test_all_three_rates_of_the_aspp_and_its_pooling_train_fast() -> None:
    with torch.device("meta"):
        network = DeepLabV3Config().build()
    dilations = [m.dilation[0] for m in network.modules() if isinstance(m, AtrousConv2d)]
    assert dilations == [12, 24, 36]
    assert sum(isinstance(m, ImagePool2d) for m in network.modules()) == 1


def test_image_pooling_is_the_mean_in_training_and_outside() -> None:
    pool, x = ImagePool2d(1), torch.rand(2, 3, 5, 4)
    mean = x.mean((2, 3), keepdim=True)
    torch.testing.assert_close(pool.train()(x), mean)
    torch.testing.assert_close(pool.eval()(x), mean)
