"""Random changes to a training sample: torchvision's transforms, and small ops it does not have.

A sample is a dict of `image` (tv_tensors.Image, (3, H, W) float32 in 0..1), `truth`
(tv_tensors.Image, (1, H, W) float32 in 0..1, soft where interpolated) and `fov` (tv_tensors.Mask,
(1, H, W) uint8, 0 or 1). Geometry moves all three; colour, blur and noise change the photograph
only. Everything is drawn from torch's global generator, which the loader seeds for each sample.
"""

import math
from collections.abc import Callable, Sequence
from io import BytesIO
from typing import Any

import numpy as np
import torch
from PIL import Image
from pydantic import BaseModel, Field
from scipy.ndimage import gaussian_filter
from torch import Tensor
from torch.nn import functional as F
from torchvision import tv_tensors
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as v2f

Sample = dict[str, Tensor]


class AugmentationConfig(BaseModel, frozen=True, extra="forbid"):
    """Random changes to a training sample; every default leaves the sample as it is.

    Probabilities end in `_p`; the other numbers are half-ranges around no change, in the unit
    that their name or comment says.
    """

    horizontal_flip_p: float = Field(default=0.0, ge=0, le=1)
    vertical_flip_p: float = Field(default=0.0, ge=0, le=1)
    quarter_turn_p: float = Field(default=0.0, ge=0, le=1)  # by 90, 180 or 270 degrees
    geometry_p: float = Field(default=1.0, ge=0, le=1)  # shift, scale and rotation together
    shift: float = Field(default=0.0, ge=0, lt=1)  # share of the side
    scale: float = Field(default=0.0, ge=0, lt=1)  # factor 1 - scale .. 1 + scale
    rotate_deg: float = Field(default=0.0, ge=0, le=180)
    elastic_p: float = Field(default=0.0, ge=0, le=1)
    elastic_px: float = Field(default=2.0, ge=0)  # root mean square displacement along each axis
    elastic_sigma_px: float = Field(default=12.0, gt=0)  # smoothness of the displacement
    color_p: float = Field(default=1.0, ge=0, le=1)  # hue, saturation, value, contrast together
    hue: float = Field(default=0.0, ge=0, le=0.5)  # turns of the colour circle
    saturation: float = Field(default=0.0, ge=0, lt=1)  # factor 1 - saturation .. 1 + saturation
    value: float = Field(default=0.0, ge=0, lt=1)  # factor, as for saturation
    contrast: float = Field(default=0.0, ge=0, lt=1)  # factor, as for saturation
    gamma: float = Field(default=0.0, ge=0)  # exponent 1 / (1 + gamma) .. 1 + gamma
    illumination: float = Field(default=0.0, ge=0, lt=1)  # of a smooth brightness field
    blur_p: float = Field(default=0.0, ge=0, le=1)
    blur_sigma_px: float = Field(default=1.0, gt=0)  # largest
    noise_p: float = Field(default=0.0, ge=0, le=1)
    noise: float = Field(default=0.02, ge=0)  # largest standard deviation, of the 0..1 range
    jpeg_p: float = Field(default=0.0, ge=0, le=1)
    jpeg_quality: int = Field(default=50, ge=1, le=100)  # lowest

    @property
    def margin(self) -> float:
        """Side that a crop needs, in crops, so that geometry shows none of its outside."""
        if not self.geometry_p or not (self.shift or self.scale or self.rotate_deg):
            return 1.0
        angle = math.radians(min(self.rotate_deg, 45))
        reach = (math.cos(angle) + math.sin(angle)) / (1 - self.scale)
        left = 1 - 2 * self.shift * reach  # a shift is a share of the surroundings themselves
        return reach / left if left > 0 else math.inf

    @property
    def reach_px(self) -> int:
        """How far the widest Gaussian kernel reaches; it must fit into a sample."""
        return math.ceil(3 * self.blur_sigma_px) if self.blur_p else 0


class QuarterTurn(v2.Transform):  # type: ignore[misc]
    """By 90, 180 or 270 degrees."""

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:  # noqa: ARG002
        """The number of turns, the same for all of a sample."""
        return {"turns": int(torch.randint(1, 4, ()))}

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        """One of a sample's tensors, turned."""
        return tv_tensors.wrap(inpt.rot90(params["turns"], (-2, -1)), like=inpt)


