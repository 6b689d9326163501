"""The drawn camera does to a plain fundus what cameras do."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from venule.synth.camera import photograph
from venule.synth.config import PLAIN, SyntheticFundusConfig
from venule.synth.frame import square

FRAME = square(240)

PERFECT = replace(
    PLAIN, tint=0.0, exposure=(1.0, 1.0), vignetting=(0.0, 0.0), slope=(0.0, 0.0),
    haze=(0.0, 0.0), blur_px=(0.0, 0.0), grain=(0.0, 0.0),
)  # fmt: skip


def taken(config: SyntheticFundusConfig, *, seed: int = 3) -> NDArray[np.float64]:
    """A photograph of a grey fundus with one dark upright bar, 6 px wide."""
    retina = np.full((3, *FRAME.shape), 0.5, np.float32)
    retina[:, :, 117:123] = 0.3
    return photograph(seed, retina, FRAME, config).astype(float)


def test_a_perfect_camera_keeps_the_fundus_and_blackens_the_border() -> None:
    image = taken(PERFECT)
    assert image[~FRAME.fov()].mean() < 12
    assert abs(np.median(image[60:180, 40:100]) - 0.5 * 255) < 16
    assert abs(np.median(image[100:140, 118:122]) - 0.3 * 255) < 16


def test_vignetting_darkens_the_rim() -> None:
    image = taken(replace(PERFECT, vignetting=(0.5, 0.5)))
    assert image[115:125, 20].mean() < 0.8 * image[115:125, 100].mean()


def test_blur_softens_the_edge_of_a_vessel() -> None:
    sharp, soft = taken(PERFECT)[120, 100:140, 1], taken(replace(PERFECT, blur_px=(9, 9)))[
        120, 100:140, 1
    ]  # fmt: skip
    assert np.abs(np.diff(soft)).max() < 0.5 * np.abs(np.diff(sharp)).max()


def test_sharpening_leaves_a_bright_halo_beside_a_vessel() -> None:
    image = taken(replace(PERFECT, sharpen_p=1.0))
    beside, away = image[100:140, 115:117, 1].mean(), image[100:140, 80:90, 1].mean()
    assert beside > away + 3


def test_grain_and_compression_change_pixels_a_little() -> None:
    plain = taken(PERFECT)
    for changed in (replace(PERFECT, grain=(0.02, 0.02)), replace(PERFECT, jpeg_p=1.0)):
        difference = np.abs(taken(changed) - plain)
        assert 0.05 < difference.mean() < 12


def test_a_colourless_camera_makes_channels_alike() -> None:
    retina = np.empty((3, *FRAME.shape), np.float32)
    retina[:] = np.array([0.8, 0.4, 0.15])[:, None, None]
    color, grey = (
        photograph(1, retina.copy(), FRAME, config).astype(float)[120, 120]
        for config in (PERFECT, replace(PERFECT, grey_p=1.0))
    )
    assert np.ptp(grey) < 0.7 * np.ptp(color)
