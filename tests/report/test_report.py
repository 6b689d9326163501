import base64
import io
import re
import sqlite3
from contextlib import closing
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from support import dicom
from support.commands import Run
from support.networks import write_network
from venule.analysis.columns import COLUMNS
from venule.analysis.corrected_files import Corrected, corrected_path, encode_correction
from venule.analysis.correction import correct_disc
from venule.batch.predict import predict_folder
from venule.batch.reading import located, open_result, prediction_sha256, read_results
from venule.dicom.pseudonym import pseudonym
from venule.errors import ImageError, OutputError, UsageError
from venule.files.atomic import write_bytes
from venule.image.artery_vein import encode_types
from venule.image.fov import outlined
from venule.image.io import read_mask, read_probability, write_png
from venule.image.landmarks import Landmarks
from venule.image.levels import to_levels
from venule.image.optic_disc import Disc
from venule.image.photograph import Photograph
from venule.inference.prediction import Prediction, ProbabilityMap
from venule.models.record import ClassRecord, ModelRecord
from venule.report.collect import of_results
from venule.report.page import page
from venule.report.pictures import longest_px
from venule.report.plots import histogram
from venule.synth.fundus import synthesize_fundus


class _Tags(HTMLParser):
    """The elements of a page, and what they refer to."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.ids: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name in ("src", "href"):
                self.addresses.append(value or "")
            if name == "id":
                self.ids.append(value or "")


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """Results of two photographs and of a file that is none."""
    folder = tmp_path / "photographs"
    folder.mkdir()
    for seed, name in enumerate(("a", "<b>")):
        Image.fromarray(synthesize_fundus(seed, size_px=96).image).save(folder / f"{name}.png")
    (folder / "broken.png").write_bytes(b"no photograph")
    network = write_network(
        tmp_path / "tiny.onnx",
        ModelRecord(name="tiny", model="tiny", classes=(ClassRecord(threshold=0.6),)),
    )
    predict_folder(
        folder, tmp_path / "out", model=network, outputs=("prob", "mask"), engine="inline"
    )
    return tmp_path / "out"


def test_results_that_are_read_again_are_what_was_written(results: Path) -> None:
    read = read_results(results)
    assert [one.status for one in read.results] == ["done", "done", "failed"]
    found = open_result(read, read.results[1])
    assert np.array_equal(found.prediction.vessels, read_mask(results / "a_mask.png"))
    levels = to_levels(read_probability(results / "a_prob.png"))
    assert np.array_equal(found.prediction.vessel_map.levels, levels)
    assert found.quality is not None
    assert found.quality.grade == read.results[1].cells["quality"]
    assert found.prediction.vessel_map.threshold == 0.6


def test_a_mask_alone_is_read_as_probabilities_0_and_1(results: Path) -> None:
    (results / "a_prob.png").unlink()
    read = read_results(results)
    found = open_result(read, read.results[1])
    assert np.array_equal(found.prediction.vessels, read_mask(results / "a_mask.png"))
    assert set(np.unique(found.prediction.vessel_map.levels)) <= {0, 65535}


def test_vessels_of_two_classes_are_read_as_they_were_written(results: Path) -> None:
    read = read_results(results)
    levels = np.random.default_rng(0).integers(0, 65536, (2, 96, 96), np.uint16)
    none = np.empty(0, np.intp)
    thresholds = {"artery": 0.4, "vein": 0.6}
    maps = {
        name: ProbabilityMap(level, threshold, none)
        for level, (name, threshold) in zip(levels, thresholds.items(), strict=True)
    }
    written = Prediction(outlined(np.ones((96, 96), bool)), maps)
    write_png(results / "a_prob.png", written.vessel_map.levels)
    found = open_result(replace(read, settings={"threshold": thresholds}), read.results[1])
    assert np.array_equal(found.prediction.vessels, written.vessels)
    assert found.prediction.vessel_map.threshold == written.vessel_map.threshold == 0.6


def test_a_truncated_picture_of_arteries_and_veins_stops_no_report(results: Path) -> None:
    types = np.random.default_rng(0).integers(0, 4, (96, 96)).astype(np.uint8)
    (results / "a_av.png").write_bytes(encode_types(types)[:900])
    with closing(sqlite3.connect(results / ".venule.sqlite")) as base, base:
        base.execute("INSERT INTO outputs VALUES ('a', 'a_av.png', '')")
    read = read_results(results)
    with pytest.raises(ImageError, match=r"a_av\.png: broken or truncated"):
        open_result(read, read.results[1])
    subjects = of_results(results, lambda _: None).subjects
    assert "a_av.png: broken" in subjects[1].reason
    assert subjects[0].pictures is not None


def test_types_that_were_written_are_read_again(results: Path) -> None:
    types = np.random.default_rng(0).integers(0, 4, (96, 96)).astype(np.uint8)
    (results / "a_av.png").write_bytes(encode_types(types))
    read = read_results(results)
    result = replace(read.results[1], outputs=(*read.results[1].outputs, "a_av.png"))
    maps = open_result(read, result).prediction.maps
    assert np.array_equal(maps["artery"].mask, types & 1 > 0)
    assert np.array_equal(maps["vein"].mask, types & 2 > 0)


def test_a_photograph_that_has_moved_is_said_to_have(results: Path) -> None:
    (results.parent / "photographs" / "a.png").unlink()
    read = read_results(results)
    with pytest.raises(ImageError, match="not where it was"):
        open_result(read, read.results[1])


def test_results_are_not_shown_over_a_photograph_that_was_replaced(results: Path) -> None:
    other = synthesize_fundus(7, size_px=96).image
    Image.fromarray(other).save(results.parent / "photographs" / "a.png")
    read = read_results(results)
    with pytest.raises(ImageError, match="the file has been replaced or changed"):
        open_result(read, read.results[1])


def test_a_folder_without_a_ledger_holds_no_results(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no results"):
        read_results(tmp_path)


def test_a_ledger_in_use_is_waited_for_by_its_reader(results: Path) -> None:
    base = sqlite3.connect(results / ".venule.sqlite")
    base.execute("PRAGMA locking_mode = EXCLUSIVE")
    base.execute("BEGIN IMMEDIATE")
    base.execute("UPDATE files SET reason = reason")
    base.commit()
    with pytest.raises(OutputError, match="wait for venule predict"):
        read_results(results)
    base.close()
    assert len(read_results(results).results) == 3


def test_a_disc_that_was_corrected_to_none_takes_its_zones_along(results: Path) -> None:
    read = read_results(results)
    a = read.results[1]
    disc = Landmarks(Disc(48, 48, 8, 8, 0, 0.9), None)
    seen = replace(open_result(read, a), landmarks=disc)
    cells = {**COLUMNS["landmarks"].row(seen), **COLUMNS["measure"].row(seen)}
    assert "vessel_density_zone_b" in cells
    with closing(sqlite3.connect(results / ".venule.sqlite")) as base, base:
        rows = [(a.name, name, cell) for name, cell in cells.items() if cell is not None]
        base.executemany("INSERT INTO cells VALUES (?, ?, ?)", rows)
    read = read_results(results)
    gone = correct_disc(open_result(read, read.results[1]), None)
    about = Corrected(prediction_sha256(read, a), 1)
    for what, content in encode_correction(gone, about, frozenset({"disc"})):
        write_bytes(corrected_path(results / a.name, what), content)
    subject = of_results(results, lambda _: None).subjects[1]
    assert subject.cells["vessel_density"] == cells["vessel_density"]
    assert [name for name in subject.cells if "zone" in name] == []
    assert "optic disc corrected" in subject.measuring_notes
    assert "optic disc corrected" in page(of_results(results, lambda _: None))


def test_a_report_needs_nothing_but_itself(results: Path) -> None:
    text = page(of_results(results, lambda _: None))
    tags = _Tags()
    tags.feed(text)
    assert tags.addresses
    for address in tags.addresses:
        assert address.startswith("data:") or address.removeprefix("#") in tags.ids
    assert "url(" not in text
    assert "@import" not in text
    assert "http://" not in re.sub(r"<pre>.*?</pre>", "", text, flags=re.DOTALL)


def test_a_report_names_every_photograph_and_every_reason_as_text(results: Path) -> None:
    text = page(of_results(results, lambda _: None))
    assert "&lt;b&gt;" in text
    assert "<b>.png" not in text
    assert "not an image of a supported type" in text
    assert "Research use only, not a medical device" in text
    assert "Vessel density" in text
    assert "tiny, which has no model card" in text


def test_the_layer_of_vessels_is_opaque_where_the_mask_is(results: Path) -> None:
    contents = of_results(results, lambda _: None)
    pictures = contents.subjects[1].pictures
    assert pictures is not None
    layer = np.asarray(Image.open(io.BytesIO(pictures.layer)).convert("RGBA"))
    mask = read_mask(results / "a_mask.png")
    assert np.array_equal(layer[..., 3] == 255, mask)
    assert np.array_equal(layer[..., 3] == 0, ~mask)
    assert (layer[mask][:, :3] == (0, 229, 255)).all()
    assert base64.b64encode(pictures.layer).decode() in page(contents)


def test_500_photographs_stay_below_60_megabytes() -> None:
    from support.segmenters import green
    from venule.analysis.analyse import analyse
    from venule.report.pictures import pictures

    image = np.asarray(Image.fromarray(synthesize_fundus(3, size_px=600).image))
    made = pictures(analyse(image, green(1)), longest_px(500))
    size = sum(map(len, (made.photograph, made.layer, made.thumbnail)))
    assert 500 * size * 4 / 3 < 55e6


def test_a_histogram_tells_its_median_and_quartiles() -> None:
    drawn = histogram([1, 2, 3, 4, 5], "Width")
    assert "n = 5, median 3, quartiles 2 to 4" in drawn
    assert drawn.count("<rect") >= 5
    assert histogram([1], "Width") == ""


def test_the_command_writes_a_page_of_results_or_of_a_photograph(
    venule: Run, tiny_onnx: Path, results: Path, tmp_path: Path
) -> None:
    out = tmp_path / "report.html"
    ran = venule("report", results, "-o", out)
    assert (ran.code, ran.out.strip()) == (0, str(out))
    assert venule("report", results, "-o", out).code == 2  # it is there already
    photograph = tmp_path / "photographs" / "a.png"
    ran = venule("report", photograph, "-o", out, "--overwrite", "--model", tiny_onnx)
    assert ran.code == 0, ran.err
    assert "\n1 photograph, " in ran.err
    assert "<h1>a.png</h1>" in out.read_text(encoding="utf-8")
    assert venule("report", tmp_path / "photographs", "-o", tmp_path / "x.html").code == 2


def test_a_report_names_dicom_objects_by_their_pseudonyms(
    venule: Run, tiny_onnx: Path, tmp_path: Path
) -> None:
    whole, short = tmp_path / "DOE_JANE", tmp_path / "DOE_JOHN"
    whole.write_bytes(dicom.content(dicom.photograph()))
    short.write_bytes(dicom.content(dicom.photograph())[:2000])
    out = tmp_path / "report.html"
    ran = venule("report", whole, "-o", out, "--model", tiny_onnx)
    assert ran.code == 0, ran.err
    text = out.read_text(encoding="utf-8")
    assert f"<h1>{pseudonym(whole.read_bytes())}</h1>" in text
    ran = venule("report", short, "-o", out, "--model", tiny_onnx, "--overwrite")
    assert ran.code == 4
    assert f"{pseudonym(short.read_bytes())}: broken or truncated DICOM file" in ran.err
    both = venule("report", whole, short, "-o", out, "--model", tiny_onnx, "--overwrite")
    text += out.read_text(encoding="utf-8")
    assert "broken or truncated DICOM file" in text
    assert "DOE" not in text + ran.err + both.err


def test_a_dicom_object_that_cannot_be_read_again_is_named_by_its_pseudonym(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "in").mkdir()
    place = tmp_path / "in" / "DOE_JANE"
    place.write_bytes(dicom.content(dicom.photograph()))
    network = write_network(tmp_path / "tiny.onnx", ModelRecord(name="tiny", model="tiny"))
    predict_folder(tmp_path / "in", tmp_path / "out", model=network, engine="inline")

    def undecoded(path: Path) -> Photograph:
        raise ImageError(f"{path}: JPEG 2000 needs a decoder")

    monkeypatch.setattr("venule.batch.reading.read_photograph", undecoded)
    read = located(read_results(tmp_path / "out"), tmp_path / "in")
    named = pseudonym(place.read_bytes())
    with pytest.raises(ImageError, match=f"^{named}: JPEG 2000 needs a decoder$"):
        open_result(read, read.results[0])
    (subject,) = of_results(tmp_path / "out", lambda _: None, photographs=tmp_path / "in").subjects
    assert subject.reason == "no image: JPEG 2000 needs a decoder"


def test_a_page_is_an_html_file_and_replaces_no_input(
    venule: Run, tiny_onnx: Path, results: Path, tmp_path: Path
) -> None:
    photograph = tmp_path / "eye.html"  # photographs are known by their content
    Image.fromarray(synthesize_fundus(3, size_px=96).image).save(photograph, format="PNG")
    model = ("--model", tiny_onnx)
    for arguments in (
        (photograph, "-o", photograph, *model),
        (photograph, "-o", tmp_path / "page.pdf", *model),
        (results, "-o", results / "a_mask.png"),
    ):
        before = {path: path.read_bytes() for path in (photograph, results / "a_mask.png")}
        ran = venule("report", *arguments, "--overwrite")
        assert ran.code == 2
        assert ran.err.startswith("venule: error: ")
        assert {path: path.read_bytes() for path in before} == before
    assert not (tmp_path / "page.pdf").exists()


def test_photographs_that_fail_are_told_and_the_exit_code_says_whether_some_or_all(
    venule: Run, tiny_onnx: Path, tmp_path: Path
) -> None:
    good, bad, out = tmp_path / "good.png", tmp_path / "bad.png", tmp_path / "page.html"
    Image.fromarray(synthesize_fundus(3, size_px=96).image).save(good)
    bad.write_bytes(b"no photograph")
    options = ("-o", out, "--model", tiny_onnx)
    for sources in ((bad,), (bad, bad)):
        ran = venule("report", *sources, *options)
        assert ran.code == 4
        assert "bad.png: not an image of a supported type" in ran.err
        assert not out.exists()
    ran = venule("report", bad, good, *options)
    assert ran.code == 3
    assert "venule: error: 1 of 2 photographs failed:" in ran.err
    assert "bad.png: not an image of a supported type" in ran.err
    assert ran.out.strip() == str(out)
    assert "good.png" in out.read_text(encoding="utf-8")
    missing = venule("report", tmp_path / "nothing.png", good, *options, "--overwrite")
    assert missing.code == 2
    assert "nothing.png: no such file or folder" in missing.err
