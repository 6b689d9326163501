"""Arteries and veins, the disc and probabilities, corrected: saved, measured, found again."""

import json
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image

from serve import corrected
from serve.conftest import Finish
from serve.corrected import client_on, opened, predict, results, send_patch, send_stroke
from venule.analysis.analyse import Analysis
from venule.analysis.columns import COLUMNS, Cell
from venule.analysis.mask_files import find_masks
from venule.analysis.measuring_files import measure_files
from venule.analysis.read_masks import load
from venule.batch.corrections import collect_corrections
from venule.batch.reading import open_result, read_results
from venule.data.folders import read_plain
from venule.data.sample import load_annotated
from venule.files.hashes import file_sha256
from venule.image.io import read_mask
from venule.report.collect import of_results

client, out = corrected.client, corrected.out
DISC = {"x": 30.0, "y": 50.0, "major_px": 8.0, "minor_px": 6.0, "angle": 0.5}


def _cells(client: TestClient, id: str, finish: Finish) -> dict[str, Any]:
    finish(client, id, complete=True)
    table = client.get(f"/api/photographs/{id}/measurements").json()
    return {one["name"]: one["value"] for one in table["values"]} | {
        "source": table["mask_source"],
        "notes": table["notes"],
    }


def _line_drawn(client: TestClient, id: str) -> None:
    """One vessel from (20, 40) to (69, 43), and nothing else."""
    drawn = np.zeros((96, 96), bool)
    drawn[40:44, 20:70] = True
    assert send_stroke(client, id, drawn, left=0, top=0, base=0).status_code == 200


def _picture(out: Path, name: str) -> Any:
    with Image.open(out / name) as opened_file:
        return np.asarray(opened_file.convert("RGB"))


