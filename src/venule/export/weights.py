"""An exported network back as safetensors, for PyTorch to go on from."""

from pathlib import Path

from venule.errors import WeightsError
from venule.export.onnx import TOLERANCE, compare
from venule.inference.onnx_runner import load_onnx
from venule.models.checkpoint import build_model, read_onnx, save_weights


def export_safetensors(weights: Path, target: Path) -> float:
    """Write the network of an ONNX file as safetensors; the difference found by `compare`.

    What training alone uses, the auxiliary head and counters of batches, is not in an ONNX file;
    the record then says `auxiliary: false`.

    Raises:
        WeightsError: not written by `venule export`, or PyTorch computes something else.
        OutputError: `target` cannot be written.
    """
    record = load_onnx(weights, device="cpu").record
    tensors, _ = read_onnx(weights)
    record = record.model_copy(update={"options": record.options | {"auxiliary": False}})
    model = build_model(record)
    missing = [name for name in model.state_dict() if name not in tensors]
    if any(not name.endswith("num_batches_tracked") for name in missing):
        raise WeightsError(f"{weights}: lacks {missing[0]}; export it again from its run")
    model.load_state_dict(tensors, strict=False)
    difference = compare(weights, model)
    if not difference <= TOLERANCE:
        raise WeightsError(
            f"{weights}: PyTorch's logits differ from the file's by {difference:.2g}"
        )
    save_weights(target, model.state_dict(), record)
    return difference
