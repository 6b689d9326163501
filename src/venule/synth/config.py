"""Content of synthetic images, and parameter ranges: `PLAIN` for figures, `VARIED` to train."""

from dataclasses import dataclass, replace
from typing import Literal

from venule.errors import UsageError
from venule.synth.anatomy import View

FrameKind = Literal["square", "round", "clipped"]
Range = tuple[float, float]

LEAST_FOV_DEG = 25.0


@dataclass(frozen=True, kw_only=True)
class SyntheticFundusConfig:
    """Ranges and probabilities of each image's parameters; uniform between two numbers.

    Names that end in `_p` are the probability, 0 to 1, that an image has the feature at all.
    Lengths in pixels refer to a field of view 720 px across and scale with it. The defaults give
    healthy eyes at 45 degrees in the square frame of a good camera.

    Raises:
        UsageError: a field of view below 25 degrees, where vessels may originate too far outside.
    """

    # The view
    fov_deg: tuple[float, ...] = (45.0,)
    views: tuple[View, ...] = ("between",)
    frames: tuple[FrameKind, ...] = ("square",)
    # The vessels, as multiples of `anatomy.Anatomy`'s
    density: Range = (0.8, 1.15)
    caliber: Range = (0.9, 1.12)
    tortuosity: Range = (0.6, 1.3)
    contrast: Range = (0.85, 1.15)
    reflex: Range = (0.2, 1.0)
    # Arteries beside the average eye's: how much of all light they absorb, and of the red light
    artery_absorption: Range = (0.85, 1.15)
    artery_red: Range = (1.0, 1.0)
    # The fundus
    mottle: Range = (0.7, 1.2)
    choroid: Range = (0.0, 0.25)
    nerve_fibers: Range = (0.0, 0.5)
    crescent_p: float = 0.3
    sheen_p: float = 0.0
    myelin_p: float = 0.0
    # Lesions
    drusen_p: float = 0.0
    exudates_p: float = 0.0
    cotton_wool_p: float = 0.0
    microaneurysms_p: float = 0.0
    hemorrhages_p: float = 0.0
    laser_p: float = 0.0
    # The camera
    tint: float = 0.25
    exposure: Range = (0.9, 1.1)
    vignetting: Range = (0.15, 0.35)
    slope: Range = (0.0, 0.12)
    haze: Range = (0.0, 0.02)
    glare_p: float = 0.0
    grey_p: float = 0.0
    blur_px: Range = (0.6, 1.0)
    motion_p: float = 0.0
    grain: Range = (0.004, 0.010)
    sharpen_p: float = 0.0
    jpeg_p: float = 0.0

    def __post_init__(self) -> None:
        if min(self.fov_deg) < LEAST_FOV_DEG:
            raise UsageError(
                f"fov_deg = {self.fov_deg}: synthetic images need {LEAST_FOV_DEG:g} degrees or more"
            )


PLAIN = SyntheticFundusConfig()

VARIED = SyntheticFundusConfig(
    fov_deg=(30.0, 45.0, 45.0, 50.0, 55.0),
    views=("between", "macula", "disc"),
    frames=("square", "round", "round", "clipped"),
    density=(0.6, 1.3),
    caliber=(0.85, 1.25),
    tortuosity=(0.4, 2.0),
    contrast=(0.6, 1.4),
    reflex=(0.0, 2.2),
    mottle=(0.2, 2.2),
    choroid=(0.0, 1.0),
    nerve_fibers=(0.0, 1.0),
    crescent_p=0.4,
    sheen_p=0.25,
    myelin_p=0.03,
    drusen_p=0.2,
    exudates_p=0.2,
    cotton_wool_p=0.12,
    microaneurysms_p=0.3,
    hemorrhages_p=0.25,
    laser_p=0.06,
    tint=1.0,
    exposure=(0.7, 1.35),
    vignetting=(0.05, 0.55),
    slope=(0.0, 0.35),
    haze=(0.0, 0.12),
    glare_p=0.35,
    grey_p=0.1,
    blur_px=(0.3, 2.2),
    motion_p=0.1,
    grain=(0.003, 0.03),
    sharpen_p=0.5,
    jpeg_p=0.7,
)

TYPED = replace(
    VARIED,
    artery_absorption=(0.7, 1.15),
    artery_red=(0.4, 1.6),
    contrast=(0.7, 1.5),
    views=("between", "between", "macula", "disc"),
    myelin_p=0.0,
    laser_p=0.0,
    blur_px=(0.3, 1.6),
)
"""Vessels whose appearance distinguishes arteries from veins, in some eyes more than in others."""
