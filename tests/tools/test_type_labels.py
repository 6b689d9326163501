"""Maps of arteries and veins by a network: what is sure counts, what is not teaches nothing."""

from pathlib import Path

import numpy as np
import pytest

import type_labels
from support import trees
from venule.data.catalog import open_dataset
from venule.data.protocols import select
from venule.data.sample import load_annotated
from venule.image.arrays import FloatMap
from venule.image.photograph import Photograph, read_photograph
from venule.inference.load import load
from venule.inference.segment import Segmenter
from venule.models.record import ClassRecord, ModelRecord
from venule.synth.fundus import synthesize_fundus


def typing(artery: float, vein: float) -> Segmenter:
    """A network that sees the same logits of an artery and of a vein everywhere."""

    def run(pixels: FloatMap) -> FloatMap:
        logits = np.array([artery, vein], np.float32)[None, :, None, None]
        return np.broadcast_to(logits, (1, 2, *pixels.shape[2:])).copy()

    classes = (ClassRecord(name="artery"), ClassRecord(name="vein"))
    return Segmenter(ModelRecord(name="fake", model="none", classes=classes), run)


@pytest.fixture(scope="module")
def photograph() -> Photograph:
    return Photograph(synthesize_fundus(3, size_px=300).image)


@pytest.mark.parametrize(("artery", "vein", "drawn"), [(4, -4, (255, 0, 0)), (-4, 4, (0, 0, 255))])
def test_sure_vessels_have_the_colour_of_their_type(
    photograph: Photograph, artery: float, vein: float, drawn: tuple[int, int, int]
) -> None:
    vessels = load("general", runtime="onnx")
    found = type_labels.type_map(photograph, vessels, typing(artery, vein))
    mask = vessels.segment(photograph).vessels
    assert mask.sum() > 1000
    assert not found[~mask].any()
    # Segments that cross are held to be of unlike types, so some are in doubt: those are white.
    of_type, of_other = (
        (found[mask] == colour).all(axis=1).mean() for colour in (drawn, drawn[::-1])
    )
    assert of_type > 0.6
    assert of_other < 0.05


def test_what_is_unsure_is_white_and_teaches_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    eye = synthesize_fundus(3, size_px=300)
    trees.save(tmp_path / "in" / "images" / "a.png", eye.image)
    trees.save(tmp_path / "in" / "labels" / "a.png", eye.vessels)
    vessels = load("general", runtime="onnx")
    networks = {"general": vessels, "unsure": typing(0.2, 0.0)}
    monkeypatch.setattr(type_labels, "load", lambda name, checkpoint="": networks[name])
    out = tmp_path / "out"
    (path,) = type_labels.write_type_maps("unsure", f"folders={tmp_path / 'in'}", "all", out)
    assert path == out / "av" / "folders-a.png"
    assert type_labels.map_paths(f"folders={tmp_path / 'in'}", "all", out) == [path]
    drawn = np.asarray(read_photograph(path).pixels)
    assert set(map(tuple, drawn.reshape(-1, 3))) == {(0, 0, 0), (255, 255, 255)}


def test_a_training_reads_what_was_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    eye = synthesize_fundus(3, size_px=300)
    trees.save(tmp_path / "in" / "images" / "a.png", eye.image)
    trees.save(tmp_path / "in" / "labels" / "a.png", eye.vessels)
    vessels = load("general", runtime="onnx")
    networks = {"general": vessels, "sure": typing(4, -4)}
    monkeypatch.setattr(type_labels, "load", lambda name, checkpoint="": networks[name])
    list(type_labels.write_type_maps("sure", f"folders={tmp_path / 'in'}", "all", tmp_path / "out"))
    selection = select(open_dataset(f"folders={tmp_path / 'out'}"), None, "all", expert="av")
    _, truth = load_annotated(selection.cases[0], expert="av")
    assert truth is not None
    artery = truth.plane("artery").sum()
    assert artery > 1000
    assert truth.plane("vein").sum() < 0.1 * artery
