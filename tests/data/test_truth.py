"""Annotation files of each pixel: colours of arteries and veins, discs and foveae."""

import math
from pathlib import Path

import numpy as np
import pytest

from support.trees import save
from venule.data.truth import (
    ArteryVein,
    Binary,
    GroundTruth,
    Landmarks,
    of_class,
)
from venule.errors import DatasetError

RED, BLUE, GREEN, WHITE = (255, 0, 0), (0, 0, 255), (0, 255, 0), (255, 255, 255)
MAGENTA, DARK = (255, 0, 255), (40, 30, 20)


def colored(folder: Path, *colors: tuple[int, int, int]) -> Path:
    """A file of 8 x 8 px whose first row begins with `colors`, red elsewhere in that row."""
    picture = np.zeros((8, 8, 3), np.uint8)
    picture[0] = RED
    picture[0, : len(colors)] = colors
    return save(folder / "av.png", picture)


def test_arteries_are_red_veins_blue_and_a_crossing_is_both(tmp_path: Path) -> None:
    truth = ArteryVein().read(colored(tmp_path, RED, BLUE, GREEN, (0, 0, 0), DARK), (8, 8))
    assert truth.classes == ("artery", "vein")
    assert truth.plane("artery")[0, :5].tolist() == [True, False, True, False, False]
    assert truth.plane("vein")[0, :5].tolist() == [False, True, True, False, False]
    assert not truth.planes[:, 1:].any()
    assert truth.valid is None


def test_white_and_stray_colors_are_uncertain_and_count_for_neither(tmp_path: Path) -> None:
    truth = ArteryVein().read(colored(tmp_path, WHITE, MAGENTA, BLUE), (8, 8))
    assert truth.planes[:, 0, :2].any() == np.False_
    for name in truth.classes:
        assert truth.counts(name)[0, :3].tolist() == [False, False, True]
        assert truth.counts(name)[1:].all()  # background


def test_where_no_stroke_is_nothing_is_known(tmp_path: Path) -> None:
    codec = ArteryVein(background=False)
    truth = codec.read(colored(tmp_path, RED, BLUE, GREEN, (0, 0, 0)), (8, 8))
    assert truth.counts("vein")[0, :4].tolist() == [True, True, True, False]
    assert not truth.counts("vein")[1:].any()


def test_a_vessel_mask_is_not_taken_for_a_map_of_types(tmp_path: Path) -> None:
    mask = np.zeros((8, 8, 3), np.uint8)
    mask[2:4] = 255
    with pytest.raises(DatasetError, match="not a map of arteries and veins"):
        ArteryVein().read(save(tmp_path / "mask.png", mask), (8, 8))


def test_a_binary_annotation_has_one_plane_that_counts_everywhere(tmp_path: Path) -> None:
    mask = np.eye(6, dtype=bool)
    truth = Binary().read(save(tmp_path / "mask.png", mask), (6, 6))
    assert truth.classes == ("vessel",)
    assert truth.planes.shape == (1, 6, 6)
    assert np.array_equal(truth.plane("vessel"), mask)
    assert truth.counts("vessel").all()


def test_a_centre_alone_gives_a_sure_disc_a_ring_of_doubt_and_a_fovea(tmp_path: Path) -> None:
    codec = Landmarks(disc=(60.0, 50.0), fovea=(150.0, 50.0), disc_radius_px=20, fovea_radius_px=8)
    truth = codec.read(tmp_path / "unused.csv", (100, 200))
    assert truth.planes.sum(axis=(1, 2)) == pytest.approx(
        [math.pi * 16**2, math.pi * 8**2], rel=0.03
    )
    doubt = ~truth.counts("disc")
    assert doubt.sum() == pytest.approx(math.pi * (25**2 - 16**2), rel=0.03)
    assert not doubt[50, 60]  # row and column of the centre: (x, y) is (60, 50)
    assert doubt[50, 80]
    assert truth.counts("fovea").all()


def test_a_drawn_disc_counts_everywhere_and_an_unknown_fovea_nowhere(tmp_path: Path) -> None:
    disc = np.zeros((40, 40), bool)
    disc[10:20, 10:20] = True
    codec = Landmarks(None, None, disc_radius_px=5, fovea_radius_px=2, outlined=True)
    truth = codec.read(save(tmp_path / "disc.png", disc), (40, 40))
    assert np.array_equal(truth.plane("disc"), disc)
    assert truth.counts("disc").all()
    assert not truth.plane("fovea").any()
    assert not truth.counts("fovea").any()


def test_a_network_of_vessels_is_held_against_arteries_and_veins_together() -> None:
    artery, vein = np.eye(4, dtype=bool), np.eye(4, dtype=bool)[::-1]
    truth = GroundTruth(("artery", "vein"), np.stack([artery, vein]), None)
    plane, counts = of_class(truth, "vessel")
    assert np.array_equal(plane, artery | vein)
    assert counts.all()


def test_a_class_that_is_not_annotated_has_no_plane() -> None:
    with pytest.raises(KeyError):
        GroundTruth(("vessel",), np.eye(4, dtype=bool)[None]).plane("artery")
