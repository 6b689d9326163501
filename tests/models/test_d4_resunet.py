"""The tied residual U-Net: its symmetry, its size, and what its parts compute."""

import itertools
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from venule.errors import ConfigError
from venule.export.onnx import compare, export_onnx
from venule.models.checkpoint import load_model, save_weights
from venule.models.d4_resunet import (
    D4ResUNet,
    D4ResUNetConfig,
    FieldNorm,
    GroupBlock,
    GroupConv2d,
    Lift,
    Project,
    act,
    relative,
)
from venule.models.record import ModelRecord

SMALL = D4ResUNetConfig(fields=(2, 3, 4), blocks=(1, 1, 1), decoder_blocks=(1, 1))
SYMMETRIES = range(8)


def lived_in(network: nn.Module) -> nn.Module:
    """With parameters and statistics of norms that are not those of a fresh network."""
    torch.manual_seed(1)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            assert module.running_mean is not None
            assert module.running_var is not None
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 2)
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, std=0.3)
    return network.eval()


def moved_fields(g: int, x: Tensor) -> Tensor:
    """Fields (N, 8 f, h, w) of the photograph that is moved by g."""
    planes = torch.unflatten(x, 1, (8, -1))
    # Orientation h of the result is the moved orientation g^-1 h.
    return torch.cat([act(g, planes[:, relative()[g][h]]) for h in SYMMETRIES], 1)


def test_the_symmetries_are_the_eight_of_the_square() -> None:
    corners = np.array([[0, 1], [2, 3]])
    expected = {
        tuple(np.rot90(turned, quarters).ravel())
        for turned in (corners, corners.T)
        for quarters in range(4)
    }
    found = {tuple(act(g, torch.from_numpy(corners)).flatten().tolist()) for g in SYMMETRIES}
    assert found == expected
    assert len(found) == 8


def test_the_table_of_the_group_is_that_of_its_action() -> None:
    x = torch.randn(4, 4)
    for g, h in itertools.product(SYMMETRIES, SYMMETRIES):
        assert torch.equal(act(g, act(relative()[g][h], x)), act(h, x))


@pytest.mark.parametrize("g", SYMMETRIES)
def test_a_moved_photograph_has_the_moved_map(g: int) -> None:
    torch.manual_seed(0)
    network = lived_in(SMALL.build())
    for sides in ((64, 64), (64, 48)):
        pixels = torch.randn(2, 3, *sides)
        with torch.inference_mode():
            logits = network(pixels)
            found, expected = network(act(g, pixels)), act(g, logits)
        assert logits.std() > 0.1
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("g", SYMMETRIES)
def test_it_learns_the_same_from_a_moved_photograph(g: int) -> None:
    torch.manual_seed(0)
    network = SMALL.build().double().train()
    pixels, weights = torch.randn(2, 3, 32, 32).double(), torch.randn(2, 1, 32, 32).double()

    def gradients(move: int) -> list[Tensor]:
        network.zero_grad()
        torch.autograd.backward((network(act(move, pixels)) * act(move, weights)).sum())
        return [parameter.grad.clone() for parameter in network.parameters()]  # type: ignore[union-attr]

    for found, expected in zip(gradients(g), gradients(0), strict=True):
        torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("g", SYMMETRIES)
def test_every_layer_moves_with_its_input(g: int) -> None:
    torch.manual_seed(0)
    pixels, fields = torch.randn(1, 3, 8, 12), torch.randn(1, 16, 8, 12)
    lift, wide, narrow = Lift(3, 2), GroupConv2d(2, 3, 3), GroupConv2d(2, 1, 1)
    project = Project(2, 2)
    for layer in (wide, narrow):
        torch.testing.assert_close(layer(moved_fields(g, fields)), moved_fields(g, layer(fields)))
    torch.testing.assert_close(lift(act(g, pixels)), moved_fields(g, lift(pixels)))
    torch.testing.assert_close(project(moved_fields(g, fields)), act(g, project(fields)))


def test_the_entrance_is_a_convolution_of_6_x_6_pixels_in_every_orientation() -> None:
    torch.manual_seed(0)
    lift, pixels = Lift(3, 2), torch.randn(1, 3, 10, 14)
    kernels = torch.cat([act(g, torch.unflatten(lift.weight, 2, (6, 6))) for g in SYMMETRIES])
    torch.testing.assert_close(lift(pixels), F.conv2d(pixels, kernels, stride=2, padding=2))


def test_the_exit_is_a_transposed_convolution_of_6_x_6_pixels_from_every_orientation() -> None:
    torch.manual_seed(0)
    project, x = Project(3, 2), torch.randn(1, 24, 5, 7)
    nn.init.normal_(project.bias)
    kernels = torch.cat(
        [act(g, torch.unflatten(project.weight, 2, (6, 6))).transpose(0, 1) for g in SYMMETRIES]
    )
    expected = F.conv_transpose2d(x, kernels, project.bias, stride=2, padding=2)
    torch.testing.assert_close(project(x), expected)


