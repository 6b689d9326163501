"""`venule convert`: published checkpoints converted to initial weights for training."""

from pathlib import Path
from typing import Annotated

import typer


def convert(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="FILE.pth",
            help="A checkpoint of the original DDRNet, of torchvision's DeepLabV3 or ResNet.",
        ),
    ],
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="FILE.safetensors", help="The file to write.")
    ],
    *,
    model: Annotated[
        str | None,
        typer.Option(help="The network to load it into.", show_default="found from the tensors"),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace an existing file.")
    ] = False,
) -> None:
    """Rename a published checkpoint's tensors for use as `network.pretrained`."""
    from venule.errors import OutputError, UsageError
    from venule.files.atomic import require_folder
    from venule.models.convert import convert as convert_checkpoint

    if out.suffix != ".safetensors":
        raise UsageError(f"-o {out}: name a file that ends in .safetensors")
    if out.exists() and not overwrite:
        raise OutputError(f"{out}: exists already; replace it with --overwrite")
    require_folder(out)
    converted = convert_checkpoint(source, model=model)
    converted.save(out)
    typer.echo(f"{converted.fit.line()} ({converted.model}, {converted.layout} names)")
    for name, (theirs, ours) in converted.fit.mismatched.items():
        typer.echo(f"  other shape: {name} is {list(theirs)}, {converted.model}'s is {list(ours)}")
    for name in converted.unexpected:
        typer.echo(f"  unexpected: {name}")
    typer.echo(f'{out}: use it with network.pretrained = "{out}"')
