"""A segmenter from a shipped name, a weights file, or a training run's folder."""

from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import Literal, get_args

from venule.errors import UsageError, WeightsError
from venule.inference.segment import Segmenter
from venule.models.record import ModelRecord

Runtime = Literal["auto", "onnx", "openvino", "openvino-fp32", "torch"]
"""Runtimes of a network; "openvino" uses bf16 on a CPU with units for it."""

RUNTIMES: tuple[Runtime, ...] = get_args(Runtime)

FASTER_IN_OPENVINO = frozenset({"resunet", "d4-resunet"})
"""Networks of `models.zoo` that `venule bench` found faster in OpenVINO than in ONNX Runtime."""


DEFAULT = "general"
"""The shipped weights that are used where none are named: anyone may use them."""


MARKS = ("vessel-types", "landmarks")
"""The shipped weights that find no vessels: which are arteries, and where disc and fovea are."""


def shipped_weights() -> dict[str, Path]:
    """The weights of vessels that came with the package, by name, the default ones first."""
    return {name: path for name, path in _shipped().items() if name not in MARKS}


def require_vessels(record: ModelRecord) -> None:
    """Raise UsageError for a network that does not tell vessels from their background."""
    names = set(record.class_names)
    if record.name in MARKS or not ("vessel" in names or {"artery", "vein"} <= names):
        found, others = (" and ".join(record.class_names), " or ".join(shipped_weights()))
        raise UsageError(
            f"{record.name}: finds {found} and segments no vessels; name {others}, or weights of "
            "your own"
        )


def shipped_marks() -> dict[str, Path]:
    """The weights of `MARKS` that came with the package, by name."""
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
    """A segmenter that is ready to run.

    Args:
        model: a shipped name, a .onnx or .safetensors file, or a run's folder.
        device: "auto", "cpu" or "cuda" (with PyTorch also "mps").
        checkpoint: of a run's folder, the weights best by "loss", "dice" or another metric of its
            validation, or "last".
        runtime: one of `RUNTIMES`. "auto" runs .safetensors in PyTorch, and .onnx in ONNX Runtime
            or, if it is installed and the network one of `FASTER_IN_OPENVINO`, in OpenVINO.
        threads: threads of one run, one per core if None; PyTorch's are the whole process's.

    Raises:
        WeightsError: nothing of that name, or a file that cannot be used.
        UsageError: a `checkpoint` that the run has not, an unknown `runtime`, or a runtime or
            device that is not there.
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
                f"{path}: PyTorch runs it and is not installed (no {error.name}): "
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
    """Tell whether OpenVINO is installed, and `device` means no GPU of ONNX Runtime's."""
    if find_spec("openvino") is None or device not in ("auto", "cpu"):
        return False
    try:
        version("onnxruntime-gpu")
    except PackageNotFoundError:
        return True
    return device == "cpu"


def weights_file(model: str | Path, *, checkpoint: str = "dice") -> Path:
    """The weights file that `model` names, see `load`."""
    if model == "":  # such as an unset variable of a shell
        raise UsageError("an empty name of weights; name shipped ones, a file or a run's folder")
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
            f"{path}: weights are .onnx or .safetensors files; `venule convert` makes one of a "
            "PyTorch checkpoint"
        )
    return path


def _of_run(run: Path, checkpoint: str) -> Path:
    """The weights in a run's folder: best by what `checkpoint` says, or the last."""
    there = {file.stem: file for file in (run / "weights").glob("*.safetensors")}
    if "best_accuracy" in there:
        raise WeightsError(
            f"{run}: a classifier of `venule pretrain`, which finds no vessels; train from it with "
            "network.pretrained"
        )
    if "last" not in there:
        raise WeightsError(f"{run}: not a training run with weights/last.safetensors")
    if checkpoint == "last" or len(there) == 1:  # nothing was validated, so none is best
        return there["last"]
    if f"best_{checkpoint}" not in there:
        names = sorted(stem.removeprefix("best_") for stem in there)
        raise UsageError(f"checkpoint {checkpoint!r}: {run} has {', '.join(names)}")
    return there[f"best_{checkpoint}"]