class Photometric(v2.Transform):  # type: ignore[misc]
    """Base of what changes the photograph only, never its masks."""

    def __init__(self, change: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.change = change

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:  # noqa: ARG002
        """The photograph changed; the masks as they are."""
        if isinstance(inpt, tv_tensors.Image) and inpt.shape[-3] == 3:
            return tv_tensors.wrap(self.change(inpt), like=inpt)
        return inpt


class Elastic(v2.Transform):  # type: ignore[misc]
    """A smooth random displacement (Simard et al. 2003), by separable Gaussian filters.

    torchvision's ElasticTransform filters with the whole two-dimensional kernel, which takes longer
    than a training step.
    """

    def __init__(self, displacement_px: float, sigma_px: float) -> None:
        super().__init__()
        self.displacement_px, self.sigma_px = displacement_px, sigma_px

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        """A displacement field, (1, H, W, 2), in the units of grid_sample: the side is 2."""
        height, width = v2f.get_size(flat_inputs[0])
        # White noise of deviation 1 has 1 / (2 sqrt(pi) sigma) behind the filter.
        scale = self.displacement_px * 2 * math.sqrt(math.pi) * self.sigma_px
        fields = [
            torch.from_numpy(gaussian_filter(torch.randn(height, width).numpy(), self.sigma_px))
            * (2 * scale / side)
            for side in (width, height)
        ]
        return {"displacement": torch.stack(fields, dim=-1)[None]}

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        """One of a sample's tensors, displaced."""
        return self._call_kernel(
            v2f.elastic, inpt, params["displacement"], interpolation=v2.InterpolationMode.BILINEAR
        )


def chain(steps: Sequence[v2.Transform]) -> Callable[[Sample], Sample]:
    """The steps one after the other, as one function."""

    def change(sample: Sample) -> Sample:
        for step in steps:
            sample = step(sample)
        return sample

    return change


def geometric(config: AugmentationConfig) -> Sequence[v2.Transform]:
    """What moves photograph, truth and field of view together."""
    steps: list[v2.Transform] = [
        v2.RandomHorizontalFlip(config.horizontal_flip_p),
        v2.RandomVerticalFlip(config.vertical_flip_p),
        v2.RandomApply([QuarterTurn()], config.quarter_turn_p),
    ]
    if config.shift or config.scale or config.rotate_deg:
        affine = v2.RandomAffine(
            config.rotate_deg,
            translate=(config.shift, config.shift),
            scale=(1 - config.scale, 1 + config.scale),
            interpolation=v2.InterpolationMode.BILINEAR,
        )
        steps.append(v2.RandomApply([affine], config.geometry_p))
    if config.elastic_p:
        elastic = Elastic(config.elastic_px, config.elastic_sigma_px)
        steps.append(v2.RandomApply([elastic], config.elastic_p))
    return steps


def photometric(config: AugmentationConfig) -> Sequence[v2.Transform]:
    """What changes the photograph only: light first, then the camera."""
    jitter = v2.ColorJitter(config.value, config.contrast, config.saturation, config.hue)
    steps: list[v2.Transform] = []
    if config.value or config.contrast or config.saturation or config.hue:
        steps.append(v2.RandomApply([Photometric(jitter)], config.color_p))
    if config.gamma:
        steps.append(Photometric(lambda image: change_gamma(image, config.gamma)))
    if config.illumination:
        steps.append(Photometric(lambda image: illuminate(image, config.illumination)))
    for probability, change in (
        (config.blur_p, lambda image: blur(image, config.blur_sigma_px)),
        (config.noise_p, lambda image: add_noise(image, config.noise)),
        (config.jpeg_p, lambda image: compress(image, config.jpeg_quality)),
    ):
        if probability:
            steps.append(v2.RandomApply([Photometric(change)], probability))
    return steps


def change_gamma(image: Tensor, strength: float) -> Tensor:
    """`image` to a power drawn log-uniformly from 1 / (1 + strength) .. 1 + strength."""
    exponent = (1 + strength) ** float(torch.empty(()).uniform_(-1, 1))
    return image.clamp(0, 1).pow(exponent)


def illuminate(image: Tensor, strength: float) -> Tensor:
    """`image` times a smooth random field within 1 - strength .. 1 + strength."""
    corners = torch.empty(1, 1, 3, 3).uniform_(-strength, strength)
    field = F.interpolate(corners, image.shape[-2:], mode="bilinear", align_corners=True)
    return (image * (1 + field[0])).clamp(0, 1)


def blur(image: Tensor, largest_sigma_px: float) -> Tensor:
    """`image` blurred by a Gaussian of random width up to `largest_sigma_px`."""
    sigma = float(torch.empty(()).uniform_(0.1, 1)) * largest_sigma_px
    size = 2 * math.ceil(3 * sigma) + 1
    blurred: Tensor = v2f.gaussian_blur(image, [size, size], [sigma, sigma])
    return blurred


def add_noise(image: Tensor, largest_std: float) -> Tensor:
    """`image` with Gaussian noise of a random standard deviation up to `largest_std`."""
    std = float(torch.rand(())) * largest_std
    return (image + std * torch.randn(image.shape)).clamp(0, 1)


def compress(image: Tensor, lowest_quality: int) -> Tensor:
    """`image` after JPEG compression of a random quality from `lowest_quality` to 95."""
    quality = int(torch.randint(lowest_quality, max(lowest_quality, 95) + 1, ()))
    levels = (image.clamp(0, 1) * 255).round().to(torch.uint8).as_subclass(Tensor)
    file = BytesIO()
    Image.fromarray(levels.permute(1, 2, 0).numpy()).save(file, "JPEG", quality=quality)
    with Image.open(file) as coded:
        decoded = np.asarray(coded, np.float32) / 255
    return torch.from_numpy(decoded).permute(2, 0, 1).contiguous()
