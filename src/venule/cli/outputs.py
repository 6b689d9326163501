"""Output files of commands: checks of what they may not replace."""

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from venule.errors import OutputError, UsageError

if TYPE_CHECKING:
    from venule.data.case import Case, Dataset

Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace existing files.")]

_OF_A_RUN = (
    "config.toml",
    "cost.json",
    "data.json",
    "environment.json",
    "metrics.csv",
    "metrics.jsonl",
    "pretrained.json",
    "run.json",
    "state.pt",
)
"""Files that training writes to a run's folder."""


def check_outputs(outputs: Sequence[Path], inputs: Iterable[Path], *, overwrite: bool) -> None:
    """Refuse outputs that would replace an input, results or each other; called before any work.

    With `overwrite`, other existing files may be replaced.

    Raises:
        UsageError: an output is an input, a file of a run or of results, or named twice.
        OutputError: an output exists, without `overwrite`.
    """
    from venule.batch.own_files import results_among

    places: set[str] = set()
    for output in outputs:
        if (place := os.path.realpath(output)) in places:
            raise UsageError(f"{output}: two outputs would be written there; name two files")
        places.add(place)
    existing = {_identity(output): output for output in outputs if output.exists()}
    if not existing:
        return
    for path in inputs:
        if path.exists() and _identity(path) in existing:
            output = existing[_identity(path)]
            raise UsageError(f"{output}: is an input; name another file for the output")
    if (found := results_among(existing.values())) is not None:
        output, folder = found
        raise UsageError(
            f"{output}: belongs to the results in {folder}; name another file for the output"
        )
    for output in existing.values():
        if (run := _run_of(output)) is not None:
            raise UsageError(
                f"{output}: belongs to the run in {run}; name another file for the output"
            )
    if not overwrite:
        first = next(iter(existing.values()))
        raise OutputError(f"{first} exists already; replace it with --overwrite")


def check_files(
    files: Iterable[Path | None], inputs: Iterable[Path], *, overwrite: bool
) -> list[Path]:
    """The files given, which have a folder and may be written; see `check_outputs`.

    Raises:
        UsageError, OutputError: as for `check_outputs`, or a file has no folder to be written to.
    """
    from venule.files.atomic import require_folder

    given = [file for file in files if file is not None]
    for file in given:
        require_folder(file)
    check_outputs(given, inputs, overwrite=overwrite)
    return given


def data_files(spec: str, dataset: "Dataset") -> Iterator[Path]:
    """The files of a data set, and the table that `spec` names, if it is one."""
    yield Path(os.path.expandvars(spec.partition("=")[2] or spec)).expanduser()
    yield from case_files(dataset.cases)


def case_files(cases: "Iterable[Case]") -> Iterator[Path]:
    """The photographs, masks and annotations of cases."""
    for case in cases:
        marked = (one.path for one in (case.av, case.landmarks) if one is not None)
        masks = (case.fov, case.first, case.second)
        yield from (case.image, *(mask for mask in masks if mask is not None), *marked)


def model_files(models: Iterable[str | Path]) -> Iterator[Path]:
    """The files of models: weights, what training wrote to a run's folder, or a folder's maps."""
    from venule.image.names import is_image_path

    for model in map(Path, models):
        if not model.is_dir():
            yield model
        elif (weights := model / "weights").is_dir():
            yield from (*weights.iterdir(), *(model / name for name in _OF_A_RUN))
        else:
            files = model.iterdir()
            yield from (one for one in files if is_image_path(one) or one.suffix == ".npy")


def _run_of(path: Path) -> Path | None:
    """The folder of the run that wrote this file, if one did."""
    path = path.resolve()
    if path.parent.name == "weights":
        run, own = path.parent.parent, True
    else:
        run, own = path.parent, path.name in _OF_A_RUN
    return run if own and (run / "config.toml").is_file() else None


def _identity(path: Path) -> tuple[int, int]:
    """Identity of the file itself, under whatever name or link."""
    status = path.stat()
    return (status.st_dev, status.st_ino)
