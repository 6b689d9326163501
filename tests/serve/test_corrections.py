import errno
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image

from serve import corrected
from serve.conftest import BASE, DOOR, LINK, Finish, client_of
from serve.corrected import client_on, opened, predict, send_stroke
from support.segmenters import green
from venule.analysis.analyse import Analysis, Networks
from venule.analysis.mask_files import find_masks
from venule.analysis.read_masks import load
from venule.batch.corrections import collect_corrections
from venule.batch.reading import open_result, read_results
from venule.data.folders import read_plain
from venule.errors import UsageError
from venule.image.arrays import RGB
from venule.image.io import read_mask
from venule.report.collect import of_results
from venule.serve.app import About, create_app
from venule.serve.limits import Limits
from venule.serve.service import Service

client, out = corrected.client, corrected.out


def test_a_stroke_is_saved_beside_the_prediction_with_who_when_and_what(
    client: TestClient, finish: Finish, out: Path
) -> None:
    id = opened(client, finish)
    predicted = (out / "eye-0_mask.png").read_bytes()
    expected = read_mask(out / "eye-0_mask.png")
    part = np.random.default_rng(0).random((9, 13)) > 0.5
    answer = send_stroke(client, id, part, left=40, top=30, base=0)
    assert answer.json() == {"revision": 1, "saved": "eye-0_mask.corrected.png", "offered": False}
    before = expected.copy()
    expected[30:39, 40:53] = part
    assert np.array_equal(read_mask(out / "eye-0_mask.corrected.png"), expected)
    assert (out / "eye-0_mask.png").read_bytes() == predicted
    (line,) = (out / "eye-0_mask.corrected.jsonl").read_text(encoding="utf-8").splitlines()
    told = json.loads(line)
    assert (told["who"], told["what"], told["revision"]) == ("Ada", "brush", 1)
    assert told["added_px"] == np.count_nonzero(expected & ~before)
    assert told["removed_px"] == np.count_nonzero(before & ~expected)
    assert told["when"].endswith("+00:00")


def test_what_was_corrected_is_measured_anew_and_found_again(
    client: TestClient, finish: Finish, out: Path
) -> None:
    id = opened(client, finish)
    send_stroke(client, id, np.zeros((96, 96), bool), left=0, top=0, base=0, tool="erase")
    drawn = np.zeros((96, 96), bool)
    drawn[40:44, 20:70] = True
    send_stroke(client, id, drawn, left=0, top=0, base=1)
    finish(client, id, complete=True)
    table = client.get(f"/api/photographs/{id}/measurements").json()
    values = {one["name"]: one["value"] for one in table["values"]}
    assert table["mask_source"] == "corrected"
    assert values["vessel_area_px2"] == 200
    other = client_on(out)  # the service is started again
    again = opened(other, finish)
    assert other.get(f"/api/photographs/{again}/correction").json()["revision"] == 2
    found = other.get(f"/api/photographs/{again}/mask").content
    (out / "seen.png").write_bytes(found)
    assert np.array_equal(read_mask(out / "seen.png"), drawn)


def test_a_second_window_is_told_that_the_photograph_was_corrected_elsewhere(
    client: TestClient, finish: Finish, out: Path
) -> None:
    id = opened(client, finish)
    part = np.ones((2, 2), bool)
    assert send_stroke(client, id, part, left=40, top=40, base=0).status_code == 200
    stored = (out / "eye-0_mask.corrected.png").read_bytes()
    refused = send_stroke(client, id, ~part, left=40, top=40, base=0)
    assert refused.status_code == 409
    assert "another window" in refused.json()["detail"]
    assert (out / "eye-0_mask.corrected.png").read_bytes() == stored


def test_the_table_of_results_is_that_of_predict(out: Path, finish: Finish) -> None:
    predict(out.parent, columns=("quality", "file", "measure"), overwrite=True)
    client = client_on(out)
    expected = (out / "measurements.csv").read_text(encoding="utf-8")
    assert expected.startswith("id,quality,laterality,mask_source,vessel_density,")
    assert client.get("/api/measurements.csv").text == expected
    opened(client, finish)  # measured again
    assert client.get("/api/measurements.csv").text == expected
    client.close()


def test_the_table_has_the_measurements_of_a_correction_that_is_not_open(
    out: Path, finish: Finish
) -> None:
    predict(out.parent, columns=("quality", "file", "measure"), overwrite=True)
    client = client_on(out)
    predicted = client.get("/api/measurements.csv").text
    id = opened(client, finish)
    send_stroke(client, id, np.zeros((96, 48), bool), left=0, top=0, base=0, tool="erase")
    finish(client, id, complete=True)
    corrected = client.get("/api/measurements.csv").text
    assert ",corrected," in corrected
    assert corrected != predicted
    client.close()
    again = client_on(out)  # the service is started again, and nothing is opened
    assert again.get("/api/measurements.csv").text == corrected


