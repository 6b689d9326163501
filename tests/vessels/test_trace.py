"""The vessel graph of drawn masks, against their geometry."""

import math

import numpy as np
import pytest
import scipy.ndimage as ndi

from phantoms.shapes import Curve, arc, disc, draw_tube, draw_tubes, line, place, sine, turn
from venule.image.arrays import Mask
from venule.vessels.nodes import angle_deg
from venule.vessels.trace import HOLE_PX, connect_vessels, fill_small_holes, trace_vessels
from venule.vessels.tree import Segment, VesselTree


def _tube(curve: Curve, width: float, side: int = 300) -> Mask:
    return draw_tube((side, side), curve, width)


def _only(tree: VesselTree) -> Segment:
    (segment,) = tree.segments
    return segment


def test_an_empty_mask_has_no_vessels() -> None:
    tree = trace_vessels(np.zeros((40, 50), bool))
    assert (tree.segments, tree.nodes, tree.components) == ((), (), 0)


def test_one_pixel_is_a_component_without_a_centreline() -> None:
    mask = np.zeros((20, 20), bool)
    mask[7, 9] = True
    tree = trace_vessels(mask)
    assert (len(tree.segments), tree.components) == (0, 1)


@pytest.mark.parametrize("angle", [0, 8, 22.5, 30, 45, 77, 90])
@pytest.mark.parametrize("width", [3.0, 7.4, 16.0])
def test_a_line_is_as_long_as_it_was_drawn_whatever_its_angle(angle: float, width: float) -> None:
    curve = place(line((0, 0), angle, 200), center=(150.3, 149.8))
    segment = _only(trace_vessels(_tube(curve, width)))
    assert segment.length_px == pytest.approx(200, abs=1.5)
    assert segment.length_px / segment.chord_px == pytest.approx(1, abs=1e-4)


def test_the_calibre_of_lines_at_many_angles_and_places_is_unbiased() -> None:
    random = np.random.default_rng(3)
    misses = []
    for _ in range(30):
        width, angle = random.uniform(4, 12), random.uniform(0, 180)
        curve = place(line((0, 0), angle, 160), center=100 + random.uniform(size=2))
        segment = _only(trace_vessels(_tube(curve, width, 200)))
        misses.append(segment.mean_caliber_px - width)
    assert abs(np.mean(misses)) < 0.05
    assert np.abs(misses).max() < 0.5


@pytest.mark.parametrize("angle", [0, 20, 45])
def test_an_arc_has_the_curvature_of_its_circle(angle: float) -> None:
    curve = place(arc(120, 120), angle_deg=angle, center=(150, 150))
    segment = _only(trace_vessels(_tube(curve, 8)))
    assert segment.length_px == pytest.approx(120 * math.radians(120), rel=0.01)
    assert float(np.abs(segment.curvature).mean()) == pytest.approx(1 / 120, rel=0.03)


def test_points_run_in_path_order_without_jumps() -> None:
    curve = place(sine(25, 120, 2), angle_deg=33, center=(150, 150))
    segment = _only(trace_vessels(_tube(curve, 5)))
    steps = np.hypot(*np.diff(segment.points, axis=0).T)
    assert steps.min() > 0.5
    assert steps.max() < 1.5


def test_a_ring_is_one_closed_segment_as_long_as_its_circle() -> None:
    ring = disc((300, 300), (150.2, 149.7), 104) & ~disc((300, 300), (150.2, 149.7), 96)
    tree = trace_vessels(ring)
    segment = _only(tree)
    assert segment.closed
    assert tree.nodes == ()
    assert segment.length_px == pytest.approx(2 * math.pi * 100, rel=0.01)
    assert segment.mean_caliber_px == pytest.approx(8, abs=0.15)


@pytest.mark.parametrize("turned", [0, 17, 45])
@pytest.mark.parametrize("opening", [45, 70, 100])
def test_a_fork_has_one_junction_where_its_centrelines_meet(turned: float, opening: float) -> None:
    apex = (150.4, 150.2)
    arms = [line(apex, turned + heading, 100) for heading in (180, opening / 2, -opening / 2)]
    tree = trace_vessels(draw_tubes((300, 300), arms, 9))
    (junction,) = [node for node in tree.nodes if node.is_junction]
    assert not junction.is_crossing
    assert sum(node.is_end for node in tree.nodes) == 3
    assert np.hypot(*(junction.position - apex)) < 1
    angles = sorted(
        angle_deg(one.direction, other.direction)
        for place_, one in enumerate(junction.arms)
        for other in junction.arms[:place_]
    )
    assert angles[0] == pytest.approx(opening, abs=1.5)
    assert tree.length_px == pytest.approx(300, rel=0.01)


