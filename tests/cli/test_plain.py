import re
from pathlib import Path

import numpy as np
from PIL import Image

from support.commands import Run
from venule.analysis.kept import kept_of
from venule.cli.plain import mean_width
from venule.synth.fundus import synthesize_fundus


def test_a_photograph_alone_ends_with_four_lines(
    venule: Run, tiny_onnx: Path, tmp_path: Path
) -> None:
    photograph = tmp_path / "eye.png"
    Image.fromarray(synthesize_fundus(0, size_px=96).image).save(photograph)
    ran = venule("predict", photograph, "-o", tmp_path / "out", "--model", tiny_onnx)
    assert ran.code == 0, ran.err
    grade, field, vessels, files = ran.err.splitlines()[-4:]
    with Image.open(tmp_path / "out" / "eye_mask.png") as opened:
        mask = np.asarray(opened) > 0
        kept = kept_of(opened.text, (96, 96))  # type: ignore[attr-defined]
    assert kept is not None
    density = mask[kept.fov].mean()
    assert grade.startswith("grade: ")
    assert f"{kept.fov.mean():.0%} of the photograph" in field
    assert f"{density:.1%} of the field" in vessels
    assert re.search(r"about \d+ px wide on average$", vessels)
    assert files == f"files: {tmp_path / 'out' / 'eye_mask.png'}"


def test_a_straight_vessels_width_is_that_of_its_band() -> None:
    rows, columns = np.mgrid[:400, :400]
    flat = (abs(rows - 200) <= 4) & (abs(columns - 200) < 180)  # 9 px wide, 359 long
    assert abs(mean_width(flat) - 9) < 0.4
    along, across = (rows + columns) / 2**0.5, (rows - columns) / 2**0.5
    slanted = (abs(across) <= 4.5) & (abs(along - 283) < 200)  # 9 px wide, 400 long
    assert abs(mean_width(slanted) - 9) < 0.4
    assert np.isnan(mean_width(np.zeros((9, 9), bool)))


def test_several_photographs_do_not(venule: Run, tiny_onnx: Path, tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        Image.fromarray(synthesize_fundus(0, size_px=96).image).save(tmp_path / name)
    ran = venule("predict", tmp_path, "-o", tmp_path / "out", "--model", tiny_onnx)
    assert "grade:" not in ran.err
