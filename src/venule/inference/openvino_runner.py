"""An ONNX file as the `run` of a segmenter, in OpenVINO; PyTorch is not needed."""

import sys
from collections import OrderedDict
from functools import cache
from importlib import import_module
from pathlib import Path
from threading import Lock
from types import ModuleType
from typing import Any, Literal

import numpy as np

from venule.errors import UsageError, WeightsError
from venule.image.arrays import FloatMap
from venule.inference.segment import Segmenter
from venule.models.record import METADATA, parse_record
from venule.system.computer import slow_bf16
from venule.system.cores import core_count

Precision = Literal["native", "fp32"]
"""Precision of the computation: "native" is bf16 on a CPU that gains by it, else fp32."""

MAX_SHAPES = 8
"""Most compiled networks that one runner keeps; each holds its own copy of the weights."""

_TELEMETRY = "openvino_telemetry"
_import_lock = Lock()
_reading_lock = Lock()


def load_openvino(
    path: Path, *, device: str = "auto", threads: int | None = None, precision: Precision = "native"
) -> Segmenter:
    """Load the segmenter in an ONNX file written by `venule export`, to run on the CPU.

    Args:
        path: the file; its metadata holds the record.
        device: "auto" or "cpu".
        threads: threads of one run, one per core if None.
        precision: see `Precision`.

    Raises:
        WeightsError: missing, unreadable, or without a record.
        UsageError: OpenVINO is not installed, or `device` is another one.
    """
    if device not in ("auto", "cpu"):
        raise UsageError(f"device {device!r}: OpenVINO runs on the CPU here; use --runtime onnx")
    run = OpenVINORun(path, threads=threads, precision=precision)
    return Segmenter(parse_record(run.metadata, path), run, runtime=run.description)


class OpenVINORun:
    """A network in OpenVINO: (N, 3, h, w) float32 to (N, C, h, w) float32. Safe in threads.

    OpenVINO is fastest with static shapes, so the network is compiled once for each; the MAX_SHAPES
    used last are kept, and only the very last keeps its working memory. Calls from several threads
    run one after the other, because each run uses all cores.

    Attributes:
        metadata: the file's own, by key.
        input_shape: (N, 3, h, w) as in the file, None where a side is free.
        input_types: dtype of every input, such as "float32".
        description: the runtime, its version and precision.

    Raises:
        WeightsError: missing or unreadable.
        UsageError: OpenVINO is not installed.
    """

    def __init__(
        self, path: Path, *, threads: int | None = None, precision: Precision = "native"
    ) -> None:
        if not path.is_file():
            raise WeightsError(f"{path}: no such weights file")
        openvino = import_openvino()
        self._core = _core()
        self._options: dict[str, Any] = {
            "PERFORMANCE_HINT": "LATENCY",
            "NUM_STREAMS": "1",
            "INFERENCE_NUM_THREADS": threads or core_count(),
            "ENABLE_CPU_PINNING": False,  # several processes would be bound to the same cores
        }
        if slow_bf16():
            precision = "fp32"
        if precision == "fp32":
            self._options["INFERENCE_PRECISION_HINT"] = "f32"
        try:
            self._model = _read_onnx(path)
            sides = self._model.inputs[0].get_partial_shape()
        except Exception as error:  # OpenVINO's errors share no public base class
            raise WeightsError(f"{path}: not a readable ONNX model ({_reason(error)})") from None
        self._path = path
        self.metadata = _metadata(self._model)
        self.input_shape = tuple(
            None if side.is_dynamic else int(side.get_length()) for side in sides
        )
        self.input_types = tuple(
            given.get_element_type().to_string().replace("f32", "float32")
            for given in self._model.inputs
        )
        fp32 = precision == "fp32" or "bfloat16" not in str(self._default_precision())
        version = openvino.__version__.partition("-")[0]
        self.description = f"OpenVINO {version}, {'fp32' if fp32 else 'bf16'}"
        self._lock = Lock()
        self._compiled: OrderedDict[tuple[int, ...], Any] = OrderedDict()

    def __call__(self, pixels: FloatMap) -> FloatMap:
        """The logits of `pixels`."""
        with self._lock:
            request = self._request(pixels.shape)
            request.infer([np.ascontiguousarray(pixels)], share_inputs=True)
            # A copy, because the next run overwrites the buffer.
            return np.array(request.get_output_tensor(0).data, np.float32)

    def _request(self, shape: tuple[int, ...]) -> Any:
        """The inference request for inputs of `shape`, compiled if not cached."""
        if shape in self._compiled:
            last = next(reversed(self._compiled))
            if last != shape:
                self._compiled[last].get_compiled_model().release_memory()
            self._compiled.move_to_end(shape)
            return self._compiled[shape]
        if self._compiled:
            next(reversed(self._compiled.values())).get_compiled_model().release_memory()
        if len(self._compiled) == MAX_SHAPES:
            self._compiled.popitem(last=False)
        model = self._model.clone()
        try:
            model.reshape(list(shape))
            compiled = self._core.compile_model(model, "CPU", self._options)
        except Exception as error:
            raise WeightsError(
                f"{self._path}: OpenVINO cannot run it ({_reason(error)}); use --runtime onnx"
            ) from None
        self._compiled[shape] = compiled.create_infer_request()
        return self._compiled[shape]

    def _default_precision(self) -> object:
        return self._core.get_property("CPU", "INFERENCE_PRECISION_HINT")


