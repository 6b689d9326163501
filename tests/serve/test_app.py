import csv
import gzip
import io
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image

from serve.conftest import Finish, client_of, png
from support.segmenters import green, noise
from venule.analysis.analyse import Analysis, Networks, Step
from venule.image.arrays import RGB
from venule.image.landmarks import Landmarks
from venule.inference.segment import Segmenter
from venule.serve.limits import Limits
from venule.serve.service import Service


def _send(client: TestClient, content: bytes, name: str = "eye.png") -> str:
    answer = client.post("/api/photographs", params={"name": name}, content=content)
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


def test_a_photograph_that_was_sent_gets_the_result_of_the_python_interface(
    client: TestClient, finish: Finish, photograph: bytes, fundus: RGB
) -> None:
    id = _send(client, photograph)
    found = finish(client, id)["found"]
    assert isinstance(found, dict)
    expected = green(1).segment(fundus)
    assert (found["width"], found["height"]) == (96, 96)
    answer = client.get(f"/api/photographs/{id}/probability")
    assert (answer.headers["x-width"], answer.headers["x-height"]) == ("96", "96")
    levels = np.frombuffer(answer.content, "<u2").reshape(96, 96)
    assert np.array_equal(levels, expected.vessel_map.levels)
    mask = np.asarray(Image.open(io.BytesIO(client.get(f"/api/photographs/{id}/mask").content)))
    assert np.array_equal(mask > 0, expected.vessels)
    assert np.array_equal(levels >= found["threshold_level"], expected.vessels)


def test_a_view_is_a_jpeg_of_the_photographs_size(
    client: TestClient, finish: Finish, photograph: bytes, fundus: RGB
) -> None:
    id = _send(client, photograph)
    finish(client, id)
    for view, mode in (("color", "RGB"), ("green", "L"), ("clahe", "L"), ("illumination", "RGB")):
        answer = client.get(f"/api/photographs/{id}/image", params={"view": view})
        with Image.open(io.BytesIO(answer.content)) as picture:
            assert (picture.format, picture.mode, picture.size) == ("JPEG", mode, (96, 96))
            if view == "color":
                off = np.abs(np.asarray(picture).astype(int) - fundus)
                assert off.mean() < 3
    with Image.open(
        io.BytesIO(client.get(f"/api/photographs/{id}/image?longest=64").content)
    ) as small:
        assert small.size == (64, 64)


def test_measurements_come_with_units_and_definitions_and_as_csv(
    client: TestClient, finish: Finish, photograph: bytes, fundus: RGB
) -> None:
    id = _send(client, photograph, "=eye.png")
    finish(client, id, complete=True)
    table = client.get(f"/api/photographs/{id}/measurements").json()
    values = {one["name"]: one for one in table["values"]}
    prediction = green(1).segment(fundus)
    density = prediction.vessels[prediction.fov.mask].mean()
    assert values["vessel_density"]["value"] == pytest.approx(density, rel=1e-3)
    assert "field" in values["vessel_density"]["definition"]
    written = client.get(f"/api/photographs/{id}/measurements.csv").text
    (row,) = csv.DictReader(io.StringIO(written))
    assert float(row["vessel_density"]) == pytest.approx(density, rel=1e-3)
    assert row["id"] == "'=eye.png"
    assert row["quality"] == client.get(f"/api/photographs/{id}").json()["grade"]


def test_uncertain_regions_are_where_probabilities_are_near_a_half(service: Service) -> None:
    def run(pixels: np.ndarray) -> np.ndarray:
        logits = np.full((1, 1, *pixels.shape[2:]), -9, np.float32)
        logits[..., 60:64, 20:24] = 0  # nobody knows
        return logits

    image = np.full((96, 96, 3), 120, np.uint8)
    sure = Segmenter(green(1).record, run)
    own = Service(lambda: Networks(sure))
    client = client_of(own)
    id = _send(client, png(image))
    for _ in range(200):
        if client.get(f"/api/photographs/{id}").json()["found"]:
            break
        threading.Event().wait(0.05)
    first = client.get(f"/api/photographs/{id}/uncertain").json()[0]
    assert first["x"] <= 20 < 24 <= first["x"] + first["size"]
    assert first["y"] <= 60 < 64 <= first["y"] + first["size"]
    assert first["doubt"] == pytest.approx(8, rel=0.01)  # 16 pixels, each wrong half of the time
    own.close()


def test_types_are_refused_where_they_are_not_known(
    client: TestClient, finish: Finish, photograph: bytes
) -> None:
    id = _send(client, photograph)
    finish(client, id)
    assert client.get(f"/api/photographs/{id}/types").status_code == 404


