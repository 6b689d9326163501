"""`venule export`: trained weights as one ONNX file that runs without PyTorch."""

from pathlib import Path
from typing import Annotated

import typer

from venule.cli.evaluate import BestBy
from venule.cli.outputs import Overwrite, check_files, model_files


def export(
    model: Annotated[
        str,
        typer.Argument(metavar="MODEL", help="A shipped name, a weights file or a run folder."),
    ],
    out: Annotated[
        Path,
        typer.Option(
            "--out", "-o", metavar="FILE", help="The .onnx file; from .onnx, a .safetensors file."
        ),
    ],
    *,
    checkpoint: BestBy = "dice",
    overwrite: Overwrite = False,
) -> None:
    """Convert weights with their record to ONNX, or ONNX to safetensors; checked with PyTorch."""
    from venule.errors import UsageError
    from venule.export.onnx import export_onnx
    from venule.export.weights import export_safetensors
    from venule.inference.load import weights_file

    source = weights_file(model, checkpoint=checkpoint)
    check_files([out], model_files([model, source]), overwrite=overwrite)
    if out.suffix == ".onnx" and source.suffix == ".safetensors":
        difference = export_onnx(source, out)
    elif out.suffix == ".safetensors" and source.suffix == ".onnx":
        difference = export_safetensors(source, out)
    else:
        raise UsageError(
            f"{source.name} to {out.name}: export writes .onnx from .safetensors, or the reverse"
        )
    typer.echo(f"{out}: logits within {difference:.0e} of those of {source.name}")
