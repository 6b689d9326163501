"""All measurements of one photograph: closed forms, properties, and input that is wrong."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phantoms.shapes import Mask, disc, draw_tubes, line
from venule.errors import ImageError, UsageError
from venule.image.ellipse import Ellipse
from venule.measure.columns import all_columns
from venule.measure.photograph import VesselMasks, measure_photograph
from venule.measure.scale import Scale, bennett, find_scale
from venule.measure.view import Disc

CURVES = [line((150.2, 149.6), heading, 110) for heading in (185, 20, -50)]


def _fork(width: float = 7) -> Mask:
    return draw_tubes((300, 300), CURVES, width)


def test_the_names_that_the_documentation_promises_are_there() -> None:
    names = {column.name for column in all_columns()}
    assert names >= {
        "vessel_density",
        "vessel_density_image",
        "vessel_area_px2",
        "vessel_length_px",
        "vessel_length_density_per_px",
        "vessel_caliber_mean_px",
        "vessel_caliber_median_px",
        "vessel_tortuosity_tau1_median",
        "vessel_tortuosity_tau2_median_rad",
        "vessel_tortuosity_tau3_median_per_px",
        "vessel_tortuosity_tau4_median_per_px",
        "vessel_tortuosity_tau5_median_per_px2",
        "vessel_tortuosity_tau6_median_per_px",
        "vessel_tortuosity_tau7_median_per_px2",
        "vessel_tortuosity_grisan_median_per_px",
        "vessel_inflections_median",
        "vessel_fractal_box",
        "vessel_fractal_d0",
        "vessel_fractal_d1",
        "vessel_fractal_d2",
        "vessel_lacunarity",
        "vessel_junctions",
        "vessel_crossings",
        "vessel_endpoints",
        "vessel_components",
        "vessel_branching_angle_median_deg",
        "vessel_branching_coefficient_median",
        "vessel_asymmetry_median",
        "vessel_sparsity_mean_px",
        "artery_cre_knudtson_zone_b_px",
        "vein_cre_knudtson_zone_b_px",
        "avr_knudtson_zone_b",
        "artery_cre_hubbard_zone_b_um",
        "caliber_ratio",
        "artery_caliber_mean_px",
        "vein_density_zone_c",
        "artery_caliber_mean_zone_b_px",
        "vein_tortuosity_tau1_median_zone_c",
        "vessel_caliber_mean_um",
        "vessel_area_um2",
        "vessel_tortuosity_tau5_median_per_um2",
    }


def test_densities_are_shares_of_the_field_and_of_the_image() -> None:
    mask = np.zeros((100, 200), bool)
    mask[40:50, 20:180] = True
    fov = np.zeros_like(mask)
    fov[:, :100] = True
    found = measure_photograph(VesselMasks(vessels=mask, fov=fov)).values
    assert found["vessel_area_px2"] == 800
    assert found["vessel_density"] == 800 / 10_000
    assert found["vessel_density_image"] == 800 / 20_000


def test_the_distance_to_a_band_is_that_of_its_geometry() -> None:
    mask = np.zeros((200, 201), bool)
    mask[:, 98:103] = True  # 98 px on either side
    found = measure_photograph(VesselMasks(vessels=mask)).values
    assert found["vessel_sparsity_mean_px"] == pytest.approx(98**2 / 201, rel=0.001)
    assert found["vessel_sparsity_max_px"] == pytest.approx(97.5)


def test_um_columns_are_the_pixel_columns_scaled_by_the_power_of_their_unit() -> None:
    found = measure_photograph(VesselMasks(vessels=_fork()), scale=Scale(4.0, "given")).values

    def times(name: str, factor: float) -> float:
        value = found[name]
        assert value is not None
        return value * factor

    assert found["vessel_length_um"] == times("vessel_length_px", 4)
    assert found["vessel_area_um2"] == times("vessel_area_px2", 16)
    assert found["vessel_tortuosity_tau4_median_per_um"] == times(
        "vessel_tortuosity_tau4_median_per_px", 1 / 4
    )
    assert found["vessel_tortuosity_tau5_median_per_um2"] == times(
        "vessel_tortuosity_tau5_median_per_px2", 1 / 16
    )
    names = list(found)
    assert names.index("vessel_sparsity_max_px") < names.index("vessel_length_um")


def test_vessels_are_arteries_and_veins_together_where_only_those_are_given() -> None:
    artery, vein = np.zeros((2, 100, 100), bool)
    artery[20:25, 10:90], vein[60:65, 10:90] = True, True
    found = measure_photograph(VesselMasks(artery=artery, vein=vein)).values
    assert found["vessel_area_px2"] == 800
    assert found["vessel_components"] == 2
    assert found["caliber_ratio"] == pytest.approx(1)


def test_parts_of_disjoint_vessels_add_up_to_the_whole() -> None:
    first, second = np.zeros((2, 200, 300), bool)
    first[40:48, 20:280] = True
    second[120:126, 50:200] = True
    whole, one, other = (
        measure_photograph(VesselMasks(vessels=mask)).values
        for mask in (first | second, first, second)
    )
    for name in ("vessel_area_px2", "vessel_length_px", "vessel_components", "vessel_endpoints"):
        assert whole[name] == pytest.approx((one[name] or 0) + (other[name] or 0))


@settings(max_examples=12, deadline=None)
@given(quarter=st.integers(0, 3), flip=st.booleans(), seed=st.integers(0, 50))
def test_turns_and_flips_change_next_to_nothing(quarter: int, flip: bool, seed: int) -> None:
    random = np.random.default_rng(seed)
    headings = np.cumsum(random.uniform(75, 140, 3))
    mask = draw_tubes((240, 240), [line((120, 120), h, 85) for h in headings], 6)
    turned = np.rot90(mask[:, ::-1] if flip else mask, quarter)
    one = measure_photograph(VesselMasks(vessels=mask)).values
    other = measure_photograph(VesselMasks(vessels=turned)).values
    for name in ("vessel_density", "vessel_junctions", "vessel_endpoints", "vessel_components"):
        assert one[name] == other[name]
    for name, within in (
        ("vessel_length_px", 0.01),
        ("vessel_caliber_mean_px", 0.02),
        ("vessel_tortuosity_tau1_median", 0.002),
        ("vessel_fractal_d0", 0.01),
        ("vessel_sparsity_mean_px", 1e-9),
    ):
        assert other[name] == pytest.approx(one[name], rel=within)


@settings(max_examples=8, deadline=None)
@given(down=st.integers(-20, 20), right=st.integers(-20, 20))
def test_shifts_change_nothing(down: int, right: int) -> None:
    mask = np.pad(_fork(), 25)
    moved = np.roll(mask, (down, right), axis=(0, 1))
    one = measure_photograph(VesselMasks(vessels=mask)).values
    other = measure_photograph(VesselMasks(vessels=moved)).values
    for name in ("vessel_length_px", "vessel_caliber_mean_px", "vessel_tortuosity_tau1_median"):
        assert other[name] == pytest.approx(one[name], rel=1e-5)


def test_twice_the_resolution_gives_twice_the_length_and_the_same_shape() -> None:
    small = measure_photograph(VesselMasks(vessels=_fork(7))).values
    curves = [2 * curve + 0.5 for curve in CURVES]
    large = measure_photograph(VesselMasks(vessels=draw_tubes((600, 600), curves, 14))).values
    assert large["vessel_length_px"] == pytest.approx(
        2 * (small["vessel_length_px"] or 0), rel=0.01
    )
    assert large["vessel_caliber_mean_px"] == pytest.approx(14, abs=0.15)
    for name, within in (("vessel_density", 0.02), ("vessel_fractal_d0", 0.03)):
        assert large[name] == pytest.approx(small[name], rel=within)


def test_zones_measure_what_lies_between_their_radii() -> None:
    mask = draw_tubes((600, 600), [line((300.3, 300), 0, 280)], 10)
    found = measure_photograph(VesselMasks(vessels=mask), disc=Disc(300, 300, 50)).values
    ring = math.pi * (150**2 - 100**2)
    assert found["vessel_density_zone_b"] == pytest.approx(50 * 10 / ring, rel=0.02)
    assert found["vessel_caliber_mean_zone_b_px"] == pytest.approx(10, abs=0.5)
    assert found["vessel_tortuosity_tau1_median_zone_c"] == pytest.approx(1, abs=1e-3)


def test_an_empty_mask_gives_counts_of_0_and_says_why_the_rest_is_empty() -> None:
    found = measure_photograph(VesselMasks(vessels=np.zeros((60, 60), bool)))
    assert found.values["vessel_density"] == 0
    assert found.values["vessel_junctions"] == 0
    assert found.values["vessel_caliber_mean_px"] is None
    assert "vessel: the mask is empty in the field" in found.notes


def test_one_pixel_is_measured_without_an_error() -> None:
    mask = np.zeros((60, 60), bool)
    mask[30, 30] = True
    found = measure_photograph(VesselMasks(vessels=mask)).values
    assert (found["vessel_area_px2"], found["vessel_components"]) == (1, 1)


def test_a_mask_of_the_whole_frame_is_no_vessel_map() -> None:
    found = measure_photograph(VesselMasks(vessels=np.ones((400, 400), bool)))
    assert found.values["vessel_density"] == 1
    assert found.values["vessel_caliber_mean_px"] is None
    assert any("no vessel map" in note for note in found.notes)


def test_a_mask_that_is_no_vessel_map_has_no_graph_to_count() -> None:
    full = np.ones((400, 400), bool)
    masks = VesselMasks(vessels=full, artery=full, vein=full)
    found = measure_photograph(masks, disc=Disc(200, 200, 40)).values
    measured = {column for column, value in found.items() if value is not None}
    assert {"vessel_density", "vessel_area_px2", "artery_density_zone_b"} <= measured
    graph = ("length", "junctions", "endpoints", "components", "tortuosity", "caliber", "cre_")
    assert not [column for column in measured if any(word in column for word in graph)]


def test_a_disc_outside_the_picture_leaves_the_zones_out_and_says_so() -> None:
    found = measure_photograph(VesselMasks(vessels=_fork()), disc=Disc(5000, -3000, 40))
    assert "vessel_density_zone_b" not in found.values
    assert "zone_b: outside the field" in found.notes


@pytest.mark.parametrize(
    ("width_px", "square", "note"),
    [
        (260, True, None),
        (268, True, None),
        (312, True, "field of view stretched by 1.20: pixels seem not to be square"),
        (260, False, "pixels are not square"),
    ],
)
def test_pixels_that_are_not_square_have_a_note(
    width_px: float, square: bool, note: str | None
) -> None:
    fov = Ellipse(149.5, 149.5, 260, width_px).fill((300, 300))
    found = measure_photograph(VesselMasks(vessels=_fork(), fov=fov, square=square))
    told = [one for one in found.notes if "square" in one]
    assert [one.startswith(note or "") for one in told] == ([True] if note else [])


def test_a_disc_in_doubt_is_used_and_doubted() -> None:
    masks = VesselMasks(vessels=_fork())
    sure, doubted = (
        measure_photograph(masks, disc=Disc(150, 20, 40, confidence)) for confidence in (1.0, 0.41)
    )
    assert doubted.values == sure.values
    assert {*doubted.notes} - {*sure.notes} == {
        "unsure of the optic disc (confidence 0.41), and so of its zones"
    }


def test_without_a_scale_nothing_is_in_um_and_the_notes_say_so() -> None:
    found = measure_photograph(VesselMasks(artery=_fork(), vein=_fork()), disc=Disc(150, 20, 40))
    assert not [name for name in found.values if name.endswith(("_um", "_um2"))]
    assert any(note.startswith("no scale") for note in found.notes)
    assert "artery and vein are the same mask" in found.notes


@pytest.mark.parametrize("bad", [0.0, -5.0, 0.0225, 201, math.nan, math.inf])
def test_a_scale_of_no_retina_is_refused(bad: float) -> None:
    with pytest.raises(UsageError, match=r"um_per_px .*: give micrometres per pixel, 0.5 to 200"):
        find_scale(bad)


@pytest.mark.parametrize("bad", [0.0, 1.8, 499, 4001, math.nan])
def test_a_disc_of_no_eye_is_refused(bad: float) -> None:
    with pytest.raises(UsageError, match=r"disc diameter .*: give micrometres, 500 to 4000"):
        find_scale(None, disc_diameter_um=bad)


@pytest.mark.parametrize("radius_px", [2.0, 3000.0])
def test_a_scale_of_no_retina_from_a_disc_is_refused(radius_px: float) -> None:
    with pytest.raises(UsageError, match=r"um per pixel, not 0.5 to 200; correct the disc"):
        find_scale(None, disc=Disc(10, 10, radius_px), disc_diameter_um=1800)


def test_a_disc_without_a_radius_is_refused() -> None:
    assert find_scale(None, disc=Disc(10, 10, 0), disc_diameter_um=1800) is None
    with pytest.raises(UsageError, match="disc radius"):
        measure_photograph(VesselMasks(vessels=_fork()), disc=Disc(10, 10, 0))


def test_masks_of_unlike_sizes_are_refused() -> None:
    with pytest.raises(ImageError, match="vein"):
        VesselMasks(artery=np.zeros((9, 9), bool), vein=np.zeros((9, 8), bool))
    with pytest.raises(ImageError, match="no mask"):
        VesselMasks()


def test_an_assumed_disc_diameter_gives_the_scale_and_is_recorded() -> None:
    scale = find_scale(None, disc=Disc(0, 0, 90), disc_diameter_um=1800)
    assert scale is not None
    assert scale.um_per_px == 10
    assert "assumed" in scale.source


def test_bennetts_formula_scales_with_the_axial_length_less_182() -> None:
    # A myopic eye of 26 mm: (26 - 1.82) / (24.09 - 1.82).
    assert bennett(26) == pytest.approx(1.08577, abs=1e-5)
    assert bennett(24.09) == 1
    with pytest.raises(UsageError, match="axial_length_mm"):
        bennett(3)


def test_pixels_that_only_close_gaps_count_for_the_graph_alone() -> None:
    mask = np.zeros((100, 300), bool)
    mask[46:53, 20:130] = True
    mask[46:53, 150:280] = True
    bridge = np.zeros_like(mask)
    bridge[49, 130:150] = True
    found = measure_photograph(
        VesselMasks(vessels=mask | bridge, reconnected={"vessel": bridge})
    ).values
    assert found["vessel_area_px2"] == int(mask.sum())
    assert found["vessel_components"] == 1
    assert found["vessel_caliber_mean_px"] == pytest.approx(7, abs=0.05)


def test_the_whole_field_is_the_frame_without_a_mask_of_it() -> None:
    mask = _fork()
    fov = np.ones_like(mask)
    with_fov = measure_photograph(VesselMasks(vessels=mask, fov=fov)).values
    assert measure_photograph(VesselMasks(vessels=mask)).values == with_fov


def test_vessels_outside_the_field_do_not_count() -> None:
    mask = _fork() | disc((300, 300), (10, 10), 6)
    fov = disc((300, 300), (150, 150), 140)
    found = measure_photograph(VesselMasks(vessels=mask, fov=fov)).values
    assert found["vessel_components"] == 1
