"""A shipped model in small: weights, its folder of results, and the data its card is about."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx

from support import trees
from venule.data.catalog import open_dataset
from venule.data.protocols import select
from venule.evaluation.evaluate import evaluate
from venule.evaluation.report import to_json
from venule.evaluation.result import compare
from venule.evaluation.source import open_source
from venule.models.record import ModelRecord, SeenImages

NAME = "tiny"

TEXTS = """\
summary = "A convolution of one pixel."
intended_use = ["Tests of cards."]
out_of_scope = ["Everything else."]
training = ["Set by hand."]
limitations = ["It sees dark green only."]
seeds = [3, 4]
"""


@dataclass(frozen=True)
class Shipped:
    """Where the weights, the folder of their results and the data sets lie."""

    weights: Path
    folder: Path
    data: Path


def save_onnx(path: Path, record: ModelRecord) -> Path:
    """A network of one 1 x 1 convolution whose logit is minus the normalised green channel."""
    helper, kind = onnx.helper, onnx.TensorProto.FLOAT
    weight = np.array([0, -1, 0], np.float32).reshape(1, 3, 1, 1)
    graph = helper.make_graph(
        [helper.make_node("Conv", ["pixels", "weight"], ["logits"])],
        "tiny",
        [helper.make_tensor_value_info("pixels", kind, ["n", 3, "h", "w"])],
        [helper.make_tensor_value_info("logits", kind, ["n", 1, "h", "w"])],
        [onnx.numpy_helper.from_array(weight, "weight")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    helper.set_model_props(model, {"venule": record.model_dump_json()})
    path.write_bytes(model.SerializeToString())
    return path


def make_shipped(root: Path) -> Shipped:
    """Weights "trained" on CHASE_DB1, scored on the test images of CHASE_DB1 and on HRF's val."""
    data, folder = root / "data", root / "results" / NAME
    folder.mkdir(parents=True)
    trees.make_chase(data)
    trees.make_hrf(data)
    seen = SeenImages(
        dataset="CHASE_DB1", protocol="first20", split="train", role="trained", images={"01L": "0"}
    )
    record = ModelRecord(name=NAME, model="tiny", threshold=0.6, seen=(seen,), licence="CC BY 4.0")
    weights = save_onnx(root / f"{NAME}.onnx", record)
    for name, split in (("chase_db1", "test"), ("hrf", "val")):
        selection = select(open_dataset(name, data_root=data), None, split)
        source = open_source(str(weights), selection, device="cpu")
        report = compare((evaluate(source, selection),))
        (folder / f"{name}.json").write_bytes(to_json(report))
    about = {
        "title": NAME,
        "text": ["A test."],
        "commands": ["venule evaluate tiny"],
        "reports": ["chase_db1.json", "hrf.json"],
    }
    (folder / "about.json").write_text(json.dumps(about))
    (folder / "card.toml").write_text(TEXTS)
    return Shipped(weights, folder, data)
