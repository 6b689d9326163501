"""Conversion of checkpoints of the original DDRNet and of torchvision to our parameter names."""

import json
import pickle
import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from safetensors.torch import save
from torch import Tensor

from venule.errors import WeightsError
from venule.files.atomic import write_bytes
from venule.files.hashes import file_sha256
from venule.models.pretrained import LoadReport, compare
from venule.models.zoo import MODELS, model_config

HEADER = "venule-converted"

Layout = Literal["ddrnet", "deeplabv3", "resnet"]

WRAPPINGS = ("state_dict", "model_state_dict", "model")
"""Keys under which training scripts store the state dict next to epoch and optimiser."""

# Modules of the original DDRNet (github.com/ydhongHIT/DDRNet) and ours, as patterns.
DDRNET_MODULES: tuple[tuple[str, str], ...] = (
    (r"conv1\.([01])", r"backbone.stem.0.\1"),
    (r"conv1\.3", r"backbone.stem.1.0"),
    (r"conv1\.4", r"backbone.stem.1.1"),
    (r"layer([12])\.(\d+)\.(.+)", r"backbone.stage\1.\2.\3"),
    (r"layer([34])\.(\d+)\.(.+)", r"backbone.stage\1_low.\2.\3"),
    (r"layer([34])_\.(\d+)\.(.+)", r"backbone.stage\1_high.\2.\3"),
    (r"layer5\.0\.(.+)", r"backbone.stage5_low.\1"),
    (r"layer5_\.0\.(.+)", r"backbone.stage5_high.\1"),
    (r"(compression[34]|down3)\.([01])", r"backbone.\1.\2"),
    (r"down4\.([01])", r"backbone.down4.0.\1"),
    (r"down4\.3", r"backbone.down4.1.0"),
    (r"down4\.4", r"backbone.down4.1.1"),
    (r"spp\.(scale0|compression|shortcut)\.0", r"dappm.\1.norm"),
    (r"spp\.(scale0|compression|shortcut)\.2", r"dappm.\1.conv"),
    *((rf"spp\.scale{n}\.1", f"dappm.scales.{n - 1}.norm") for n in range(1, 5)),
    *((rf"spp\.scale{n}\.3", f"dappm.scales.{n - 1}.conv") for n in range(1, 5)),
    *((rf"spp\.process{n}\.0", f"dappm.processes.{n - 1}.norm") for n in range(1, 5)),
    *((rf"spp\.process{n}\.2", f"dappm.processes.{n - 1}.conv") for n in range(1, 5)),
    *(
        (rf"{theirs}\.{part}", f"{ours}.{name}")
        for theirs, ours in (("final_layer", "head"), ("seghead_extra", "auxiliary_head"))
        for part, name in (
            ("bn1", "conv1.norm"),
            ("conv1", "conv1.conv"),
            ("bn2", "norm"),
            ("conv2", "conv2"),
        )
    ),
)

# Inside a residual block: conv1, bn1, downsample.0 and so on.
BLOCK_MODULES: tuple[tuple[str, str], ...] = (
    (r"conv([123])", r"conv\1.0"),
    (r"bn([123])", r"conv\1.1"),
    (r"downsample\.([01])", r"shortcut.\1"),
)


@dataclass(frozen=True)
class Converted:
    """A foreign checkpoint's tensors under our names.

    `unexpected` names tensors without a counterpart in the network, such as the classifier after a
    backbone; `fit` compares the others with `model`, one of `MODELS` with its default options.
    """

    source: Path
    sha256: str
    layout: Layout
    model: str
    tensors: dict[str, Tensor]
    loaded: tuple[str, ...]
    unexpected: tuple[str, ...]
    fit: LoadReport

    def save(self, target: Path) -> None:
        """Write `target` as safetensors, with this report in its header, atomically."""
        account = {
            "source": self.source.name,
            "sha256": self.sha256,
            "layout": self.layout,
            "model": self.model,
            "loaded": self.loaded,
            "unexpected": self.unexpected,
        }
        tensors = {name: tensor.clone().contiguous() for name, tensor in self.tensors.items()}
        write_bytes(target, save(tensors, metadata={HEADER: json.dumps(account)}))


def convert(source: Path, *, model: str | None = None) -> Converted:
    """Convert a checkpoint of the original DDRNet, or of torchvision's DeepLabV3 or ResNet.

    Args:
        source: a file by torch.save with tensors only: a state dict, or one under the key
            state_dict, model_state_dict or model; names may begin with module. or model.
        model: the target network in `MODELS`; inferred from the tensors if None.

    Raises:
        WeightsError: missing, unreadable, containing code, with unknown names, or not for `model`.
        ConfigError: an unknown `model`.
    """
    state = _strip(source, _state_dict(source, _load(source)))
    layout = _layout(source, state)
    renamed = {name: _rename(name, layout) for name in state}
    tensors = {new: state[name] for name, new in renamed.items() if new is not None}
    named = model is not None
    model = model or _model(source, state, layout)
    network_config = model_config(model, {})
    with torch.device("meta"):
        fit = compare(network_config.build(), tensors, source=str(source))
    if not fit.loaded:
        raise WeightsError(f"{source}: none of its {len(state)} tensors fits {model}")
    cut_off = [name for name in fit.unexpected if name.startswith("network.backbone.layer")]
    if cut_off or (not named and len(fit.mismatched) > len(fit.loaded)):
        raise WeightsError(
            f"{source}: a backbone of another depth or width than {model}'s ({len(cut_off)} of its "
            f"tensors have no counterpart, {len(fit.mismatched)} another shape)"
        )
    return Converted(
        source=source,
        sha256=file_sha256(source),
        layout=layout,
        model=model,
        tensors=tensors,
        loaded=tuple(name for name, new in renamed.items() if new is not None),
        unexpected=tuple(name for name, new in renamed.items() if new is None),
        fit=fit,
    )