def test_two_servers_of_the_same_results_lose_no_correction(
    client: TestClient, finish: Finish, out: Path
) -> None:
    other = client_on(out, "Bob")
    id = opened(client, finish)
    assert opened(other, finish) == id
    part = np.zeros((96, 96), bool)
    part[40:44, 20:70] = True
    assert send_stroke(client, id, part, left=0, top=0, base=0).status_code == 200
    for base in (0, 1):  # the other one opened it before the first change, then before the second
        refused = send_stroke(other, id, np.ones((2, 2), bool), left=40, top=60, base=base)
        assert refused.status_code == 409
        assert opened(other, finish) == id
        found = other.get(f"/api/photographs/{id}/correction").json()
        assert found == {
            "revision": base + 1,
            "saved": "eye-0_mask.corrected.png",
            "offered": False,
        }
        if base == 0:
            send_stroke(client, id, np.ones((2, 2), bool), left=60, top=60, base=1)
    saved = send_stroke(other, id, np.ones((2, 2), bool), left=40, top=60, base=2)
    assert saved.json()["revision"] == 3
    part[60:62, 60:62] = part[60:62, 40:42] = True
    assert np.array_equal(read_mask(out / "eye-0_mask.corrected.png"), part)
    lines = (out / "eye-0_mask.corrected.jsonl").read_text(encoding="utf-8").splitlines()
    told = [json.loads(line) for line in lines]
    assert [(one["who"], one["revision"]) for one in told] == [("Ada", 1), ("Ada", 2), ("Bob", 3)]
    other.close()


