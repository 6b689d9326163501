"""The data dictionary: all columns in order, with their meaning."""

from collections.abc import Iterator
from dataclasses import dataclass

from venule.measure.definitions import MEASURES, STRUCTURES, UM, ZONES

_PIXELS = {"px": "px", "px2": "px2", "per_px": "1/px", "per_px2": "1/px2"}
_OTHERS = {"": "", "rad": "rad", "deg": "degrees", "um": "um", "um_per_px": "um/px", "mm": "mm"}
_MICRONS = {"um": "um", "um2": "um2", "per_um": "1/um", "per_um2": "1/um2"}
UNITS = {**_PIXELS, **_OTHERS, **_MICRONS}
"""Units as written outside column names."""

_SHORT = {
    "vessel": "v",
    "artery": "a",
    "vein": "w",
    "tortuosity": "tort",
    "inflections": "infl",
    "median": "md",
    "mean": "mn",
    "caliber": "cal",
    "density": "dens",
    "length": "len",
    "branching": "br",
    "coefficient": "coef",
    "components": "comp",
    "bifurcations": "bif",
    "crossings": "cross",
    "junctions": "junc",
    "endpoints": "ends",
    "sparsity": "spars",
    "lacunarity": "lacun",
    "fractal": "fd",
    "knudtson": "kn",
    "hubbard": "hb",
    "zone": "z",
}


def words(name: str, unit: str = "") -> str:
    """A column's name in words, without its unit."""
    bare = name.removesuffix(f"_{unit}") if unit else name
    found = bare.replace("_zone_b", ", zone B").replace("_zone_c", ", zone C").replace("_", " ")
    return found[:1].upper() + found[1:]


@dataclass(frozen=True)
class Column:
    """One column of measurements, as the data dictionary describes it."""

    name: str
    unit: str
    definition: str
    source: str
    canonical: str
    version: int = 1

    @property
    def label(self) -> str:
        """The name in words, with its unit."""
        shown = UNITS[self.unit]
        return words(self.name, self.unit) + (f" [{shown}]" if shown else "")

    @property
    def short_name(self) -> str:
        """A name of at most 32 letters, digits and underscores."""
        return "_".join(_SHORT.get(part, part) for part in self.name.split("_"))


def _about(name: str, definition: str, unit: str = "") -> Column:
    return Column(name, unit, definition, "", "")


ABOUT = (
    _about("id", "the photograph's name: that of its files, or as given"),
    _about("quality", "grade of the photograph: ok, usable or reject"),
    _about("laterality", "left or right eye: as stated, else derived from disc and fovea"),
    _about("mask_source", "predicted, corrected or manual; unknown if it is not stated"),
    _about("scale_um_per_px", "the scale used: um_per_px or an assumed one", "um_per_px"),
    _about("um_per_px", "length of a pixel, as given", "um_per_px"),
    _about("axial_length_mm", "axial length of the eye, as given", "mm"),
    _about("disc_x", "column of the disc's centre, as given; 0 at the first pixel's centre", "px"),
    _about("disc_y", "row of the disc's centre, as given; 0 at the first pixel's centre", "px"),
    _about("disc_radius_px", "radius of the circle with the disc's area, as given", "px"),
    _about("disc_confidence", "0 to 1, as given; up to 0.5 the disc is doubtful"),
    _about("measure", "name of the measurement, in a table of one row per value"),
    _about("value", "its value"),
    _about("unit", "its unit"),
    _about("notes", "why cells are empty, and what to consider; separated by ;"),
)
"""The columns beside the measurements: the photograph's, and those of its input."""


def all_columns() -> tuple[Column, ...]:
    """All possible columns in table order: px first, then their equivalents in um."""
    plain = [column for structure in STRUCTURES for column in _of_structure(structure)]
    plain += _equivalents()
    plain.append(
        Column(
            "caliber_ratio",
            "",
            "artery_caliber_mean_px / vein_caliber_mean_px",
            "venule",
            "avr/ratio-of-calibres/both",
        )
    )
    return (*plain, *(twin for column in plain for twin in _twin(column)))


def _of_structure(structure: str) -> Iterator[Column]:
    plural = "vessels" if structure == "vessel" else structure
    for region in ("", *(zone.name for zone in ZONES)):
        for measure in MEASURES:
            if region and not measure.zones:
                continue
            where = f"; within {region.replace('_', ' ')}" if region else ""
            canonical = f"{measure.canonical}/{plural}" if measure.canonical and not region else ""
            yield Column(
                measure.column(structure, region),
                measure.unit,
                measure.formula + where,
                measure.source,
                canonical,
                measure.version,
            )


def _equivalents() -> Iterator[Column]:
    ring = "of the six widest vessels in zone B"
    kinds = (
        ("knudtson", "px", "Knudtson et al. 2003", 2),
        ("hubbard", "um", "Hubbard et al. 1999", 3),
    )
    for structure in ("artery", "vein"):
        for kind, unit, source, version in kinds:
            name = f"{structure}_cre_{kind}_zone_b"
            canonical = f"central-retinal-equivalents/{kind}/{structure}"
            formula = f"{kind} equivalent {ring}"
            yield Column(f"{name}_{unit}", unit, formula, source, canonical, version)
            yield Column(f"{name}_n", "", f"vessels that {name}_{unit} rests on", source, "")
    for kind, unit, source, version in kinds:
        formula = f"artery_cre_{kind}_zone_b_{unit} / vein_cre_{kind}_zone_b_{unit}"
        yield Column(f"avr_{kind}_zone_b", "", formula, source, f"avr/{kind}/both", version)


def _twin(column: Column) -> Iterator[Column]:
    if column.unit not in UM:
        return
    unit, power = UM[column.unit]
    yield Column(
        column.name.removesuffix(column.unit) + unit,
        unit,
        f"{column.name} x (um/px)^{power}",
        column.source,
        column.canonical,
        column.version,
    )
