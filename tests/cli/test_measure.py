"""`venule measure`: tables of masks, and the same values as `predict --measure`."""

import csv
import gc
import json
import weakref
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from phantoms.shapes import Mask, draw_tubes, line
from support.commands import Run
from support.trees import save
from venule.analysis.mask_files import MaskFiles
from venule.analysis.measuring_files import Assumptions, measure_files
from venule.measure.photograph import Measurements
from venule.measure.table import Row
from venule.synth.fundus import synthesize_fundus


def _mask() -> Mask:
    return draw_tubes((120, 160), [line((60.3, 20), 0, 120), line((60.3, 80), 60, 40)], 6)


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_a_folder_of_masks_becomes_a_table_with_its_record(venule: Run, tmp_path: Path) -> None:
    save(tmp_path / "masks" / "a.png", _mask())
    save(tmp_path / "masks" / "deep" / "b.png", _mask())
    ran = venule("measure", tmp_path / "masks", "-o", tmp_path / "table.csv")
    assert ran.code == 0, ran.err
    rows = _rows(tmp_path / "table.csv")
    assert [row["id"] for row in rows] == ["a", "deep/b"]
    assert rows[0]["vessel_junctions"] == "1"
    record = json.loads((tmp_path / "table.run.json").read_text(encoding="utf-8"))
    assert record["definitions"]["vessel_density"]["version"] == 1
    assert record["zones_in_disc_radii"]["zone_b"] == [2, 3]


def test_shards_are_to_be_merged_first(venule: Run, tmp_path: Path) -> None:
    save(tmp_path / "out" / "a_mask.png", _mask())
    (tmp_path / "out" / ".venule-1-of-2.sqlite").touch()
    ran = venule("measure", tmp_path / "out", "-o", tmp_path / "table.csv")
    assert ran.code == 2
    assert "holds shards that are not merged; run venule merge first" in ran.err
    assert not (tmp_path / "table.csv").exists()


def test_all_its_tables_and_pictures_are_written(venule: Run, tmp_path: Path) -> None:
    save(tmp_path / "m.png", _mask())
    (tmp_path / "in.csv").write_text(
        "id,artery,vein,disc_x,disc_y,disc_radius_px,person\nx,m.png,v.png,20,60,15,p1\n",
        encoding="utf-8",
    )
    save(tmp_path / "v.png", _mask()[::-1])
    out = tmp_path / "out"
    out.mkdir()
    ran = venule(
        "measure",
        tmp_path / "in.csv",
        *("-o", out / "t.csv", "--tidy", "--disc-diameter-um", "1800"),
        *("--segments", out / "s.csv", "--dictionary", out / "d.csv", "--draw", out / "pictures"),
    )
    assert ran.code == 0, ran.err
    tidy = _rows(out / "t.csv")
    assert {row["person"] for row in tidy} == {"p1"}
    assert {row["scale_um_per_px"] for row in tidy} == {"60"}
    assert len(_rows(out / "s.csv")) > 3
    dictionary = {row["column"]: row["definition"] for row in _rows(out / "d.csv")}
    assert all(dictionary.values())
    assert {*dictionary} >= {row["measure"] for row in tidy}
    assert {*tidy[0]} - {*dictionary} == {"person"}
    names = {path.name for path in (out / "pictures").iterdir()}
    assert names == {
        "cohort.png",
        "x_caliber.png",
        "x_graph.png",
        "x_tortuosity.png",
        "x_zones.png",
    }
    with Image.open(out / "pictures" / "x_graph.png") as picture:
        assert picture.size == (160, 120)


def test_one_photograph_that_fails_leaves_its_reason_and_exit_code_3(
    venule: Run, tmp_path: Path
) -> None:
    save(tmp_path / "masks" / "a.png", _mask())
    (tmp_path / "masks" / "broken.png").write_bytes(b"no picture")
    ran = venule("measure", tmp_path / "masks", "-o", tmp_path / "table.csv")
    assert ran.code == 3
    rows = {row["id"]: row for row in _rows(tmp_path / "table.csv")}
    assert rows["broken"]["notes"].startswith("failed: ")
    assert rows["broken"]["vessel_density"] == ""
    assert rows["a"]["vessel_density"] != ""


