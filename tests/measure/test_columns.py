"""The data dictionary."""

import csv
from io import StringIO

import pytest

from phantoms.shapes import draw_tubes, line
from venule.measure.columns import all_columns
from venule.measure.photograph import VesselMasks, measure_photograph
from venule.measure.scale import Scale
from venule.measure.table import Row, dictionary, segment_lines, segments, tidy, wide
from venule.measure.view import Disc

LONGEST_NAME = 32
"""Longest column name that Stata and SAS accept."""


def _mask() -> VesselMasks:
    one = draw_tubes((300, 300), [line((100, 30), 0, 240)], 6)
    other = draw_tubes((300, 300), [line((200, 30), 0, 240)], 9)
    return VesselMasks(artery=one, vein=other)


def _read(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(StringIO(text)))


def test_names_and_short_names_are_unique_and_short_enough() -> None:
    columns = all_columns()
    assert len({column.name for column in columns}) == len(columns)
    assert len({column.short_name for column in columns}) == len(columns)
    for column in columns:
        assert len(column.short_name) <= LONGEST_NAME
        assert column.short_name.isidentifier()


def test_every_measured_column_is_in_the_dictionary() -> None:
    found = measure_photograph(_mask(), disc=Disc(150, 150, 40), scale=Scale(5, "given"))
    known = {line["column"] for line in _read(dictionary())}
    assert set(found.values) <= known


def test_short_names_of_the_dictionary_are_unique() -> None:
    for kind in ("column", "label", "short_name"):
        names = [line[kind] for line in _read(dictionary())]
        assert len({*names}) == len(names)


def test_labels_are_names_in_words_with_the_unit_behind() -> None:
    labels = {line["column"]: line["label"] for line in _read(dictionary())}
    assert labels["vein_caliber_mean_zone_b_px"] == "Vein caliber mean, zone B [px]"
    assert labels["artery_tortuosity_tau5_median_per_px2"] == (
        "Artery tortuosity tau5 median [1/px2]"
    )
    assert labels["um_per_px"] == "Um per px [um/px]"
    assert labels["scale_um_per_px"] == "Scale [um/px]"


def test_canonical_names_are_those_of_the_catalogue() -> None:
    names = {line["column"]: line["canonical_name"] for line in _read(dictionary())}
    assert names["vessel_density"] == "vascular-density/over-field-of-view/vessels"
    assert names["artery_tortuosity_tau5_median_per_px2"] == "tortuosity/hart-tau5/artery"
    assert names["avr_knudtson_zone_b"] == "avr/knudtson/both"
    assert names["vein_cre_hubbard_zone_b_um"] == "central-retinal-equivalents/hubbard/vein"


def test_a_wide_table_has_the_id_first_and_what_passes_through_beside_it() -> None:
    found = measure_photograph(_mask())
    rows = [
        Row("b", {"person": "7", "eye": "left"}, found.values, ("one", "two")),
        Row("a", {"person": "=1+1", "refraction": "-2.25"}, {}, ("failed: no file",)),
    ]
    lines = _read(wide(rows))
    assert list(lines[0])[:4] == ["id", "person", "eye", "refraction"]
    assert list(lines[0])[-1] == "notes"
    assert lines[0]["notes"] == "one; two"
    assert (lines[1]["person"], lines[1]["refraction"]) == ("'=1+1", "-2.25")
    assert lines[1]["vessel_density"] == ""


def test_a_tidy_table_has_a_row_for_each_value() -> None:
    found = measure_photograph(_mask())
    lines = _read(tidy([Row("x", {}, found.values, ("note",))]))
    assert len(lines) == len(found.values)
    assert {line["measure"] for line in lines} == set(found.values)
    assert [line["unit"] for line in lines if line["measure"] == "vessel_area_px2"] == ["px2"]


def test_the_segments_table_has_a_row_for_each_segment_of_each_structure() -> None:
    lines = _read(segments(segment_lines("x", measure_photograph(_mask()))))
    assert [line["structure"] for line in lines] == ["vessel", "vessel", "artery", "vein"]
    lengths = [float(line["length_px"]) for line in lines]
    assert all(abs(length - 240) < 2 for length in lengths)


def test_a_segment_too_short_for_a_shape_has_none_in_the_segments_table() -> None:
    mask = draw_tubes((300, 300), [line((100, 30), 0, 240), line((200, 30), 0, 9)], 5)
    long, short = sorted(
        _read(segments(segment_lines("x", measure_photograph(VesselMasks(vessels=mask))))),
        key=lambda one: -float(one["length_px"]),
    )
    assert float(long["tortuosity_tau1"]) == pytest.approx(1)
    assert float(short["length_px"]) > 5
    assert {short[name] for name in short if name.startswith(("tortuosity", "inflections"))} == {""}


def test_an_id_with_a_carriage_return_is_one_cell() -> None:
    table = segments([{"id": "a\r=1", "segment": 3}])
    (row,) = csv.DictReader(StringIO(table, newline=""))
    assert (row["id"], row["segment"]) == ("a\r=1", "3")
