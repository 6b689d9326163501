"""Masks in folders and tables, and that files give what the analysis gave."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from phantoms.shapes import Mask, draw_tubes, line
from support.trees import save
from venule.analysis.columns import COLUMNS, Columns, report_columns
from venule.analysis.mask_files import find_masks
from venule.analysis.measuring_files import Assumptions, measure_files
from venule.analysis.read_masks import load
from venule.errors import DatasetError, ImageError, UsageError
from venule.image.artery_vein import color_types
from venule.image.optic_disc import Disc as LandmarkDisc


def _mask(row: float = 60.3, width: float = 6) -> Mask:
    return draw_tubes((120, 160), [line((row, 20), 0, 120)], width)


def _table(folder: Path, text: str) -> Path:
    path = folder / "in" / "masks.csv"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def test_a_folder_of_masks_gives_a_photograph_for_each(tmp_path: Path) -> None:
    save(tmp_path / "a.png", _mask())
    save(tmp_path / "b_mask.png", _mask())
    save(tmp_path / "b_fov.png", np.ones((120, 160), bool))
    save(tmp_path / "b_overlay.png", _mask())
    entries = find_masks(tmp_path)
    assert [entry.id for entry in entries] == ["a", "b"]
    assert set(entries[1].files) == {"vessels", "fov"}
    assert load(entries[0]).mask_source == "unknown"


def test_an_empty_folder_and_a_missing_file_are_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no masks"):
        find_masks(tmp_path)
    with pytest.raises(UsageError, match="not found"):
        find_masks(tmp_path / "nothing.csv")


def test_paths_in_a_table_are_relative_to_it_and_other_columns_pass_through(
    tmp_path: Path,
) -> None:
    save(tmp_path / "in" / "m" / "x.png", _mask())
    path = _table(
        tmp_path,
        "id,vessels,disc_x_px,disc_y_px,disc_radius_px,um_per_px,person,eye,visit\n"
        "x1,m/x.png,80,60,12,5.5,p7,left,2\n",
    )
    (entry,) = find_masks(path)
    row, found = measure_files(entry)
    assert row.id == "x1"
    assert (row.passed["person"], row.passed["eye"], row.passed["visit"]) == ("p7", "left", "2")
    assert found.disc is not None
    assert (found.disc.column, found.disc.row, found.disc.radius_px) == (80, 60, 12)
    assert row.values["vessel_caliber_mean_um"] == pytest.approx(5.5 * 6, abs=3)


def test_the_source_of_a_mask_is_what_the_table_states(tmp_path: Path) -> None:
    save(tmp_path / "in" / "x.png", _mask())
    text = "id,vessels,mask_source\na,x.png,manual\nb,x.png,Predicted\nc,x.png,\n"
    entries = find_masks(_table(tmp_path, text))
    assert [load(one).mask_source for one in entries] == ["manual", "predicted", "unknown"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("id,vesels\na,x.png\n", "did you mean vessels"),
        ("id,vessels\n,x.png\n", "has no id"),
        ("id,vessels\na,x.png\na,y.png\n", "in two rows"),
        ("id,vessels,fov\na,,f.png\n", "names no mask"),
        ("id,artery,vein\na,x.png,x.png\n", "names one file as two masks"),
        ("id,artery,artery\na,x.png,y.png\n", "occurs twice"),
        ("id,vessels,disc_x\na,x.png,left\n", "is not a number"),
        ("id,vessels,mask_source\na,x.png,drawn\n", "mask_source"),
        ("id,vessels\na\n", "more or fewer cells"),
        ("id,vessels\n", "no rows"),
    ],
)
def test_a_table_that_cannot_be_used_is_told_in_one_line(
    tmp_path: Path, text: str, message: str
) -> None:
    with pytest.raises((DatasetError, UsageError), match=message) as told:
        find_masks(_table(tmp_path, text))
    assert "\n" not in str(told.value)


def test_masks_of_unlike_sizes_are_told(tmp_path: Path) -> None:
    save(tmp_path / "in" / "a.png", _mask())
    save(tmp_path / "in" / "v.png", _mask()[:100])
    (entry,) = find_masks(_table(tmp_path, "id,artery,vein\nx,a.png,v.png\n"))
    with pytest.raises(ImageError, match="vein"):
        measure_files(entry)


def test_a_report_gives_each_mask_its_own_disc_whatever_its_name(tmp_path: Path) -> None:
    outputs = {"b": "b_mask.png", "z;b": r"z\;b_mask.png", "-od": "'-od_mask.png"}
    lines = ["outputs,disc_x_px,disc_y_px,disc_radius_px"]
    for place, (name, output) in enumerate(outputs.items(), 1):
        save(tmp_path / f"{name}_mask.png", _mask())
        lines.append(f"{output},{place},60,9")
    (tmp_path / "report.csv").write_text("\n".join(lines), encoding="utf-8")
    for source in (tmp_path, tmp_path / "report.csv"):
        found = find_masks(source)
        discs = {one.id: one.disc.column for one in found if one.disc is not None}
        assert discs == {"b": 1, "z;b": 2, "-od": 3}
        assert all(one.files["vessels"].is_file() for one in found)


def test_a_report_gives_arteries_and_veins_with_or_without_a_mask_of_vessels(
    tmp_path: Path,
) -> None:
    for name in ("a", "b"):
        Image.fromarray(color_types(_mask(40.3), _mask(43.3))).save(tmp_path / f"{name}_av.png")
    save(tmp_path / "b_mask.png", _mask())
    (tmp_path / "report.csv").write_text(
        "outputs,quality,laterality,disc_x_px,disc_y_px,disc_radius_px,person\n"
        "a_av.png,ok,left,80,60,12,p7\nb_mask.png;b_av.png,ok,left,80,60,12,p7\n"
        "c_prob.png,ok,left,80,60,12,p7\n",
        encoding="utf-8",
    )
    listed, found = find_masks(tmp_path / "report.csv"), find_masks(tmp_path)
    assert [{*one.files} for one in listed] == [{"av"}, {"vessels", "av"}]
    for one, other in zip(listed, found, strict=True):
        assert (one.id, one.files, one.disc) == (other.id, other.files, other.disc)
        assert one.passed == {**other.passed, "person": "p7"}
        assert other.passed == {"quality": "ok", "laterality": "left"}


def test_of_a_report_only_grade_eye_and_what_a_user_added_pass_through(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(COLUMNS, "new", Columns(("new_column",), lambda _: {}))
    names = [*report_columns(), "person"]
    assert {"path", "warnings", "uncertainty", "acquired", "new_column"} < {*names}
    cells = ["a_mask.png" if name == "outputs" else "7" for name in names]
    path = tmp_path / "report.csv"
    path.write_text(f"{','.join(names)}\n{','.join(cells)}\n", encoding="utf-8")
    assert [{*one.passed} for one in find_masks(path)] == [{"quality", "laterality", "person"}]


@pytest.mark.parametrize("scale", ["-4", "0.0225"])
def test_a_scale_of_no_retina_is_told(tmp_path: Path, scale: str) -> None:
    save(tmp_path / "in" / "a.png", _mask())
    (entry,) = find_masks(_table(tmp_path, f"id,vessels,um_per_px\nx,a.png,{scale}\n"))
    with pytest.raises(UsageError, match=f"um_per_px {scale}: give micrometres per pixel"):
        measure_files(entry)


def test_an_axial_length_corrects_the_scale(tmp_path: Path) -> None:
    save(tmp_path / "in" / "a.png", _mask())
    text = "id,vessels,um_per_px,axial_length_mm\nx,a.png,5,26\n"
    (entry,) = find_masks(_table(tmp_path, text))
    row, _ = measure_files(entry)
    assert row.passed["scale_um_per_px"] == pytest.approx(5 * (26 - 1.82) / (24.09 - 1.82))
    assert any("Bennett" in note for note in row.notes)


def test_an_assumed_disc_scales_where_the_input_has_no_scale(tmp_path: Path) -> None:
    save(tmp_path / "in" / "a.png", _mask())
    text = "id,vessels,disc_x,disc_y,disc_radius_px\nx,a.png,80,60,100\n"
    (entry,) = find_masks(_table(tmp_path, text))
    row, _ = measure_files(entry, Assumptions(disc_diameter_um=1800))
    assert row.passed["scale_um_per_px"] == 9


@pytest.mark.parametrize(
    ("columns", "cells", "note"),
    [
        ("disc_x,disc_radius_px", "80,12", "disc_x and disc_radius_px not used: no disc_y"),
        ("disc_x,disc_y", "80,60", "disc_x and disc_y not used: no disc_radius_px"),
        ("axial_length_mm", "26", "axial_length_mm not used: no scale"),
        (
            "axial_length_mm,disc_x,disc_y,disc_radius_px",
            "26,80,60,100",
            "axial_length_mm not used: the scale is that of the assumed disc",
        ),
        ("laterality", "both", "laterality 'both' not used: give left or right"),
    ],
)
def test_what_a_table_states_and_is_not_used_is_noted(
    tmp_path: Path, columns: str, cells: str, note: str
) -> None:
    save(tmp_path / "in" / "a.png", _mask())
    (entry,) = find_masks(_table(tmp_path, f"id,vessels,{columns}\nx,a.png,{cells}\n"))
    row, _ = measure_files(entry, Assumptions(disc_diameter_um=1800))
    assert note in row.notes


@pytest.mark.parametrize(
    ("stated", "side"),
    [("L", "left"), ("os", "left"), ("Right", "right"), ("OD", "right"), ("both", "")],
)
def test_the_eye_is_left_or_right_however_it_is_written(
    tmp_path: Path, stated: str, side: str
) -> None:
    (entry,) = find_masks(_table(tmp_path, f"id,vessels,laterality\nx,a.png,{stated}\n"))
    assert entry.passed["laterality"] == side


def test_a_picture_of_arteries_and_veins_is_read_by_its_colours(tmp_path: Path) -> None:
    artery, vein = _mask(40.3), _mask(43.3)
    Image.fromarray(color_types(artery, vein)).save(tmp_path / "x_av.png")
    (entry,) = find_masks(tmp_path)
    masks = load(entry).masks
    assert masks.artery is not None
    assert masks.vein is not None
    assert np.array_equal(masks.artery, artery)
    assert np.array_equal(masks.vein, vein)
    row, _ = measure_files(entry)
    assert row.values["artery_area_px2"] == int(artery.sum())


def test_a_corrected_disc_that_another_program_has_saved_counts_by_its_pixels(
    tmp_path: Path,
) -> None:
    drawn = LandmarkDisc(x=30.4, y=60.2, major_px=14, minor_px=11, angle=0.5, confidence=1)
    save(tmp_path / "eye_mask.png", _mask())
    save(tmp_path / "eye_disc.corrected.png", drawn.mask((120, 160)))
    (entry,) = find_masks(tmp_path)
    assert entry.disc is not None
    assert (entry.disc.column, entry.disc.row) == pytest.approx((drawn.x, drawn.y), abs=0.2)
    assert entry.disc.radius_px == pytest.approx(drawn.radius_px, rel=0.02)
    row, _ = measure_files(entry)
    assert "optic disc corrected" in row.notes
    save(tmp_path / "eye_disc.corrected.png", np.zeros((120, 160), bool))  # none is there
    assert find_masks(tmp_path)[0].disc is None


@pytest.mark.parametrize(
    ("name", "id", "kind", "source"),
    [
        ("eye.png", "eye", "vessels", "unknown"),
        ("eye_artery.png", "eye", "artery", "unknown"),
        ("eye_mask.corrected.png", "eye", "vessels", "corrected"),
    ],
)
def test_a_single_file_is_what_its_name_says(
    tmp_path: Path, name: str, id: str, kind: str, source: str
) -> None:
    save(tmp_path / name, _mask())
    (entry,) = find_masks(tmp_path / name)
    assert (entry.id, [*entry.files]) == (id, [kind])
    assert load(entry).mask_source == source


@pytest.mark.parametrize("name", ["eye_disc.png", "eye_prob.png", "eye_fov.png"])
def test_a_single_file_that_is_no_mask_of_vessels_is_told(tmp_path: Path, name: str) -> None:
    save(tmp_path / name, _mask())
    with pytest.raises(UsageError, match="not a mask of vessels"):
        find_masks(tmp_path / name)


def test_a_corrected_mask_in_a_table_is_corrected(tmp_path: Path) -> None:
    save(tmp_path / "in" / "a_mask.corrected.png", _mask())
    (entry,) = find_masks(_table(tmp_path, "id,vessels\na,a_mask.corrected.png\n"))
    assert load(entry).mask_source == "corrected"


def test_a_correction_of_a_probability_map_has_the_disc_of_its_row(tmp_path: Path) -> None:
    save(tmp_path / "a_mask.corrected.png", _mask())
    (tmp_path / "report.csv").write_text(
        "outputs,quality,disc_x_px,disc_y_px,disc_radius_px\na_prob.png,ok,80,60,12\n"
        "b_prob.png,ok,80,60,12\n",
        encoding="utf-8",
    )
    for source in (tmp_path, tmp_path / "report.csv"):
        (entry,) = find_masks(source)
        assert entry.id == "a"
        assert entry.disc is not None
        assert entry.passed["quality"] == "ok"


DOUBT = "stated as a left eye, but disc and fovea look like a right one: mislabelled or mirrored?"


@pytest.mark.parametrize("source", ["", "report.csv"])
def test_the_reasons_of_a_grade_and_a_doubtful_laterality_are_noted(
    tmp_path: Path, source: str
) -> None:
    for name in ("a", "b"):
        save(tmp_path / f"{name}_mask.png", _mask())
    (tmp_path / "report.csv").write_text(
        "outputs,quality,quality_reasons,landmarks_reasons\n"
        f'a_mask.png,usable,several fields of view; blurred,"no fovea; {DOUBT}"\n'
        "b_mask.png,ok,,\n",
        encoding="utf-8",
    )
    first, second = find_masks(tmp_path / source)
    row, _ = measure_files(first)
    assert row.passed["quality"] == "usable"
    assert row.notes[0] == "grade usable: several fields of view, blurred"
    assert row.notes[1] == DOUBT
    assert not any("grade" in note for note in measure_files(second)[0].notes)
