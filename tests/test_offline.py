"""Predicting needs no network, and no package beyond the base install."""

import json
from pathlib import Path

import pytest
from PIL import Image

from support.networks import write_network
from support.offline import run_offline
from support.runtimes import needs_openvino
from venule.image.io import read_mask
from venule.models.record import ModelRecord
from venule.synth.fundus import synthesize_fundus

BASE_INSTALL = """
for name in ("torch", "torchvision", "safetensors", "onnx", "onnxscript", "openvino", "matplotlib"):
    sys.modules[name] = None  # "there is no such module"
from venule.cli.main import main
main()
"""


def test_a_photograph_is_predicted_without_a_network_by_the_base_install(tmp_path: Path) -> None:
    photograph, out = tmp_path / "eye.png", tmp_path / "out"
    Image.fromarray(synthesize_fundus(0, size_px=96).image).save(photograph)
    model = write_network(tmp_path / "tiny.onnx", ModelRecord(name="tiny", model="tiny"))
    arguments = ["predict", photograph, "-o", out, "--model", model]
    ran = run_offline(BASE_INSTALL, *arguments, home=tmp_path / "home")
    assert ran.code == 0, ran.err
    assert read_mask(out / "eye_mask.png").any()
    assert ran.tried == []
    assert ran.left == []


@pytest.mark.parametrize(
    "runtime", ["onnx", "torch", pytest.param("openvino", marks=needs_openvino)]
)
def test_no_runtime_uses_the_network_or_leaves_anything_at_home(
    tmp_path: Path, runtime: str
) -> None:
    photograph, out = tmp_path / "eye.png", tmp_path / "out"
    Image.fromarray(synthesize_fundus(0, size_px=96).image).save(photograph)
    code = "from venule.cli.main import main\nmain()"
    arguments = ["predict", photograph, "-o", out, "--runtime", runtime]
    ran = run_offline(code, *arguments, home=tmp_path / "home")
    assert ran.code == 0, ran.err
    made_in = json.loads((out / "run.json").read_text())["runtime"]
    assert made_in.startswith({"onnx": "ONNX", "torch": "PyTorch", "openvino": "OpenVINO"}[runtime])
    assert read_mask(out / "eye_mask.png").shape == (96, 96)
    assert ran.tried == []
    assert ran.left == []


def test_what_uses_the_network_is_caught_by_the_test_above(tmp_path: Path) -> None:
    code = "import urllib.request\nurllib.request.urlopen('http://192.0.2.1/', timeout=1)"
    ran = run_offline(code, home=tmp_path / "home")
    assert ran.code == 1
    assert ran.tried
