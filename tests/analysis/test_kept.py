"""Metadata in the text chunks of masks and corrections, also when it is malformed."""

import base64
import json
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from phantoms.shapes import Mask, draw_tubes, line
from support.trees import save
from venule.analysis.analyse import Analysis
from venule.analysis.columns import Cell
from venule.analysis.corrected_files import Corrected, corrected_of, disc_of
from venule.analysis.kept import KEY, keep, kept_of
from venule.analysis.mask_files import find_masks
from venule.analysis.measuring import measure_analysis, measured_cells
from venule.analysis.measuring_files import Assumptions, measure_files
from venule.analysis.read_masks import load
from venule.errors import ImageError
from venule.image.encode import encode_mask
from venule.image.fov import outlined
from venule.image.io import read_mask, read_texts
from venule.image.levels import to_levels
from venule.image.photograph import Photograph
from venule.inference.prediction import Prediction, ProbabilityMap
from venule.quality.assess import Quality

SHAPE = (9, 7)
CELL = np.ones(SHAPE, bool)


def _packed(mask: Mask) -> str:
    return base64.b64encode(zlib.compress(np.packbits(mask).tobytes())).decode()


STORED = {
    "version": 2,
    "fov": _packed(CELL),
    "reconnected": _packed(np.isin(np.arange(63), [3, 8]).reshape(SHAPE)),
    "um_per_px": 7,
    "laterality": "left",
}


def test_the_metadata_of_a_mask_is_decoded() -> None:
    kept = kept_of({KEY: json.dumps(STORED)}, SHAPE)
    assert kept is not None
    assert kept.fov.all()
    assert np.flatnonzero(kept.reconnected).tolist() == [3, 8]
    assert (kept.um_per_px, kept.laterality) == (7, "left")


@pytest.mark.parametrize(
    "stored",
    [
        "[" * 200_000,
        "no JSON",
        "[]",
        STORED | {"version": 9},
        STORED | {"um_per_px": "7.5"},
        STORED | {"um_per_px": -1},
        STORED | {"um_per_px": float("nan")},
        STORED | {"laterality": ["left"]},
        STORED | {"reconnected": [3, 8]},
        STORED | {"reconnected": _packed(CELL[:7])},
        STORED | {"fov": "?"},
        STORED | {"fov": _packed(CELL[:7])},
        STORED | {"fov": _packed(np.ones((30, 7), bool))},
    ],
)
def test_metadata_that_cannot_be_decoded_counts_as_lost(stored: str | dict[str, Any]) -> None:
    text = stored if isinstance(stored, str) else json.dumps(stored)
    assert kept_of({KEY: text}, SHAPE) is None


def test_pixels_not_square_and_a_nominal_scale_are_noted_of_the_analysis_and_of_its_files(
    tmp_path: Path,
) -> None:
    vessels = draw_tubes((120, 160), [line((60.3, 20), 0, 120)], 6)
    analysis = Analysis(
        photograph=Photograph(np.zeros((120, 160, 3), np.uint8), um_per_px=12.0, square=False),
        prediction=Prediction(
            outlined(np.ones((120, 160), bool)),
            {"vessel": ProbabilityMap(to_levels(vessels.astype(np.float32)), 0.5, np.arange(0))},
        ),
    )
    (tmp_path / "m.png").write_bytes(encode_mask(vessels, keep(analysis)))
    (entry,) = find_masks(tmp_path)
    row, _ = measure_files(entry, Assumptions(um_per_px=7))
    assert "pixels are not square: lengths and angles depend on direction" in row.notes
    assert "scale 12 um/px: stored with the mask, nominal if from DICOM" in row.notes
    assert row.notes == measure_analysis(analysis).notes


def test_the_reasons_of_a_grade_are_noted_of_the_analysis() -> None:
    def notes(*reasons: str) -> Cell:
        quality = Quality(
            grade="usable" if reasons else "ok", reasons=reasons, uncertainty=0.1, features=None
        )
        analysis = Analysis(
            photograph=Photograph(np.zeros((40, 40, 3), np.uint8)),
            prediction=Prediction(
                outlined(np.ones((40, 40), bool)),
                {"vessel": ProbabilityMap(np.zeros((40, 40), np.uint16), 0.5, np.arange(0))},
            ),
            quality=quality,
        )
        return measured_cells(analysis)["notes"]

    assert str(notes("several fields of view", "blurred")).startswith(
        "grade usable: several fields of view, blurred; "
    )
    assert "grade" not in str(notes())


def test_a_mask_with_very_many_reconnected_pixels_can_be_read_again(tmp_path: Path) -> None:
    shape = (1500, 1500)
    levels = to_levels(np.zeros(shape, np.float32))
    at = np.arange(1_000_000, 1_200_000)
    analysis = Analysis(
        photograph=Photograph(np.zeros((*shape, 3), np.uint8)),
        prediction=Prediction(
            outlined(np.ones(shape, bool)), {"vessel": ProbabilityMap(levels, 0.5, at)}
        ),
    )
    (tmp_path / "m.png").write_bytes(encode_mask(np.zeros(shape, bool), keep(analysis)))
    assert not read_mask(tmp_path / "m.png").any()
    kept = kept_of(read_texts(tmp_path / "m.png"), shape)
    assert kept is not None
    assert np.array_equal(np.flatnonzero(kept.reconnected), at)


@pytest.mark.parametrize(
    "told",
    [
        "[" * 200_000,
        {"prediction_sha256": "f", "revision": "1"},
        {"prediction_sha256": "f", "revision": float("inf")},
        {"prediction_sha256": "f", "revision": 1, "disc": {"x": float("nan")}},
        {"prediction_sha256": "f", "revision": 1, "disc": {"x": 10**400}},
        {"revision": 1},
    ],
)
def test_metadata_of_a_correction_that_cannot_be_decoded_counts_as_lost(
    tmp_path: Path, told: str | dict[str, Any]
) -> None:
    chunks = PngImagePlugin.PngInfo()
    chunks.add_text("venule-correction", told if isinstance(told, str) else json.dumps(told))
    Image.fromarray(CELL).save(tmp_path / "m.png", pnginfo=chunks)
    assert corrected_of(tmp_path / "m.png") is None


@pytest.mark.parametrize("major", [-5.0, 0.0])
def test_a_corrected_disc_without_an_area_is_none(major: float) -> None:
    disc = {"x": 4.0, "y": 5.0, "major_px": major, "minor_px": 3.0, "angle": 0.0}
    assert disc_of(Corrected("f", 1, disc)) is None
    assert disc_of(Corrected("f", 1, disc | {"major_px": 4.0})) is not None


def test_a_correction_that_cannot_be_read_fails_its_own_photograph_only(tmp_path: Path) -> None:
    for name in ("a", "b"):
        save(tmp_path / f"{name}_mask.png", CELL)
    for name in ("b", "c"):
        (tmp_path / f"{name}_mask.corrected.png").write_bytes(b"no picture")
    (tmp_path / "report.csv").write_text("outputs\na_mask.png\nb_mask.png\n", encoding="utf-8")
    for source, names in ((tmp_path, ["a", "b", "c"]), (tmp_path / "report.csv", ["a", "b"])):
        entries = {entry.id: entry for entry in find_masks(source)}
        assert list(entries) == names
        assert load(entries["a"]).masks.vessels is not None
        for name in names[1:]:
            with pytest.raises(ImageError, match=f"{name}_mask.corrected.png"):
                load(entries[name])
