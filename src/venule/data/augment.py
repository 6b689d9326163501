"""Data augmentation: torchvision's transforms, and small operations that it lacks.

A sample is a dict of `image` (tv_tensors.Image, (3, H, W) float32 in 0..1), `truth` (Labels,
(K, H, W) float32 in 0..1, a plane per class, soft after interpolation), `fov`
(tv_tensors.Mask, (1, H, W) uint8, 0 or 1) and, for annotations with gaps, `valid`
(tv_tensors.Mask, (1 or K, H, W) uint8). Geometric transforms apply to all of them; colour, blur
and noise to the photograph only. All random numbers come from torch's global generator, which the
loader seeds for each sample.
"""

import math
from collections.abc import Callable, Sequence
from functools import partial
from io import BytesIO
from typing import Annotated, Any

import numpy as np
import torch
from PIL import Image
from pydantic import BaseModel, Field
from scipy.ndimage import gaussian_filter
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision import tv_tensors
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as v2f

Sample = dict[str, Tensor]


class Labels(tv_tensors.Image):  # type: ignore[misc]
    """Soft class planes, (K, H, W) in 0..1: resampled bilinearly, never recoloured.

    A separate type, because torchvision resamples a Mask with nearest-neighbour interpolation.
    """


class AugmentationConfig(BaseModel, frozen=True, extra="forbid", allow_inf_nan=False):
    """Random augmentation of a training sample; the defaults leave the sample unchanged.

    Probabilities end in `_p`; the other numbers are half-ranges around no change, in the unit
    given by their name or comment.
    """

    horizontal_flip_p: float = Field(default=0.0, ge=0, le=1)
    vertical_flip_p: float = Field(default=0.0, ge=0, le=1)
    quarter_turn_p: float = Field(default=0.0, ge=0, le=1)  # by 90, 180 or 270 degrees
    geometry_p: float = Field(default=1.0, ge=0, le=1)  # shift, scale and rotation together
    shift: float = Field(default=0.0, ge=0, lt=1)  # fraction of the side
    scale: float = Field(default=0.0, ge=0, lt=1)  # factor 1 - scale .. 1 + scale
    rotate_deg: float = Field(default=0.0, ge=0, le=180)
    elastic_p: float = Field(default=0.0, ge=0, le=1)
    elastic_px: float = Field(default=2.0, ge=0)  # root-mean-square displacement along each axis
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
    crop_in_fov: bool = False  # crop around the field of view, not anywhere in the frame
    crop_on_class_p: float = Field(default=0.0, ge=0, le=1)  # crop around an annotated structure
    # The network sees a field of view narrower by up to this many pixels all around; vessels in the
    # removed rim are still training targets, since predictions extend into the rim.
    narrower_fov_px: int = Field(default=0, ge=0)
    # Fields of view, in pixels, at which the photograph may have been taken before it was scaled
    # to fov_px; it was annotated there, a pixel as vessel if this share of it was (crops only).
    low_resolution_fov_px: tuple[Annotated[int, Field(ge=32)], ...] = ()
    low_resolution_truth_share: float = Field(default=0.35, gt=0, le=1)

    @property
    def reach_px(self) -> int:
        """The radius of the widest Gaussian kernel, in pixels; it must fit into a sample."""
        return math.ceil(3 * self.blur_sigma_px) if self.blur_p else 0


class QuarterTurn(v2.Transform):  # type: ignore[misc]
    """Rotation by 90, 180 or 270 degrees."""

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:  # noqa: ARG002
        """The number of quarter turns, the same for the whole sample."""
        return {"turns": int(torch.randint(1, 4, ()))}

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        """Rotate one of a sample's tensors."""
        return tv_tensors.wrap(inpt.rot90(params["turns"], (-2, -1)), like=inpt)