def test_the_first_orientation_takes_every_other_through_its_own_kernel() -> None:
    torch.manual_seed(0)
    conv, x = GroupConv2d(2, 3, 3), torch.randn(1, 16, 5, 7)
    kernel = torch.unflatten(conv.weight, 2, (8, 3, 3)).transpose(1, 2).reshape(3, 16, 3, 3)
    torch.testing.assert_close(conv(x)[:, :3], F.conv2d(x, kernel, padding=1))


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_a_norm_is_torchs_over_a_fields_orientations(layout: torch.memory_format) -> None:
    torch.manual_seed(0)
    tied, plain = FieldNorm(3).double(), nn.BatchNorm2d(3).double()
    nn.init.uniform_(tied.weight, 0.5, 2)
    nn.init.normal_(tied.bias)
    plain.load_state_dict(tied.state_dict())
    x = torch.randn(2, 24, 5, 6, dtype=torch.float64).to(memory_format=layout).requires_grad_()
    y = x.detach().clone().requires_grad_()
    gradient = torch.randn_like(x)

    def of_plain() -> Tensor:
        planes = torch.unflatten(y, 1, (8, 3)).transpose(1, 2).flatten(2, 3)
        return torch.unflatten(plain(planes), 2, (8, 5)).transpose(1, 2).flatten(1, 2)

    found, expected = tied(x), of_plain()
    torch.autograd.backward([found, expected], [gradient, gradient])
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(x.grad, y.grad)
    for one, other in zip(tied.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(one.grad, other.grad)
    for name, value in plain.state_dict().items():
        torch.testing.assert_close(tied.state_dict()[name], value)
    tied.eval(), plain.eval()
    torch.testing.assert_close(tied(x), of_plain())


def test_a_norm_of_bf16_keeps_its_statistics_in_fp32() -> None:
    torch.manual_seed(0)
    norm, x = FieldNorm(2), (5 + torch.randn(2, 16, 32, 32)).bfloat16()
    normal = norm(x)
    assert normal.dtype == torch.bfloat16
    assert norm.running_mean is not None
    expected = torch.unflatten(x.double(), 1, (8, 2)).mean((0, 1, 3, 4))
    torch.testing.assert_close(norm.running_mean.double(), 0.1 * expected, rtol=1e-5, atol=0)


def test_the_default_has_an_eighth_of_the_weights_that_it_writes_out() -> None:
    # By hand: a kernel from fields to fields has 8 relative orientations of side^2 values.
    def conv(inside: int, outside: int, side: int = 3) -> int:
        return inside * outside * 8 * side**2

    def block(count: int) -> int:
        return 2 * (conv(count, count) + 2 * count)

    fields = (8, 12, 16, 24)
    expected = 3 * 8 * 36 + 2 * 8 + 8 * 36 + 1
    expected += sum(block(count) for count in (*fields, *fields[:-1]))
    for fine, coarse in itertools.pairwise(fields):
        expected += conv(fine, coarse) + 2 * coarse  # down
        expected += conv(coarse, fine, 1) + conv(fine, fine, 1) + 2 * fine  # up
    network = D4ResUNetConfig().build()
    assert sum(parameter.numel() for parameter in network.parameters()) == expected


def test_fresh_kernels_have_the_deviation_of_he() -> None:
    torch.manual_seed(0)
    conv = GroupConv2d(16, 16, 3)
    assert float(conv.weight.detach().std()) == pytest.approx((2 / (9 * 128)) ** 0.5, rel=0.02)


def test_a_block_whose_convolutions_are_zero_is_a_rectified_identity() -> None:
    block = GroupBlock(2).eval()
    nn.init.zeros_(block.conv2.weight)
    x = torch.randn(1, 16, 5, 5)
    assert torch.equal(block(x), x.clamp(min=0))


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


def test_sides_that_are_no_multiple_of_a_cell_are_padded_with_zeros() -> None:
    torch.manual_seed(0)
    network = SMALL.build().eval()
    pixels = torch.randn(1, 3, 35, 43)
    with torch.inference_mode():
        padded = network(F.pad(pixels, (0, 5, 0, 5)))
        torch.testing.assert_close(network(pixels), padded[..., :35, :43])


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"fields": [8]}, "two levels or more"),
        ({"fields": [8, 0, 1, 1]}, "fields = 0: use an integer from 1"),
        ({"blocks": [1, 1]}, "blocks = .* give 4 integers"),
        ({"decoder_blocks": [1, -1, 1]}, "give 3 integers from 0"),
        ({"classes": 0}, "classes = 0"),
    ],
)
def test_an_impossible_shape_is_refused(options: dict[str, object], complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        D4ResUNetConfig(**options)  # type: ignore[arg-type]


def test_onnx_runtime_computes_the_same_at_any_size_from_the_tied_weights(tmp_path: Path) -> None:
    source, target = tmp_path / "a.safetensors", tmp_path / "a.onnx"
    options = {"fields": [2, 3, 4], "blocks": [1, 1, 1], "decoder_blocks": [1, 1]}
    record = ModelRecord(name="tied", model="d4-resunet", options=options)
    save_weights(source, lived_in(SMALL.build()).state_dict(), record)
    assert export_onnx(source, target) < 1e-4
    network, _ = load_model(source)
    assert isinstance(network, D4ResUNet)
    for shape in ((64, 64), (97, 131), (200, 75)):
        assert compare(target, network, shape=shape) < 1e-4
    stored = {tensor.name: tuple(tensor.dims) for tensor in onnx.load(target).graph.initializer}
    for name, parameter in network.named_parameters():
        assert stored[name] == tuple(parameter.shape)
