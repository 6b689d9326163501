import json
from pathlib import Path

import numpy as np
import pytest
import typer
from PIL import Image
from typer.testing import CliRunner

from support import trees
from support.networks import write_network
from venule.cli.visualize import visualize
from venule.errors import UsageError
from venule.files.hashes import file_sha256
from venule.models.record import ModelRecord
from venule.viz.overlay import MISSED

app = typer.Typer()
app.command()(visualize)


@pytest.fixture(scope="module")
def drive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trees.make_drive(tmp_path_factory.mktemp("data"))


def call(*arguments: object) -> str:
    done = CliRunner().invoke(app, [*map(str, arguments)])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == 0, done.output
    return done.stdout


def test_a_sheet_shows_what_was_missed(drive: Path, tmp_path: Path) -> None:
    out = tmp_path / "sheet.png"
    arguments = ("expert:second", "--data", f"drive={drive}", "--split", "test", "-o", out)
    assert call(*arguments, "--rows", 20).split() == [str(out)]
    with Image.open(out) as sheet:
        pixels = np.asarray(sheet)
    assert pixels.shape[1] == 4 * 280 + 5 * 6
    assert (pixels == MISSED).all(axis=2).sum() > 1000


def test_a_large_split_is_several_pages(drive: Path, tmp_path: Path) -> None:
    out = tmp_path / "sheet.png"
    arguments = ("expert:second", "--data", f"drive={drive}", "--split", "test", "-o", out)
    call(*arguments, "--cell", 64)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "sheet-1.png",
        "sheet-2.png",
        "sheet-3.png",
    ]


@pytest.mark.parametrize(("split", "accesses"), [("test", 1), ("val", 0)])
def test_a_sheet_of_test_images_is_an_access_without_scores(
    drive: Path, tmp_path: Path, split: str, accesses: int
) -> None:
    weights = tmp_path / "tiny.onnx"
    write_network(weights, ModelRecord(name="tiny", model="none"))
    book = tmp_path / "access.jsonl"
    arguments = ("expert:second", weights, "--data", f"drive={drive}", "--split", split)
    call(*arguments[1 if split == "val" else 0 :], "-o", tmp_path / "s.png", "--access-log", book)
    lines = book.read_text().splitlines() if book.exists() else []
    assert len(lines) == accesses  # observers are not networks
    for access in map(json.loads, lines):
        assert (access["purpose"], access["model"], access["images"]) == ("sheet", "tiny", 20)
        assert access["weights_sha256"] == file_sha256(weights)
        assert "scores" not in access


def test_another_kind_of_file_is_refused(drive: Path, tmp_path: Path) -> None:
    arguments = ("expert:second", "--data", f"drive={drive}", "--split", "test")
    with pytest.raises(UsageError, match=r"\.png"):
        call(*arguments, "-o", tmp_path / "sheet.pdf")
