import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from venule.errors import OutputError, UsageError, VenuleError
from venule.viz.curves import plot_curves, read_curves

COLUMNS = (
    "epoch,train_loss,val_loss,val_accuracy,val_miou,val_iou,val_dice,val_auc,learning_rate,seconds"
)


def make_run(folder: Path, *, epochs: int = 5) -> Path:
    folder.mkdir()
    lines = [COLUMNS]
    for epoch in range(1, epochs + 1):
        loss = 1 / epoch
        lines.append(f"{epoch},{loss},{loss + 0.1},0.9,0.7,0.6,{1 - loss},0.95,0.001,12.5")
    (folder / "metrics.csv").write_text("\n".join(lines) + "\n")
    return folder


def test_a_run_is_named_by_its_folder_and_read_as_numbers(tmp_path: Path) -> None:
    run = make_run(tmp_path / "first")
    for source in (run, run / "metrics.csv"):
        curves = read_curves(source)
        assert curves.name == "first"
        assert list(curves.columns["epoch"]) == [1, 2, 3, 4, 5]
        assert curves.columns["val_dice"][1] == 0.5


def test_an_empty_cell_is_nan(tmp_path: Path) -> None:
    path = tmp_path / "run.csv"
    path.write_text("epoch,val_dice\n1,\n2,0.5\n")
    assert np.isnan(read_curves(path).columns["val_dice"][0])
    assert read_curves(path).name == "run"


def test_several_runs_make_one_picture(tmp_path: Path) -> None:
    runs = [read_curves(make_run(tmp_path / name)) for name in ("first", "second")]
    plot_curves(runs, tmp_path / "out.png")
    with Image.open(tmp_path / "out.png") as picture:
        pixels = np.asarray(picture.convert("RGB"))
    for color in ((0, 114, 178), (213, 94, 0)):  # blue and vermilion of the first two runs
        assert (np.abs(pixels.astype(int) - color).max(axis=2) < 10).sum() > 50


def test_svg_has_every_panel_and_is_the_same_twice(tmp_path: Path) -> None:
    run = read_curves(make_run(tmp_path / "first", epochs=1))
    for name in ("a.svg", "b.svg"):
        plot_curves([run], tmp_path / name)
    text = (tmp_path / "a.svg").read_text()
    assert text == (tmp_path / "b.svg").read_text()
    for title in ("loss", "pixel accuracy", "mIoU", "Dice", "ROC AUC"):
        assert title in text


def test_a_panel_without_values_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "run.csv"
    path.write_text("epoch,train_loss,val_dice\n1,0.5,\n2,0.4,\n")
    plot_curves([read_curves(path)], tmp_path / "out.svg")
    text = (tmp_path / "out.svg").read_text()
    assert "loss" in text
    assert "Dice" not in text


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "has no epoch yet"),
        (COLUMNS, "has no epoch yet"),
        ("a,b\n1,2\n", "no column `epoch`"),
        ("epoch,val_dice\n1,good\n", "is not a number"),
    ],
)
def test_a_file_that_is_no_metrics_file_is_one_clear_line(
    tmp_path: Path, content: str, reason: str
) -> None:
    (tmp_path / "metrics.csv").write_text(content)
    with pytest.raises(UsageError, match=reason) as caught:
        read_curves(tmp_path)
    assert "\n" not in str(caught.value)


def test_a_folder_that_is_no_run_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"metrics\.csv"):
        read_curves(tmp_path)


def test_a_binary_file_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(UsageError, match="not a CSV"):
        read_curves(tmp_path / "a.csv")


def test_only_png_and_svg_in_a_folder_that_exists(tmp_path: Path) -> None:
    run = read_curves(make_run(tmp_path / "first"))
    with pytest.raises(UsageError, match=r"\.png or \.svg"):
        plot_curves([run], tmp_path / "out.pdf")
    with pytest.raises(OutputError, match="does not exist"):
        plot_curves([run], tmp_path / "none" / "out.png")


def test_nothing_to_draw_is_a_clear_error(tmp_path: Path) -> None:
    path = tmp_path / "run.csv"
    path.write_text("epoch,other\n1,2\n")
    with pytest.raises(UsageError, match="nothing to draw"):
        plot_curves([read_curves(path)], tmp_path / "out.png")


def test_without_matplotlib_the_extra_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = read_curves(make_run(tmp_path / "first"))
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(VenuleError, match=r"venule\[train\]"):
        plot_curves([run], tmp_path / "out.png")


def test_scores_of_every_other_epoch_are_joined_by_a_line(tmp_path: Path) -> None:
    """The picture of a line through three points; gaps between them used to leave it empty."""
    path, out = tmp_path / "run.csv", tmp_path / "run.svg"
    path.write_text("epoch,val_auc\n1,0.5\n2,\n3,0.6\n4,\n5,0.8\n")
    plot_curves([read_curves(path)], out)
    # The curve's own path: one move and two lines, in the first colour of the palette.
    styled = [line for line in out.read_text().split("<path ") if "#0072b2" in line]
    assert any(line.count("L ") == 2 for line in styled)


def test_the_accuracy_of_a_classifier_is_not_that_of_pixels(tmp_path: Path) -> None:
    path = tmp_path / "run.csv"
    path.write_text("epoch,train_loss,val_loss,val_accuracy\n1,2.0,1.9,0.2\n2,1.8,1.7,0.3\n")
    plot_curves([read_curves(path)], tmp_path / "out.svg")
    text = (tmp_path / "out.svg").read_text()
    assert "<!-- accuracy, validation -->" in text
    assert "pixel" not in text
