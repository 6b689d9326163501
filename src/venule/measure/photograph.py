"""All measurements of one photograph's masks: an ordered mapping from column to value."""

import math
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from venule.errors import ImageError, UsageError
from venule.image.arrays import Mask, check_mask
from venule.image.fov import fit_outline
from venule.measure.definitions import MEASURES, STRUCTURES, UM, ZONES, Structure
from venule.measure.equivalents import MOST, calibers_in_ring, hubbard, knudtson
from venule.measure.scale import Scale
from venule.measure.view import ZONE_B, Disc, View, Zone, zone_mask
from venule.vessels.trace import trace_vessels
from venule.vessels.tree import VesselTree

Value = float | int | None
"""None is an empty cell: a value that could not be measured."""

MOST_VESSEL = 0.4
"""Share of the field above which a mask is not a vessel map, and its centrelines mean nothing."""

LEAST_ZONE = 0.75
"""Share of a zone in the field below which a note is written."""

MOST_STRETCHED = 1.05
"""Longer over shorter diameter of the field of view above which a note doubts square pixels."""

SURE = 0.5
"""Confidence of a disc up to which a note calls it unsure."""

COUNTS = frozenset({"area", "junctions", "bifurcations", "crossings", "endpoints", "components"})
"""Measures with integer values."""


