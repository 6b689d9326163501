"""Loading of a segmenter from a shipped name, a weights file, or a training run's folder."""

from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import Literal, get_args

from venule.errors import UsageError, WeightsError
from venule.inference.segment import Segmenter
from venule.models.record import ModelRecord

Runtime = Literal["auto", "onnx", "openvino", "openvino-fp32", "torch"]
"""Runtimes of a network; "openvino" uses bf16 on a CPU that gains by it."""

RUNTIMES: tuple[Runtime, ...] = get_args(Runtime)

FASTER_IN_OPENVINO = frozenset({"resunet", "d4-resunet"})
"""Networks of `models.zoo` that `venule bench` found faster in OpenVINO than in ONNX Runtime."""


DEFAULT = "general"
"""The shipped weights used by default: anyone may use them."""


MARKS = ("vessel-types", "landmarks")
"""The shipped weights for artery/vein classification, and for optic disc and fovea."""


def shipped_weights() -> dict[str, Path]:
    """The vessel weights shipped with the package, by name, the default first."""
    return {name: path for name, path in _shipped().items() if name not in MARKS}


def require_vessels(record: ModelRecord) -> None:
    """Raise UsageError for a network that does not segment vessels."""
    names = set(record.class_names)
    if record.name in MARKS or not ("vessel" in names or {"artery", "vein"} <= names):
        found, others = (" and ".join(record.class_names), " or ".join(shipped_weights()))
        raise UsageError(
            f"{record.name}: finds {found} and segments no vessels; name {others}, or weights of "
            "your own"
        )


def shipped_marks() -> dict[str, Path]:
    """The shipped weights of `MARKS`, by name."""
    return {name: path for name, path in _shipped().items() if name in MARKS}


def _shipped() -> dict[str, Path]:
    folder = Path(str(files("venule"))) / "weights"
    found = sorted(folder.glob("*.onnx"), key=lambda path: (path.stem != DEFAULT, path.stem))
    return {path.stem: path for path in found}


def load(
    model: str | Path = DEFAULT,
    *,
    device: str = "auto",
    checkpoint: str = "dice",
    runtime: str = "auto",
    threads: int | None = None,
) -> Segmenter:
    """Load a segmenter.

    Args:
        model: a shipped name, a .onnx or .safetensors file, or a run's folder.
        device: "auto", "cpu" or "cuda" (with PyTorch also "mps").
        checkpoint: for a run's folder, the weights best by "loss", "dice" or another validation
            metric, or "last".
        runtime: one of `RUNTIMES`. "auto" runs .safetensors in PyTorch, and .onnx in ONNX Runtime
            or, if it is installed and the network one of `FASTER_IN_OPENVINO`, in OpenVINO.
        threads: threads of one run, one per core if None; in PyTorch, of the whole process.

    Raises:
        WeightsError: nothing of that name, or an unusable file.
        UsageError: a `checkpoint` that the run does not have, an unknown `runtime`, or an
            unavailable runtime or device.
    """
    if runtime not in RUNTIMES:
        raise UsageError(f"runtime {runtime!r}: use one of {', '.join(RUNTIMES)}")
    if threads is not None and threads < 1:
        raise UsageError(f"threads = {threads}: use 1 or more")
    path = weights_file(model, checkpoint=checkpoint)
    if path.suffix == ".safetensors" and runtime not in ("auto", "torch"):
        raise UsageError(
            f"{path}: runtime {runtime!r} reads .onnx files; make one with `venule export`"
        )
    if path.suffix == ".safetensors" or runtime == "torch":
        try:
            from venule.inference.torch_runner import load_torch
        except ModuleNotFoundError as error:
            if (error.name or "").startswith("venule"):
                raise
            raise UsageError(
                f"{path}: needs PyTorch, which is not installed (no {error.name}): "
                "pip install 'venule[train]'"
            ) from None
        return load_torch(path, device=device, threads=threads)
    if runtime == "auto" and _openvino_is_for(device):
        segmenter = _load_openvino(path, "openvino", device=device, threads=threads)
        if segmenter.record.model in FASTER_IN_OPENVINO:
            return segmenter
    elif runtime in ("openvino", "openvino-fp32"):
        return _load_openvino(path, runtime, device=device, threads=threads)
    from venule.inference.onnx_runner import load_onnx

    return load_onnx(path, device=device, threads=threads)


def _load_openvino(path: Path, runtime: str, *, device: str, threads: int | None) -> Segmenter:
    from venule.inference.openvino_runner import load_openvino

    precision: Literal["native", "fp32"] = "fp32" if runtime == "openvino-fp32" else "native"
    return load_openvino(path, device=device, threads=threads, precision=precision)


def _openvino_is_for(device: str) -> bool:
    """Tell whether OpenVINO is installed and `device` does not mean a GPU in ONNX Runtime."""
    if find_spec("openvino") is None or device not in ("auto", "cpu"):
        return False
    try:
        version("onnxruntime-gpu")
    except PackageNotFoundError:
        return True
    return device == "cpu"


def weights_file(model: str | Path, *, checkpoint: str = "dice") -> Path:
    """The weights file that `model` names, see `load`."""
    if model == "":  # such as an unset shell variable
        raise UsageError("empty name of weights; give a shipped name, a file or a run's folder")
    shipped = shipped_weights() | shipped_marks()
    if str(model) in shipped:
        return shipped[str(model)]
    path = Path(model)
    if path.is_dir():
        return _of_run(path, checkpoint)
    if not path.is_file():
        names = ", ".join(shipped_weights()) or "none"
        raise WeightsError(f"{model}: no such weights file or run; shipped with venule: {names}")
    if path.suffix not in (".onnx", ".safetensors"):
        raise WeightsError(
            f"{path}: weights are .onnx or .safetensors files; `venule convert` makes one from a "
            "PyTorch checkpoint"
        )
    return path


def _of_run(run: Path, checkpoint: str) -> Path:
    """The weights in a run's folder: the best by `checkpoint`, or the last."""
    there = {file.stem: file for file in (run / "weights").glob("*.safetensors")}
    if "best_accuracy" in there:
        raise WeightsError(
            f"{run}: a classifier by `venule pretrain`, which segments no vessels; train from it "
            "with network.pretrained"
        )
    if "last" not in there:
        raise WeightsError(f"{run}: not a training run with weights/last.safetensors")
    if checkpoint == "last" or len(there) == 1:  # nothing was validated, so none is best
        return there["last"]
    if f"best_{checkpoint}" not in there:
        names = sorted(stem.removeprefix("best_") for stem in there)
        raise UsageError(f"checkpoint {checkpoint!r}: {run} has {', '.join(names)}")
    return there[f"best_{checkpoint}"]
