"""The service against its own specification; `make test-web`."""

import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import urljoin

import httpx
import pytest

from serve.served import served
from support.networks import write_network
from venule.models.record import ModelRecord

pytestmark = pytest.mark.skipif(
    os.environ.get("VENULE_WEB") != "1", reason="schemathesis: VENULE_WEB=1, make test-web"
)


def test_schemathesis_finds_no_answer_that_the_specification_lacks(tmp_path: Path) -> None:
    network = write_network(tmp_path / "tiny.onnx", ModelRecord(name="tiny", model="tiny"))
    with served("--model", network) as url:
        cookies = httpx.get(url).cookies
        cookie = "; ".join(f"{name}={value}" for name, value in cookies.items())
        command = [sys.executable, "-m", "schemathesis.cli", "run", urljoin(url, "openapi.json")]
        command += ["--header", f"Cookie: {cookie}", "--max-examples", "12", "--seed", "1"]
        command += [
            "--checks",
            "not_a_server_error,status_code_conformance,content_type_conformance",
        ]
        ran = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False)
    assert ran.returncode == 0, ran.stdout[-4000:] + ran.stderr[-2000:]
