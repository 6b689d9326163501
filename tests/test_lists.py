"""A measurement, a data set, a command and a network are one value in one list, each.

Files, columns and metrics too: see batch/test_predict_folder.py and metrics/test_metric.py.
"""

import csv
import json
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import numpy as np
import pytest

from support.commands import Run, tiny_onnx, venule
from venule.cli.main import app
from venule.data import catalog
from venule.data.case import Case, Dataset
from venule.data.layout import Layout, images_in
from venule.data.protocol import Protocol
from venule.errors import UsageError
from venule.image.io import write_png
from venule.measure.definitions import MEASURES, Measure
from venule.measure.photograph import VesselMasks, measure_photograph
from venule.measure.scale import Scale
from venule.measure.table import Row, dictionary, wide
from venule.measure.view import View
from venule.synth.fundus import synthesize_fundus

__all__ = ["tiny_onnx", "venule"]


def test_a_measurement_that_is_added_has_its_columns_twins_and_definition(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def span(view: View) -> float:
        return float(np.ptp(np.nonzero(view.mask)[1]) + 1)

    added = Measure("span", "px", span, "width of the box about all vessels")
    for module in ("photograph", "columns"):
        monkeypatch.setattr(f"venule.measure.{module}.MEASURES", (*MEASURES, added))

    mask = np.zeros((60, 200), bool)
    mask[28:33, 20:180] = True
    found = measure_photograph(VesselMasks(vessels=mask), scale=Scale(2.5, "given"))
    (row,) = csv.DictReader(StringIO(wide([Row("eye", {}, found.values)])))
    assert float(row["vessel_span_px"]) == 160
    assert float(row["vessel_span_um"]) == 400
    entries = {line["column"]: line for line in csv.DictReader(StringIO(dictionary()))}
    assert entries["artery_span_px"]["definition"] == "width of the box about all vessels"
    assert entries["vein_span_um"]["unit"] == "um"


def test_a_data_set_that_is_added_is_found_checked_and_scored(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, venule: Run, tiny_onnx: Path
) -> None:
    def read(root: Path) -> Dataset:
        labels = images_in(root / "vessels")
        cases = [
            Case(id=stem, image=path, first=labels.get(stem))
            for stem, path in images_in(root / "eyes").items()
        ]
        return Dataset(name="PAIR", root=root, cases=tuple(cases))

    layout = Layout(
        name="PAIR",
        folders=("PAIR",),
        looked_for="eyes/",
        truth="vessels/{id}.png",
        recognizes=lambda root: (root / "eyes").is_dir(),
        read=read,
        protocols=(Protocol(name="own", source="here", splits={"val": ("0", "1")}),),
    )
    monkeypatch.setattr(catalog, "LAYOUTS", (*catalog.LAYOUTS, layout))

    for seed in range(2):
        for folder in ("eyes", "vessels"):
            (tmp_path / "PAIR" / folder).mkdir(parents=True, exist_ok=True)
        fundus = synthesize_fundus(seed, size_px=128)
        write_png(tmp_path / "PAIR" / "eyes" / f"{seed}.png", fundus.image)
        write_png(tmp_path / "PAIR" / "vessels" / f"{seed}.png", fundus.vessels)
    assert [one.name for one in catalog.installed(data_root=tmp_path)] == ["PAIR"]
    assert catalog.open_dataset(str(tmp_path / "PAIR")).name == "PAIR"
    checked = venule("data", "check", f"pair={tmp_path / 'PAIR'}")
    assert checked.code == 0, checked.err
    scores = tmp_path / "scores.json"
    data = ("--data", f"pair={tmp_path / 'PAIR'}", "--split", "val", "--json", scores)
    scored = venule("evaluate", tiny_onnx, *data)
    assert scored.code == 0, scored.err
    (result,) = json.loads(scores.read_text())["results"]
    assert (result["dataset"], result["protocol"], result["split"]) == ("PAIR", "own", "val")
    assert len(result["images"]) == 2
    assert 0 < result["pooled"]["dice"] < 1


def test_a_command_that_is_added_has_help_and_the_exit_codes_of_all(
    monkeypatch: pytest.MonkeyPatch, venule: Run
) -> None:
    def twice(number: int) -> None:
        """Double a number."""
        if number < 0:
            raise UsageError(f"{number}: give 0 or more")
        print(2 * number)  # noqa: T201

    monkeypatch.setattr(app, "registered_commands", [*app.registered_commands])
    app.command()(twice)

    assert "Double a number." in venule("--help").out
    assert "Double a number." in venule("twice", "--help").out
    done, refused, mistyped = (venule("twice", *words) for words in (["21"], ["--", "-1"], ["x"]))
    assert (done.code, done.out) == (0, "42\n")
    assert (refused.code, refused.err) == (2, "venule: error: -1: give 0 or more\n")
    assert mistyped.code == 2


def test_a_network_that_is_added_is_listed_built_kept_and_predicts(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, venule: Run
) -> None:
    import torch

    from venule.inference.load import load
    from venule.models.base import SegmentationModel
    from venule.models.checkpoint import save_weights
    from venule.models.record import ModelRecord
    from venule.models.zoo import MODELS, model_config

    class Pixelwise(SegmentationModel):
        def __init__(self, config: "PixelwiseConfig") -> None:
            super().__init__()
            self.head = torch.nn.Conv2d(3, config.classes, 1)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            logits: torch.Tensor = self.head(x)
            return logits

    @dataclass(frozen=True)
    class PixelwiseConfig:
        classes: int = 1

        def build(self) -> Pixelwise:
            return Pixelwise(self)

    monkeypatch.setitem(MODELS, "pixelwise", PixelwiseConfig())

    assert "pixelwise" in venule("models").out
    assert model_config("pixelwise", {"classes": 2}).build()(torch.ones(1, 3, 8, 8)).shape[1] == 2
    green = torch.tensor([0.0, -4.0, 0.0]).reshape(1, 3, 1, 1)
    state = {"head.weight": green, "head.bias": torch.zeros(1)}
    weights = tmp_path / "pixelwise.safetensors"
    save_weights(weights, state, ModelRecord(name="own", model="pixelwise"))
    photograph = synthesize_fundus(0, size_px=96).image
    found = load(weights).segment(photograph)
    dark = found.vessel_map.mask  # where the green channel is below its mean in the field
    level = photograph[..., 1].astype(float)
    inside = found.fov.mask & ~found.vessel_map.reconnected
    assert level[dark & inside].mean() < level[inside & ~dark].mean()
    assert 0 < dark.sum() < inside.sum()
