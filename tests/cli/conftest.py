"""The command line as a user runs it, and a network that needs no training."""

import signal
import sys
from pathlib import Path

import numpy as np
import pytest

from support.commands import Ran, Run
from venule.cli.main import main
from venule.models.record import ModelRecord


@pytest.fixture(scope="session", autouse=True)
def interruptible() -> None:
    """Let commands be interrupted even where the tests were started in a shell's background.

    Such a shell has SIGINT ignored, and every process below it inherits that.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def venule(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run `venule ARGUMENTS...` in this process."""

    def run(*arguments: object) -> Ran:
        monkeypatch.setattr(sys, "argv", ["venule", *map(str, arguments)])
        capsys.readouterr()
        code = 0
        try:
            main()
        except SystemExit as done:
            code = int(done.code or 0)
        captured = capsys.readouterr()
        return Ran(code, captured.out, captured.err)

    return run


@pytest.fixture
def tiny_onnx(tmp_path: Path) -> Path:
    """A network of one 1 x 1 convolution whose logit is minus the normalised green channel."""
    onnx = pytest.importorskip("onnx")
    helper, kind = onnx.helper, onnx.TensorProto.FLOAT
    weight = np.array([0, -1, 0], np.float32).reshape(1, 3, 1, 1)
    graph = helper.make_graph(
        [helper.make_node("Conv", ["pixels", "weight"], ["logits"])],
        "tiny",
        [helper.make_tensor_value_info("pixels", kind, ["n", 3, "h", "w"])],
        [helper.make_tensor_value_info("logits", kind, ["n", 1, "h", "w"])],
        [onnx.numpy_helper.from_array(weight, "weight")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    record = ModelRecord(name="tiny", model="tiny", threshold=0.6)
    helper.set_model_props(model, {"venule": record.model_dump_json()})
    path = tmp_path / "tiny.onnx"
    path.write_bytes(model.SerializeToString())
    return path