@pytest.mark.parametrize(
    "content", [b"", b"no photograph", b"%PDF-1.7", b"<svg xmlns='http://www.w3.org/2000/svg'/>"]
)
def test_what_is_no_photograph_is_refused_by_its_content(
    client: TestClient, content: bytes
) -> None:
    headers = {"Content-Type": "image/png"}
    answer = client.post("/api/photographs?name=a.png", content=content, headers=headers)
    assert answer.status_code == 415


def test_a_gzipped_photograph_is_read_and_a_bomb_or_broken_one_refused(
    finish: Finish, fundus: RGB
) -> None:
    service = Service(lambda: Networks(green(1)), limits=Limits(upload_bytes=2**20))
    client = client_of(service)
    netpbm = b"P6 96 96 255\n" + fundus.tobytes()
    id = _send(client, gzip.compress(netpbm), "im0001.ppm.gz")
    assert finish(client, id)["state"] == "done"
    levels = np.frombuffer(client.get(f"/api/photographs/{id}/probability").content, "<u2")
    assert np.array_equal(levels.reshape(96, 96), green(1).segment(fundus).vessel_map.levels)
    for content, status in (
        (gzip.compress(bytes(2**20 + 1)), 413),
        (gzip.compress(netpbm)[:-9], 415),
        (gzip.compress(b"no photograph"), 415),
        (gzip.compress(gzip.compress(netpbm)), 415),
    ):
        assert client.post("/api/photographs", content=content).status_code == status
    service.close()


def test_a_doubtful_laterality_is_noted_with_the_findings_and_the_measurements(
    finish: Finish, photograph: bytes
) -> None:
    doubt = (
        "stated as a left eye, but disc and fovea look like a right one: mislabelled or mirrored?"
    )

    def fill(analysis: Analysis, _: Networks) -> Analysis:
        landmarks = Landmarks(None, None, "left", 1.0, ("no optic disc found", doubt))
        return replace(analysis, landmarks=landmarks)

    service = Service(
        lambda: Networks(green(1)), later=(Step("landmarks", fill),), groups=("measure",)
    )
    client = client_of(service)
    id = _send(client, photograph)
    found = finish(client, id, complete=True)["found"]
    assert isinstance(found, dict)
    assert found["notes"] == [doubt]
    assert doubt in client.get(f"/api/photographs/{id}/measurements").json()["notes"]
    table = client.get(f"/api/photographs/{id}/measurements.csv").text
    (row,) = csv.DictReader(io.StringIO(table))
    assert doubt in row["notes"].split("; ")
    service.close()