def test_arteries_and_veins_are_saved_in_colour_measured_and_found_again(
    client: TestClient, finish: Finish, out: Path
) -> None:
    id = opened(client, finish)
    _line_drawn(client, id)
    left, right = np.zeros((2, 96, 96), bool)
    left[40:44, 20:45], right[40:44, 45:70] = True, True
    answer = send_patch(client, id, "types", left, 1, 1)
    assert answer.json()["revision"] == 2
    assert send_patch(client, id, "types", right, 2, 2).status_code == 200
    picture = _picture(out, "eye-0_av.corrected.png")
    assert (picture[left] == (255, 0, 0)).all()
    assert (picture[right] == (0, 0, 255)).all()
    assert not picture[~(left | right)].any()
    cells = _cells(client, id, finish)
    assert (cells["artery_area_px2"], cells["vein_area_px2"]) == (100, 100)
    # Another start, another reader: the same.
    other = client_on(out)
    again = opened(other, finish)
    assert other.get(f"/api/photographs/{again}/correction").json()["revision"] == 3
    assert _cells(other, again, finish)["artery_area_px2"] == 100
    (entry, _) = find_masks(out)
    assert load(entry).mask_source == "corrected"
    row, _ = measure_files(entry)
    assert (row.values["artery_area_px2"], row.values["vein_area_px2"]) == (100, 100)
    lines = (out / "eye-0_mask.corrected.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["what"] for line in lines] == ["brush", "type", "type"]
    collect_corrections(out, out.parent / "data")
    (case,) = read_plain(out.parent / "data").cases
    assert case.av is not None


def test_what_is_erased_has_no_type_and_what_is_drawn_beside_an_artery_is_one(
    client: TestClient, finish: Finish, out: Path
) -> None:
    id = opened(client, finish)
    _line_drawn(client, id)
    line = read_mask(out / "eye-0_mask.corrected.png")
    send_patch(client, id, "types", line, 1, 1)
    send_stroke(client, id, np.zeros((4, 10), bool), left=20, top=40, base=2, tool="erase")
    assert not _picture(out, "eye-0_av.corrected.png")[40:44, 20:30].any()
    send_stroke(client, id, np.ones((4, 10), bool), left=70, top=40, base=3)
    assert (_picture(out, "eye-0_av.corrected.png")[40:44, 70:80] == (255, 0, 0)).all()
    assert _cells(client, id, finish)["artery_area_px2"] == 4 * 50
    # The eraser undone: the type is there again.
    send_stroke(client, id, np.ones((4, 10), bool), left=20, top=40, base=4, tool="undo")
    assert (_picture(out, "eye-0_av.corrected.png")[40:44, 20:30] == (255, 0, 0)).all()


def test_a_disc_is_saved_with_its_ellipse_and_zones_follow(
    client: TestClient, finish: Finish, out: Path
) -> None:
    id = opened(client, finish)
    _line_drawn(client, id)
    assert "vessel_area_zone_c_px2" not in _cells(client, id, finish)
    answer = client.post(f"/api/photographs/{id}/disc", json={"disc": DISC}, params={"base": 1})
    assert answer.json()["revision"] == 2
    found = client.get(f"/api/photographs/{id}").json()["found"]["disc"]
    assert found == DISC | {"confidence": 1.0}
    disc = read_mask(out / "eye-0_disc.corrected.png")
    rows, columns = np.mgrid[:96, :96]
    turned = (columns - 30 + 1j * (rows - 50)) * np.exp(-0.5j)
    assert np.array_equal(disc, (turned.real / 8) ** 2 + (turned.imag / 6) ** 2 <= 1)
    cells = _cells(client, id, finish)
    assert "optic disc corrected" in cells["notes"]
    zones = {name: one for name, one in cells.items() if "zone_c" in name and one is not None}
    assert zones
    collect_corrections(out, out.parent / "data")
    (case,) = read_plain(out.parent / "data").cases
    _, truth = load_annotated(case, expert="landmarks")
    assert np.array_equal(truth.plane("disc"), disc)
    # `venule measure` finds the same, to the digit.
    row, _ = measure_files(find_masks(out)[0])
    assert "optic disc corrected" in row.notes
    for name, value in zones.items():
        assert row.values[name] == pytest.approx(value, rel=1e-4), name
    results_ = read_results(out)
    again = open_result(results_, results_.results[0])
    assert again.landmarks is not None
    assert again.landmarks.disc is not None
    assert again.landmarks.disc.angle == 0.5
    assert again.mask_source == "corrected"
    subject = of_results(out, lambda _: None).subjects[0]
    assert subject.cells["disc_x_px"] == 30
    none = client.post(f"/api/photographs/{id}/disc", json={"disc": None}, params={"base": 2})
    assert none.json()["revision"] == 3
    assert not read_mask(out / "eye-0_disc.corrected.png").any()
    assert measure_files(find_masks(out)[0])[1].disc is None


def test_a_corrected_disc_alone_leaves_the_mask_predicted(
    client: TestClient, finish: Finish, out: Path
) -> None:
    id = opened(client, finish, "eye-1")
    client.post(f"/api/photographs/{id}/disc", json={"disc": DISC}, params={"base": 0})
    assert _cells(client, id, finish)["source"] == "predicted"
    assert not (out / "eye-1_mask.corrected.png").exists()
    assert load(find_masks(out)[1]).mask_source == "predicted"
    status = client.get(f"/api/photographs/{id}/correction").json()
    assert status == {"revision": 1, "saved": "eye-1_disc.corrected.png", "offered": False}


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 0.0, -3.0])
def test_an_ellipse_that_is_none_is_refused(
    client: TestClient, finish: Finish, value: float
) -> None:
    id = opened(client, finish)
    body = json.dumps({"disc": DISC | {"minor_px": value}})
    answer = client.post(f"/api/photographs/{id}/disc", content=body, params={"base": 0})
    assert answer.status_code == 422


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"x": -5000}, "optic disc at x -5000, y 50 outside of the photograph of 96 x 96 px"),
        ({"y": 103}, "optic disc at x 30, y 103 outside of the photograph of 96 x 96 px"),
        ({"minor_px": 9}, "optic disc with half-axes of 8 and 9 px"),
    ],
)
def test_a_disc_that_the_photograph_cannot_have_is_refused(
    client: TestClient, finish: Finish, out: Path, change: dict[str, float], said: str
) -> None:
    id = opened(client, finish)
    body = {"disc": DISC | change}
    answer = client.post(f"/api/photographs/{id}/disc", json=body, params={"base": 0})
    assert answer.status_code == 400
    assert answer.json()["detail"].startswith(said)
    assert not (out / "eye-0_disc.corrected.png").exists()
    cut = {"disc": DISC | {"y": 101}}  # its centre is outside, and a part of it inside
    answer = client.post(f"/api/photographs/{id}/disc", json=cut, params={"base": 0})
    assert answer.status_code == 200


