import hashlib
import json
import pickle
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision.models import resnet18, resnet50, resnet152, wide_resnet50_2
from torchvision.models.segmentation import deeplabv3_resnet50

from support.original_ddrnet import OriginalDDRNet
from venule.errors import ConfigError, WeightsError
from venule.models.convert import HEADER, convert
from venule.models.ddrnet import DDRNetConfig
from venule.models.deeplabv3 import DeepLabV3Config
from venule.models.pretrained import load_pretrained, read_source

EXTRAS = {
    "linear.weight": torch.zeros(10, 1024),
    "linear.bias": torch.zeros(10),
    "last_layer.0.weight": torch.zeros(1024, 512, 1, 1),
    "last_layer.1.running_mean": torch.zeros(1024),
    "down5.0.weight": torch.zeros(256, 128, 3, 3),
    "down5.4.weight": torch.zeros(512),
}
"""Names of the authors' ImageNet classifier that their segmentation network lacks."""


@pytest.fixture(scope="module")
def original() -> OriginalDDRNet:
    """An original network with the statistics and scales of one that was trained."""
    torch.manual_seed(0)
    network = OriginalDDRNet().eval()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            for values in (module.weight, module.bias, module.running_mean, module.running_var):
                assert values is not None
                values.data.uniform_(0.5, 1.5)
    return network


def write(path: Path, content: object) -> Path:
    torch.save(content, path)
    return path


def complaint(path: Path) -> str:
    with pytest.raises(WeightsError) as caught:
        convert(path)
    message = str(caught.value)
    assert str(path) in message
    assert "\n" not in message
    return message


def test_the_original_ddrnet_fills_ours_completely(
    original: OriginalDDRNet, tmp_path: Path
) -> None:
    converted = convert(write(tmp_path / "ddrnet.pth", original.state_dict()))
    assert (converted.layout, converted.model) == ("ddrnet", "ddrnet23-slim")
    assert converted.unexpected == ()
    assert (converted.fit.mismatched, converted.fit.unexpected, converted.fit.missing) == (
        {},
        (),
        (),
    )
    assert len(converted.fit.loaded) == len(original.state_dict())


def test_a_converted_ddrnet_computes_what_the_original_does(
    original: OriginalDDRNet, tmp_path: Path
) -> None:
    converted = convert(write(tmp_path / "ddrnet.pth", original.state_dict()))
    converted.save(tmp_path / "ddrnet.safetensors")
    network = DDRNetConfig().build()
    load_pretrained(network, read_source(str(tmp_path / "ddrnet.safetensors")))
    x = torch.randn(1, 3, 128, 192)
    with torch.inference_mode():
        found = network.eval().training_logits(x)
        expected = [F.interpolate(logits, (128, 192), mode="bilinear") for logits in original(x)]
    for ours, theirs in zip(found, expected, strict=True):
        assert theirs.std() > 0
        assert (ours - theirs).abs().max() <= 1e-5 * theirs.abs().max()


@pytest.mark.parametrize("prefix", ["module.", "model.", "module.model."])
@pytest.mark.parametrize("key", ["state_dict", "model_state_dict", "model"])
def test_prefixes_and_wrappings_of_training_scripts_are_taken_off(
    prefix: str, key: str, original: OriginalDDRNet, tmp_path: Path
) -> None:
    state = {prefix + name: tensor for name, tensor in original.state_dict().items()}
    converted = convert(write(tmp_path / "ddrnet.pth", {"epoch": 3, key: state}))
    assert (converted.fit.missing, converted.fit.unexpected, converted.unexpected) == ((), (), ())


def test_the_classifier_behind_a_trunk_is_named_as_not_taken(
    original: OriginalDDRNet, tmp_path: Path
) -> None:
    backbone = {
        name: tensor
        for name, tensor in original.state_dict().items()
        if not name.startswith(("spp", "final_layer", "seghead_extra"))
    }
    converted = convert(write(tmp_path / "imagenet.pth", backbone | EXTRAS))
    assert set(converted.unexpected) == set(EXTRAS)
    parts = {name.partition(".")[0] for name in converted.fit.missing}
    assert parts == {"dappm", "head", "auxiliary_head"}


