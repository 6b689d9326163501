"""An ONNX file as the `run` of a segmenter, in ONNX Runtime; PyTorch is not needed."""

import os
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from venule.errors import UsageError, WeightsError
from venule.image.arrays import FloatMap
from venule.inference.segment import Segmenter
from venule.models.record import parse_record
from venule.system.cores import core_count

PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}


def _import_onnxruntime() -> Any:
    """Import ONNX Runtime with telemetry off: official builds from 1.29 report use to Microsoft.

    The variable must be set before the import; it prevents the identifier and the uploader from
    being created. The call is for a process that has already imported ONNX Runtime itself.
    """
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    module = import_module("onnxruntime")
    module.disable_telemetry_events()
    return module


onnxruntime = _import_onnxruntime()


def load_onnx(path: Path, *, device: str = "auto", threads: int | None = None) -> Segmenter:
    """Load the segmenter in an ONNX file written by `venule export`.

    Args:
        path: the file; its metadata holds the record.
        device: "cpu", "cuda", or "auto": CUDA if ONNX Runtime has it.
        threads: threads of one run, one per core if None.

    Raises:
        WeightsError: missing, unreadable, or without a record.
        UsageError: the device is not available.
    """
    run = OnnxRun(path, device=device, threads=threads)
    return Segmenter(parse_record(run.metadata, path), run, runtime=run.description)


_NO_THREADS = ("pthread_create", "pthread_setaffinity", "Resource temporarily unavailable")
"""Signs in ONNX Runtime's message that a process limit kept it from starting threads."""


class OnnxRun:
    """A network in ONNX Runtime: (N, 3, h, w) float32 to (N, C, h, w) float32. Safe in threads.

    Attributes:
        metadata: the file's own, by key.
        input_shape: (N, 3, h, w) as in the file, None where a side is free.
        input_types: dtype of every input, such as "float32".
        description: the runtime, its version and precision.

    Raises:
        WeightsError: missing or unreadable.
        UsageError: the device is not available.
    """

    def __init__(self, path: Path, *, device: str = "auto", threads: int | None = None) -> None:
        if not path.is_file():
            raise WeightsError(f"{path}: no such weights file")
        provider = _provider(device)
        try:
            session = onnxruntime.InferenceSession(path, _options(threads), providers=[provider])
        except Exception as error:  # ONNX Runtime's errors share no public base class
            if any(sign in str(error) for sign in _NO_THREADS):
                raise UsageError(
                    f"{path}: cannot start more threads ({_reason(error)}); raise the process "
                    "limit (ulimit -u), or use fewer threads"
                ) from None
            raise WeightsError(f"{path}: not a readable ONNX model ({_reason(error)})") from None
        # If it cannot use the GPU that it lists, it silently falls back to the CPU.
        if provider not in session.get_providers():
            if device != "auto":
                raise UsageError(
                    f"device {device!r}: ONNX Runtime has it but cannot use it here; check its "
                    "driver, or use --device cpu"
                )
            provider = PROVIDERS["cpu"]
        self._session = session
        self._input = session.get_inputs()[0]
        self._output = session.get_outputs()[0]
        self.metadata: dict[str, str] = session.get_modelmeta().custom_metadata_map
        self.input_shape = tuple(
            side if isinstance(side, int) else None for side in self._input.shape
        )
        self.input_types = tuple(
            "float32" if given.type == "tensor(float)" else str(given.type)
            for given in session.get_inputs()
        )
        where = "" if provider == PROVIDERS["cpu"] else ", CUDA"
        self.description = f"ONNX Runtime {onnxruntime.__version__}, fp32{where}"

    def __call__(self, pixels: FloatMap) -> FloatMap:
        """The logits of `pixels`."""
        (logits,) = self._session.run([self._output.name], {self._input.name: pixels})
        return np.asarray(logits, np.float32)


def _options(threads: int | None) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads or core_count()
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    options.enable_mem_pattern = False  # shapes vary; each pattern would hold memory
    # Threads spin between layers, but sleep as soon as a run is over.
    options.add_session_config_entry("session.force_spinning_stop", "1")
    return options


def _provider(device: str) -> str:
    available = onnxruntime.get_available_providers()
    if device == "auto":
        device = "cuda" if PROVIDERS["cuda"] in available else "cpu"
    if PROVIDERS.get(device) not in available:
        raise UsageError(f"device {device!r} is not available to ONNX Runtime; use --device cpu")
    return PROVIDERS[device]


def _reason(error: Exception) -> str:
    return str(error).strip().splitlines()[0][:200]
