"""A PyTorch network as the function that `segment` runs."""

from pathlib import Path

import torch

from venule.errors import UsageError
from venule.image.arrays import FloatMap
from venule.image.tiles import Run
from venule.inference.segment import Segmenter
from venule.models.base import SegmentationModel
from venule.models.checkpoint import load_model


def pick_device(device: str) -> torch.device:
    """The device of that name; "auto" prefers CUDA, then MPS, then the CPU.

    Raises:
        UsageError: the device is not there.
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


def load_torch(path: Path, *, device: str = "auto") -> Segmenter:
    """The segmenter in a safetensors file."""
    model, record = load_model(path)
    return Segmenter(record, torch_run(model, pick_device(device)))
