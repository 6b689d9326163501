"""A PyTorch network as the `run` of a segmenter."""

from pathlib import Path

import torch

from venule.errors import ConfigError, UsageError, WeightsError
from venule.image.arrays import FloatMap
from venule.image.tiles import Run
from venule.inference.segment import Segmenter
from venule.models.base import SegmentationModel
from venule.models.checkpoint import build_model, load_model, read_onnx
from venule.models.record import ModelRecord, parse_record
from venule.models.zoo import MODELS


def pick_device(device: str) -> torch.device:
    """The device of that name; "auto" prefers CUDA, then MPS, then the CPU.

    Raises:
        UsageError: the device is not available.
    """
    there = {
        "cpu": True,
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
    }
    if device == "auto":
        device = next(name for name in ("cuda", "mps", "cpu") if there[name])
    if not there.get(device, False):
        raise UsageError(f"device {device!r} is not available here; use --device cpu")
    return torch.device(device)


def torch_run(model: SegmentationModel, device: torch.device) -> Run:
    """`model` in evaluation mode as (N, 3, h, w) float32 -> (N, C, h, w) float32, in fp32."""
    model = model.to(device).eval()

    def run(pixels: FloatMap) -> FloatMap:
        with torch.inference_mode():
            logits: FloatMap = model(torch.from_numpy(pixels).to(device)).float().cpu().numpy()
        return logits

    return run


def load_torch(path: Path, *, device: str = "auto", threads: int | None = None) -> Segmenter:
    """Load the segmenter in a safetensors file, or in an ONNX file written by `venule export`.

    `threads` sets PyTorch's threads for the whole process; None leaves them as they are.
    """
    if threads is not None:
        torch.set_num_threads(threads)
    model, record = load_onnx_model(path) if path.suffix == ".onnx" else load_model(path)
    place = pick_device(device)
    where = "" if place.type == "cpu" else f", {place.type}"
    version = torch.__version__.partition("+")[0]
    return Segmenter(record, torch_run(model, place), runtime=f"PyTorch {version}, fp32{where}")


def load_onnx_model(path: Path) -> tuple[SegmentationModel, ModelRecord]:
    """Load the network of an ONNX file in PyTorch, in evaluation mode, with its record.

    Parts used only in training, an auxiliary head and batch counters, are not in an ONNX file; the
    record of a network that can have such a head says `auxiliary: false`.

    Raises:
        WeightsError: not written by `venule export`, or by another version of it.
    """
    tensors, metadata = read_onnx(path)
    record = parse_record(metadata, path)
    if hasattr(MODELS.get(record.model), "auxiliary"):
        record = record.model_copy(update={"options": record.options | {"auxiliary": False}})
    try:
        model = build_model(record)
    except ConfigError as error:
        raise WeightsError(f"{path}: {error}") from None
    missing = [name for name in model.state_dict() if name not in tensors]
    if any(not name.endswith("num_batches_tracked") for name in missing):
        raise WeightsError(f"{path}: lacks {missing[0]}; export it again from its run")
    try:
        model.load_state_dict(tensors, strict=False)
    except RuntimeError:  # of other shapes; the message has many lines
        raise WeightsError(
            f"{path}: its tensors do not match the network named in its record; export it again"
        ) from None
    return model.eval(), record
