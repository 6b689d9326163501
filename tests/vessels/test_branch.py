"""A vessel with what branches from it, on drawn trees whose parts are known."""

import numpy as np
import pytest

from venule.image.arrays import Mask
from venule.image.artery_vein import ARTERY, VEIN
from venule.vessels.branch import Owners, branch_of, nearest_vessel_pixel, retype
from venule.vessels.extend import extend_types
from venule.vessels.trace import trace_vessels
from venule.vessels.types import owners

DISC = (100.0, 10.0, 12.0)


def _line(mask: Mask, start: tuple[int, int], end: tuple[int, int], wide: int = 5) -> None:
    steps = 4 * max(abs(end[0] - start[0]), abs(end[1] - start[1]))
    for row, column in np.linspace(start, end, steps).round().astype(int):
        mask[row - wide // 2 : row + wide // 2 + 1, column - wide // 2 : column + wide // 2 + 1] = 1


def _eye() -> Mask:
    """A trunk from the disc that forks into an upper and a lower branch; the lower is crossed by a
    vessel that runs down from above."""
    mask = np.zeros((200, 260), bool)
    _line(mask, (100, 22), (100, 100))
    _line(mask, (100, 100), (60, 150))
    _line(mask, (100, 100), (150, 200))
    _line(mask, (150, 200), (150, 250))
    _line(mask, (95, 215), (190, 215))
    return mask


def _segment_at(owner: Owners, place: tuple[int, int]) -> int:
    pixel = nearest_vessel_pixel(owner, *place, reach=6)
    assert pixel is not None
    return int(owner[pixel])


def _changed(place: tuple[int, int], *, tree: bool) -> Mask:
    mask = _eye()
    graph = trace_vessels(mask)
    owner = owners(mask, graph)
    at = _segment_at(owner, place)
    chosen = branch_of(graph, at, DISC) if tree else frozenset([at])
    types = mask * np.uint8(ARTERY)
    return np.asarray(retype(types, mask, graph, owner, chosen, VEIN) & VEIN > 0)


def test_a_branch_takes_what_follows_it_and_not_its_trunk() -> None:
    changed = _changed((125, 150), tree=True)  # the lower branch, before the crossing
    assert changed[125, 150]
    assert changed[150, 245]  # beyond the crossing
    assert not changed[100, 60]  # the trunk
    assert not changed[75, 131]  # the other branch
    assert not changed[105, 215]  # the vessel that crosses, above
    assert not changed[185, 215]  # and below


def test_a_trunk_takes_both_branches() -> None:
    changed = _changed((100, 60), tree=True)
    assert changed[75, 131]
    assert changed[125, 150]
    assert not changed[105, 215]


def test_a_segment_alone_leaves_the_rest() -> None:
    changed = _changed((100, 60), tree=False)
    assert changed[100, 60]
    assert not changed[75, 131]


def test_both_types_are_where_two_vessels_cross() -> None:
    mask = _eye()
    graph = trace_vessels(mask)
    owner = owners(mask, graph)
    at = _segment_at(owner, (125, 150))
    types = mask * np.uint8(ARTERY)
    changed = retype(types, mask, graph, owner, branch_of(graph, at, DISC), VEIN)
    assert changed[150, 215] == ARTERY | VEIN
    back = retype(changed, mask, graph, owner, branch_of(graph, at, DISC), ARTERY)
    assert np.array_equal(back, types)


def test_no_segment_is_far_from_all_vessels() -> None:
    mask = _eye()
    assert nearest_vessel_pixel(owners(mask, trace_vessels(mask)), 20, 20, reach=10) is None


def test_the_nearest_pixel_of_a_vessel_is_found_beside_it() -> None:
    mask = _eye()
    assert nearest_vessel_pixel(owners(mask, trace_vessels(mask)), 93, 60, reach=10) == (98, 60)


@pytest.mark.parametrize("beside", [ARTERY, VEIN])
def test_what_is_added_beside_a_vessel_has_its_type(beside: int) -> None:
    types = np.zeros((9, 9), np.uint8)
    types[4, :4] = beside
    added = np.zeros((9, 9), bool)
    added[4, 4:7] = True  # goes on
    added[0, 8] = True  # touches nothing
    extended = extend_types(types, added)
    assert extended[4].tolist() == [beside] * 7 + [0, 0]
    assert extended[0, 8] == 0


def test_a_bridge_has_the_type_that_most_pixels_beside_it_have() -> None:
    types = np.zeros((5, 9), np.uint8)
    types[1:4, :3], types[2, 5:] = VEIN, ARTERY
    added = np.zeros((5, 9), bool)
    added[1:4, 3], added[2, 4] = True, True
    extended = extend_types(types, added)
    assert set(extended[added].tolist()) == {VEIN}
    assert (extended[~added] == types[~added]).all()


def test_a_vessel_across_two_that_touch_leaves_both_their_types() -> None:
    rows, columns = np.mgrid[:200, :200]
    artery, vein = abs(rows - 97) < 3, (abs(rows - 102) < 4) & (rows > 99)
    across = abs(columns - 100) < 4
    mask = (artery | vein | across) & (columns > 9) & (columns < 190) & (rows > 9) & (rows < 190)
    types = np.where(artery, ARTERY, VEIN).astype(np.uint8) * mask
    types[artery & across] = ARTERY | VEIN
    graph = trace_vessels(mask)
    owner = owners(mask, graph)
    chosen = frozenset(int(owner[row, 100]) for row in (20, 180))
    changed = retype(types, mask, graph, owner, chosen, VEIN)
    lost = (types & ARTERY) > (changed & ARTERY)
    assert lost.sum() < 20


@pytest.mark.parametrize(("clicked", "other"), [(ARTERY, VEIN), (VEIN, ARTERY)])
def test_of_two_vessels_that_touch_only_the_one_clicked_changes(clicked: int, other: int) -> None:
    rows, columns = np.mgrid[:120, :200]
    upper = (rows > 54) & (rows < 60) & (columns > 9) & (columns < 190)
    lower = (rows > 59) & (rows < 65) & (columns > 9) & (columns < 190)
    mask = upper | lower
    types = (upper * np.uint8(clicked) + lower * np.uint8(other)).astype(np.uint8)
    graph = trace_vessels(mask)
    owner = owners(mask, graph)
    chosen = frozenset(range(len(graph.segments)))
    changed = retype(types, mask, graph, owner, chosen, other, clicked=clicked)
    assert np.array_equal(changed, mask * np.uint8(other))
    erased = retype(types, mask, graph, owner, chosen, 0, clicked=clicked)
    assert np.array_equal(erased, lower * np.uint8(other))
    same = retype(types, mask, graph, owner, chosen, clicked, clicked=clicked)
    assert np.array_equal(same, types)


def test_a_few_pixels_of_another_type_change_with_their_vessel() -> None:
    mask = _eye()
    graph = trace_vessels(mask)
    owner = owners(mask, graph)
    types = mask * np.uint8(ARTERY)
    types[98:103, 40:45] = VEIN
    chosen = frozenset([int(owner[100, 60])])
    changed = retype(types, mask, graph, owner, chosen, VEIN, clicked=ARTERY)
    assert (changed[98:103, 30:60] == VEIN).all()
