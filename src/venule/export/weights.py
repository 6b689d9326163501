"""Conversion of an exported network back to safetensors, for PyTorch to continue from."""

from pathlib import Path

from venule.errors import WeightsError
from venule.export.onnx import TOLERANCE, compare
from venule.files.atomic import require_folder
from venule.inference.torch_runner import load_onnx_model
from venule.models.checkpoint import save_weights


def export_safetensors(weights: Path, target: Path) -> float:
    """Write the network of an ONNX file as safetensors; return the difference from `compare`.

    The network is that of `inference.torch_runner.load_onnx_model`, without an auxiliary head.

    Raises:
        WeightsError: not written by `venule export`, or PyTorch's logits differ.
        OutputError: `target` cannot be written.
    """
    require_folder(target)
    model, record = load_onnx_model(weights)
    difference = compare(weights, model)
    if not difference <= TOLERANCE:
        raise WeightsError(
            f"{weights}: PyTorch's logits differ from the file's by {difference:.2g}"
        )
    save_weights(target, model.state_dict(), record)
    return difference
