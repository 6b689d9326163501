import urllib.error
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import helper, numpy_helper
from safetensors.torch import save_file
from torchvision.models import resnet50
from torchvision.models.segmentation import deeplabv3_resnet50

from venule.errors import WeightsError
from venule.models.checkpoint import save_weights
from venule.models.ddrnet import DDRNet, DDRNetConfig
from venule.models.deeplabv3 import DeepLabV3Config
from venule.models.pretrained import load_pretrained, read_source
from venule.models.record import METADATA, ModelRecord, SeenImages

SEEN = SeenImages(
    dataset="drive", protocol="official", split="train", role="trained", images={"21": "0" * 64}
)
RECORD = ModelRecord(name="tiny", model="ddrnet23-slim", seen=(SEEN,))


def tiny(*, auxiliary: bool = True, classes: int = 1) -> DDRNet:
    return DDRNetConfig(
        width=4, head_width=4, context_width=4, auxiliary=auxiliary, classes=classes
    ).build()


def test_weights_of_venule_are_taken_with_the_images_they_have_seen(tmp_path: Path) -> None:
    source, network = tiny(), tiny()
    save_weights(tmp_path / "w.safetensors", source.state_dict(), RECORD)
    report = load_pretrained(network, read_source(str(tmp_path / "w.safetensors")))
    assert (report.mismatched, report.unexpected, report.missing) == ({}, (), ())
    assert report.seen == (SEEN,)
    state = network.state_dict()
    assert all(torch.equal(state[name], value) for name, value in source.state_dict().items())


def test_the_account_names_every_tensor_of_either_side_once(tmp_path: Path) -> None:
    state = tiny(auxiliary=False, classes=2).state_dict() | {"foreign": torch.zeros(1)}
    save_file(state, tmp_path / "w.safetensors")
    network = tiny()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    report = load_pretrained(network, read_source(str(tmp_path / "w.safetensors")))
    assert report.mismatched == {
        "head.conv2.weight": ((2, 4, 1, 1), (1, 4, 1, 1)),
        "head.conv2.bias": ((2,), (1,)),
    }
    assert report.unexpected == ("foreign",)
    assert all(name.startswith("auxiliary_head.") for name in report.missing)
    named = {*report.loaded, *report.mismatched, *report.missing}
    assert {name.rpartition(".")[2] for name in before.keys() - named} == {"num_batches_tracked"}
    for name, value in network.state_dict().items():
        assert torch.equal(value, state[name] if name in report.loaded else before[name])


def test_weights_of_another_shape_are_refused_with_the_options_they_had(tmp_path: Path) -> None:
    record = RECORD.model_copy(update={"options": {"width": 4}})
    save_weights(tmp_path / "w.safetensors", tiny().state_dict(), record)
    wider = DDRNetConfig(width=6, head_width=4, context_width=4).build()
    before = {name: value.clone() for name, value in wider.state_dict().items()}
    with pytest.raises(
        WeightsError, match=r"another shape .* has options = \{'width': 4\}"
    ) as error:
        load_pretrained(wider, read_source(str(tmp_path / "w.safetensors")))
    assert "(4, 3, 3, 3), not (6, 3, 3, 3)" in str(error.value)
    assert all(torch.equal(before[name], value) for name, value in wider.state_dict().items())


def test_a_record_is_read_without_a_network(tmp_path: Path) -> None:
    save_weights(tmp_path / "w.safetensors", tiny().state_dict(), RECORD)
    save_file(tiny().state_dict(), tmp_path / "bare.safetensors")
    assert read_source(str(tmp_path / "w.safetensors")).record == RECORD
    assert read_source(str(tmp_path / "bare.safetensors")).record is None
    assert read_source("imagenet").record is None
    with pytest.raises(WeightsError, match="no such weights file"):
        read_source(str(tmp_path / "gone.safetensors"))


def test_one_line_says_how_much_was_taken(tmp_path: Path) -> None:
    state = tiny(auxiliary=False, classes=2).state_dict() | {"foreign": torch.zeros(1)}
    save_file(state, tmp_path / "w.safetensors")
    network = tiny()
    report = load_pretrained(network, read_source(str(tmp_path / "w.safetensors")))
    total = len(report.loaded) + len(report.mismatched) + len(report.missing)
    assert report.line() == (
        f"{tmp_path / 'w.safetensors'}: {len(report.loaded)} of the network's {total} tensors "
        "loaded; "
        "missing: head, auxiliary_head (2 for their shape); 1 unexpected"
    )


