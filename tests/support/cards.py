"""A shipped model in small: weights, its folder of results, and the data its card is about."""

import json
from dataclasses import dataclass
from pathlib import Path

from support import trees
from support.networks import write_network
from venule.data.catalog import open_dataset
from venule.data.protocols import select
from venule.evaluation.evaluate import evaluate
from venule.evaluation.predictor import Options, open_predictor
from venule.evaluation.report import to_json
from venule.evaluation.result import compare
from venule.models.record import ClassRecord, ModelRecord, SeenImages

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
    """Paths of the weights, the folder of their results and the data sets."""

    weights: Path
    folder: Path
    data: Path


def make_shipped(root: Path) -> Shipped:
    """Weights "trained" on CHASE_DB1, scored on the test images of CHASE_DB1 and on HRF's val."""
    data, folder = root / "data", root / "results" / NAME
    folder.mkdir(parents=True)
    trees.make_chase(data)
    trees.make_hrf(data)
    seen = SeenImages(
        dataset="CHASE_DB1", protocol="first20", split="train", role="trained", images={"01L": "0"}
    )
    record = ModelRecord(
        name=NAME,
        model="tiny",
        classes=(ClassRecord(threshold=0.6),),
        seen=(seen,),
        licence="CC BY 4.0",
    )
    weights = write_network(root / f"{NAME}.onnx", record)
    for name, split in (("chase_db1", "test"), ("hrf", "val")):
        selection = select(open_dataset(name, data_root=data), None, split)
        source = open_predictor(str(weights), selection, Options(device="cpu"))
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
