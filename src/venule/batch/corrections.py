"""Corrected masks in a folder of results as a data set that trainings and evaluations read."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from venule.analysis.kept import kept_of
from venule.batch.reading import corrected_file, read_corrected, read_results
from venule.errors import DatasetError, ImageError, OutputError, UsageError
from venule.files.atomic import make_folder
from venule.image.io import write_png
from venule.image.photograph import read_photograph


@dataclass(frozen=True)
class Collected:
    """Number of corrected photographs that became cases, and why others did not."""

    cases: int
    left_out: tuple[str, ...]


def collect_corrections(results: Path, out: Path) -> Collected:
    """Copy each photograph that has a corrected mask to `out`/images, its mask to labels, fov.

    Raises:
        UsageError: the folder holds no results, or none was corrected.
        OutputError: `out` is there already and not empty, or cannot be written.
    """
    if out.exists() and any(out.iterdir()):
        raise OutputError(f"{out}: is not empty; name a new folder")
    found = read_results(results)
    cases, left_out = 0, []
    for result in found.results:
        path = corrected_file(found, result)
        if not path.is_file():
            continue
        try:
            _copy(Path(result.place), path, out, result.name.replace("/", "__"))
        except (ImageError, DatasetError) as error:
            left_out.append(f"{result.name}: {error}")
        else:
            cases += 1
    if not cases:
        why = f" ({left_out[0]})" if left_out else ""
        raise UsageError(f"{results}: no corrected mask in it can be used{why}")
    return Collected(cases, tuple(left_out))


def _copy(photograph: Path, mask_file: Path, out: Path, name: str) -> None:
    if not photograph.is_file():
        raise DatasetError("the photograph is not where it was predicted")
    shape = read_photograph(photograph).shape
    corrected = read_corrected(mask_file, shape)
    if corrected is None:
        raise DatasetError("the corrected mask is of another photograph")
    with Image.open(mask_file) as opened:
        kept = kept_of(getattr(opened, "text", {}), shape)
    for folder in ("images", "labels", "fov"):
        make_folder(out / folder)
    shutil.copyfile(photograph, out / "images" / f"{name}{photograph.suffix.lower()}")
    write_png(out / "labels" / f"{name}.png", corrected[0])
    if kept is not None:
        write_png(out / "fov" / f"{name}.png", kept.fov)