class Photometric(v2.Transform):  # type: ignore[misc]
    """Base class of transforms that change the photograph only, never its masks."""

    def __init__(self, change: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.change = change

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:  # noqa: ARG002
        """Change the photograph; return masks unchanged."""
        if isinstance(inpt, tv_tensors.Image) and not isinstance(inpt, Labels):
            return tv_tensors.wrap(self.change(inpt), like=inpt)
        return inpt


class Elastic(v2.Transform):  # type: ignore[misc]
    """A smooth random displacement (Simard et al. 2003), by separable Gaussian filters.

    torchvision's ElasticTransform convolves with the full two-dimensional kernel, which takes
    longer than a training step.
    """

    def __init__(self, displacement_px: float, sigma_px: float) -> None:
        super().__init__()
        self.displacement_px, self.sigma_px = displacement_px, sigma_px

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        """A displacement field, (1, H, W, 2), in the units of grid_sample, where the side is 2."""
        height, width = v2f.get_size(flat_inputs[0])
        field = draw_displacement(height, width, self.displacement_px, self.sigma_px)
        return {"displacement": (field * 2 / torch.tensor((width, height)))[None]}

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        """Displace one of a sample's tensors."""
        return self._call_kernel(
            v2f.elastic, inpt, params["displacement"], interpolation=v2.InterpolationMode.BILINEAR
        )


def draw_displacement(height: int, width: int, rms_px: float, sigma_px: float) -> Tensor:
    """(H, W, 2) displacement in pixels along x and y: white noise smoothed to `sigma_px` and RMS.

    White noise of standard deviation 1 has 1 / (2 sqrt(pi) sigma) after the filter.
    """
    scale = rms_px * 2 * math.sqrt(math.pi) * sigma_px
    fields = [gaussian_filter(torch.randn(height, width).numpy(), sigma_px) for _ in "xy"]
    return torch.from_numpy(np.stack(fields, axis=-1)) * scale


def flips(config: AugmentationConfig) -> Sequence[v2.Transform]:
    """Reflections and quarter turns, which need no interpolation."""
    return [
        v2.RandomHorizontalFlip(config.horizontal_flip_p),
        v2.RandomVerticalFlip(config.vertical_flip_p),
        v2.RandomApply([QuarterTurn()], config.quarter_turn_p),
    ]


def geometric(config: AugmentationConfig) -> Sequence[v2.Transform]:
    """Geometric transforms of a photograph together with its truth and field of view."""
    steps = [*flips(config)]
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


def random_crop(sample: Sample, side_px: int, config: AugmentationConfig) -> Sample:
    """A random square crop of a photograph, rotated, scaled, displaced, then reflected.

    The same transforms as `geometric`, but sampled from the whole photograph in one
    interpolation, so that only the crop is computed and no padding appears where the photograph has
    pixels. Where a crop extends beyond the photograph it is dark and outside the field of view. The
    centre is drawn so that, before scaling, at most a quarter of the side lies outside; the network
    then sees the edge of the field of view as often as the rest. With probability `crop_on_class_p`
    the centre is instead at most a quarter of the side from the middle of a class.
    """
    height, width = sample["fov"].shape[-2:]
    if config.crop_on_class_p and torch.rand(()) < config.crop_on_class_p:
        top, left = _draw_on_class(sample["truth"].as_subclass(Tensor), side_px)
    elif config.crop_in_fov:
        top, left = _draw_in(sample["fov"].as_subclass(Tensor)[0], side_px)
    else:
        top, left = (_draw_start(length, side_px) for length in (height, width))
    turn = _draw_turn(config)
    displacement = None
    if torch.rand(()) < config.elastic_p:
        displacement = draw_displacement(
            side_px, side_px, config.elastic_px, config.elastic_sigma_px
        )
    if turn is None and displacement is None:
        crop = {k: v2f.crop(v, top, left, side_px, side_px) for k, v in sample.items()}
    else:
        crop = _interpolate(sample, side_px, (top, left), turn, displacement)
    flipped: Sample = nn.Sequential(*flips(config))(crop)
    return flipped


def _draw_start(length: int, side: int) -> int:
    slack = side // 4
    low, high = -slack, length - side + slack
    if high < low:
        return (length - side) // 2
    return int(torch.randint(low, high + 1, ()))


def _draw_in(fov: Tensor, side: int) -> tuple[int, int]:
    """As `_draw_start`, in the bounding box of the (H, W) field of view."""
    first_row, rows = _extent(fov.amax(1))
    first_column, columns = _extent(fov.amax(0))
    return first_row + _draw_start(rows, side), first_column + _draw_start(columns, side)


def _draw_on_class(truth: Tensor, side: int) -> tuple[int, int]:
    """A crop around a class of (K, H, W), chosen uniformly; around the middle if all are empty."""
    planes = [plane for plane in truth if plane.amax() >= 0.5] or [torch.ones_like(truth[0])]
    places = (planes[int(torch.randint(len(planes), ()))] >= 0.5).nonzero().float()
    middle = places.mean(0) + torch.empty(2).uniform_(-side / 4, side / 4)
    top, left = (middle - side / 2).round().int().tolist()
    return top, left


def _extent(inside: Tensor) -> tuple[int, int]:
    """The position of the first True pixel, and the number of pixels up to the last."""
    places = inside.nonzero()
    if not len(places):
        return 0, len(inside)
    first, last = int(places[0]), int(places[-1])
    return first, last - first + 1


def _draw_turn(config: AugmentationConfig) -> Tensor | None:
    """Affine map of offsets (x, y) in the crop to those in the photograph: (2, 3), in sides."""
    moves = config.shift or config.scale or config.rotate_deg
    if not moves or torch.rand(()) >= config.geometry_p:
        return None
    angle, size, right, down = torch.empty(4).uniform_(-1, 1).tolist()
    angle, zoom = math.radians(config.rotate_deg) * angle, 1 + config.scale * size
    cos, sin = math.cos(angle) / zoom, math.sin(angle) / zoom
    return torch.tensor(
        ((cos, -sin, right * config.shift), (sin, cos, down * config.shift)), dtype=torch.float32
    )


def _interpolate(
    sample: Sample,
    side_px: int,
    start: tuple[int, int],
    turn: Tensor | None,
    displacement: Tensor | None,
) -> Sample:
    offset = torch.arange(side_px) - (side_px - 1) / 2
    rows, columns = torch.meshgrid(offset, offset, indexing="ij")
    points = torch.stack((columns, rows), dim=-1)  # (side, side, 2): x, y
    if turn is not None:
        points = points @ turn[:, :2].T + side_px * turn[:, 2]
    if displacement is not None:
        points = points + displacement
    center = torch.tensor((start[1], start[0])) + (side_px - 1) / 2
    height, width = sample["fov"].shape[-2:]
    grid = (2 * (points + center) + 1) / torch.tensor((width, height)) - 1
    planes = [tensor.as_subclass(Tensor).float() for tensor in sample.values()]
    seen: Tensor = F.grid_sample(torch.cat(planes)[None], grid[None].float(), align_corners=False)[
        0
    ]
    parts = dict(zip(sample, torch.split(seen, [len(plane) for plane in planes]), strict=True))
    masks = {
        key: tv_tensors.Mask((part >= 0.5).to(torch.uint8))
        for key, part in parts.items()
        if isinstance(sample[key], tv_tensors.Mask)
    }
    return {"image": tv_tensors.Image(parts["image"]), "truth": Labels(parts["truth"]), **masks}


def narrowed(fov: Tensor, largest_px: int) -> Tensor:
    """Erode `fov` (1, H, W) by a random number of pixels up to `largest_px`.

    Its own edge moves inwards; the sides of a crop do not.
    """
    narrower_px = int(torch.randint(largest_px + 1, ()))
    outside = 1 - fov.as_subclass(Tensor).float()
    for step in range(narrower_px):  # squares and diamonds alternately: nearly isotropic
        if step % 2:
            outside = F.max_pool2d(outside, 3, stride=1, padding=1)
        else:
            tall = F.max_pool2d(outside, (3, 1), stride=1, padding=(1, 0))
            outside = torch.maximum(tall, F.max_pool2d(outside, (1, 3), stride=1, padding=(0, 1)))
    inside: Tensor = tv_tensors.Mask((outside < 0.5).to(torch.uint8))
    return inside


def photometric(config: AugmentationConfig) -> Sequence[v2.Transform]:
    """Transforms of the photograph only: illumination first, then the camera."""
    jitter = v2.ColorJitter(config.value, config.contrast, config.saturation, config.hue)
    steps: list[v2.Transform] = []
    if config.value or config.contrast or config.saturation or config.hue:
        steps.append(v2.RandomApply([Photometric(jitter)], config.color_p))
    if config.gamma:
        steps.append(Photometric(partial(change_gamma, strength=config.gamma)))
    if config.illumination:
        steps.append(Photometric(partial(illuminate, strength=config.illumination)))
    for probability, change in (
        (config.blur_p, partial(blur, largest_sigma_px=config.blur_sigma_px)),
        (config.noise_p, partial(add_noise, largest_std=config.noise)),
        (config.jpeg_p, partial(compress, lowest_quality=config.jpeg_quality)),
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
    """`image` blurred by a Gaussian of random standard deviation up to `largest_sigma_px`."""
    sigma = float(torch.empty(()).uniform_(0.1, 1)) * largest_sigma_px
    size = 2 * math.ceil(3 * sigma) + 1
    blurred: Tensor = v2f.gaussian_blur(image, [size, size], [sigma, sigma])
    return blurred


def add_noise(image: Tensor, largest_std: float) -> Tensor:
    """`image` with Gaussian noise of a random standard deviation up to `largest_std`."""
    std = float(torch.rand(())) * largest_std
    return (image + std * torch.randn(image.shape)).clamp(0, 1)


def compress(image: Tensor, lowest_quality: int) -> Tensor:
    """`image` after JPEG compression at a random quality from `lowest_quality` to 95."""
    quality = int(torch.randint(lowest_quality, max(lowest_quality, 95) + 1, ()))
    levels = (image.clamp(0, 1) * 255).round().to(torch.uint8).as_subclass(Tensor)
    file = BytesIO()
    Image.fromarray(levels.permute(1, 2, 0).numpy()).save(file, "JPEG", quality=quality)
    with Image.open(file) as coded:
        decoded = np.asarray(coded, np.float32) / 255
    return torch.from_numpy(decoded).permute(2, 0, 1).contiguous()
