"""Weights with their record in one safetensors file, sufficient to predict."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from venule.errors import ConfigError, WeightsError
from venule.files.atomic import write_bytes
from venule.models.base import SegmentationModel
from venule.models.record import METADATA, ModelRecord, parse_record
from venule.models.zoo import model_config


def save_weights(path: Path, state: Mapping[str, Tensor], record: ModelRecord) -> None:
    """Write a state dict and its record to `path` atomically."""
    write_bytes(path, weights_bytes(state, record))


def weights_bytes(state: Mapping[str, Tensor], record: ModelRecord) -> bytes:
    """The content of a weights file: a state dict and its record."""
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in state.items()}
    return save(tensors, metadata={METADATA: record.model_dump_json()})


def read_weights(path: Path) -> tuple[dict[str, Tensor], ModelRecord]:
    """Read the state dict and the record of a venule weights file.

    Raises:
        WeightsError: missing, not safetensors, or without a valid record.
    """
    tensors, metadata = read_tensors(path)
    return tensors, parse_record(metadata, path)


def read_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Read all tensors and the string metadata of any safetensors file."""
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            return tensors, dict(file.metadata() or {})
    except FileNotFoundError:
        raise WeightsError(f"{path}: no such weights file") from None
    except (SafetensorError, OSError, json.JSONDecodeError) as error:
        raise WeightsError(f"{path}: not a readable safetensors file ({error})") from None


def read_onnx(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Read all parameters of an ONNX file (under PyTorch's names), and its metadata."""
    import onnx
    from onnx import numpy_helper

    try:
        model = onnx.load(path)
    except FileNotFoundError:
        raise WeightsError(f"{path}: no such weights file") from None
    except Exception as error:  # protobuf's errors share no public base class
        raise WeightsError(f"{path}: not a readable ONNX model ({error})") from None
    tensors = {
        tensor.name: torch.from_numpy(numpy_helper.to_array(tensor).copy())
        for tensor in model.graph.initializer
    }
    return tensors, {prop.key: prop.value for prop in model.metadata_props}


def load_model(path: Path) -> tuple[SegmentationModel, ModelRecord]:
    """Load the network of a weights file strictly, in evaluation mode, with its record."""
    tensors, record = read_weights(path)
    try:
        model = build_model(record)
    except ConfigError as error:
        raise WeightsError(f"{path}: {error}") from None
    try:
        model.load_state_dict(tensors)
    except RuntimeError as error:
        detail = str(error).splitlines()[-1].strip()
        raise WeightsError(f"{path}: the weights do not fit {record.model}: {detail}") from None
    return model.eval(), record


def build_model(record: ModelRecord) -> SegmentationModel:
    """The network that a record describes, with fresh weights."""
    options: dict[str, Any] = {**record.options, "classes": record.planes}
    with torch.random.fork_rng(devices=[]):
        return model_config(record.model, options).build()
