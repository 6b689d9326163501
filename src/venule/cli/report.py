"""`venule report`: one page of results that can be sent to a colleague."""

from pathlib import Path
from typing import Annotated

import typer

from venule.cli.progress import Progress, say, shown
from venule.errors import UsageError


def report(
    sources: Annotated[
        list[Path],
        typer.Argument(
            metavar="RESULTS|PHOTOGRAPH...",
            help="A folder of results of `venule predict`, or photographs.",
        ),
    ],
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="FILE", help="The page, an .html file.")
    ],
    *,
    model: Annotated[
        str | None,
        typer.Option(
            help="For photographs: a shipped name, a weights file, or a run's folder.",
            show_default="the first that `venule models` lists",
        ),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an older page.")] = False,
) -> None:
    """Write one self-contained page: pictures, grades, measurements, model card, parameters."""
    from venule.batch.reading import holds_results
    from venule.cli.outputs import check_outputs
    from venule.files.atomic import require_folder
    from venule.report.collect import Contents, of_photographs, of_results
    from venule.report.page import write_page

    if out.suffix.lower() != ".html":
        raise UsageError(f"-o {out}: name a file that ends in .html")
    require_folder(out)
    check_outputs([out], sources, overwrite=overwrite)
    contents: Contents
    folders = [source for source in sources if source.is_dir()]
    if folders:
        if len(sources) > 1:
            raise UsageError("give one folder of results, or photographs")
        if not holds_results(folders[0]):
            raise UsageError(
                f"{folders[0]}: holds no results; predict them first: venule predict "
                f"{folders[0]} -o RESULTS"
            )
        if model is not None:
            raise UsageError("results have their model; --model is for photographs")
        with Progress(total=0) as progress:
            contents = of_results(folders[0], progress.line)
    else:
        from venule.analysis.analyse import Networks
        from venule.inference.load import DEFAULT, load

        networks = Networks(load(DEFAULT if model is None else model))
        with Progress(total=len(sources)) as progress:
            contents = of_photographs(sources, networks, progress=progress.advance)
    size = write_page(contents, out)
    say(f"{len(contents.subjects)} photographs, {size / 1e6:.1f} MB")
    print(shown(out))