def _load(path: Path) -> Any:
    """Read a file by torch.save, tensors and plain containers only."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # such files are refused below, or harmless
            return torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise WeightsError(f"{path}: no such checkpoint") from None
    except pickle.UnpicklingError:
        # Not a checkpoint, or one with objects of other classes, which can run code.
        raise WeightsError(
            f"{path}: refused: not a checkpoint, or it contains objects that could run "
            "code; save the state dict alone with torch.save(model.state_dict(), ...)"
        ) from None
    except Exception as error:  # torch raises almost anything for broken files
        reason = " ".join(str(error).split())[:120]
        told = f" ({reason})" if " " in reason else ""  # a pickle error may be a bare byte value
        raise WeightsError(
            f"{path}: not a readable PyTorch checkpoint{told}; give a file written by torch.save"
        ) from None


def _state_dict(path: Path, content: Any) -> dict[str, Tensor]:
    """Unwrap the state dict in a checkpoint's content."""
    for key in WRAPPINGS:
        if isinstance(content, Mapping) and isinstance(content.get(key), Mapping):
            content = content[key]
    tensors = (
        {str(name): value for name, value in content.items() if isinstance(value, Tensor)}
        if isinstance(content, Mapping)
        else {}
    )
    if not tensors:
        raise WeightsError(f"{path}: contains no state dict (a dict of names and tensors)")
    return tensors


def _strip(path: Path, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Strip the prefixes of nn.DataParallel and of wrapper modules from the names."""
    stripped: dict[str, Tensor] = {}
    for name, tensor in state.items():
        short = re.sub(r"^(?:(?:module|model)\.)+", "", name)
        if short in stripped:
            raise WeightsError(f"{path}: contains {short!r} twice, with and without a prefix")
        stripped[short] = tensor
    return stripped


def _layout(path: Path, state: Mapping[str, Tensor]) -> Layout:
    if "compression3.0.weight" in state and "conv1.3.weight" in state:
        return "ddrnet"
    if "backbone.conv1.weight" in state and "classifier.0.convs.0.0.weight" in state:
        return "deeplabv3"
    if "conv1.weight" in state and "layer1.0.conv3.weight" in state:
        return "resnet"
    names = ", ".join(list(state)[:3])
    raise WeightsError(
        f"{path}: names such as {names} do not belong to the original DDRNet, torchvision's "
        "DeepLabV3 or its ResNet-50 and -101"
    )


def _rename(name: str, layout: Layout) -> str | None:
    """Our name of a tensor, None if our networks have no such part."""
    if layout == "deeplabv3":
        known = name.startswith(("backbone.", "classifier.", "aux_classifier."))
        return f"network.{name}" if known else None
    if layout == "resnet":
        return f"network.backbone.{name}" if re.match(r"(conv1|bn1|layer[1-4])\.", name) else None
    module, _, parameter = name.rpartition(".")
    ours = _match(module, DDRNET_MODULES)
    if ours is None:
        return None
    block = re.fullmatch(r"(backbone\.stage(?:5_\w+|\w+\.\d+))\.(.+)", ours)
    if block is None:
        return f"{ours}.{parameter}"
    inside = _match(block[2], BLOCK_MODULES)
    return None if inside is None else f"{block[1]}.{inside}.{parameter}"


def _match(module: str, patterns: tuple[tuple[str, str], ...]) -> str | None:
    for pattern, ours in patterns:
        match = re.fullmatch(pattern, module)
        if match:
            return match.expand(ours)
    return None


def _model(path: Path, state: Mapping[str, Tensor], layout: Layout) -> str:
    """The network of `MODELS` whose width or depth matches the tensors."""
    if layout == "ddrnet":
        width = state["conv1.3.weight"].shape[0]
        names = {32: "ddrnet23-slim", 64: "ddrnet23"}
        if width not in names:
            raise WeightsError(
                f"{path}: a DDRNet of width {width}; name the network it is for with --model "
                f"({', '.join(name for name in MODELS if name.startswith('ddrnet'))})"
            )
        return names[width]
    prefix = "backbone." if layout == "deeplabv3" else ""
    deep = f"{prefix}layer3.22.conv1.weight" in state  # ResNet-101's third stage has 23 blocks
    return "deeplabv3-resnet101" if deep else "deeplabv3-resnet50"