@pytest.mark.parametrize("opening", [25, 45, 90])
@pytest.mark.parametrize("width", [4, 12])
def test_two_lines_that_cross_make_one_crossing(opening: float, width: float) -> None:
    lines = [place(line((0, 0), 11 + h, 240), center=(150, 150.4)) for h in (0, opening)]
    tree = trace_vessels(draw_tubes((300, 300), lines, width))
    (crossing,) = [node for node in tree.nodes if node.is_junction]
    assert crossing.is_crossing
    assert len(crossing.arms) == 4
    assert sum(node.is_end for node in tree.nodes) == 4


def test_two_branches_on_opposite_sides_of_a_trunk_are_no_crossing() -> None:
    lines = [
        line((150, 30), 0, 240),
        line((150, 150), 60, 100),
        line((150, 150), -60, 100),
    ]
    tree = trace_vessels(draw_tubes((300, 300), lines, 8))
    (junction,) = [node for node in tree.nodes if node.is_junction]
    assert not junction.is_crossing


def test_a_bump_on_a_vessel_is_no_branch() -> None:
    mask = _tube(line((150, 40), 0, 220), 10)
    mask |= disc((300, 300), (143, 150), 4)
    tree = trace_vessels(mask)
    assert len(tree.segments) == 1


def test_a_flat_end_has_no_fork_and_ends_half_a_calibre_before_its_tip() -> None:
    mask = np.zeros((100, 300), bool)
    mask[40:60, 50:250] = True  # 20 wide, 200 long
    tree = trace_vessels(mask)
    assert len(tree.segments) == 1
    assert tree.length_px == pytest.approx(200 - 20, abs=4)


def test_small_holes_in_a_vessel_are_no_rings() -> None:
    mask = _tube(line((150, 40), 0, 220), 10)
    mask[149:151, 100:102] = False
    assert len(trace_vessels(mask).segments) == 1


def test_holes_between_vessels_stay() -> None:
    ring = disc((100, 100), (50, 50), 30) & ~disc((100, 100), (50, 50), 24)
    assert np.array_equal(fill_small_holes(ring), ring)


@pytest.mark.parametrize("seed", range(6))
def test_holes_are_what_four_neighbours_enclose_as_scipy_labels_them(seed: int) -> None:
    random = np.random.default_rng(seed)
    for _ in range(20):
        mask = random.random(random.integers(1, 50, 2)) < random.uniform(0, 1.05)
        labels, number = ndi.label(~mask)
        open_to = np.unique(
            np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1], [0]])
        )
        small = np.bincount(labels.ravel(), minlength=number + 1) <= HOLE_PX
        small[open_to] = False
        filled = fill_small_holes(mask)
        assert not (filled & ~mask)[np.isin(labels, open_to)].any()
        assert filled[small[labels] | mask].all()


def test_a_vessel_that_leaves_the_field_is_measured_to_its_border() -> None:
    mask = np.zeros((200, 200), bool)
    mask[95:105] = True  # from border to border
    assert trace_vessels(mask).length_px == pytest.approx(200, abs=2)
    fov = disc((200, 200), (99.5, 99.5), 80)
    inside = trace_vessels(mask & fov, fov)
    assert inside.length_px == pytest.approx(160, abs=3)
    assert _only(inside).mean_caliber_px == pytest.approx(10, abs=0.1)


def test_pixels_that_only_close_gaps_connect_but_have_no_calibre() -> None:
    mask = _tube(line((50, 20), 0, 110), 7, 200) | _tube(line((50, 150), 0, 30), 7, 200)
    bridge = np.zeros_like(mask)
    bridge[50, 130:150] = True
    bridge &= ~mask
    whole = mask | bridge
    tree = trace_vessels(whole, None, bridge)
    segment = _only(tree)
    assert tree.components == 1
    assert segment.length_px == pytest.approx(160, abs=1.5)
    assert segment.mean_caliber_px == pytest.approx(7, abs=0.2)
    assert np.isnan(segment.caliber_px).sum() >= bridge.sum() - 2


