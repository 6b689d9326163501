"""The steps that tell arteries from veins and find landmarks, with networks that read colours."""

import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from venule.analysis.analyse import GRADE, Networks, Step, analyse
from venule.analysis.columns import COLUMNS
from venule.analysis.correction import correct_types
from venule.analysis.kept import Kept
from venule.analysis.marks import LANDMARKS, TYPES
from venule.analysis.outputs import OUTPUTS
from venule.analysis.stored import Stored, stored_analysis
from venule.errors import UsageError
from venule.image.arrays import RGB, FloatMap
from venule.image.artery_vein import ARTERY, VEIN
from venule.image.landmarks import Landmarks
from venule.image.optic_disc import Disc
from venule.image.photograph import Photograph
from venule.image.preprocess import Preprocessing
from venule.inference.segment import Segmenter
from venule.models.record import ClassRecord, ModelRecord

SHAPE = (120, 160)


def reads(*channels: tuple[str, int]) -> Segmenter:
    """A network for which a class is wherever its channel is above a half."""

    def run(pixels: FloatMap) -> FloatMap:
        planes = [12 * (pixels[:, channel] - 0.5) for _, channel in channels]
        return np.stack(planes, axis=1).astype(np.float32)

    whole = Preprocessing(normalize="fixed", mean=(0, 0, 0), std=(1, 1, 1))
    classes = tuple(ClassRecord(name=name) for name, _ in channels)
    record = ModelRecord(name="reads", model="reads", classes=classes, preprocessing=whole)
    return Segmenter(record, run)


def eye() -> RGB:
    """Vessels above 0.5 in green; of them arteries in red, veins in blue, both in one crossing."""
    pixels = np.full((*SHAPE, 3), 40, np.uint8)
    pixels[30:36, 10:150] = (250, 250, 40)  # an artery from left to right
    pixels[30:36, 60:66] = (40, 250, 250)  # of which a part looks like a vein
    pixels[10:110, 100:106] = (40, 250, 250)  # a vein down
    return pixels


def spots() -> RGB:
    """A disc in red around (40, 60), a vessel in green through it, a fovea in blue at (100, 62)."""
    rows, columns = np.mgrid[: SHAPE[0], : SHAPE[1]]
    pixels = np.full((*SHAPE, 3), 20, np.uint8)
    pixels[np.hypot(rows - 60, columns - 40) <= 12, 0] = 250
    pixels[np.hypot(rows - 62, columns - 100) <= 5, 2] = 250
    pixels[:, 39:42, 1] = 250
    return pixels


VESSELS, TYPED = reads(("vessel", 1)), reads(("artery", 0), ("vein", 2))
MARKED = reads(("disc", 0), ("fovea", 2))
EVERYWHERE = np.ones(SHAPE, bool)


def test_vessels_are_given_types_that_hold_along_each_vessel() -> None:
    found = analyse(eye(), Networks(VESSELS, types=TYPED), fov=EVERYWHERE, steps=(TYPES,))
    maps, mask = found.prediction.maps, found.prediction.vessels
    artery, vein = maps["artery"].mask, maps["vein"].mask
    assert set(maps) == {"vessel", "artery", "vein"}
    assert np.array_equal(artery | vein, mask)
    assert artery[33, 63]
    assert not vein[33, 63]
    assert vein[80, 103]
    assert artery[33, 103]
    assert vein[33, 103]


def test_the_picture_of_types_is_red_blue_and_green() -> None:
    output = OUTPUTS["av"]
    found = analyse(eye(), Networks(VESSELS, types=TYPED), fov=EVERYWHERE, steps=output.needs)
    colors = np.asarray(Image.open(io.BytesIO(output.encode(found))))
    assert output.suffix == "_av.png"
    assert tuple(colors[33, 20]) == (255, 0, 0)
    assert tuple(colors[80, 103]) == (0, 0, 255)
    assert tuple(colors[33, 103]) == (0, 255, 0)
    assert tuple(colors[5, 5]) == (0, 0, 0)


def test_a_network_of_two_classes_needs_no_second_one() -> None:
    found = analyse(eye(), TYPED, fov=EVERYWHERE, steps=(TYPES,))
    assert set(found.prediction.maps) == {"artery", "vein"}
    assert found.prediction.maps["vein"].mask[33, 63]  # as the network says, pixel by pixel


