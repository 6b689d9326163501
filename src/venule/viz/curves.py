"""Curves of training runs against the epoch, from their metrics.csv."""

import csv
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from venule.errors import UsageError, VenuleError
from venule.files.atomic import require_folder, write_bytes

ACCURACY = "pixel accuracy"

PANELS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "loss": {"train_loss": "training", "val_loss": "validation"},
        ACCURACY: {"val_accuracy": "validation"},
        "mIoU (vessel, background)": {"val_miou": "validation"},
        "Dice": {"val_dice": "validation"},
        "ROC AUC": {"val_auc": "validation"},
    }
)
"""Columns of metrics.csv drawn in each panel, with the images they were measured on."""

FORMATS = (".png", ".svg")

# Okabe and Ito's colour-blind-safe palette, darkest first.
_COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
_STYLES = MappingProxyType({"training": "--", "validation": "-"})


@dataclass(frozen=True)
class Curves:
    """One run's columns by name, one value per epoch; nan where the file has none."""

    name: str
    columns: Mapping[str, Sequence[float]]


def read_curves(source: Path) -> Curves:
    """Read the columns of a run's metrics.csv, given the file or the run's folder.

    Raises:
        UsageError: no such file, no column `epoch`, no row, or a cell that is not a number.
    """
    path = source / "metrics.csv" if source.is_dir() else source
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
    except OSError as error:
        reason = error.strerror or "unreadable"
        raise UsageError(f"{path}: {reason}; give a run's folder or a metrics.csv of one") from None
    except (csv.Error, UnicodeDecodeError):
        raise UsageError(
            f"{path}: not a CSV file; give a run's folder or its metrics.csv"
        ) from None
    if not rows or "epoch" not in rows[0]:
        what = "has no column `epoch`" if rows else "has no epoch yet"
        raise UsageError(f"{path}: {what}; give a run's folder or its metrics.csv")
    names = [name for name in rows[0] if name]
    columns = {name: [_value(row[name], path, name) for row in rows] for name in names}
    return Curves(path.parent.name if path.name == "metrics.csv" else path.stem, columns)


def plot_curves(runs: Sequence[Curves], out: Path) -> None:
    """Draw the panels of one or several runs to a .png or .svg file, atomically.

    Columns that a run lacks are left out, as are panels that no run has.

    Raises:
        UsageError: an unsupported file type, or nothing to draw.
        OutputError: the file cannot be written.
        VenuleError: matplotlib is not installed.
    """
    if out.suffix.lower() not in FORMATS:
        raise UsageError(f"{out}: curves are written as {' or '.join(FORMATS)}")
    panels = {
        title: columns
        for title, columns in PANELS.items()
        if any(_points(run, column)[0] for run in runs for column in columns)
    }
    if not panels:
        known = ", ".join(column for columns in PANELS.values() for column in columns)
        raise UsageError(f"nothing to draw: no run has any of the columns {known}")
    if not any("val_iou" in run.columns for run in runs):  # classifiers: accuracy of photographs
        panels = {"accuracy" if title == ACCURACY else title: c for title, c in panels.items()}
    content = _render(runs, panels, out.suffix.lower()[1:])
    require_folder(out)
    write_bytes(out, content)


def _render(runs: Sequence[Curves], panels: Mapping[str, Mapping[str, str]], format_: str) -> bytes:
    # Figure and canvas without pyplot: no global state or display needed.
    try:
        from matplotlib import rc_context
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ModuleNotFoundError as error:
        raise VenuleError(
            f"curves need matplotlib ({error.name} is missing): pip install 'venule[train]'"
        ) from None
    from io import BytesIO

    columns = min(3, len(panels))
    lines = math.ceil(len(panels) / columns)
    # Fixed salt and no date: the same curves give the same SVG.
    with rc_context({"svg.hashsalt": "venule"}):
        figure = Figure(figsize=(4.6 * columns, 3.4 * lines), layout="constrained")
        FigureCanvasAgg(figure)
        for index, (title, series) in enumerate(panels.items()):
            axes = figure.add_subplot(lines, columns, index + 1)
            for run, color in zip(runs, _repeat(len(runs)), strict=True):
                for column, measured_on in series.items():
                    epochs, values = _points(run, column)
                    if epochs:
                        label = f"{run.name}, {measured_on}" if len(series) > 1 else run.name
                        axes.plot(
                            epochs,
                            values,
                            color=color,
                            linestyle=_STYLES[measured_on],
                            linewidth=1.4,
                            marker="." if len(epochs) < max(3, len(run.columns["epoch"])) else None,
                            label=label,
                        )
            axes.set_title(title if len(series) > 1 else f"{title}, validation", fontsize=10)
            axes.set_xlabel("epoch")
            axes.grid(alpha=0.3)
            axes.spines[["top", "right"]].set_visible(False)
            if len(runs) > 1 or len(series) > 1:
                axes.legend(fontsize=7, frameon=False)
        content = BytesIO()
        metadata = {"Date": None} if format_ == "svg" else None
        figure.savefig(content, format=format_, dpi=130, metadata=metadata)
    return content.getvalue()


def _repeat(runs: int) -> list[str]:
    return [_COLORS[index % len(_COLORS)] for index in range(runs)]


def _points(run: Curves, column: str) -> tuple[list[float], list[float]]:
    """Epochs and values of a column where defined: not every epoch is validated."""
    values = run.columns.get(column, ())
    pairs = [
        (epoch, value)
        for epoch, value in zip(run.columns["epoch"], values, strict=False)
        if not math.isnan(value)
    ]
    return [epoch for epoch, _ in pairs], [value for _, value in pairs]


def _value(cell: str | None, path: Path, name: str) -> float:
    if cell is None or not cell.strip():
        return math.nan
    try:
        return float(cell)
    except ValueError:
        raise UsageError(f"{path}: {cell!r} in column {name} is not a number") from None