@dataclass(frozen=True, kw_only=True, eq=False)
class VesselMasks:
    """The masks of one photograph, each (H, W) bool; at least one of vessels, artery or vein.

    Attributes:
        vessels: all vessels; without it, the arteries and veins together.
        fov: the field of view; the whole frame if None.
        square: False if the photograph's pixels are known not to be square.
        reconnected: by structure, the pixels of its mask that only close gaps.

    Raises:
        ImageError: a mask has another size or dtype, the field of view is empty, or there is no
            mask.
    """

    vessels: Mask | None = None
    artery: Mask | None = None
    vein: Mask | None = None
    fov: Mask | None = None
    square: bool = True
    reconnected: Mapping[Structure, Mask] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Raise ImageError for inconsistent masks."""
        named = {"vessels": self.vessels, "artery": self.artery, "vein": self.vein}
        given = {name: mask for name, mask in named.items() if mask is not None}
        if not given:
            raise ImageError("no mask to measure: give vessels, artery or vein")
        first = next(iter(given))
        shape = np.shape(given[first])
        if len(shape) != 2 or 0 in shape:
            raise ImageError(f"{first}: expected a bool mask (H, W), got shape {shape}")
        others = {f"reconnected {name}": mask for name, mask in self.reconnected.items()}
        if self.fov is not None:
            others["field of view"] = self.fov
        for name, mask in {**given, **others}.items():
            check_mask(mask, (shape[0], shape[1]), name=name)
        if self.fov is not None and not self.fov.any():
            raise ImageError("field of view: an empty mask; leave it out to measure the frame")

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        first = next(m for m in (self.vessels, self.artery, self.vein) if m is not None)
        return first.shape[0], first.shape[1]

    def of(self, structure: Structure) -> Mask | None:
        """The mask of a structure."""
        if structure != "vessel":
            return self.artery if structure == "artery" else self.vein
        if self.vessels is None and self.artery is not None and self.vein is not None:
            return np.asarray(self.artery | self.vein)
        return self.vessels


@dataclass(frozen=True, eq=False)
class Measurements:
    """Values by column, notes on why others are empty, and the vessels that were measured."""

    values: Mapping[str, Value]
    notes: tuple[str, ...]
    views: Mapping[Structure, View]
    disc: Disc | None = None
    scale: Scale | None = None


def measure_photograph(
    masks: VesselMasks,
    *,
    disc: Disc | None = None,
    scale: Scale | None = None,
    only: Collection[str] | None = None,
) -> Measurements:
    """Compute all measurements of one photograph, or `only` some columns of each structure.

    The columns are in the order of `all_columns`: pixel units first, then their equivalents in um
    if there is a scale. A value that cannot be measured is None, and `notes` says why.

    Raises:
        UsageError: the disc's radius is not above 0.
    """
    if disc is not None and not (math.isfinite(disc.radius_px) and disc.radius_px > 0):
        raise UsageError(f"disc radius {disc.radius_px:g} px: give a number above 0")
    fov = masks.fov if masks.fov is not None else np.ones(masks.shape, bool)
    notes = list(_notes(masks, disc, scale))
    views: dict[Structure, View] = {}
    for structure in STRUCTURES:
        mask = masks.of(structure)
        if mask is not None:
            views[structure], more = _view(structure, mask, fov, masks)
            notes += more
    if set(views) == set(STRUCTURES):
        parts = views["artery"], views["vein"]
        if np.array_equal(views["vessel"].mask, parts[0].mask | parts[1].mask):
            views["vessel"] = replace(views["vessel"], parts=parts)
    zones, more = _zones(fov, disc)
    notes += more
    values: dict[str, Value] = {}
    for structure, view in views.items():
        values |= _structure(structure, view, zones, disc, only)
    values |= _equivalents(views, zones, disc, scale)
    notes += _numbers(values)
    if {"artery", "vein"} <= set(views):
        names = ("artery_caliber_mean_px", "vein_caliber_mean_px")
        values["caliber_ratio"] = _ratio(*(values.get(name) for name in names))
    notes += _empty(values)
    return Measurements(
        {**values, **_in_um(values, scale)}, tuple(dict.fromkeys(notes)), views, disc, scale
    )


def _view(
    structure: Structure, mask: Mask, fov: Mask, masks: VesselMasks
) -> tuple[View, list[str]]:
    """The structure in the whole field of view, and notes on its mask."""
    inside = mask & fov
    closing = masks.reconnected.get(structure)
    measured = inside if closing is None else inside & ~closing
    share = np.count_nonzero(inside) / np.count_nonzero(fov)
    if share > MOST_VESSEL:
        tree = VesselTree(masks.shape, (), (), 0)
        note = f"{structure}: the mask covers {share:.0%} of the field and is no vessel map"
        return View(structure, measured, fov, tree, is_map=False), [note]
    tree = trace_vessels(inside, masks.fov, closing)
    notes = [] if inside.any() else [f"{structure}: the mask is empty in the field"]
    return View(structure, measured, fov, tree), notes


def _zones(fov: Mask, disc: Disc | None) -> tuple[dict[Zone, Mask], list[str]]:
    """The zones that overlap the field of view, and notes on the missing parts."""
    found, notes = {}, []
    for zone in ZONES if disc is not None else ():
        assert disc is not None
        ring = zone_mask((fov.shape[0], fov.shape[1]), zone, disc)
        area = math.pi * (zone.outer**2 - zone.inner**2) * disc.radius_px**2
        share = np.count_nonzero(ring & fov) / area
        if not (ring & fov).any():
            notes.append(f"{zone.name}: outside the field")
            continue
        if share < LEAST_ZONE:
            notes.append(f"{zone.name}: {share:.0%} of it in the field")
        found[zone] = ring & fov
    return found, notes


def _structure(
    structure: Structure,
    view: View,
    zones: Mapping[Zone, Mask],
    disc: Disc | None,
    only: Collection[str] | None,
) -> dict[str, Value]:
    """The columns of one structure: for the whole field of view, then for each zone."""
    values: dict[str, Value] = {}
    views = [("", view)]
    for zone, region in zones.items():
        views.append((zone.name, view.within(zone, disc, region)))
    for region_name, seen in views:
        for measure in MEASURES:
            column = measure.column(structure, region_name)
            if (measure.zones or not region_name) and (only is None or column in only):
                known = seen.is_map or measure.of_pixels
                values[column] = _value(measure.name, measure.of(seen)) if known else None
    return values


def _equivalents(
    views: Mapping[Structure, View],
    zones: Mapping[Zone, Mask],
    disc: Disc | None,
    scale: Scale | None,
) -> dict[str, Value]:
    """CRAE, CRVE and their ratio in zone B, with the number of vessels used."""
    if ZONE_B not in zones:
        return {}
    values: dict[str, Value] = {}
    found: dict[str, tuple[float, float]] = {}
    for structure in ("artery", "vein"):
        if structure not in views:
            continue
        view = views[structure]
        calibers = calibers_in_ring(view.within(ZONE_B, disc, zones[ZONE_B]))
        number = len(calibers) if view.is_map else None
        by_knudtson = knudtson(calibers, structure)
        values[f"{structure}_cre_knudtson_zone_b_px"] = _value("cre", by_knudtson)
        values[f"{structure}_cre_knudtson_zone_b_n"] = number
        by_hubbard = math.nan
        if scale is not None:
            by_hubbard = hubbard([one * scale.um_per_px for one in calibers], structure)
            values[f"{structure}_cre_hubbard_zone_b_um"] = _value("cre", by_hubbard)
            values[f"{structure}_cre_hubbard_zone_b_n"] = number
        found[structure] = (by_knudtson, by_hubbard)
    if len(found) == 2:
        values["avr_knudtson_zone_b"] = _ratio(found["artery"][0], found["vein"][0])
        if scale is not None:
            values["avr_hubbard_zone_b"] = _ratio(found["artery"][1], found["vein"][1])
    return values


def _numbers(values: Mapping[str, Value]) -> list[str]:
    """A note unless every equivalent rests on six vessels: they grow with the number."""
    counts = {
        plural: values[f"{structure}_cre_knudtson_zone_b_n"]
        for structure, plural in (("artery", "arteries"), ("vein", "veins"))
        if values.get(f"{structure}_cre_knudtson_zone_b_n") is not None
    }
    if all(count == MOST for count in counts.values()):
        return []
    found = " and ".join(f"{count} {plural}" for plural, count in counts.items())
    return [f"equivalents of {found}, not of six{' each' if len(counts) == 2 else ''}"]


def _in_um(values: Mapping[str, Value], scale: Scale | None) -> dict[str, Value]:
    """The equivalent in um of every column in a pixel unit."""
    twins: dict[str, Value] = {}
    for column, value in values.items() if scale is not None else ():
        assert scale is not None
        unit = unit_of(column)
        if unit in UM:
            name, power = UM[unit]
            twin = column.removesuffix(unit) + name
            twins[twin] = None if value is None else value * scale.um_per_px**power
    return twins


def unit_of(column: str) -> str:
    """The unit at the end of a column's name; empty if none."""
    known = ("per_px2", "per_px", "px2", "px", "per_um2", "per_um", "um2", "um", "rad", "deg")
    return next((unit for unit in known if column.endswith(f"_{unit}")), "")