def test_a_change_that_is_repeated_has_one_line_of_history(
    client: TestClient, finish: Finish, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    id = opened(client, finish)
    answers, replaced = iter([False, True]), Service.replace

    def replace(service: Service, id: str, *args: Analysis, **more: Analysis) -> bool:
        return next(answers) and replaced(service, id, *args, **more)  # a step was faster

    monkeypatch.setattr(Service, "replace", replace)
    saved = send_stroke(client, id, np.ones((2, 2), bool), left=40, top=40, base=0)
    assert saved.json()["revision"] == 1
    assert len((out / "eye-0_mask.corrected.jsonl").read_bytes().splitlines()) == 1


def test_a_disk_that_cannot_be_written_is_told_and_nothing_has_changed(
    client: TestClient, finish: Finish, out: Path
) -> None:
    id = opened(client, finish)
    shutil.rmtree(out)
    answer = send_stroke(client, id, np.ones((2, 2), bool), left=40, top=40, base=0)
    assert answer.status_code == 507
    assert client.get(f"/api/photographs/{id}/correction").json()["revision"] == 0


def test_a_stroke_whose_history_cannot_be_written_is_not_saved_and_can_be_sent_again(
    client: TestClient, finish: Finish, out: Path
) -> None:
    id = opened(client, finish)
    (out / "eye-0_mask.corrected.jsonl").mkdir()
    part = np.ones((2, 2), bool)
    assert send_stroke(client, id, part, left=40, top=40, base=0).status_code == 507
    assert not (out / "eye-0_mask.corrected.png").exists()
    status = client.get(f"/api/photographs/{id}/correction").json()
    assert status == {"revision": 0, "saved": None, "offered": False}
    (out / "eye-0_mask.corrected.jsonl").rmdir()
    assert send_stroke(client, id, part, left=40, top=40, base=0).json()["revision"] == 1


def test_a_history_that_does_not_reach_the_disk_is_told_and_has_no_part_of_a_line(
    client: TestClient, finish: Finish, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    id = opened(client, finish)
    part, history = np.ones((2, 2), bool), out / "eye-0_mask.corrected.jsonl"
    send_stroke(client, id, part, left=40, top=40, base=0)
    mask, line = (out / "eye-0_mask.corrected.png").read_bytes(), history.read_bytes()
    results = iter([None, OSError(errno.ENOSPC, "No space left on device")])

    def flush(_: int) -> None:  # the mask's bytes, then the line
        error = next(results)
        if error is not None:
            raise error

    with monkeypatch.context() as disk:
        disk.setattr("venule.files.atomic.os.fsync", flush)
        refused = send_stroke(client, id, ~part, left=40, top=40, base=1)
    assert refused.status_code == 507
    assert "No space left" in refused.json()["detail"]
    assert (out / "eye-0_mask.corrected.png").read_bytes() == mask
    assert history.read_bytes() == line
    assert send_stroke(client, id, ~part, left=40, top=40, base=1).json()["revision"] == 2
    assert len(history.read_bytes().splitlines()) == 2


def test_a_correction_of_another_prediction_is_offered_and_not_applied(
    client: TestClient, finish: Finish, out: Path
) -> None:
    id = opened(client, finish)
    send_stroke(client, id, np.ones((96, 96), bool), left=0, top=0, base=0)
    corrected = read_mask(out / "eye-0_mask.corrected.png")
    predict(out.parent, overwrite=True)
    mask = read_mask(out / "eye-0_mask.png")
    Image.fromarray((~mask).astype(np.uint8) * 255).save(out / "eye-0_mask.png")  # other weights
    (out / "eye-0_prob.png").unlink()
    other = client_on(out)
    again = opened(other, finish)
    status = other.get(f"/api/photographs/{again}/correction").json()
    assert status == {"revision": 0, "saved": None, "offered": True}
    refused = send_stroke(other, again, np.ones((2, 2), bool), left=0, top=0, base=0)
    assert refused.status_code == 409
    accepted = other.post(f"/api/photographs/{again}/correction").json()
    assert accepted == {"revision": 2, "saved": "eye-0_mask.corrected.png", "offered": False}
    assert np.array_equal(read_mask(out / "eye-0_mask.corrected.png"), corrected)


def test_a_stroke_drawn_on_another_prediction_is_not_saved_here(
    client: TestClient, finish: Finish, out: Path
) -> None:
    id = opened(client, finish)
    drawn_on = client.get(f"/api/photographs/{id}").json()["found"]["prediction"]
    client.close()
    # A server of another folder has no photograph of that id, if one of that name.
    other = client_on(shutil.copytree(out, out.parent / "other"))
    part = np.ones((2, 2), bool)
    assert send_stroke(other, id, part, left=40, top=40, base=0).status_code == 404
    # Other photographs of the same names come to the same folder.
    shutil.rmtree(out)
    for name, new in (("eye-0.png", "aside"), ("eye-1.png", "eye-0.png"), ("aside", "eye-1.png")):
        (out.parent / "in" / name).rename(out.parent / "in" / new)
    predict(out.parent)
    later = client_on(out)
    assert opened(later, finish) == id
    its_own = later.get(f"/api/photographs/{id}").json()["found"]["prediction"]
    address = f"/api/photographs/{id}"
    mask = (out / "eye-0_mask.png").read_bytes()
    stroke = b"\1\0\0\0" + bytes(4) + b"\1\0\0\0" + b"\0"
    disc = b'{"disc": null}'
    for part_of, content in (("strokes", stroke), ("disc", disc), ("correction/file", mask)):
        query: dict[str, str | int] = {"base": 0, "prediction": drawn_on}
        refused = later.post(
            f"{address}/{part_of}",
            params=query,
            content=content,
            headers={"Content-Type": "application/json"},
        )
        assert refused.status_code == 409
        assert "another photograph or prediction" in refused.json()["detail"]
    assert not list(out.glob("*.corrected.*"))
    saved = later.post(
        f"{address}/strokes", params={"base": 0, "prediction": its_own}, content=stroke
    )
    assert saved.json()["revision"] == 1


def test_a_prediction_that_was_replaced_after_it_was_opened_is_not_corrected(
    client: TestClient, finish: Finish, out: Path
) -> None:
    id = opened(client, finish)
    part = np.ones((2, 2), bool)
    assert send_stroke(client, id, part, left=40, top=40, base=0).status_code == 200
    stored = (out / "eye-0_mask.corrected.png").read_bytes()
    history = (out / "eye-0_mask.corrected.jsonl").read_bytes()
    mask = read_mask(out / "eye-0_mask.png")
    Image.fromarray((~mask).astype(np.uint8) * 255).save(out / "eye-0_mask.png")  # other weights
    refused = send_stroke(client, id, ~part, left=40, top=40, base=1)
    assert refused.status_code == 409
    assert "predicted again" in refused.json()["detail"]
    assert (out / "eye-0_mask.corrected.png").read_bytes() == stored
    assert (out / "eye-0_mask.corrected.jsonl").read_bytes() == history


def test_predict_keeps_corrections_and_measure_and_report_use_them(
    client: TestClient, finish: Finish, out: Path
) -> None:
    id = opened(client, finish)
    part = np.zeros((96, 96), bool)
    part[40:44, 20:70] = True
    send_stroke(client, id, part, left=0, top=0, base=0)
    stored = (out / "eye-0_mask.corrected.png").read_bytes()
    predict(out.parent)
    predict(out.parent, overwrite=True)
    assert (out / "eye-0_mask.corrected.png").read_bytes() == stored
    assert (out / "eye-0_mask.corrected.jsonl").is_file()
    entries = {entry.id: load(entry) for entry in find_masks(out)}
    assert {name: one.mask_source for name, one in entries.items()} == {
        "eye-0": "corrected",
        "eye-1": "predicted",
    }
    assert entries["eye-0"].masks.vessels is not None
    assert np.array_equal(entries["eye-0"].masks.vessels, part)
    found = read_results(out)
    assert np.array_equal(open_result(found, found.results[0]).prediction.vessels, part)
    subject = of_results(out, lambda _: None).subjects[0]
    assert subject.cells["mask_source"] == "corrected"
    assert float(subject.cells["vessel_area_px2"] or 0) == 200


def test_corrected_masks_become_a_data_set(client: TestClient, finish: Finish, out: Path) -> None:
    with pytest.raises(UsageError, match="no corrected mask"):
        collect_corrections(out, out.parent / "none")
    id = opened(client, finish)
    part = np.random.default_rng(1).random((20, 20)) > 0.5
    send_stroke(client, id, part, left=40, top=40, base=0)
    collected = collect_corrections(out, out.parent / "data")
    assert collected.cases == 1
    (case,) = read_plain(out.parent / "data").cases
    assert case.id == "eye-0"
    assert case.image.read_bytes() == (out.parent / "in" / "eye-0.png").read_bytes()
    label = out.parent / "data" / "labels" / "eye-0.png"
    assert np.array_equal(read_mask(label), read_mask(out / "eye-0_mask.corrected.png"))
    assert case.fov is not None


def test_a_path_between_two_pixels_holds_both(client: TestClient, finish: Finish) -> None:
    id = opened(client, finish)
    ends = {"x0": 30, "y0": 40, "x1": 60, "y1": 50}
    path = client.post(f"/api/photographs/{id}/path", json=ends).json()
    assert (path[0], path[-1]) == ([30, 40], [60, 50])
    assert client.post(f"/api/photographs/{id}/path", json={**ends, "x1": 96}).json() == []


def test_exports_hold_the_corrected_mask(client: TestClient, finish: Finish, out: Path) -> None:
    from venule.image.nifti import decode_nifti

    id = opened(client, finish)
    send_stroke(client, id, np.ones((3, 5), bool), left=40, top=40, base=0)
    expected = read_mask(out / "eye-0_mask.corrected.png")
    nifti = client.get(f"/api/photographs/{id}/mask.nii.gz").content
    assert np.array_equal(decode_nifti(nifti, (96, 96)) > 0, expected)
    polygons = client.get(f"/api/photographs/{id}/mask.geojson").json()
    assert polygons["features"][0]["geometry"]["type"] == "MultiPolygon"
    assert "Vessel" in client.get("/api/labels.txt").text


def test_dropped_photographs_are_corrected_in_memory(
    service: Service, photograph: bytes, finish: Finish
) -> None:
    client = TestClient(create_app(service, about=About("green", {}), door=DOOR), base_url=BASE)
    client.get(LINK)
    id = client.post("/api/photographs", content=photograph).json()["id"]
    finish(client, id, complete=True)
    answer = send_stroke(client, id, np.ones((4, 4), bool), left=46, top=46, base=0)
    assert answer.json() == {"revision": 1, "saved": None, "offered": False}


def test_corrections_in_memory_are_the_last_to_be_forgotten(
    photograph: bytes, fundus: RGB, finish: Finish
) -> None:
    one = fundus.nbytes + 96 * 96 * 3  # pixels, levels of two bytes, field of view
    service = Service(lambda: Networks(green(1)), limits=Limits(kept_bytes=3 * one, rest_s=0))
    client = client_of(service)
    ids = []
    for number in range(4):
        ids.append(str(client.post("/api/photographs", content=photograph).json()["id"]))
        finish(client, ids[-1], complete=True)
        if number == 0:
            send_stroke(client, ids[0], np.ones((4, 4), bool), left=46, top=46, base=0)
            finish(client, ids[0], complete=True)
    answers = [client.get(f"/api/photographs/{id}").status_code for id in ids]
    assert answers == [200, 404, 404, 200]  # the corrected one holds what it was before, too
    assert client.get(f"/api/photographs/{ids[0]}/correction").json()["revision"] == 1
    service.close()
