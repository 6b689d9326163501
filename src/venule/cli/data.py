"""`venule data`: look at data sets before training on them."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from venule.cli.table import print_table

if TYPE_CHECKING:
    from venule.data.check import Problem
    from venule.data.record import Dataset

app = typer.Typer(help="Check data sets and look at them.", no_args_is_help=True)

_COLUMNS = ("data set", "split", "images", "field of view", "1st expert", "2nd expert")


@app.command()
def check(
    data: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[NAME[=PATH]|PATH]...",
            help="Data sets; without any, all that lie under VENULE_DATA.",
        ),
    ] = None,
) -> None:
    """Decode every file of data sets and explain every problem; exit code 3 if there is one."""
    from venule.data.catalog import installed, open_dataset
    from venule.data.check import check_dataset

    datasets = [open_dataset(spec) for spec in data] if data else installed()
    problems: list[Problem] = []
    for dataset in datasets:
        typer.echo(f"checking {dataset.name}: {len(dataset.records)} images", err=True)
        problems += check_dataset(dataset)
    print_table([[*_COLUMNS], *(row for dataset in datasets for row in _rows(dataset))])
    for problem in problems:
        typer.echo(str(problem))
    typer.echo(f"{len(problems)} problem{'' if len(problems) == 1 else 's'}")
    if problems:
        raise typer.Exit(3)


@app.command()
def show(
    out: Annotated[Path, typer.Option("--out", "-o", metavar="FILE.png", help="The sheet.")],
    config: Annotated[
        Path, typer.Option("--config", metavar="CONFIG.toml", help="A training's settings.")
    ],
    settings: Annotated[
        list[str] | None,
        typer.Argument(metavar="key=value...", help="Changes, such as augmentation.hue=0.1."),
    ] = None,
    *,
    samples: Annotated[int, typer.Option(metavar="N", min=1, help="How many to draw.")] = 8,
    cell: Annotated[int, typer.Option(metavar="PX", min=32, help="Width of a picture.")] = 280,
) -> None:
    """Draw training samples as a configuration augments them, and their truth beside them."""
    from venule.image.io import write_png
    from venule.training.config import TrainConfig, read_config
    from venule.training.show import HEADINGS, sample_rows
    from venule.viz.montage import montage, page_paths

    (file,) = page_paths(out, rows=1, rows_per_page=1)
    parsed = read_config(config, settings or [], TrainConfig)
    rows = list(sample_rows(parsed, samples=samples))
    write_png(file, montage(rows, HEADINGS, cell_px=cell))
    typer.echo(str(file))


def _rows(dataset: "Dataset") -> list[list[str]]:
    """How many images each split of the release has, and how many of them have each mask."""
    rows = []
    for split in dict.fromkeys(record.split for record in dataset.records):
        records = [record for record in dataset.records if record.split == split]
        files = [(r.image, r.fov, r.first, r.second) for r in records]
        counts = [sum(path is not None for path in kind) for kind in zip(*files, strict=True)]
        rows.append([dataset.name, split or "-", *map(str, counts)])
    return rows
