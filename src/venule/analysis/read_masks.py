"""Reading of the masks of one photograph for `venule measure`, with what is stored in them."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from venule.analysis.corrected_masks import kind_of
from venule.analysis.kept import Kept, kept_of
from venule.analysis.mask_files import DISC, MASKS, MaskFiles
from venule.errors import ImageError
from venule.image.arrays import Mask
from venule.image.artery_vein import ARTERY, VEIN
from venule.image.fov import find_fov
from venule.image.io import read_mask, read_texts
from venule.image.photograph import read_photograph
from venule.image.picture_masks import read_types
from venule.measure.definitions import STRUCTURES, Structure
from venule.measure.photograph import VesselMasks


@dataclass(frozen=True, eq=False)
class Loaded:
    """The masks of one photograph, read.

    `stored_scale` tells that `um_per_px` is the one stored in a predicted mask.
    """

    masks: VesselMasks
    mask_source: str
    um_per_px: float | None
    laterality: str | None
    stored_scale: bool = False
    notes: tuple[str, ...] = ()


def load(entry: MaskFiles) -> Loaded:
    """Read the masks of one photograph.

    The field of view, closed gaps and scale stored in a predicted mask are used unless the input
    gives others. Without either, the field of view is found in the photograph, if there is one.

    Raises:
        ImageError: a file is not a mask, or masks differ in size.
    """
    if entry.problem is not None:
        raise ImageError(entry.problem)
    masks: dict[str, Mask] = {
        name: read_mask(entry.files[name]) for name in (*MASKS, "fov") if name in entry.files
    }
    kept = {name: _kept(entry.files[name], masks[name]) for name in MASKS if name in masks}
    if "av" in entry.files:
        types = read_types(entry.files["av"])
        masks["artery"], masks["vein"] = (types & ARTERY) > 0, (types & VEIN) > 0
    found = next((one for one in kept.values() if one is not None), None)
    fov, notes = masks.get("fov"), [*entry.notes, *_incomplete(entry)]
    square = found is None or found.square
    if fov is None and found is not None:
        fov = found.fov
    if fov is None and "photograph" in entry.files:
        photograph = read_photograph(entry.files["photograph"])
        fov, square = find_fov(photograph.pixels).mask, photograph.square
        notes.append("field of view found in the photograph")
    closed: dict[Structure, Mask] = {}
    for structure, name in zip(STRUCTURES, MASKS, strict=True):
        own = kept.get(name)
        if own is not None:
            closed[structure] = own.reconnected
        elif name in masks and kept.get("vessels") is not None and found is not None:
            closed[structure] = found.reconnected & masks[name]
    stored = found.um_per_px if found is not None else None
    um_per_px = entry.numbers.get("um_per_px", stored)
    return Loaded(
        VesselMasks(
            vessels=masks.get("vessels"),
            artery=masks.get("artery"),
            vein=masks.get("vein"),
            fov=fov,
            square=square,
            reconnected=closed,
        ),
        entry.mask_source or _source(entry.files, predicted=found is not None),
        um_per_px,
        entry.passed.get("laterality") or (found.laterality if found is not None else None),
        um_per_px is not None and um_per_px == stored,  # report.csv repeats it
        tuple(notes),
    )


def _incomplete(entry: MaskFiles) -> list[str]:
    """A note on the columns that a disc lacks, if it has some of them."""
    lacking = [name for name in DISC if name not in entry.numbers]
    if len(lacking) in (0, len(DISC)):
        return []
    given = " and ".join(name for name in DISC if name in entry.numbers)
    return [f"{given} not used: no {' and no '.join(lacking)}"]


def _source(files: Mapping[str, Path], *, predicted: bool) -> str:
    """The source of masks that the input does not state."""
    if any(kind_of(path.name) in ("vessels", "types") for path in files.values()):
        return "corrected"
    return "predicted" if predicted else "unknown"


def _kept(path: Path, mask: Mask) -> Kept | None:
    """The metadata stored in a predicted mask file."""
    return kept_of(read_texts(path), (mask.shape[0], mask.shape[1]))
