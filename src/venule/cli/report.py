"""`venule report`: a single page of results to send to a colleague."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from venule.cli.progress import Progress, counted, say, shown
from venule.errors import ImageError, UsageError

if TYPE_CHECKING:
    from venule.report.collect import Contents


def report(
    sources: Annotated[
        list[Path],
        typer.Argument(
            metavar="RESULTS|PHOTOGRAPH...",
            help="A results folder of `venule predict`, or photographs.",
        ),
    ],
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="FILE", help="The page, an .html file.")
    ],
    *,
    model: Annotated[
        str | None,
        typer.Option(
            help="For photographs: a shipped name, a weights file, or a run folder.",
            show_default="the first that `venule models` lists",
        ),
    ] = None,
    photographs: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Folder of the photographs of RESULTS, if moved since, or if they are DICOM.",
            show_default="their original folder",
        ),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace an existing page.")
    ] = False,
) -> None:
    """Write one self-contained page: images, grades, measurements, model card, parameters."""
    from venule.batch.reading import holds_results
    from venule.cli.outputs import check_outputs
    from venule.files.atomic import require_folder
    from venule.report.collect import of_results
    from venule.report.page import write_page

    if out.suffix.lower() != ".html":
        raise UsageError(f"-o {out}: name a file that ends in .html")
    require_folder(out)
    check_outputs([out], sources, overwrite=overwrite)
    failed = False
    folders = [source for source in sources if source.is_dir()]
    if photographs is not None and not folders:
        raise UsageError("--photographs goes with RESULTS, a folder of results")
    if folders:
        if len(sources) > 1:
            raise UsageError("give one results folder, or photographs")
        if not holds_results(folders[0]):
            raise UsageError(
                f"{folders[0]}: holds no results; predict them first: venule predict "
                f"{folders[0]} -o RESULTS"
            )
        if model is not None:
            raise UsageError("results already have a model; --model is for photographs only")
        with Progress(total=0) as progress:
            contents = of_results(folders[0], progress.line, photographs=photographs)
    else:
        contents = _of_photographs(sources, model)
        failed = any(one.status == "failed" for one in contents.subjects)
    size = write_page(contents, out)
    say(f"{counted(len(contents.subjects), 'photograph')}, {size / 1e6:.1f} MB")
    print(shown(out))
    if failed:
        raise typer.Exit(3)


def _of_photographs(sources: Sequence[Path], model: str | None) -> "Contents":
    """The contents for photographs; failures are reported, and it is an error if all fail."""
    from venule.analysis.analyse import Networks
    from venule.inference.load import DEFAULT, load
    from venule.report.collect import of_photographs

    for source in sources:
        if not source.exists():
            raise UsageError(f"{source}: no such file or folder")
    networks = Networks(load(DEFAULT if model is None else model))
    try:
        with Progress(total=len(sources)) as progress:
            contents = of_photographs(sources, networks, progress=progress.advance)
        reasons = [one.reason for one in contents.subjects if one.status == "failed"]
    except ImageError as error:  # for a single photograph
        reasons = [str(error)]
    if reasons:
        say(f"venule: error: {len(reasons)} of {counted(len(sources), 'photograph')} failed:")
        for reason in reasons:
            say(f"  {shown(reason)}")
    if len(reasons) == len(sources):
        raise typer.Exit(4)
    return contents
