"""The residual U-Net's size, its bounded view, and what its parts compute."""

import pytest
import torch
from torch.nn import functional as F

from venule.models.resunet import ResidualBlock, ResUNetConfig

SMALL = ResUNetConfig(widths=(4, 6, 8), blocks=(1, 1, 1), decoder_blocks=(1, 1))


def test_the_default_is_the_two_million_parameters_of_its_widths() -> None:
    # By hand, convolutions without bias and two parameters a channel of every norm.
    def conv(inside: int, outside: int, side: int = 3) -> int:
        return inside * outside * side**2

    def block(width: int) -> int:
        return 2 * (conv(width, width) + 2 * width)

    widths = (64, 96, 128, 192)
    expected = conv(12, 64) + 2 * 64 + conv(64, 4) + 4
    expected += sum(block(width) for width in (*widths, *widths[:-1]))
    for fine, coarse in ((64, 96), (96, 128), (128, 192)):
        expected += conv(fine, coarse) + 2 * coarse  # down
        expected += conv(coarse, fine, 1) + conv(fine, fine, 1) + 2 * fine  # up
    network = ResUNetConfig().build()
    assert sum(parameter.numel() for parameter in network.parameters()) == expected


def test_what_lies_beyond_its_view_has_no_effect() -> None:
    torch.manual_seed(0)
    network = SMALL.build().eval()
    first = torch.randn(1, 3, 32, 400)
    second = first.clone()
    second[..., 200:] += 1
    with torch.inference_mode():
        difference = (network(first) - network(second)).abs().amax((0, 1, 2))
    assert difference[200:].min() > 0
    assert difference[:100].max() == 0


@pytest.mark.parametrize(("blocks", "reach_px"), [((1, 1, 1, 1), 135), ((0, 1, 1, 1), 131)])
def test_the_view_of_the_shipped_networks_is_what_docs_models_says(
    blocks: tuple[int, ...], reach_px: int
) -> None:
    network = ResUNetConfig(widths=(2, 2, 2, 2), blocks=blocks).build().eval()
    for parameter in network.parameters():  # nothing cancels, no unit is dead
        torch.nn.init.ones_(parameter)
    found = 0
    for column in range(256, 256 + network.cell):
        pixels = torch.ones(1, 3, 16, 512, requires_grad=True)
        network(pixels)[..., column].sum().backward()
        assert pixels.grad is not None
        seen = pixels.grad.sum((0, 1, 2)).nonzero().flatten()
        found = max(found, column - int(seen[0]), int(seen[-1]) - column)
    assert found == reach_px


def test_one_value_per_channel_can_be_trained_on() -> None:
    network = SMALL.build().train()
    pixels = torch.randn(1, 3, 4, 4)  # one pixel at the coarsest level
    assert network(pixels).shape == (1, 1, 4, 4)


def test_a_shift_by_a_cell_shifts_the_map() -> None:
    torch.manual_seed(0)
    network = SMALL.build().eval()
    pixels = torch.randn(1, 3, 64, 264)
    with torch.inference_mode():
        whole = network(pixels)
        moved = network(pixels[..., network.cell :])
    torch.testing.assert_close(
        moved[..., 100:150], whole[..., 100 + network.cell : 150 + network.cell]
    )


def test_sides_that_are_no_multiple_of_a_cell_are_padded_with_zeros() -> None:
    torch.manual_seed(0)
    network = SMALL.build().eval()
    pixels = torch.randn(1, 3, 30, 43)
    with torch.inference_mode():
        padded = network(F.pad(pixels, (0, 5, 0, 2)))
        torch.testing.assert_close(network(pixels), padded[..., :30, :43])


def test_a_block_whose_convolutions_are_zero_is_a_rectified_identity() -> None:
    block = ResidualBlock(3).eval()
    torch.nn.init.zeros_(block.conv2.weight)
    x = torch.randn(1, 3, 5, 5)
    assert torch.equal(block(x), x.clamp(min=0))


@pytest.mark.parametrize("blocks", [(0, 1, 2), (2, 0, 0)])
def test_blocks_are_counted_by_level(blocks: tuple[int, ...]) -> None:
    network = ResUNetConfig(widths=(4, 6, 8), blocks=blocks, decoder_blocks=(0, 1)).build()
    assert [len(stage) for stage in network.encoder] == list(blocks)  # type: ignore[arg-type]
    assert [len(stage) for stage in network.decoder] == [0, 1]  # type: ignore[arg-type]