def test_a_long_winding_vessel_needs_no_recursion() -> None:
    rows = [np.array(((10 + 12 * n, 10.0), (10 + 12 * n, 990.0))) for n in range(80)]
    ends = [
        np.array(((r[0, 0], c), (r[0, 0] + 12, c))) for r, c in zip(rows, _sides(), strict=True)
    ]
    mask = draw_tubes((980, 1000), [*rows, *ends[:-1]], 3)
    tree = trace_vessels(mask)
    assert tree.components == 1
    assert tree.length_px == pytest.approx(80 * 980 + 79 * 12, rel=0.02)


def _sides() -> list[float]:
    return [990.0 if n % 2 == 0 else 10.0 for n in range(80)]


@pytest.mark.parametrize("quarter", [1, 2, 3])
def test_a_quarter_turn_changes_next_to_nothing(quarter: int) -> None:
    arms = [line((150, 150), heading, 100) for heading in (190, 25, -40)]
    mask = draw_tubes((300, 300), arms, 8)
    one, other = trace_vessels(mask), trace_vessels(np.rot90(mask, quarter))
    assert other.length_px == pytest.approx(one.length_px, rel=0.003)
    assert len(other.segments) == len(one.segments)


def test_a_shift_by_whole_pixels_changes_nothing() -> None:
    mask = _tube(place(sine(20, 100, 2), angle_deg=20, center=(140, 140)), 6)
    moved = np.roll(mask, (9, 13), axis=(0, 1))
    one, other = _only(trace_vessels(mask)), _only(trace_vessels(moved))
    assert other.length_px == pytest.approx(one.length_px, abs=1e-6)
    assert other.mean_caliber_px == pytest.approx(one.mean_caliber_px, abs=1e-6)


def test_curves_may_be_turned_before_they_are_drawn() -> None:
    curve = turn(line((0, 0), 0, 10), 90)
    assert curve[1] == pytest.approx((10, 0), abs=1e-12)


def test_a_loop_back_to_its_own_fork_has_no_chord() -> None:
    ring = disc((300, 300), (150, 120), 64) & ~disc((300, 300), (150, 120), 56)
    stalk = draw_tube((300, 300), line((150, 180), 0, 90), 8)
    tree = trace_vessels(ring | stalk)
    loops = [one for one in tree.segments if one.start == one.end]
    assert len(loops) == 1
    assert loops[0].chord_px == 0
    assert loops[0].length_px == pytest.approx(2 * np.pi * 60, rel=0.02)


@pytest.mark.parametrize("angle", [0, 25, 70])
def test_connected_vessels_have_the_nodes_of_traced_ones(angle: float) -> None:
    lines = [place(line((0, 0), turned, 220), center=(150, 150)) for turned in (angle, angle + 80)]
    branch = place(line((0, 0), angle + 40, 120), center=(210, 190))
    mask = draw_tubes((300, 300), [*lines, branch], 8)
    quick, whole = connect_vessels(mask), trace_vessels(mask)
    assert len(quick.segments) == len(whole.segments)
    assert quick.components == whole.components
    assert len(quick.nodes) == len(whole.nodes)
    for one, other in zip(quick.nodes, whole.nodes, strict=True):
        assert [arm.segment for arm in one.arms] == [arm.segment for arm in other.arms]
        if one.is_junction:
            assert np.hypot(*(one.position - other.position)) < 2
        for here, there in zip(one.arms, other.arms, strict=True):
            assert angle_deg(here.direction, there.direction) < 20
    widths = [segment.mean_caliber_px for segment in quick.segments]
    assert widths == pytest.approx([8] * len(widths), abs=1.5)


def test_an_empty_mask_connects_nothing() -> None:
    tree = connect_vessels(np.zeros((40, 50), bool))
    assert (tree.segments, tree.nodes, tree.components, tree.shape) == ((), (), 0, (40, 50))


def test_a_small_loop_on_one_fork_keeps_its_length() -> None:
    drawn = (
        "...######...",
        "....#..##...",
        "....#..##...",
        "....#.#.....",
        "...#...#....",
        "...##..##...",
        ".....##.....",
        "....#####...",
    )
    mask = np.pad(np.array([[pixel == "#" for pixel in row] for row in drawn]), 20)
    loops = [one for one in trace_vessels(mask).segments if one.start == one.end]
    assert [one.length_px > 5 for one in loops] == [True]
