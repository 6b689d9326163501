"""Export of the corrected masks of a results folder as a data set for training or evaluation."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from venule.analysis.corrected_files import corrected_path, read_correction
from venule.analysis.kept import kept_of
from venule.batch.reading import located, photograph_file, read_results
from venule.errors import DatasetError, ImageError, OutputError, UsageError
from venule.files.atomic import make_folder, write_bytes
from venule.image.artery_vein import encode_types
from venule.image.io import read_texts, write_png
from venule.image.names import is_image_path
from venule.image.photograph import read_photograph


@dataclass(frozen=True)
class Collected:
    """Number of corrected photographs exported as cases, and why others were not."""

    cases: int
    left_out: tuple[str, ...]


def collect_corrections(results: Path, out: Path, photographs: Path | None = None) -> Collected:
    """Copy each photograph that has a corrected mask to `out`/images, its mask to labels and fov.

    A DICOM object becomes a PNG image of its pixels. Arteries and veins, where known, go to av, a
    corrected disc to disc. Photograph a/1 becomes a__1; of two photographs with the same resulting
    name the second is left out. `photographs` is their folder, if they were moved or are DICOM
    objects.

    Raises:
        UsageError: the folder holds no results, or no corrected ones.
        OutputError: `out` exists and is not empty, or cannot be written.
    """
    if out.exists() and not out.is_dir():
        raise OutputError(f"{out}: is a file; name a new folder")
    if out.exists() and any(out.iterdir()):
        raise OutputError(f"{out}: is not empty; name a new folder")
    found = read_results(results)
    if photographs is not None:
        found = located(found, photographs)
    taken: dict[str, str] = {}
    left_out = []
    for result in found.results:
        base = found.out / result.name
        if not corrected_path(base, "vessels").is_file():
            continue
        name = result.name.replace("/", "__")
        try:
            if name in taken:
                raise DatasetError(f"{taken[name]} has the same name in a data set; rename one")
            _copy(photograph_file(result), base, out, name)
        except (ImageError, DatasetError) as error:
            left_out.append(f"{result.name}: {str(error).removeprefix(f'{result.source}: ')}")
        else:
            taken[name] = result.name
    if not taken:
        why = f" ({left_out[0]})" if left_out else ""
        raise UsageError(f"{results}: no corrected mask in it can be used{why}")
    return Collected(len(taken), tuple(left_out))


def _copy(photograph: Path, base: Path, out: Path, name: str) -> None:
    pixels = read_photograph(photograph).pixels
    shape = (pixels.shape[0], pixels.shape[1])
    stored = read_correction(base, shape)
    if stored is None or stored.correction.mask is None:
        raise DatasetError("the corrected mask is of another photograph")
    kept = kept_of(read_texts(corrected_path(base, "vessels")), shape)
    for folder in ("images", "labels", "fov"):
        make_folder(out / folder)
    copied = out / "images" / f"{name}{photograph.suffix.lower()}"
    if is_image_path(copied):
        shutil.copyfile(photograph, copied)
    else:  # a DICOM object, with the patient's name in its header, or compressed by gzip
        write_png(copied.with_name(f"{name}.png"), pixels)
    write_png(out / "labels" / f"{name}.png", stored.correction.mask)
    if kept is not None:
        write_png(out / "fov" / f"{name}.png", kept.fov)
    if stored.correction.types is not None:
        make_folder(out / "av")
        write_bytes(out / "av" / f"{name}.png", encode_types(stored.correction.types))
    if stored.correction.disc is not None:
        make_folder(out / "disc")
        write_png(out / "disc" / f"{name}.png", stored.correction.disc.mask(shape))
