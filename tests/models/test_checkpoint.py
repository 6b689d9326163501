import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from venule.errors import WeightsError
from venule.models.checkpoint import build_model, load_model, read_weights, save_weights
from venule.models.record import METADATA, ClassRecord, ModelRecord
from venule.models.zoo import MODELS

TINY = {"width": 4, "head_width": 4, "context_width": 4}
RECORD = ModelRecord(
    name="tiny", model="ddrnet23-slim", options=TINY, classes=(ClassRecord(threshold=0.42),)
)


def randomize(network: nn.Module) -> dict[str, Tensor]:
    """Its state with statistics that are not those of a fresh network."""
    for name, value in network.state_dict().items():
        if value.is_floating_point():
            value.uniform_(0.5, 1.5)
        else:
            value.fill_(len(name))
    return network.state_dict()


@pytest.mark.parametrize("name", MODELS)
def test_every_network_comes_back_from_its_file_bit_for_bit(name: str, tmp_path: Path) -> None:
    classes = (ClassRecord(name="artery"), ClassRecord(name="vein"))
    record = ModelRecord(name="run", model=name, classes=classes)
    state = randomize(build_model(record))
    save_weights(tmp_path / "weights.safetensors", state, record)
    network, read = load_model(tmp_path / "weights.safetensors")
    assert read == record
    assert not network.training
    loaded = network.state_dict()
    assert list(loaded) == list(state)
    assert all(torch.equal(loaded[key], state[key]) for key in state)


def write(path: Path, *, state: dict[str, Tensor] | None = None, **changes: object) -> Path:
    state = build_model(RECORD).state_dict() if state is None else state
    record = json.loads(RECORD.model_dump_json()) | changes
    save_file(state, path, metadata={METADATA: json.dumps(record)})
    return path


def complaint(path: Path) -> str:
    with pytest.raises(WeightsError) as caught:
        load_model(path)
    message = str(caught.value)
    assert message.startswith(str(path))
    assert "\n" not in message
    return message


def test_a_missing_tensor_is_one_line_that_names_it(tmp_path: Path) -> None:
    state = build_model(RECORD).state_dict()
    del state["head.norm.weight"]
    message = complaint(write(tmp_path / "w.safetensors", state=state))
    assert "do not fit ddrnet23-slim" in message
    assert "head.norm.weight" in message


def test_a_tensor_too_many_is_one_line_that_names_it(tmp_path: Path) -> None:
    state = build_model(RECORD).state_dict() | {"foreign": torch.zeros(1)}
    assert "foreign" in complaint(write(tmp_path / "w.safetensors", state=state))


def test_a_tensor_of_another_shape_is_one_line_that_names_it(tmp_path: Path) -> None:
    state = build_model(RECORD).state_dict() | {"head.norm.weight": torch.zeros(5)}
    assert "head.norm.weight" in complaint(write(tmp_path / "w.safetensors", state=state))


def test_a_record_of_an_unknown_schema_is_refused(tmp_path: Path) -> None:
    assert "record cannot be used" in complaint(write(tmp_path / "w.safetensors", schema_version=1))


def test_a_record_with_an_unknown_key_is_refused(tmp_path: Path) -> None:
    assert "record cannot be used" in complaint(write(tmp_path / "w.safetensors", colour="red"))


def test_a_record_of_an_unknown_network_is_refused(tmp_path: Path) -> None:
    assert "network 'unet' is unknown" in complaint(write(tmp_path / "w.safetensors", model="unet"))


def test_tensors_without_a_record_may_only_start_a_training(tmp_path: Path) -> None:
    save_file({"a": torch.zeros(1)}, tmp_path / "w.safetensors")
    assert "network.pretrained" in complaint(tmp_path / "w.safetensors")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    assert "no such weights file" in complaint(tmp_path / "w.safetensors")


@pytest.mark.parametrize("content", [b"", b"no safetensors at all", b"\xff" * 64])
def test_another_file_is_refused_in_one_line(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    path.write_bytes(content)
    assert "not a readable safetensors file" in complaint(path)


def test_a_truncated_file_is_refused_in_one_line(tmp_path: Path) -> None:
    path = write(tmp_path / "w.safetensors")
    path.write_bytes(path.read_bytes()[:-100])
    assert "not a readable safetensors file" in complaint(path)


def test_building_a_network_from_a_record_does_not_move_the_random_numbers() -> None:
    torch.manual_seed(1)
    expected = torch.rand(1)
    torch.manual_seed(1)
    build_model(RECORD)
    assert torch.equal(torch.rand(1), expected)


def test_the_record_comes_back_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    save_weights(path, build_model(RECORD).state_dict(), RECORD)
    assert read_weights(path)[1] == RECORD