def test_a_file_of_which_nothing_fits_is_refused(tmp_path: Path) -> None:
    save_file({"foreign": torch.zeros(1)}, tmp_path / "w.safetensors")
    with pytest.raises(WeightsError, match="none of its 1 tensors fits"):
        load_pretrained(tiny(), read_source(str(tmp_path / "w.safetensors")))


def test_a_record_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    save_file(tiny().state_dict(), tmp_path / "w.safetensors", metadata={METADATA: "{}"})
    with pytest.raises(WeightsError, match="record cannot be used"):
        load_pretrained(tiny(), read_source(str(tmp_path / "w.safetensors")))


def test_the_initializers_of_an_onnx_file_are_taken_by_name(tmp_path: Path) -> None:
    source = {
        name: value
        for name, value in tiny(auxiliary=False).state_dict().items()
        if "num_batches" not in name
    }
    tensors = [numpy_helper.from_array(value.numpy(), name) for name, value in source.items()]
    tensors.append(numpy_helper.from_array(np.zeros(1), "val_7"))
    graph = helper.make_graph([], "g", [], [], tensors)
    model = helper.make_model(graph)
    helper.set_model_props(model, {METADATA: RECORD.model_dump_json()})
    onnx.save(model, tmp_path / "w.onnx")
    network = tiny()
    report = load_pretrained(network, read_source(str(tmp_path / "w.onnx")))
    assert set(report.loaded) == set(source)
    assert report.unexpected == ("val_7",)
    assert all("num_batches" in name or "auxiliary" in name for name in report.missing)
    assert report.seen == (SEEN,)
    state = network.state_dict()
    assert all(torch.equal(state[name], value) for name, value in source.items())


def test_a_broken_onnx_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "w.onnx").write_bytes(b"no protobuf")
    with pytest.raises(WeightsError, match="not a readable ONNX model"):
        load_pretrained(tiny(), read_source(str(tmp_path / "w.onnx")))


@pytest.mark.parametrize("name", ["w.onnx", "w.safetensors"])
def test_a_missing_file_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="no such weights file"):
        load_pretrained(tiny(), read_source(str(tmp_path / name)))


@pytest.mark.parametrize("source", ["imagenet", "coco"])
def test_torchvisions_weights_are_not_for_ddrnet(source: str) -> None:
    with pytest.raises(WeightsError, match="DeepLabV3 only"):
        load_pretrained(tiny(), read_source(source))


@pytest.mark.parametrize("source", ["imagenet", "coco"])
@pytest.mark.parametrize(
    "failure", [urllib.error.URLError("no network"), RuntimeError('invalid hash\n"x"')]
)
def test_a_failed_download_names_the_way_around(
    source: str, failure: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(url: str, **_: object) -> None:
        raise failure

    monkeypatch.setattr(torch.hub, "load_state_dict_from_url", fail)
    with pytest.raises(WeightsError) as caught:
        load_pretrained(DeepLabV3Config().build(), read_source(source))
    message = str(caught.value)
    assert "https://download.pytorch.org/models/" in message
    assert "venule convert" in message
    assert "\n" not in message


def test_imagenet_fills_the_trunk_of_deeplabv3(monkeypatch: pytest.MonkeyPatch) -> None:
    state = resnet50(weights=None).state_dict()
    monkeypatch.setattr(torch.hub, "load_state_dict_from_url", lambda url, **_: state)
    network = DeepLabV3Config().build()
    report = load_pretrained(network, read_source("imagenet"))
    assert {name.split(".")[1] for name in report.loaded} == {"backbone"}
    assert {name.split(".")[1] for name in report.missing} == {"classifier", "aux_classifier"}
    assert report.unexpected == ("network.backbone.fc.weight", "network.backbone.fc.bias")


def test_coco_fills_all_of_deeplabv3_but_its_21_classes(monkeypatch: pytest.MonkeyPatch) -> None:
    state: dict[str, torch.Tensor] = deeplabv3_resnet50(
        weights=None, weights_backbone=None, num_classes=21, aux_loss=True
    ).state_dict()
    urls = []

    def download(url: str, **_: object) -> dict[str, torch.Tensor]:
        urls.append(url)
        return state

    monkeypatch.setattr(torch.hub, "load_state_dict_from_url", download)
    report = load_pretrained(DeepLabV3Config().build(), read_source("coco"))
    assert (report.missing, report.unexpected, len(report.mismatched)) == ((), (), 4)
    assert "deeplabv3_resnet50_coco" in urls[0]
