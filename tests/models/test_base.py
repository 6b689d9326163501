import torch
from torch import Tensor, nn

from venule.models.base import PooledBatchNorm2d


def statistics(norm: nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    assert norm.running_mean is not None
    assert norm.running_var is not None
    return norm.running_mean, norm.running_var


def norm_with_statistics() -> PooledBatchNorm2d:
    norm = PooledBatchNorm2d(3)
    mean, var = statistics(norm)
    mean.copy_(torch.tensor([1.0, 2.0, 3.0]))
    var.copy_(torch.tensor([4.0, 9.0, 16.0]))
    norm.eps = 0.0
    return norm.train()


def test_one_value_per_channel_is_normalised_by_the_running_statistics() -> None:
    norm = norm_with_statistics()
    y = norm(torch.tensor([3.0, 5.0, -1.0]).reshape(1, 3, 1, 1))
    # By hand: (3 - 1) / 2, (5 - 2) / 3, (-1 - 3) / 4.
    assert y.flatten().tolist() == [1.0, 1.0, -1.0]


def test_one_value_per_channel_leaves_the_running_statistics_alone() -> None:
    norm = norm_with_statistics()
    norm(torch.randn(1, 3, 1, 1))
    mean, var = statistics(norm)
    assert mean.tolist() == [1.0, 2.0, 3.0]
    assert var.tolist() == [4.0, 9.0, 16.0]


def test_two_images_are_normalised_as_torch_does() -> None:
    norm, reference = PooledBatchNorm2d(3), nn.BatchNorm2d(3)
    x = torch.randn(2, 3, 1, 1)
    assert torch.equal(norm(x), reference(x))
    assert torch.equal(statistics(norm)[0], statistics(reference)[0])
