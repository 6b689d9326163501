"""A folder of photographs into which everything else has been put."""

import csv
import os
import sys
from pathlib import Path

import pytest
from PIL import Image

from support.commands import Run
from venule.synth.fundus import synthesize_fundus

JPEG_OF_4_THOUSAND_MEGAPIXELS = bytes.fromhex(
    "ffd8 ffc0 0011 08 ffff ffff 03 011100 021100 031100 ffda 000c 03 0100 0200 0300 003f00 00"
)


@pytest.mark.skipif(sys.platform == "win32", reason="pipes and links")
@pytest.mark.filterwarnings("default")
def test_what_is_no_photograph_costs_itself_only_and_its_reason_is_told(
    venule: Run, tiny_onnx: Path, tmp_path: Path
) -> None:
    folder, out = tmp_path / "folder", tmp_path / "out"
    (folder / "folder.png").mkdir(parents=True)
    for number in range(2):
        image = Image.fromarray(synthesize_fundus(number, size_px=96).image)
        image.save(folder / f"eye{number}.png")
    content = (folder / "eye0.png").read_bytes()
    (folder / "cut.png").write_bytes(content[: len(content) // 2])
    (folder / "bomb.jpg").write_bytes(JPEG_OF_4_THOUSAND_MEGAPIXELS)
    (folder / "text.tif").write_text("patient,eye")
    (folder / "empty.gif").touch()
    (folder / "loop.bmp").symlink_to(folder / "loop.bmp")
    (folder / "folder.png" / "again").symlink_to(folder)
    os.mkfifo(folder / "pipe.webp")
    ran = venule("predict", folder, "-o", out, "--model", tiny_onnx)
    assert ran.code == 3, ran.err
    assert "Traceback" not in ran.err
    assert {path.name for path in out.glob("*.png")} == {"eye0_mask.png", "eye1_mask.png"}
    with (out / "report.csv").open(newline="") as file:
        rows = {Path(row["path"]).name: row for row in csv.DictReader(file)}
    assert {name for name, row in rows.items() if row["status"] == "done"} == {
        "eye0.png",
        "eye1.png",
    }
    reasons = {name: row["reason"] for name, row in rows.items() if row["status"] == "failed"}
    expected = {
        "cut.png": "truncated",
        "bomb.jpg": "65535 x 65535 pixels",
        "text.tif": "not an image",
        "empty.gif": "empty",
        "loop.bmp": "cannot be read",
        "pipe.webp": "not a regular file",
    }
    assert reasons.keys() == expected.keys()
    for name, said in expected.items():
        assert said in reasons[name]
        assert "\n" not in reasons[name]
