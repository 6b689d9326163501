"""An ONNX file as the function that `segment` runs; needs ONNX Runtime, not PyTorch."""

from pathlib import Path

import numpy as np
import onnxruntime
from pydantic import ValidationError

from venule.errors import UsageError, WeightsError
from venule.image.arrays import FloatMap
from venule.inference.segment import Segmenter
from venule.models.record import ModelRecord

METADATA = "venule"

PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}


def load_onnx(path: Path, *, device: str = "auto", threads: int = 0) -> Segmenter:
    """The segmenter in an ONNX file that `venule export` wrote.

    Args:
        path: the file; its metadata holds the record.
        device: "cpu", "cuda", or "auto": CUDA where ONNX Runtime has it.
        threads: threads of one run, 0 for one per core.

    Raises:
        WeightsError: missing, unreadable, or without a record.
        UsageError: the device is not there.
    """
    if not path.is_file():
        raise WeightsError(f"{path}: no such weights file")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    options.enable_mem_pattern = False  # shapes vary; patterns would keep memory for each
    try:
        session = onnxruntime.InferenceSession(path, options, providers=[_provider(device)])
    except UsageError:
        raise
    except Exception as error:  # ONNX Runtime's errors share no public base class
        raise WeightsError(f"{path}: not a readable ONNX model ({_first_line(error)})") from None
    record = _record(path, session)
    (source,) = session.get_inputs()
    (target,) = session.get_outputs()

    def run(pixels: FloatMap) -> FloatMap:
        (logits,) = session.run([target.name], {source.name: pixels})
        return np.asarray(logits, np.float32)

    return Segmenter(record, run)


def _record(path: Path, session: onnxruntime.InferenceSession) -> ModelRecord:
    metadata = session.get_modelmeta().custom_metadata_map
    if METADATA not in metadata:
        raise WeightsError(f"{path}: has no venule record; write it with `venule export`")
    try:
        return ModelRecord.model_validate_json(metadata[METADATA])
    except ValidationError as error:
        reason = error.errors()[0]["msg"]
        raise WeightsError(f"{path}: its record cannot be used: {reason}") from None


def _provider(device: str) -> str:
    available = onnxruntime.get_available_providers()
    if device == "auto":
        device = "cuda" if PROVIDERS["cuda"] in available else "cpu"
    if PROVIDERS.get(device) not in available:
        raise UsageError(f"device {device!r} is not available to ONNX Runtime; use --device cpu")
    return PROVIDERS[device]


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0][:200]