def test_types_drawn_before_the_step_hold_and_the_other_vessels_are_classified() -> None:
    plain = analyse(eye(), VESSELS, fov=EVERYWHERE, steps=())
    networks = Networks(VESSELS, types=TYPED)
    found = TYPES.fill(plain, networks).prediction.types
    assert found is not None
    places = np.flatnonzero(found == ARTERY)[:5]
    drawn = TYPES.fill(correct_types(plain, places, np.full(5, VEIN, np.uint8)), networks)
    expected = found.copy()
    expected.ravel()[places] = VEIN
    np.testing.assert_array_equal(drawn.prediction.types, expected)
    assert drawn.corrected == {"types"}
    untouched = correct_types(plain, places[:0], np.empty(0, np.uint8))
    np.testing.assert_array_equal(TYPES.fill(untouched, networks).prediction.types, found)


def test_disc_fovea_and_eye_are_found_and_told() -> None:
    networks = Networks(VESSELS, landmarks=MARKED)
    found = analyse(spots(), networks, fov=EVERYWHERE, steps=(LANDMARKS,))
    row = COLUMNS["landmarks"].row(found)
    assert set(row) == set(COLUMNS["landmarks"].names)
    assert row["disc_x_px"] == pytest.approx(40, abs=0.1)
    assert row["disc_y_px"] == pytest.approx(60, abs=0.1)
    assert row["disc_radius_px"] == pytest.approx(12, rel=0.03)
    assert row["fovea_x_px"] == pytest.approx(100, abs=0.1)
    assert (row["disc_major_px"], row["disc_minor_px"]) == pytest.approx((12, 12), rel=0.03)
    assert row["laterality_confidence"] == pytest.approx(1, abs=0.01)
    assert row["landmarks_reasons"] is None
    assert COLUMNS["file"].row(found)["laterality"] == "left"
    assert COLUMNS["measure"].row(found)["laterality"] == "left"
    disc = np.asarray(Image.open(io.BytesIO(OUTPUTS["disc"].encode(found)))) > 0
    assert disc.sum() == pytest.approx(np.pi * 144, rel=0.05)
    assert disc[60, 40]


def test_landmarks_are_the_same_when_a_row_is_read_again() -> None:
    found = analyse(
        spots(), Networks(VESSELS, landmarks=MARKED), fov=EVERYWHERE, steps=(LANDMARKS,)
    )
    marks = Landmarks(Disc(40.2, 60.1, 13.0, 9.5, 0.5, 0.9), None, "left", 0.8, ("no fovea found",))
    found = replace(found, landmarks=marks)
    cells = {**COLUMNS["landmarks"].row(found), **COLUMNS["file"].row(found)}
    stored = Stored(
        levels=found.prediction.vessel_map.levels, mask=None, threshold=0.5, cells=cells
    )
    again = stored_analysis(found.photograph, stored).landmarks
    assert again is not None
    assert again.disc is not None
    assert vars(again.disc) == pytest.approx(vars(marks.disc), abs=0.06)
    assert replace(again, disc=marks.disc) == marks


def test_gaps_closed_in_arteries_and_veins_are_known_when_results_are_read_again() -> None:
    photograph = Photograph(spots())
    mask, closed = np.zeros((2, *SHAPE), bool)
    mask[20:24, 10:90], closed[20:24, 40:50] = True, True
    types = np.zeros(SHAPE, np.uint8)
    types[20:24, 10:45] = ARTERY
    types[20:24, 45:90] = VEIN
    kept = Kept(fov=np.ones(SHAPE, bool), reconnected=closed)
    stored = Stored(levels=None, mask=mask, threshold=0.5, kept=kept, types=types)
    maps = stored_analysis(photograph, stored).prediction.maps
    for name, part in (("artery", np.s_[20:24, 40:45]), ("vein", np.s_[20:24, 45:50])):
        expected = np.zeros(SHAPE, bool)
        expected[part] = True
        assert np.array_equal(maps[name].reconnected, expected)