def test_the_header_says_what_was_taken_from_which_file(
    original: OriginalDDRNet, tmp_path: Path
) -> None:
    path = write(tmp_path / "ddrnet.pth", original.state_dict() | EXTRAS)
    convert(path).save(tmp_path / "out.safetensors")
    with safe_open(tmp_path / "out.safetensors", framework="pt") as file:
        account = json.loads(file.metadata()[HEADER])
    assert account["source"] == "ddrnet.pth"
    assert account["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert account["layout"] == "ddrnet"
    assert account["loaded"] == list(original.state_dict())
    assert account["unexpected"] == list(EXTRAS)


def test_another_number_of_classes_is_reported_and_the_rest_taken(tmp_path: Path) -> None:
    state = deeplabv3_resnet50(
        weights=None, weights_backbone=None, num_classes=21, aux_loss=True
    ).state_dict()
    converted = convert(write(tmp_path / "coco.pth", state))
    assert (converted.layout, converted.model) == ("deeplabv3", "deeplabv3-resnet50")
    heads = ("network.classifier.4", "network.aux_classifier.4")
    assert set(converted.fit.mismatched) == {f"{h}.{p}" for h in heads for p in ("weight", "bias")}
    assert converted.fit.mismatched["network.classifier.4.bias"] == ((21,), (1,))
    assert (converted.fit.unexpected, converted.fit.missing, converted.unexpected) == ((), (), ())
    converted.save(tmp_path / "coco.safetensors")
    network = DeepLabV3Config().build()
    report = load_pretrained(network, read_source(str(tmp_path / "coco.safetensors")))
    assert len(report.loaded) == len(state) - 4
    kernel = network.state_dict()["network.backbone.layer4.2.conv3.weight"]
    assert torch.equal(kernel, state["backbone.layer4.2.conv3.weight"])


def test_a_resnet_becomes_the_trunk_of_deeplabv3(tmp_path: Path) -> None:
    converted = convert(write(tmp_path / "resnet50.pth", resnet50(weights=None).state_dict()))
    assert (converted.layout, converted.model) == ("resnet", "deeplabv3-resnet50")
    assert converted.unexpected == ("fc.weight", "fc.bias")
    parts = {name.split(".")[1] for name in converted.fit.missing}
    assert parts == {"classifier", "aux_classifier"}
    assert (converted.fit.mismatched, converted.fit.unexpected) == ({}, ())


@pytest.mark.parametrize("make", [resnet152, wide_resnet50_2])
def test_a_resnet_of_another_depth_or_width_is_refused(
    tmp_path: Path, make: Callable[..., nn.Module]
) -> None:
    state = make(weights=None).state_dict()
    thin = {name: value.new_zeros(()).expand(value.shape) for name, value in state.items()}
    path = write(tmp_path / "other.pth", thin)  # values do not matter, nor need they be stored
    assert "a backbone of another depth or width than deeplabv3-resnet" in complaint(path)


def test_a_small_resnet_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "resnet18.pth", resnet18(weights=None).state_dict())
    assert "ResNet-50 and -101" in complaint(path)


def test_the_network_can_be_named(original: OriginalDDRNet, tmp_path: Path) -> None:
    path = write(tmp_path / "ddrnet.pth", original.state_dict())
    assert convert(path, model="ddrnet23").fit.mismatched
    with pytest.raises(ConfigError, match="did you mean 'ddrnet23'"):
        convert(path, model="ddrnet32")
    with pytest.raises(WeightsError, match=r"none of its .* fits deeplabv3"):
        convert(path, model="deeplabv3-resnet50")


class Writes:
    """Unpickled, it writes a file: what a malicious checkpoint could do."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str, str]]:
        return (open, (str(self.path), "w"))


@pytest.mark.parametrize("with_torch", [True, False])
def test_a_checkpoint_that_holds_code_is_refused_and_not_run(
    with_torch: bool, tmp_path: Path
) -> None:
    content = {"state_dict": {}, "more": Writes(tmp_path / "written")}
    path = tmp_path / "bad.pth"
    if with_torch:
        torch.save(content, path)
    else:
        path.write_bytes(pickle.dumps(content))
    assert "refused" in complaint(path)
    assert not (tmp_path / "written").exists()


def test_a_text_is_no_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "text.jpg"
    path.write_text("hello, I am a text", encoding="utf-8")
    said = "not a readable PyTorch checkpoint; give a file written by torch.save"
    assert complaint(path) == f"{path}: {said}"


def test_a_scripted_network_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "script.pt"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that TorchScript is deprecated
        torch.jit.save(torch.jit.script(nn.Linear(1, 1)), path)
    assert str(path) in complaint(path)


def test_the_format_of_old_checkpoints_is_read(original: OriginalDDRNet, tmp_path: Path) -> None:
    path = tmp_path / "old.pth"
    torch.save(original.state_dict(), path, _use_new_zipfile_serialization=False)
    assert convert(path).unexpected == ()


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", b"PK\x03\x04 cut off"])
def test_a_file_that_is_no_checkpoint_is_one_line(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "bad.pth"
    path.write_bytes(content)
    assert str(path) in complaint(path)


def test_a_missing_file_is_one_line(tmp_path: Path) -> None:
    assert "no such checkpoint" in complaint(tmp_path / "missing.pth")


@pytest.mark.parametrize("content", [{}, [1, 2], {"epoch": 3}, torch.zeros(3)])
def test_a_checkpoint_without_a_state_dict_is_one_line(content: object, tmp_path: Path) -> None:
    assert "no state dict" in complaint(write(tmp_path / "bad.pth", content))


def test_unknown_names_are_one_line(tmp_path: Path) -> None:
    state: dict[str, Tensor] = {"encoder.weight": torch.zeros(1)}
    assert "encoder.weight" in complaint(write(tmp_path / "bad.pth", state))


def test_a_name_with_and_without_prefix_is_refused(
    original: OriginalDDRNet, tmp_path: Path
) -> None:
    state = original.state_dict()
    state["module.conv1.0.weight"] = state["conv1.0.weight"]
    assert "contains 'conv1.0.weight' twice" in complaint(write(tmp_path / "bad.pth", state))
