"""A segmenter from a shipped name, a weights file, or a training run's folder."""

from importlib.resources import files
from pathlib import Path

from venule.errors import UsageError, WeightsError
from venule.inference.segment import Segmenter

WHICH = ("loss", "iou", "dice", "auc", "last")


def shipped_weights() -> dict[str, Path]:
    """The weights that came with the package, by name."""
    folder = Path(str(files("venule"))) / "weights"
    return {path.stem: path for path in sorted(folder.glob("*.onnx"))}


def load(model: str | Path, *, device: str = "auto", which: str = "dice") -> Segmenter:
    """A segmenter that is ready to run.

    Args:
        model: a shipped name, a .onnx or .safetensors file, or a run's folder.
        device: "auto", "cpu" or "cuda" (with PyTorch also "mps").
        which: of a run's folder, the weights best by "loss", "iou", "dice" or "auc", or "last".

    Raises:
        WeightsError: nothing of that name, or a file that cannot be used.
        UsageError: an unknown `which` or an unavailable device.
    """
    path = weights_file(model, which=which)
    if path.suffix == ".onnx":
        from venule.inference.onnx_runner import load_onnx

        return load_onnx(path, device=device)
    from venule.inference.torch_runner import load_torch

    return load_torch(path, device=device)


def weights_file(model: str | Path, *, which: str = "dice") -> Path:
    """The weights file that `model` names, see `load`."""
    if which not in WHICH:
        raise UsageError(f"which = {which!r}: use one of {', '.join(WHICH)}")
    shipped = shipped_weights()
    if str(model) in shipped:
        return shipped[str(model)]
    path = Path(model)
    if path.is_dir():
        return _of_run(path, which)
    if not path.is_file():
        names = ", ".join(shipped) or "none"
        raise WeightsError(f"{model}: no such weights file or run; shipped with venule: {names}")
    if path.suffix not in (".onnx", ".safetensors"):
        raise WeightsError(
            f"{path}: weights are .onnx or .safetensors files; `venule convert` makes one of a "
            "PyTorch checkpoint"
        )
    return path


def _of_run(run: Path, which: str) -> Path:
    name = "last" if which == "last" else f"best_{which}"
    path = run / "weights" / f"{name}.safetensors"
    if (run / "weights" / "best_accuracy.safetensors").is_file():
        raise WeightsError(
            f"{run}: a classifier of `venule pretrain`, which finds no vessels; train from it with "
            "network.pretrained"
        )
    if not path.is_file():
        raise WeightsError(f"{run}: not a training run with {path.relative_to(run)}")
    return path