def test_each_finding_names_its_network() -> None:
    networks = Networks(VESSELS, types=TYPED, landmarks=MARKED)
    found = analyse(spots(), networks, fov=EVERYWHERE, steps=(TYPES, LANDMARKS))
    assert found.other_models == dict.fromkeys(("artery", "vein", "disc"), "reads")
    stored = Stored(
        levels=found.prediction.vessel_map.levels,
        mask=None,
        threshold=0.5,
        networks=("landmarks", "vessel-types"),
    )
    again = stored_analysis(found.photograph, stored)
    types = {"artery": "vessel-types", "vein": "vessel-types"}
    assert again.other_models == types | {"disc": "landmarks"}


def test_a_disc_without_vessels_is_doubted() -> None:
    pixels = spots()
    pixels[..., 1] = 20
    networks = Networks(VESSELS, landmarks=MARKED)
    analysis = analyse(pixels, networks, fov=EVERYWHERE, steps=(LANDMARKS,))
    found = analysis.landmarks
    assert found is not None
    assert found.disc is not None
    assert found.disc.confidence <= 0.5
    assert "no vessels are seen to lead to it" in found.reasons[0]
    assert "unsure of the optic disc" in str(COLUMNS["measure"].row(analysis)["notes"])


def test_the_eye_that_a_photograph_states_holds() -> None:
    photograph = Photograph(spots(), laterality="right")
    networks = Networks(VESSELS, landmarks=MARKED)
    found = analyse(photograph, networks, fov=EVERYWHERE, steps=(LANDMARKS,))
    assert found.landmarks is not None
    assert found.landmarks.laterality == "right"
    assert found.laterality == "right"
    assert COLUMNS["file"].row(found)["laterality"] == "right"
    assert COLUMNS["measure"].row(found)["laterality"] == "right"


def test_a_photograph_without_disc_has_empty_cells_and_an_empty_disc() -> None:
    nothing = np.full((*SHAPE, 3), 20, np.uint8)
    networks = Networks(VESSELS, landmarks=MARKED)
    found = analyse(nothing, networks, fov=EVERYWHERE, steps=(LANDMARKS,))
    row = dict(COLUMNS["landmarks"].row(found))
    assert row.pop("landmarks_reasons") == "no optic disc found; no fovea found"
    assert set(row.values()) == {None}
    assert not np.asarray(Image.open(io.BytesIO(OUTPUTS["disc"].encode(found)))).any()
    assert found.landmarks is not None
    assert found.landmarks.reasons == ("no optic disc found", "no fovea found")


def test_types_and_landmarks_show_in_the_overlay() -> None:
    networks = Networks(VESSELS, types=TYPED, landmarks=MARKED)
    plain, marked = (
        analyse(eye(), networks, fov=EVERYWHERE, steps=steps) for steps in ((), (TYPES, LANDMARKS))
    )
    pictures = [
        np.asarray(Image.open(io.BytesIO(OUTPUTS["overlay"].encode(found))))
        for found in (plain, marked)
    ]
    assert pictures[0].shape == pictures[1].shape == (*SHAPE, 3)
    assert not np.array_equal(pictures[0][33, 20], pictures[1][33, 20])


def test_a_network_without_the_classes_is_refused() -> None:
    with pytest.raises(UsageError, match="but not artery; use weights for artery and vein"):
        analyse(eye(), Networks(VESSELS, types=VESSELS), fov=EVERYWHERE, steps=(TYPES,))
    with pytest.raises(UsageError, match="but not disc"):
        analyse(eye(), Networks(VESSELS, landmarks=TYPED), fov=EVERYWHERE, steps=(LANDMARKS,))


@pytest.mark.parametrize(
    ("step", "vessels", "network"),
    [
        (GRADE, VESSELS, None),
        (TYPES, VESSELS, "vessel-types"),
        (TYPES, TYPED, None),
        (LANDMARKS, VESSELS, "landmarks"),
        (LANDMARKS, TYPED, "landmarks"),
    ],
)
def test_a_step_says_which_shipped_network_it_uses(
    step: Step, vessels: Segmenter, network: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    used: list[tuple[str, int | None]] = []

    def shipped(name: str, threads: int | None) -> Segmenter:
        used.append((name, threads))
        return {"vessel-types": TYPED, "landmarks": MARKED}[name]

    monkeypatch.setattr("venule.analysis.marks._shipped", shipped)
    analyse(eye(), Networks(vessels, threads=3), fov=EVERYWHERE, steps=(step,))
    assert step.shipped_network(vessels) == network
    assert used == [(network, 3)] * (network is not None)
