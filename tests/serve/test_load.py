"""200 clients at the same time, on the loopback; `make load-web`."""

import asyncio
import os
import sys
import time
from collections import Counter
from pathlib import Path
from urllib.parse import urljoin

import httpx
import numpy as np
import pytest

from serve.conftest import png
from serve.served import served
from support.networks import write_network
from support.segmenters import noise
from venule.inference.load import load
from venule.models.record import ModelRecord

pytestmark = [
    pytest.mark.load,
    pytest.mark.skipif(
        os.environ.get("VENULE_LOAD") != "1", reason="many clients: VENULE_LOAD=1, make load-web"
    ),
]

CLIENTS, SECONDS = 200, 420


def test_200_clients_get_their_own_result_or_are_told_to_come_back(tmp_path: Path) -> None:
    network = write_network(tmp_path / "tiny.onnx", ModelRecord(name="tiny", model="tiny"))
    images = [noise(40 + number % 50, 40 + number // 50, seed=number) for number in range(CLIENTS)]
    statuses: Counter[int] = Counter()

    async def one(client: httpx.AsyncClient, number: int) -> bytes:
        content = png(images[number])
        while True:
            answer = await client.post("/api/photographs", content=content)
            statuses[answer.status_code] += 1
            if answer.status_code == 202:
                break
            assert answer.status_code == 429
            await asyncio.sleep(0.5 * (1 + number % 5))
        id = answer.json()["id"]
        while True:
            found = (await client.get(f"/api/photographs/{id}")).json()
            if found["state"] not in ("waiting", "running"):
                break
            await asyncio.sleep(0.5)
        assert found["state"] == "done", found
        return (await client.get(f"/api/photographs/{id}/probability")).content

    async def all_of(url: str) -> list[bytes]:
        limits = httpx.Limits(max_connections=CLIENTS)
        async with httpx.AsyncClient(
            base_url=urljoin(url, "/"), timeout=120, limits=limits
        ) as client:
            await client.get(url)
            async with asyncio.timeout(SECONDS):
                return await asyncio.gather(*(one(client, number) for number in range(CLIENTS)))

    began = time.perf_counter()
    with served("--model", network) as url:
        answers = asyncio.run(all_of(url))
    took = time.perf_counter() - began
    sys.stderr.write(f"{CLIENTS} clients: {took:.1f} s, {dict(statuses)}\n")
    assert set(statuses) <= {202, 429}
    segmenter = load(network)
    for image, answer in zip(images, answers, strict=True):
        expected = segmenter.segment(image).vessel_map.levels
        assert np.array_equal(np.frombuffer(answer, "<u2").reshape(expected.shape), expected)