def import_openvino() -> ModuleType:
    """Import the package openvino without the telemetry that comes with it.

    `import openvino` by itself reports its use over the network and keeps an identifier in the home
    directory, unless the user opted out beforehand. Without its telemetry package it uses a stub,
    so that package is hidden during the import.

    Raises:
        UsageError: OpenVINO is not installed.
    """
    with _import_lock:
        if "openvino" in sys.modules:
            return sys.modules["openvino"]
        hidden = {name: sys.modules.pop(name) for name in [*sys.modules] if _is_telemetry(name)}
        sys.modules[_TELEMETRY] = None  # type: ignore[assignment]  # "there is no such module"
        try:
            openvino: ModuleType = import_module("openvino")
        except ModuleNotFoundError as error:
            if error.name != "openvino":
                raise
            raise UsageError(
                "runtime 'openvino' needs OpenVINO, which is not installed: "
                "pip install 'venule[openvino]'"
            ) from None
        finally:
            del sys.modules[_TELEMETRY]
            sys.modules.update(hidden)
        return openvino


@cache
def _core() -> Any:
    """The single OpenVINO core of this process, which holds no network.

    Each core starts OpenVINO's threads and loads its libraries, and stops and unloads them when it
    is deleted, which is not always safe next to PyTorch's and ONNX Runtime's threads.
    """
    return import_openvino().Core()


@cache
def _onnx_frontend() -> Any:
    return import_openvino().frontend.FrontEndManager().load_by_framework("onnx")


def _read_onnx(path: Path) -> Any:
    """Read the network in an ONNX file.

    Not by `Core.read_model`, which passes a file that is not ONNX to the readers of every other
    framework: each loads its own libraries, and some print.
    """
    with _reading_lock:
        frontend = _onnx_frontend()
        return frontend.convert(frontend.load(str(path)))


def _is_telemetry(name: str) -> bool:
    return name == _TELEMETRY or name.startswith(f"{_TELEMETRY}.")


def _metadata(model: Any) -> dict[str, str]:
    if not model.has_rt_info(["framework", METADATA]):
        return {}
    return {METADATA: str(model.get_rt_info(["framework", METADATA]).value)}


def _reason(error: Exception) -> str:
    """The last line of OpenVINO's message; earlier lines name its source files."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1][:200] if lines else type(error).__name__