def test_a_broken_photograph_fails_with_a_reason(
    client: TestClient, finish: Finish, photograph: bytes
) -> None:
    found = finish(client, _send(client, photograph[: len(photograph) // 2]))
    assert found["state"] == "failed"
    assert found["reason"]
    assert found["found"] is None


def test_what_is_too_large_is_refused(photograph: bytes) -> None:
    service = Service(
        lambda: Networks(green(1)), limits=Limits(upload_bytes=len(photograph), pixels=96 * 96)
    )
    client = client_of(service)
    assert client.post("/api/photographs", content=photograph).status_code == 202
    assert client.post("/api/photographs", content=photograph + b"\0").status_code == 413
    wide = png(np.zeros((96, 97, 3), np.uint8))
    assert len(wide) < len(photograph)
    assert client.post("/api/photographs", content=wide).status_code == 413

    def parts() -> Iterator[bytes]:
        yield from (photograph, b"\0")

    assert client.post("/api/photographs", content=parts()).status_code == 413
    service.close()


class _Gate:
    """A network that waits until it is let through."""

    def __init__(self) -> None:
        self.let, self.began = threading.Event(), threading.Event()

    def run(self, pixels: np.ndarray) -> np.ndarray:
        self.began.set()
        assert self.let.wait(20)
        return -pixels[:, 1:2]


def _gated(gate: _Gate, limits: Limits) -> Service:
    return Service(lambda: Networks(Segmenter(green(1).record, gate.run)), limits=limits)


def test_more_photographs_than_may_wait_are_told_to_come_back(
    photograph: bytes, finish: Finish
) -> None:
    gate = _Gate()
    service = _gated(gate, Limits(waiting=2))
    client = client_of(service)
    first = _send(client, photograph)
    assert gate.began.wait(20)
    others = [_send(client, photograph) for _ in range(2)]
    refused = client.post("/api/photographs", content=photograph)
    assert refused.status_code == 429
    assert int(refused.headers["retry-after"]) >= 1
    assert client.get("/api/health").json()["waiting"] == 2
    gate.let.set()
    assert all(finish(client, id)["state"] == "done" for id in (first, *others))
    service.close()


def test_a_photograph_can_be_cancelled_while_it_waits_and_while_it_is_worked_on(
    photograph: bytes, finish: Finish
) -> None:
    gate = _Gate()
    service = _gated(gate, Limits())
    client = client_of(service)
    running = _send(client, photograph)
    assert gate.began.wait(20)
    waiting = _send(client, photograph)
    for id in (waiting, running):
        assert client.delete(f"/api/photographs/{id}").status_code == 204
        assert client.get(f"/api/photographs/{id}").status_code == 404
    gate.let.set()
    assert finish(client, _send(client, photograph))["state"] == "done"
    assert client.get("/api/photographs").json()["total"] == 1
    service.close()


def test_a_photograph_that_takes_too_long_fails_and_the_next_one_does_not(
    photograph: bytes, finish: Finish
) -> None:
    gate = _Gate()
    service = _gated(gate, Limits(analysis_s=0.1))
    client = client_of(service)
    id = _send(client, photograph)
    assert gate.began.wait(20)
    threading.Event().wait(0.2)
    found = client.get(f"/api/photographs/{id}").json()
    assert (found["state"], found["reason"]) == ("failed", "took longer than 0.1 s")
    service.limits = Limits()
    gate.let.set()
    assert finish(client, _send(client, photograph))["state"] == "done"
    assert client.get(f"/api/photographs/{id}").json()["state"] == "failed"
    service.close()


def test_the_least_recently_used_photographs_are_forgotten(
    photograph: bytes, fundus: RGB, finish: Finish
) -> None:
    one = fundus.nbytes + 96 * 96 * 3  # pixels, levels of two bytes, field of view
    service = Service(lambda: Networks(green(1)), limits=Limits(kept_bytes=2 * one))
    client = client_of(service)
    ids = []
    for _ in range(3):
        ids.append(_send(client, photograph))
        finish(client, ids[-1], complete=True)
    answers = [client.get(f"/api/photographs/{id}").status_code for id in ids]
    assert answers == [404, 200, 200]
    service.close()


def test_results_of_photographs_sent_at_the_same_time_are_not_swapped(
    client: TestClient, finish: Finish
) -> None:
    images = [noise(40 + number, seed=number) for number in range(8)]
    ids: dict[int, str] = {}

    def send(number: int) -> None:
        ids[number] = _send(client, png(images[number]))

    senders = [threading.Thread(target=send, args=[number]) for number in range(8)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    for number, image in enumerate(images):
        finish(client, ids[number])
        content = client.get(f"/api/photographs/{ids[number]}/probability").content
        expected = green(1).segment(image).vessel_map.levels
        assert np.array_equal(np.frombuffer(content, "<u2").reshape(image.shape[:2]), expected)


def test_lists_are_searched_and_cut_into_pages(client: TestClient, photograph: bytes) -> None:
    for name in ("one.png", "two.png", "Twofold.png"):
        _send(client, photograph, name)
    page = client.get("/api/photographs", params={"search": "TWO", "limit": 1}).json()
    assert page["total"] == 2
    assert [one["name"] for one in page["entries"]] == ["Twofold.png"]


def test_names_keep_only_their_last_part(client: TestClient, photograph: bytes) -> None:
    _send(client, photograph, "../../etc/pass\u202ewd.png")
    (entry,) = client.get("/api/photographs").json()["entries"]
    assert entry["name"] == "passwd.png"


def test_the_models_and_their_licences_are_listed(client: TestClient) -> None:
    assert client.get("/api/models").json() == [{"name": "green", "licence": "CC0", "in_use": True}]


def test_maps_beyond_the_longest_side_keep_the_largest_level_of_each_block(
    client: TestClient, finish: Finish
) -> None:
    image = noise(200, 100)
    id = _send(client, png(image))
    finish(client, id)
    answer = client.get(f"/api/photographs/{id}/probability?longest=100")
    expected = green(1).segment(image).vessel_map.levels
    blocks = expected.reshape(50, 2, 100, 2).max(axis=(1, 3))
    assert np.array_equal(np.frombuffer(answer.content, "<u2").reshape(50, 100), blocks)


def test_the_pages_files_are_in_the_package() -> None:
    import venule.serve

    static = Path(venule.serve.__file__).parent / "static"
    text = (static / "index.html").read_text(encoding="utf-8")
    assert "/static/main.js" in text
    for file in static.iterdir():
        content = file.read_text(encoding="utf-8")
        assert "https://" not in content, file  # nothing is fetched from elsewhere
        assert "eval(" not in content, file
