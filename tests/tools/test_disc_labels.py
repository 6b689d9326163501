"""Discs outlined by a network: what is sure and where an expert saw it counts, nothing else."""

import csv
from pathlib import Path

import numpy as np
import pytest

import disc_labels
from analysis.test_marks import reads
from support import trees
from venule.data.catalog import open_dataset
from venule.data.protocols import select
from venule.data.sample import load_annotated
from venule.image.arrays import RGB
from venule.metrics.counts import count, dice

NETWORKS = {"general": reads(("vessel", 1)), "colours": reads(("disc", 0), ("fovea", 2))}


def eye(red: int = 250) -> RGB:
    """A disc in red about (50, 60) with a vessel in green through it."""
    rows, columns = np.mgrid[:120, :160]
    pixels = np.full((120, 160, 3), 60, np.uint8)
    pixels[np.hypot(rows - 60, columns - 50) <= 15, 0] = red
    pixels[:, 49:52, 1] = 250
    return pixels


@pytest.fixture(autouse=True)
def _networks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disc_labels, "load", lambda name, checkpoint="": NETWORKS[name])


@pytest.fixture
def idrid(tmp_path: Path) -> Path:
    """Photographs whose disc an expert marked there (7), elsewhere (8), drew (4); unsure (9)."""
    root = tmp_path / "IDRiD"
    rows = [("IDRiD_007.jpg", 51, 60, 120, 60), ("IDRiD_008.jpg", 55, 60, 120, 60)]
    rows.append(("IDRiD_009.jpg", 51, 60, 120, 60))
    for name, *_ in rows:
        pixels = eye(178 if "009" in name else 250)
        trees.save(root / "centres" / "images" / name.replace(".jpg", ".png"), pixels)
    with (root / "centres" / "centres.csv").open("w", newline="") as file:
        columns = ("file", "disc_x", "disc_y", "fovea_x", "fovea_y")
        csv.writer(file).writerows([columns, *rows])
    trees.save(root / "seg" / "images" / "IDRiD_04.png", eye())
    trees.save(root / "seg" / "disc" / "IDRiD_04.png", eye()[..., 0] == 250)
    return root


def test_a_sure_disc_where_an_expert_saw_it_is_a_label(idrid: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    (path,) = disc_labels.write_disc_labels("colours", f"idrid={idrid}", "all", out, protocol="all")
    assert path == out / "disc" / "IDRiD-centres-007.png"
    (case,) = select(open_dataset(f"folders={out}"), None, "all", expert="landmarks").cases
    sample, truth = load_annotated(case, expert="landmarks")
    assert np.array_equal(sample.image, eye())
    disc, drawn = truth.plane("disc"), eye()[..., 0] == 250
    assert dice(count(disc, drawn, np.ones(disc.shape, bool))) > 0.97
    assert not truth.counts("fovea").any()


def test_where_nobody_marked_a_centre_a_sure_disc_is_enough(tmp_path: Path) -> None:
    for name, red in (("a", 250), ("b", 178)):
        trees.save(tmp_path / "in" / "images" / f"{name}.png", eye(red))
    (tmp_path / "in" / "labels").mkdir()
    written = disc_labels.write_disc_labels(
        "colours", f"folders={tmp_path / 'in'}", "all", tmp_path / "out"
    )
    assert [path.stem for path in written] == ["folders-a"]
