import torch
from torch import Tensor, nn

from venule.models.base import PooledBatchNorm2d
from venule.models.deeplabv3 import DeepLabV3Config


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
