"""Orientation tabs: retina that the camera's aperture shows beyond the circle."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from support.surrounds import Surrounded, surrounded
from venule.image.ellipse import Ellipse
from venule.image.fov import find_fov, given_fov
from venule.image.io import read_mask
from venule.image.photograph import read_photograph
from venule.synth.fundus import synthesize_fundus

Mask = NDArray[np.bool_]


def agreement(found: Mask, true: Mask, rim: Ellipse) -> float:
    """Dice of two fields of view beyond a rim grown by a hundredth."""
    beyond = ~rim.grown(1.01).fill((true.shape[0], true.shape[1]))
    a, b = found & beyond, true & beyond
    return float(2 * (a & b).sum() / (a.sum() + b.sum()))


def tabbed(seed: int) -> tuple[Surrounded, Ellipse]:
    """A synthetic photograph with a tab, and its rim."""
    photo = surrounded("tab", seed)
    place = photo.place
    return photo, Ellipse(place.row, place.column, 2 * place.tall, 2 * place.wide)


@pytest.mark.parametrize("seed", range(24))
def test_a_tab_of_any_shape_is_part_of_the_field_of_view(seed: int) -> None:
    photo, rim = tabbed(seed)
    assert agreement(find_fov(photo.image).mask, photo.fov, rim) > 0.75


def test_a_tab_is_found_in_a_red_free_photograph() -> None:
    photo, rim = tabbed(1)
    green = np.repeat(photo.image[..., 1:2], 3, axis=2)
    assert agreement(find_fov(green).mask, photo.fov, rim) > 0.75


def test_a_tab_does_not_move_the_outline() -> None:
    photo, rim = tabbed(3)
    outline = find_fov(photo.image).outline
    assert outline.diameter_px == pytest.approx(rim.diameter_px, rel=0.01)
    assert outline.row == pytest.approx(rim.row, abs=2)


@pytest.mark.parametrize("color", [(255, 255, 255), (0, 255, 0), (120, 200, 255)])
def test_writing_that_touches_the_rim_is_no_tab(color: tuple[int, int, int]) -> None:
    synthetic = synthesize_fundus(2, size_px=560)
    image = Image.fromarray(synthetic.image)
    ImageDraw.Draw(image).rectangle((455, 85, 480, 110), fill=color)
    found = find_fov(np.asarray(image))
    assert not (found.mask & ~found.outline.grown(1.005).fill((560, 560))).any()


def test_a_streak_that_does_not_end_is_no_tab() -> None:
    synthetic = synthesize_fundus(2, size_px=560)
    image = np.pad(synthetic.image, ((40, 40), (40, 40), (0, 0)))
    image[310:330, 570:] = image[310:330, 540:570].mean(axis=(0, 1)).astype(np.uint8)
    found = find_fov(image)
    assert not (found.mask & ~found.outline.grown(1.005).fill((640, 640))).any()


def test_writing_on_a_red_free_photograph_is_no_tab() -> None:
    synthetic = synthesize_fundus(2, size_px=560)
    image = np.repeat(synthetic.image[..., 1:2], 3, axis=2)
    drawn = Image.fromarray(image)
    ImageDraw.Draw(drawn).rectangle((455, 85, 480, 110), fill=(255, 255, 255))
    found = find_fov(np.asarray(drawn))
    assert not (found.mask & ~found.outline.grown(1.005).fill((560, 560))).any()


def test_a_given_mask_that_includes_the_tab_keeps_it() -> None:
    photo, rim = tabbed(3)
    _, wanted = given_fov(photo.image, photo.fov)
    assert agreement(wanted.mask, photo.fov, rim) > 0.75


def test_the_tabs_of_drive_are_those_of_its_masks(real_data: Path) -> None:
    photographs = sorted((real_data / "DRIVE").glob("*/images/*.tif"))
    assert len(photographs) == 40
    for path in photographs:
        found = find_fov(read_photograph(path).pixels)
        official = read_mask(path.parents[1] / "mask" / f"{path.stem}_mask.gif")
        assert agreement(found.mask, official, found.outline.grown(1.01)) > 0.8, path.name


def test_the_tabs_of_hrf_are_those_of_its_masks(real_data: Path) -> None:
    folder = real_data / "HRF"
    for path in sorted((folder / "images").iterdir())[::9]:
        found = find_fov(read_photograph(path).pixels)
        official = read_mask(folder / "mask" / f"{path.stem}_mask.tif")
        assert agreement(found.mask, official, found.outline) > 0.9, path.name


def test_chase_has_no_tabs(real_data: Path) -> None:
    for path in sorted((real_data / "CHASE_DB1").glob("*.jpg"))[::4]:
        found = find_fov(read_photograph(path).pixels)
        outline = found.outline.fill((found.mask.shape[0], found.mask.shape[1]))
        assert (found.mask == outline).all(), path.name
