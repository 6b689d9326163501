"""`venule models`: the shipped weights, and the networks that can be trained."""

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from venule.cli.table import print_table

if TYPE_CHECKING:
    from venule.models.record import ModelRecord

_COLUMNS = ["weights", "network", "trained on", "threshold", "licence", "SHA-256"]


def models() -> None:
    """List the shipped weights, and the networks that can be trained."""
    from venule.inference.load import shipped_marks, shipped_weights

    shipped = shipped_weights() | shipped_marks()
    if shipped:
        print_table([_COLUMNS, *(_row(name, path) for name, path in shipped.items())])
    else:
        typer.echo("No weights are shipped with this version.")
    typer.echo("")
    if find_spec("torch") is None:
        typer.echo("Training needs PyTorch: pip install 'venule[train]'")
        return
    from venule.models.zoo import MODELS

    typer.echo("Networks that `venule train` can train: " + ", ".join(MODELS))


def _row(name: str, path: Path) -> list[str]:
    from hashlib import sha256

    from venule.inference.onnx_runner import load_onnx

    record = load_onnx(path, device="cpu").record
    digest = sha256(path.read_bytes()).hexdigest()[:12]
    threshold = ", ".join(dict.fromkeys(f"{one.threshold:.3g}" for one in record.classes))
    return [name, record.model, _trained_on(record), threshold, record.licence, digest]


def _trained_on(record: "ModelRecord") -> str:
    """Training data sets by name, each with its number of distinct images.

    Images from a folder, such as synthetic ones, have no data set's name.
    """
    photographs: dict[str, set[str]] = {}
    for seen in record.seen:
        if seen.role == "trained":
            photographs.setdefault(seen.dataset, set()).update(seen.images.values())
    parts = [
        f"{'others' if dataset == 'folders' else dataset} ({len(images)})"
        for dataset, images in sorted(photographs.items(), key=lambda one: one[0] == "folders")
    ]
    return ", ".join(parts) or "not stated"
