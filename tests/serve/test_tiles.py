from io import BytesIO

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image

from serve.conftest import Finish
from venule.image.arrays import RGB
from venule.serve.service import Service


@pytest.fixture
def id(client: TestClient, photograph: bytes, finish: Finish) -> str:
    made = str(client.post("/api/photographs", content=photograph).json()["id"])
    finish(client, made)
    return made


def _tile(client: TestClient, address: str) -> np.ndarray:
    answer = client.get(address)
    assert answer.status_code == 200, answer.text
    return np.asarray(Image.open(BytesIO(answer.content)))


def test_tiles_are_parts_of_the_photograph(client: TestClient, id: str, fundus: RGB) -> None:
    part = _tile(client, f"/api/photographs/{id}/tiles/0/1/2?side=32")
    assert part.shape == (32, 32, 3)
    assert np.abs(part.astype(int) - fundus[64:96, 32:64]).mean() < 4  # JPEG of quality 95
    green = _tile(client, f"/api/photographs/{id}/tiles/0/0/0?side=32&view=green")
    assert np.abs(green.astype(int) - fundus[:32, :32, 1]).mean() < 4
    coarse = _tile(client, f"/api/photographs/{id}/tiles/1/0/0?side=32")
    mean = fundus[:64, :64].reshape(32, 2, 32, 2, 3).mean(axis=(1, 3))
    assert np.abs(coarse - mean).mean() < 4
    at_the_edge = _tile(client, f"/api/photographs/{id}/tiles/0/1/1?side=64")
    assert at_the_edge.shape == (32, 32, 3)


def test_tiles_of_the_map_hold_its_levels(client: TestClient, service: Service, id: str) -> None:
    levels = service.analysis(id).prediction.vessel_map.levels
    for level, wanted in (
        (0, levels[32:64, 64:96]),
        (1, levels[64:96, :64].reshape(16, 2, 32, 2).max(axis=(1, 3))),
    ):
        column, row = ((2, 1), (0, 1))[level]
        answer = client.get(
            f"/api/photographs/{id}/tiles/{level}/{column}/{row}/probability?side=32"
        )
        shape = int(answer.headers["X-Height"]), int(answer.headers["X-Width"])
        assert np.array_equal(np.frombuffer(answer.content, "<u2").reshape(shape), wanted)


@pytest.mark.parametrize("place", ["0/3/0", "0/0/3", "5/1/0", "0/1000000/1000000"])
def test_there_is_nothing_outside(client: TestClient, id: str, place: str) -> None:
    for part in ("", "/probability"):
        answer = client.get(f"/api/photographs/{id}/tiles/{place}{part}?side=32")
        assert answer.status_code == 404
