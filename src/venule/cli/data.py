"""`venule data`: check, inspect and generate data sets before training on them."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from venule.cli.evaluate import Protocol
from venule.cli.outputs import Overwrite, check_files, data_files, model_files
from venule.cli.progress import Progress, counted, say, shown
from venule.cli.table import print_table

if TYPE_CHECKING:
    from venule.data.case import Dataset
    from venule.data.problem import Problem

app = typer.Typer(help="Check, inspect and generate data sets.", no_args_is_help=True)

_COLUMNS = ("data set", "split", "images", "field of view", "1st expert", "2nd expert")


class Format(StrEnum):
    """Formats of synthetic photographs; their labels are always PNG."""

    png = "png"
    jpg = "jpg"


@app.command()
def check(
    data: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[NAME[=PATH]|PATH]...",
            help="Data sets; default: all under VENULE_DATA.",
        ),
    ] = None,
) -> None:
    """Decode every file of data sets and report every problem; exit code 3 if there are any."""
    from venule.data.catalog import installed, open_dataset
    from venule.data.check import check_dataset

    datasets = [open_dataset(spec) for spec in data] if data else installed()
    problems: list[Problem] = []
    for dataset in datasets:
        typer.echo(f"checking {dataset.name}: {len(dataset.cases)} images", err=True)
        problems += check_dataset(dataset)
    print_table([[*_COLUMNS], *(row for dataset in datasets for row in _rows(dataset))])
    for problem in problems:
        typer.echo(shown(problem))
    typer.echo(f"{len(problems)} problem{'' if len(problems) == 1 else 's'}")
    if problems:
        raise typer.Exit(3)


@app.command()
def show(
    out: Annotated[Path, typer.Option("--out", "-o", metavar="FILE.png", help="The sheet.")],
    config: Annotated[
        Path, typer.Option("--config", metavar="CONFIG.toml", help="Settings of a training run.")
    ],
    settings: Annotated[
        list[str] | None,
        typer.Argument(metavar="key=value...", help="Changes, such as augmentation.hue=0.1."),
    ] = None,
    *,
    samples: Annotated[int, typer.Option(metavar="N", min=1, help="Number of samples.")] = 8,
    cell: Annotated[int, typer.Option(metavar="PX", min=32, help="Width of an image.")] = 280,
    overwrite: Overwrite = False,
) -> None:
    """Draw augmented training samples, and their truth, of a configuration's first data set."""
    from venule.data.catalog import open_dataset
    from venule.image.io import write_png
    from venule.training.config import TrainConfig
    from venule.training.config_file import read_config
    from venule.training.show import HEADINGS, sample_rows
    from venule.viz.montage import montage, page_paths

    (file,) = page_paths(out, rows=1, rows_per_page=1)
    parsed = read_config(config, settings or [], TrainConfig)
    sources = parsed.data.sources("train")
    inputs = (one for s in sources for one in data_files(s.dataset, open_dataset(s.dataset)))
    maps = model_files(source.maps for source in sources if source.maps)
    check_files([file], (config, *inputs, *maps), overwrite=overwrite)
    rows = list(sample_rows(parsed, samples=samples))
    write_png(file, montage(rows, HEADINGS, cell_px=cell))
    typer.echo(str(file))


@app.command()
def synth(
    out: Annotated[Path, typer.Argument(metavar="OUT", help="A new folder, or an unfinished one.")],
    *,
    count: Annotated[int, typer.Option(metavar="N", min=1, help="Number of images.")] = 200,
    size: Annotated[int, typer.Option(metavar="PX", min=48, help="Longer side.")] = 768,
    seed: Annotated[int, typer.Option(metavar="N", min=0, help="Seed of the whole set.")] = 0,
    format: Annotated[Format, typer.Option(help="File format.")] = Format.png,
    types: Annotated[
        bool, typer.Option("--types", help="Also label arteries and veins, drawn to differ.")
    ] = False,
    workers: Annotated[int, typer.Option(metavar="N", min=1, help="Processes.")] = 1,
) -> None:
    """Generate synthetic fundus images with exact vessel labels; files already in OUT are kept."""
    from venule.synth.collection import Collection, synthesize_all
    from venule.synth.config import TYPED, VARIED

    images = Collection(
        root=out,
        size_px=size,
        seed=seed,
        format=format.value,
        config=TYPED if types else VARIED,
        types=types,
    )
    images.begin()
    missing = images.missing(count)
    with Progress(total=len(missing)) as progress:
        for image in synthesize_all(images, missing, workers=workers):
            progress.advance(image.image)
    typer.echo(str(out))


@app.command("from-corrections")
def from_corrections(
    results: Annotated[
        Path, typer.Argument(metavar="OUT", help="A results folder with corrected masks.")
    ],
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A new folder for the data set.")],
    *,
    photographs: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Folder of the photographs of OUT, if moved since, or if they are DICOM.",
            show_default="their original folder",
        ),
    ] = None,
) -> None:
    """Make a data set of the photographs with masks corrected in `venule serve`."""
    from venule.batch.corrections import collect_corrections

    collected = collect_corrections(results, folder, photographs)
    for reason in collected.left_out:
        say(f"venule: warning: left out: {shown(reason)}")
    print(f"{counted(collected.cases, 'photograph')} in {shown(folder)}")


@app.command()
def patches(
    data: Annotated[
        str, typer.Argument(metavar="NAME[=PATH]|PATH", help="A data set with labels.")
    ],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="A new or empty folder.")],
    *,
    protocol: Protocol = None,
    split: Annotated[
        str | None,
        typer.Option(
            metavar="S",
            help="A split of the protocol, such as train.",
            show_default="all but validation and test images",
        ),
    ] = None,
    size: Annotated[int, typer.Option(metavar="PX", min=16, help="Side of a patch.")] = 128,
    per_image: Annotated[
        int,
        typer.Option(metavar="N", min=1, max=100, help="Maximum number of patches per photograph."),
    ] = 20,
    classes: Annotated[int, typer.Option(metavar="N", min=2, max=9, help="How many.")] = 8,
    seed: Annotated[int, typer.Option(metavar="N", min=0, help="Seed of the positions.")] = 0,
) -> None:
    """Cut labelled photographs into patches, binned by vessel density, for pretraining."""
    from venule.data.catalog import open_dataset
    from venule.data.patches import (
        PatchesConfig,
        find_patches,
        labelled_cases,
        require_empty,
        write_patches,
    )

    config = PatchesConfig(side_px=size, per_image=per_image, classes=classes, seed=seed)
    dataset = open_dataset(data)
    cases = labelled_cases(dataset, protocol=protocol, split=split)
    require_empty(out)
    cut = []
    with Progress(total=2 * len(cases)) as progress:
        for photograph in find_patches(cases, config):
            cut.append(photograph)
            progress.advance(f"{photograph.case.image.name}: {len(photograph.patches)} patches")
        for case in write_patches(cut, out, config, dataset=dataset.name):
            progress.advance(f"{case.image.name}: written")
    typer.echo(str(out))


def _rows(dataset: "Dataset") -> list[list[str]]:
    """The number of images in each split of the release, and of those that have each mask."""
    rows = []
    for split in dict.fromkeys(case.split for case in dataset.cases):
        cases = [case for case in dataset.cases if case.split == split]
        files = [(case.image, case.fov, case.first, case.second) for case in cases]
        counts = [sum(path is not None for path in kind) for kind in zip(*files, strict=True)]
        rows.append([dataset.name, split or "-", *map(str, counts)])
    return rows