def _notes(masks: VesselMasks, disc: Disc | None, scale: Scale | None) -> Iterator[str]:
    if masks.fov is None:
        yield "no field of view: the whole frame counts"
    stretch = 1.0 if masks.fov is None else fit_outline(masks.fov).stretch
    if not masks.square:
        yield "pixels are not square: lengths and angles depend on direction"
    elif stretch > MOST_STRETCHED:
        yield (
            f"field of view stretched by {stretch:.2f}: pixels seem not to be square, lengths and "
            "angles depend on direction"
        )
    if masks.artery is None or masks.vein is None:
        yield "no artery or no vein mask: no ratio of calibres and no AVR"
    if masks.of("vessel") is None:
        yield "no mask of all vessels"
    if disc is None:
        yield "no optic disc: no zones and no equivalents"
    elif disc.confidence <= SURE:
        yield f"unsure of the optic disc (confidence {disc.confidence:.2f}), and so of its zones"
    if scale is None:
        yield "no scale: nothing in um, no Hubbard equivalents"
    else:
        yield f"scale {scale.um_per_px:.4g} um/px: {scale.source}"
    if masks.artery is not None and masks.artery.any() and _same(masks.artery, masks.vein):
        yield "artery and vein are the same mask"


def _same(one: Mask, other: Mask | None) -> bool:
    return other is not None and bool(np.array_equal(one, other))


def _empty(values: Mapping[str, Value]) -> list[str]:
    """One note for all empty columns."""
    empty = [column for column, value in values.items() if value is None]
    return [f"not defined on these vessels: {', '.join(empty)}"] if empty else []


def _value(name: str, value: float) -> Value:
    if not math.isfinite(value):
        return None
    return int(value) if name in COUNTS else float(value)


def _ratio(first: Value, second: Value) -> Value:
    """A quotient, None unless both are finite and the second is above 0."""
    if first is None or second is None or not second > 0 or not math.isfinite(first):
        return None
    return first / second
