"""Files of a correction, written beside the prediction, never over it.

Each names the prediction that it corrects in a text chunk. The mask, the artery/vein map, the disc
and the probability map are separate files, so that other programs can read them.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import Field, TypeAdapter

from venule.analysis.analyse import Analysis, Changed
from venule.analysis.correction import Correction
from venule.analysis.kept import keep
from venule.errors import OutputError
from venule.image.artery_vein import encode_types
from venule.image.encode import encode_levels, encode_mask
from venule.image.io import read_mask, read_probability, read_texts
from venule.image.levels import to_levels
from venule.image.optic_disc import Disc
from venule.image.picture_masks import read_types

SUFFIX = "_mask.corrected.png"
HISTORY_SUFFIX = "_mask.corrected.jsonl"
"""File name suffixes of a corrected mask, and of its history: one JSON line per change."""

SUFFIXES: Mapping[Changed, str] = {
    "vessels": SUFFIX,
    "probability": "_prob.corrected.png",
    "types": "_av.corrected.png",
    "disc": "_disc.corrected.png",
}
"""File name suffixes of all files of a correction."""

KEY = "venule-correction"
"""Keyword of the PNG text chunk with the correction's metadata."""


@dataclass(frozen=True)
class Corrected:
    """Metadata of a corrected file.

    Attributes:
        prediction_sha256: SHA-256 of the file with the corrected prediction.
        revision: number of changes made to the photograph so far.
        disc: the parameters of a corrected disc's ellipse.
    """

    prediction_sha256: str
    revision: int
    disc: Mapping[str, Annotated[float, Field(allow_inf_nan=False)]] | None = None

    @property
    def texts(self) -> dict[str, str]:
        """The text chunk of a PNG."""
        told = {"prediction_sha256": self.prediction_sha256, "revision": self.revision}
        return {KEY: json.dumps(told | ({} if self.disc is None else {"disc": self.disc}))}


_STORED = TypeAdapter(Corrected)
"""The metadata as JSON, in the text chunk of a PNG."""


@dataclass(frozen=True, eq=False)
class StoredCorrection:
    """A correction as read from its files."""

    correction: Correction
    prediction_sha256: str
    revision: int


def corrected_path(base: Path, what: Changed) -> Path:
    """The file of a correction; `base` is a result's path without suffixes."""
    return base.with_name(base.name + SUFFIXES[what])


def rename_correction(old: Path, new: Path) -> None:
    """Give the files of a correction the name of another base, unless it has such files.

    Raises:
        OutputError: one cannot be renamed.
    """
    for suffix in (*SUFFIXES.values(), HISTORY_SUFFIX):
        here, there = (base.with_name(base.name + suffix) for base in (old, new))
        if not here.exists() or there.exists():
            continue
        try:
            here.rename(there)
        except OSError as error:
            raise OutputError(f"{here}: cannot be renamed ({error.strerror})") from error


def encode_correction(
    analysis: Analysis, about: Corrected, changed: frozenset[Changed]
) -> Iterator[tuple[Changed, bytes]]:
    """Encode the files affected by a change of the `changed` parts of an analysis.

    Types are also written with the mask, because erased pixels lose theirs.
    """
    if "probability" in changed:
        found = analysis.prediction.vessel_map
        levels = (found.before or found).levels
        yield "probability", encode_levels(levels, about.texts)
    types = analysis.prediction.types
    if types is not None and changed & {"types", "vessels"}:
        yield "types", encode_types(types, about.texts)
    if "disc" in changed:
        yield "disc", _encode_disc(analysis, about)
    if "vessels" in changed:
        yield "vessels", encode_mask(analysis.prediction.vessels, keep(analysis) | about.texts)


def read_correction(base: Path, shape: tuple[int, int]) -> StoredCorrection | None:
    """Read all files of a correction of a photograph (H, W); None if there is none of ours.

    If files correct different predictions, those of the latest revision count.

    Raises:
        ImageError: one cannot be read.
    """
    told = _told(base)
    latest = _latest(told)
    if latest is None:
        return None
    same = {
        what: corrected_path(base, what)
        for what, about in told.items()
        if about.prediction_sha256 == latest.prediction_sha256
    }
    correction = Correction(
        mask=read_mask(same["vessels"]) if "vessels" in same else None,
        levels=to_levels(read_probability(same["probability"])) if "probability" in same else None,
        types=read_types(same["types"]) if "types" in same else None,
        disc=disc_of(told["disc"]) if "disc" in same else None,
        has_disc="disc" in same,
    )
    for values in (correction.mask, correction.levels, correction.types):
        if values is not None and values.shape != shape:
            return None
    return StoredCorrection(correction, latest.prediction_sha256, latest.revision)


def latest_revision(base: Path, prediction_sha256: str) -> int:
    """The revision of the saved correction; 0 if there is none of this prediction.

    Raises:
        ImageError: a file cannot be read.
    """
    latest = _latest(_told(base))
    if latest is None or latest.prediction_sha256 != prediction_sha256:
        return 0
    return latest.revision


def _told(base: Path) -> dict[Changed, Corrected]:
    """The metadata of each file of a correction."""
    found = {what: corrected_of(corrected_path(base, what)) for what in SUFFIXES}
    return {what: about for what, about in found.items() if about is not None}


def _latest(told: Mapping[Changed, Corrected]) -> Corrected | None:
    return max(told.values(), key=lambda one: one.revision, default=None)


def corrected_of(path: Path) -> Corrected | None:
    """Read the correction metadata of a file; None if it has none or does not exist.

    Metadata that cannot be decoded counts as lost.

    Raises:
        ImageError: it cannot be read.
    """
    if not path.is_file():
        return None
    texts = read_texts(path)
    try:
        return _STORED.validate_json(texts[KEY], strict=True)
    except (KeyError, ValueError):
        return None


def disc_of(about: Corrected) -> Disc | None:
    """The disc in a file's metadata; None if there is none."""
    if not about.disc:
        return None
    try:
        disc = Disc(**about.disc, confidence=1.0)
    except TypeError:
        return None
    return disc if min(disc.major_px, disc.minor_px) > 0 else None


def _encode_disc(analysis: Analysis, about: Corrected) -> bytes:
    disc = analysis.landmarks.disc if analysis.landmarks is not None else None
    shape = analysis.photograph.shape
    told = {} if disc is None else vars(disc) | {}
    told.pop("confidence", None)
    mask = np.zeros(shape, bool) if disc is None else disc.mask(shape)
    texts = Corrected(about.prediction_sha256, about.revision, told).texts
    return encode_mask(mask, texts)
