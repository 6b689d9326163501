import re
from hashlib import sha256
from pathlib import Path

import pytest

from support.commands import Run
from venule.inference import load


def test_shipped_weights_are_listed_with_their_terms_and_hash(
    venule: Run, tiny_onnx: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(load, "shipped_weights", lambda: {"tiny": tiny_onnx})
    ran = venule("models")
    assert ran.code == 0, ran.err
    header, row = (re.split(r" {2,}", line) for line in ran.out.strip().splitlines()[:2])
    listed = dict(zip(header, row, strict=True))
    assert listed["weights"] == "tiny"
    assert listed["threshold"] == "0.6"
    assert listed["licence"] == "not stated"
    assert sha256(tiny_onnx.read_bytes()).hexdigest().startswith(listed["SHA-256"])
    assert len(listed["SHA-256"]) == 12


def test_images_without_a_data_set_come_last_as_others(venule: Run) -> None:
    (row,) = (line for line in venule("models").out.splitlines() if line.startswith("accurate "))
    assert "DRIVE (20), others (960)" in row


def test_networks_that_can_be_trained_are_listed(venule: Run) -> None:
    pytest.importorskip("torch")
    from venule.models.zoo import MODELS

    out = venule("models").out
    assert all(name in out for name in MODELS)


def test_without_pytorch_the_list_says_how_to_get_it(
    venule: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("venule.cli.models.find_spec", lambda name: None)
    ran = venule("models")
    assert ran.code == 0
    assert "pip install 'venule[train]'" in ran.out
