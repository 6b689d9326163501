from pathlib import Path

import typer
from typer.testing import CliRunner

from venule.cli.plot import plot

app = typer.Typer()
app.command()(plot)


def test_runs_and_csv_files_are_drawn_into_one_file(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    for path in (tmp_path / "run" / "metrics.csv", tmp_path / "other.csv"):
        path.write_text("epoch,train_loss,val_loss,val_dice\n1,0.5,0.6,0.7\n2,0.4,0.5,0.75\n")
    out = tmp_path / "curves.svg"
    sources = [str(tmp_path / "run"), str(tmp_path / "other.csv")]
    done = CliRunner().invoke(app, [*sources, "-o", str(out)])
    assert done.exit_code == 0, done.output
    assert done.stdout.strip() == str(out)
    text = out.read_text()
    assert "run, validation" in text
    assert "other, training" in text
