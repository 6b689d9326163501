import gc
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from support.networks import write_network
from support.offline import run_offline
from support.runtimes import needs_openvino
from venule.errors import UsageError, WeightsError
from venule.image.arrays import FloatMap
from venule.inference import openvino_runner
from venule.inference.openvino_runner import OpenVINORun, import_openvino, load_openvino
from venule.models.record import ClassRecord, ModelRecord

pytestmark = needs_openvino

RECORD = ModelRecord(name="tiny", model="tiny", classes=(ClassRecord(threshold=0.6),))

SEGMENT = """
from pathlib import Path
from venule.inference.openvino_runner import load_openvino
from venule.synth.fundus import synthesize_fundus
segmenter = load_openvino(Path(sys.argv[1]), threads=1)
print(segmenter.segment(synthesize_fundus(0, size_px=64).image).vessels.sum())
print([name for name in sys.modules if name.startswith("openvino_telemetry")])
"""


def noise(*shape: int) -> FloatMap:
    return np.random.default_rng(0).standard_normal(shape).astype(np.float32)


@pytest.fixture
def network(tmp_path: Path) -> Path:
    return write_network(tmp_path / "tiny.onnx", RECORD)


def test_its_telemetry_stays_inert(network: Path, tmp_path: Path) -> None:
    ran = run_offline(SEGMENT, network, home=tmp_path / "home")
    assert ran.code == 0, ran.err
    vessels, modules = ran.out.split("\n")[:2]
    assert int(vessels) > 0
    assert modules == "[]"
    assert ran.tried == []
    assert ran.left == []


def test_the_import_leaves_no_trace_among_the_modules() -> None:
    assert import_openvino() is sys.modules["openvino"]
    assert "openvino_telemetry" not in sys.modules


def test_the_network_computes_at_every_shape_what_it_should(network: Path) -> None:
    run = OpenVINORun(network, threads=1, precision="fp32")
    assert run.description.endswith("fp32")
    for shape in ((1, 3, 32, 64), (1, 3, 40, 24), (2, 3, 32, 64), (1, 3, 32, 64)):
        pixels = noise(*shape)
        logits = run(pixels)
        assert logits.dtype == np.float32
        np.testing.assert_allclose(logits, -pixels[:, 1:2], rtol=1e-6)


def test_only_the_shapes_used_last_are_kept(network: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openvino_runner, "MAX_SHAPES", 2)
    run = OpenVINORun(network, threads=1)
    for width in (32, 64, 32, 96):
        run(noise(1, 3, 32, width))
    assert [shape[3] for shape in run._compiled] == [32, 96]


def test_a_result_is_not_changed_by_the_next_one(network: Path) -> None:
    run = OpenVINORun(network, threads=1, precision="fp32")
    pixels = noise(1, 3, 32, 32)
    first = run(pixels)
    run(np.zeros_like(pixels))
    np.testing.assert_allclose(first, -pixels[:, 1:2], rtol=1e-6)


def test_openvino_is_given_the_threads_that_are_asked_for(
    network: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert OpenVINORun(network, threads=3)._options["INFERENCE_NUM_THREADS"] == 3
    monkeypatch.setattr("venule.inference.openvino_runner.core_count", lambda: 5)
    assert OpenVINORun(network)._options["INFERENCE_NUM_THREADS"] == 5


def test_threads_share_a_network(network: Path) -> None:
    run = OpenVINORun(network, threads=1, precision="fp32")
    wrong: list[int] = []

    def work(number: int) -> None:
        for turn in range(20):
            pixels = np.full((1, 3, 32, 32 * (1 + (number + turn) % 3)), number, np.float32)
            if not np.allclose(run(pixels), -number):
                wrong.append(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(1, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_the_record_comes_with_the_network(network: Path) -> None:
    segmenter = load_openvino(network, threads=1)
    assert segmenter.record == RECORD
    assert segmenter.runtime.startswith("OpenVINO 20")


def test_a_file_without_a_record_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="no venule record"):
        load_openvino(write_network(tmp_path / "bare.onnx"))


@pytest.mark.parametrize("content", [b"", b"not weights at all", b"\xff" * 4000])
def test_a_broken_file_is_one_clear_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "broken.onnx"
    path.write_bytes(content)
    with pytest.raises(WeightsError, match=r"broken\.onnx") as caught:
        load_openvino(path)
    assert "\n" not in str(caught.value)


def test_what_is_no_onnx_file_is_not_tried_as_anything_else(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "saved.pb"  # a TensorFlow graph, as its readers would see it
    path.write_bytes(b"node { name: 'a' op: 'Placeholder' }" * 100)
    with pytest.raises(WeightsError, match="not a readable ONNX model"):
        load_openvino(path)
    assert capfd.readouterr().err == ""


def test_networks_share_one_core_and_are_freed_without_it(network: Path) -> None:
    first, second = (OpenVINORun(network, threads=1, precision="fp32") for _ in range(2))
    assert first._core is second._core
    del first
    gc.collect()
    pixels = noise(1, 3, 32, 32)
    np.testing.assert_allclose(second(pixels), -pixels[:, 1:2], rtol=1e-6)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"none\.onnx: no such weights file"):
        load_openvino(tmp_path / "none.onnx")


def test_a_gpu_is_left_to_onnx_runtime(network: Path) -> None:
    with pytest.raises(UsageError, match="--runtime onnx"):
        load_openvino(network, device="cuda")


def test_input_sides_are_known(tmp_path: Path) -> None:
    assert OpenVINORun(write_network(tmp_path / "a.onnx")).input_shape == (None, 3, None, None)
    fixed = write_network(tmp_path / "b.onnx", shape=(1, 3, 64, 48))
    assert OpenVINORun(fixed).input_shape == (1, 3, 64, 48)


def test_where_bf16_is_slow_it_computes_in_fp32(
    network: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("venule.inference.openvino_runner.slow_bf16", lambda: True)
    native, full = (
        OpenVINORun(network, threads=1, precision=precision) for precision in ("native", "fp32")
    )
    pixels = noise(1, 3, 32, 64)
    assert native.description == full.description
    assert np.array_equal(native(pixels), full(pixels))