def test_measurements_are_not_kept_until_the_end(
    venule: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in "abc":
        save(tmp_path / "masks" / f"{name}.png", _mask())
    alive: list[weakref.ref[Measurements]] = []

    def measured(entry: MaskFiles, assumed: Assumptions) -> tuple[Row, Measurements]:
        gc.collect()
        assert sum(one() is not None for one in alive) <= 1
        row, found = measure_files(entry, assumed)
        alive.append(weakref.ref(found))
        return row, found

    monkeypatch.setattr("venule.analysis.measuring_files.measure_files", measured)
    ran = venule(
        "measure", tmp_path / "masks", "-o", tmp_path / "t.csv", "--segments", tmp_path / "s.csv"
    )
    assert ran.code == 0, ran.err
    assert [row["id"] for row in _rows(tmp_path / "s.csv")] == [*"aaabbbccc"]


def test_a_disc_outside_of_the_masks_fails_its_photograph(venule: Run, tmp_path: Path) -> None:
    save(tmp_path / "m.png", _mask())
    height, width = _mask().shape
    discs = {"left": (-16, 50), "below": (20, height + 90), "cut": (-14, 50)}
    lines = [f"{id_},m.png,{x},{y},15" for id_, (x, y) in discs.items()]
    table = "\n".join(["id,vessels,disc_x,disc_y,disc_radius_px", *lines])
    (tmp_path / "in.csv").write_text(table, encoding="utf-8")
    ran = venule("measure", tmp_path / "in.csv", "-o", tmp_path / "t.csv")
    assert ran.code == 3
    rows = {row["id"]: row for row in _rows(tmp_path / "t.csv")}
    said = f"failed: optic disc at x -16, y 50 outside of the photograph of {width} x {height} px"
    assert rows["left"]["notes"].startswith(said)
    assert rows["below"]["notes"].startswith("failed: optic disc at")
    assert "failed" not in rows["cut"]["notes"]


def test_file_names_that_are_not_utf_8_are_escaped(venule: Run, tmp_path: Path) -> None:
    folder = tmp_path / "masks"
    save(folder / "a.png", _mask())
    try:
        (folder / "bad\udcff_mask.png").write_bytes((folder / "a.png").read_bytes())
        (folder / "broken\udcff.png").write_bytes(b"no picture")
    except OSError:
        pytest.skip("the file system allows UTF-8 only")
    (folder / "report.csv").write_text(
        "outputs,disc_x_px,disc_y_px,disc_radius_px\nbad\\\\udcff_mask.png,80,60,12\n",
        encoding="utf-8",
    )
    options = ("--segments", tmp_path / "s.csv", "--draw", tmp_path / "pictures")
    assert venule("measure", folder, "-o", tmp_path / "t.csv", *options).code == 3
    rows = {row["id"]: row for row in _rows(tmp_path / "t.csv")}
    assert list(rows) == ["a", r"bad\udcff", r"broken\udcff"]
    assert "no optic disc" not in rows[r"bad\udcff"]["notes"]
    assert r"broken\udcff.png" in rows[r"broken\udcff"]["notes"]
    assert {row["id"] for row in _rows(tmp_path / "s.csv")} == {"a", r"bad\udcff"}
    assert (tmp_path / "pictures" / "bad_udcff_graph.png").is_file()
    record = json.loads((tmp_path / "t.run.json").read_text(encoding="utf-8"))
    assert record["failed"] == [r"broken\udcff"]
    one = folder / "bad\udcff_mask.png"
    assert venule("measure", one, "-o", tmp_path / "one.csv").code == 0
    assert [row["id"] for row in _rows(tmp_path / "one.csv")] == [r"bad\udcff"]


def test_an_input_that_is_missing_is_one_line_and_exit_code_2(venule: Run, tmp_path: Path) -> None:
    ran = venule("measure", tmp_path / "nothing", "-o", tmp_path / "table.csv")
    assert ran.code == 2
    assert "not found" in ran.err


def test_measuring_results_gives_what_predict_measured_to_the_digit(
    venule: Run, tmp_path: Path
) -> None:
    drawn = synthesize_fundus(3, size_px=400)
    (tmp_path / "photographs").mkdir()
    Image.fromarray(drawn.image).save(tmp_path / "photographs" / "p.png")
    out = tmp_path / "out"
    ran = venule("predict", tmp_path / "photographs", "-o", out, "--measure", "--save", "mask,av")
    assert ran.code == 0, ran.err
    ran = venule("measure", out, "-o", tmp_path / "table.csv")
    assert ran.code == 0, ran.err
    (at_once,), (later,) = _rows(out / "measurements.csv"), _rows(tmp_path / "table.csv")
    assert later["mask_source"] == "predicted"
    assert later["quality"] in ("ok", "usable", "reject")
    assert float(later["vessel_length_px"]) > 0
    assert {name: at_once.get(name, "") for name in later if name != "id"} == {
        name: cell for name, cell in later.items() if name != "id"
    }
    assert np.isfinite(float(at_once["vessel_density"]))
    assert np.isfinite(float(at_once["artery_density"]))
    tables = ("-o", tmp_path / "again.csv", "--dictionary", tmp_path / "d.csv")
    assert venule("measure", out / "report.csv", *tables).code == 0
    assert {*later} <= {row["column"] for row in _rows(tmp_path / "d.csv")}
    assert _rows(tmp_path / "again.csv") == [later]


@pytest.mark.parametrize(
    "arguments",
    [
        ("in.csv", "-o", "in.csv"),
        ("in.csv", "-o", "masks/a.png"),
        ("masks", "-o", "masks/a.png"),
        ("masks", "-o", "linked.png"),
        ("in.csv", "-o", "t.csv", "--dictionary", "in.csv"),
        ("masks", "-o", "t.csv", "--segments", "t.csv"),
        ("masks", "-o", "t.csv", "--segments", "t.run.json"),
        ("drawn.csv", "-o", "t.csv", "--draw", "masks"),
    ],
)
def test_no_output_replaces_an_input_or_another_output(
    venule: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    monkeypatch.chdir(tmp_path)
    save(tmp_path / "masks" / "a.png", _mask())
    save(tmp_path / "masks" / "b_graph.png", _mask())
    (tmp_path / "in.csv").write_text("id,vessels\na,masks/a.png\n", encoding="utf-8")
    (tmp_path / "drawn.csv").write_text("id,vessels\nb,masks/b_graph.png\n", encoding="utf-8")
    (tmp_path / "linked.png").symlink_to(tmp_path / "masks" / "a.png")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    ran = venule("measure", *arguments, "--overwrite")
    assert ran.code == 2
    assert ran.err.startswith("venule: error: ")
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_a_table_that_is_there_is_replaced_with_overwrite_only(venule: Run, tmp_path: Path) -> None:
    save(tmp_path / "masks" / "a.png", _mask())
    out = tmp_path / "t.csv"
    out.write_text("mine", encoding="utf-8")
    ran = venule("measure", tmp_path / "masks", "-o", out)
    assert ran.code == 2
    assert "exists already; replace it with --overwrite" in ran.err
    assert out.read_text(encoding="utf-8") == "mine"
    assert venule("measure", tmp_path / "masks", "-o", out, "--overwrite").code == 0
    assert len(_rows(out)) == 1


def test_no_file_of_results_is_replaced_by_a_table(
    venule: Run, tiny_onnx: Path, tmp_path: Path
) -> None:
    Image.fromarray(synthesize_fundus(3, size_px=128).image).save(tmp_path / "p.png")
    out = tmp_path / "out"
    predicted = ("predict", tmp_path / "p.png", "-o", out, "--save", "mask,overlay")
    assert venule(*predicted, "--model", tiny_onnx).code == 0
    before = {path: path.read_bytes() for path in out.iterdir()}
    for name in ("p_mask.png", "p_overlay.png", "report.csv", "run.json", ".venule.sqlite"):
        ran = venule("measure", out, "-o", out / name, "--overwrite")
        assert ran.code == 2, name
    ran = venule("measure", out / "report.csv", "-o", out / "report.csv", "--overwrite")
    assert ran.code == 2
    assert {path: path.read_bytes() for path in before} == before
    assert venule("measure", out, "-o", out / "table.csv").code == 0
    assert venule("measure", out, "-o", out / "table.csv", "--overwrite").code == 0


@pytest.mark.parametrize("option", ["--um-per-px", "--disc-diameter-um"])
@pytest.mark.parametrize("value", ["-5", "0", "0.02", "9000", "nan", "inf"])
def test_a_scale_of_no_retina_is_refused_before_any_work(
    venule: Run, tmp_path: Path, option: str, value: str
) -> None:
    save(tmp_path / "a.png", _mask())
    out = tmp_path / "t.csv"
    out.write_text("mine", encoding="utf-8")
    ran = venule("measure", tmp_path / "a.png", "-o", out, option, value, "--overwrite")
    assert ran.code == 2
    assert f"{value}: give micrometres" in ran.err
    assert out.read_text(encoding="utf-8") == "mine"


@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_a_photograph_in_the_place_of_a_mask_is_told_from_one(
    venule: Run, tmp_path: Path, mode: str
) -> None:
    folder = tmp_path / "photographs"
    folder.mkdir()
    photograph = Image.fromarray(synthesize_fundus(3, size_px=96).image)
    photograph.convert(mode).save(folder / "eye.jpg")
    ran = venule("measure", folder, "-o", tmp_path / "t.csv")
    assert ran.code == 4
    assert "eye.jpg: not a mask, it looks like a photograph; run `venule predict` first" in ran.err


def test_a_mask_that_was_saved_as_jpeg_does_not_look_like_a_photograph(
    venule: Run, tmp_path: Path
) -> None:
    Image.fromarray(_mask()).convert("L").save(tmp_path / "m.jpg", quality=50)
    ran = venule("measure", tmp_path / "m.jpg", "-o", tmp_path / "t.csv")
    assert ran.code == 4
    assert "not a two-valued mask" in ran.err
