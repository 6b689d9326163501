"""ONNX files of one 1 x 1 convolution, which need no training."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import helper, numpy_helper

from venule.models.record import METADATA, ModelRecord


def write_network(
    path: Path, record: ModelRecord | None = None, *, shape: Sequence[int | str] = "n3hw"
) -> Path:
    """Write a network whose logit is minus the second channel (of one channel: minus the first).

    With a record it is a venule file, without one any other's. `shape` (N, C, H, W): numbers are
    fixed sides, letters free ones.
    """
    sides = [int(side) if str(side).isdecimal() else str(side) for side in shape]
    channels = int(sides[1])
    weight = np.zeros((1, channels, 1, 1), np.float32)
    weight[0, min(1, channels - 1)] = -1
    kind = onnx.TensorProto.FLOAT
    graph = helper.make_graph(
        [helper.make_node("Conv", ["pixels", "weight"], ["logits"])],
        "tiny",
        [helper.make_tensor_value_info("pixels", kind, sides)],
        [helper.make_tensor_value_info("logits", kind, [sides[0], 1, *sides[2:]])],
        [numpy_helper.from_array(weight, "weight")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    if record is not None:
        helper.set_model_props(model, {METADATA: record.model_dump_json()})
    path.write_bytes(model.SerializeToString())
    return path