def test_probabilities_are_raised_and_the_mask_follows(
    client: TestClient, finish: Finish, out: Path
) -> None:
    id = opened(client, finish)
    where = np.zeros((96, 96), bool)
    where[40:42, 30:60] = True
    values = np.full((96, 96), 30000)
    values[:, 45:] = 40000
    predicted = read_mask(out / "eye-0_mask.png")
    assert send_patch(client, id, "probability", where, values, 0).json()["revision"] == 1
    mask = read_mask(out / "eye-0_mask.corrected.png")
    assert not mask[40:42, 30:45].any()
    assert mask[40:42, 45:60].all()
    assert np.array_equal(mask[~where], predicted[~where])
    # A stroke and its undoing leave the probabilities as they were raised.
    send_stroke(client, id, np.ones((2, 30), bool), left=30, top=40, base=1)
    send_stroke(client, id, mask[40:42, 30:60], left=30, top=40, base=2, tool="undo")
    for reader in (client, client_on(out)):
        again = opened(reader, finish)
        content = reader.get(f"/api/photographs/{again}/probability").content
        levels = np.frombuffer(content, "<u2").reshape(96, 96)
        assert np.array_equal(levels[where], values[where])


def test_nothing_is_corrected_outside_of_the_field_of_view(
    client: TestClient, finish: Finish, out: Path
) -> None:
    id = opened(client, finish)
    field = client.get(f"/api/photographs/{id}/field").content
    inside = np.frombuffer(field, np.uint8).reshape(96, 96) > 0
    assert not inside[0, 0]
    send_stroke(client, id, np.ones((96, 96), bool), left=0, top=0, base=0)
    assert np.array_equal(read_mask(out / "eye-0_mask.corrected.png"), inside)
    send_patch(client, id, "probability", np.ones((96, 96), bool), 65535, 1)
    assert np.array_equal(read_mask(out / "eye-0_mask.corrected.png"), inside)


@pytest.mark.parametrize(
    "content",
    [b"", b"\1\0\0", b"\1\0\0\0", b"\1\0\0\0" + bytes(8) + b"\1", b"\xff\xff\xff\xff"],
)
def test_a_stroke_of_other_bytes_than_it_says_is_refused(
    client: TestClient, finish: Finish, content: bytes
) -> None:
    id = opened(client, finish)
    query: dict[str, str | int] = {"layer": "types", "base": 0}
    answer = client.post(f"/api/photographs/{id}/strokes", params=query, content=content)
    assert answer.status_code == 400


def test_a_stroke_outside_of_the_photograph_is_refused(client: TestClient, finish: Finish) -> None:
    id = opened(client, finish)
    content = (1).to_bytes(4, "little") + (9215).to_bytes(4, "little") + b"\2\0\0\0" + b"\1\1"
    answer = client.post(
        f"/api/photographs/{id}/strokes", params={"layer": "types", "base": 0}, content=content
    )
    assert answer.status_code == 400
    assert "outside" in answer.json()["detail"]


