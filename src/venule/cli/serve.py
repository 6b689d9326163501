"""`venule serve`: the viewer in the browser."""

from pathlib import Path
from typing import Annotated

import typer

from venule.cli.progress import say, shown
from venule.errors import UsageError


def serve(
    folder: Annotated[
        Path | None,
        typer.Argument(
            metavar="[FOLDER]", help="Photographs, or results of `venule predict`, to open."
        ),
    ] = None,
    *,
    host: Annotated[
        str,
        typer.Option(
            metavar="HOST", help="Address to listen on, by default for this computer only."
        ),
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(metavar="PORT", min=0, max=65535, help="0: any.")] = 8765,
    no_browser: Annotated[
        bool, typer.Option("--no-browser", help="Only print the address.")
    ] = False,
    example: Annotated[bool, typer.Option("--example", help="Show an example photograph.")] = False,
    corrector: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="Name recorded in the history of corrections.",
            show_default=False,
        ),
    ] = "",
    compare: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="DIR",
            help="Masks or probability maps to compare with: ground truth, other results.",
            show_default=False,
        ),
    ] = None,
    photographs: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Folder of the photographs of FOLDER's results, if moved since, or DICOM.",
            show_default="their original folder",
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            help="A shipped name, a .onnx or .safetensors file, or a run folder.",
            show_default="the first that `venule models` lists",
        ),
    ] = None,
) -> None:
    """Open a page in the browser that segments photographs dropped on it."""
    try:
        import fastapi  # noqa: F401
        import uvicorn  # noqa: F401
    except ModuleNotFoundError as error:
        raise UsageError(
            f"this needs {error.name}, which is not installed: pip install 'venule[web]'"
        ) from None
    if photographs is not None and folder is None:
        raise UsageError("--photographs goes with FOLDER, a folder of results")
    from venule.inference.load import DEFAULT
    from venule.serve.door import Door
    from venule.serve.run import Serving, serve

    where = (
        "Photographs stay on this computer."
        if Door(host=host, port=port).on_loopback
        else "Anyone with the address can see the photographs; theirs are sent to this computer."
    )

    def opened(url: str) -> None:
        say("Research use only, not a medical device.")
        print(shown(url), flush=True)
        say(f"Ctrl-C stops it. {where}")

    serving = Serving(
        folder=folder,
        model=DEFAULT if model is None else model,
        host=host,
        port=port,
        example=example,
        who=corrector,
        compare=tuple(compare or ()),
        photographs=photographs,
    )
    serve(serving, opened=opened, browser=not no_browser)