def test_a_vessel_that_is_clicked_on_tells_what_would_change(
    client: TestClient, finish: Finish
) -> None:
    id = opened(client, finish)
    _line_drawn(client, id)
    picked = {"x": 50, "y": 41, "type": "vein"}
    told = client.post(f"/api/photographs/{id}/branch", json=picked).json()
    pixels = {first + step for first, length, _ in told["runs"] for step in range(length)}
    assert pixels == {row * 96 + column for row in range(40, 44) for column in range(20, 70)}
    assert {bits for _, _, bits in told["runs"]} == {2}
    assert "no optic disc" in told["note"]
    far = client.post(f"/api/photographs/{id}/branch", json=picked | {"y": 80}).json()
    assert far == {"runs": [], "note": "no vessel at this position"}


def test_an_offered_correction_is_put_aside_under_other_names(
    client: TestClient, finish: Finish, out: Path
) -> None:
    id = opened(client, finish)
    _line_drawn(client, id)
    assert client.delete(f"/api/photographs/{id}/correction").status_code == 404
    drawn = (out / "eye-0_mask.corrected.png").read_bytes()
    mask = read_mask(out / "eye-0_mask.png")
    Image.fromarray((~mask).astype(np.uint8) * 255).save(out / "eye-0_mask.png")
    assert load(find_masks(out)[0]).mask_source == "unknown"  # that file says nothing of itself
    assert "another prediction" in load(find_masks(out)[0]).notes[0]
    other = client_on(out)
    again = opened(other, finish)
    status = other.delete(f"/api/photographs/{again}/correction").json()
    assert status == {"revision": 0, "saved": None, "offered": False}
    assert (out / "eye-0_mask.corrected.png.old").read_bytes() == drawn
    assert (out / "eye-0_mask.corrected.jsonl.old").is_file()
    part = np.ones((2, 2), bool)
    assert send_stroke(other, again, part, left=40, top=40, base=0).json()["revision"] == 1


def test_types_that_were_predicted_follow_the_corrected_mask(
    finish: Finish, tmp_path: Path
) -> None:
    out = results(tmp_path)
    mask = read_mask(out / "eye-0_mask.png")
    colors = np.zeros((96, 96, 3), np.uint8)
    colors[mask] = (255, 0, 0)
    # As `predict --save av` would have written it.
    Image.fromarray(colors).save(out / "eye-0_av.png")
    with closing(sqlite3.connect(next(out.glob(".venule*.sqlite")))) as base, base:
        digest = file_sha256(out / "eye-0_av.png")
        base.execute(
            "INSERT INTO outputs (name, path, sha256) VALUES ('eye-0', 'eye-0_av.png', ?)",
            (digest,),
        )
    client = client_on(out)
    id = opened(client, finish)
    send_stroke(client, id, np.zeros((48, 96), bool), left=0, top=0, base=0, tool="erase")
    picture = _picture(out, "eye-0_av.corrected.png")
    expected = colors.copy()
    expected[:48] = 0
    assert np.array_equal(picture, expected)
    row, _ = measure_files(find_masks(out)[0])
    assert row.values["artery_area_px2"] == row.values["vessel_area_px2"]
    predict(tmp_path)  # keeps all of it
    assert (out / "eye-0_av.corrected.png").is_file()


def test_strokes_in_a_row_are_measured_once_when_they_have_ended(
    finish: Finish, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = client_on(out, rest_s=1.5)
    id = opened(client, finish)
    measured = []
    row = COLUMNS["measure"].row

    def counted(analysis: Analysis) -> Mapping[str, Cell]:
        measured.append(int(analysis.prediction.vessels.sum()))
        return row(analysis)

    once = replace(COLUMNS["measure"], row=counted)
    monkeypatch.setattr("venule.serve.service.COLUMNS", {"measure": once})
    for base, part in enumerate((np.zeros((96, 96), bool), np.ones((2, 3), bool))):
        send_stroke(client, id, part, left=0 if base == 0 else 45, top=40 * base, base=base)
    finish(client, id, complete=True)
    assert measured[-1] == 6
    assert len(measured) == 1
    client.close()
