"""Conversion of masks between analyses and file formats of other programs."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from venule.analysis.analyse import Analysis, Changed
from venule.analysis.correction import correct, correct_disc, correct_types
from venule.dicom.recognize import recognizes
from venule.dicom.source import Source
from venule.errors import ImageError
from venule.image.arrays import Mask
from venule.image.artery_vein import ARTERY, VEIN, Types, type_bits
from venule.image.kinds import HEAD_BYTES, is_gzip
from venule.image.nifti import decode_nifti, encode_nifti, labels_of, types_of_labels
from venule.image.optic_disc import Disc, ellipse_of
from venule.image.outlines import decode_geojson, encode_geojson
from venule.image.picture_masks import decode_mask_or_types
from venule.serve.corrections import Change

_NIFTI_SIZE = 348


@dataclass(frozen=True, eq=False)
class Taken:
    """Content of a file: a mask (H, W), types of its pixels, a disc; None if absent."""

    kind: str
    mask: Mask | None
    types: Types | None = None
    disc: Disc | None = None


def nifti_of(analysis: Analysis) -> bytes:
    """The mask, with arteries and veins, as a NIfTI label image."""
    labels = labels_of(analysis.prediction.vessels, analysis.prediction.types)
    return encode_nifti(labels, analysis.photograph.um_per_px)


def geojson_of(analysis: Analysis) -> bytes:
    """Vessels, arteries, veins and the disc as GeoJSON."""
    masks = {"Vessel": analysis.prediction.vessels}
    types = analysis.prediction.types
    if types is not None:
        masks |= {"Artery": (types & ARTERY) > 0, "Vein": (types & VEIN) > 0}
    if analysis.landmarks is not None and analysis.landmarks.disc is not None:
        masks["Optic disc"] = analysis.landmarks.disc.mask(analysis.photograph.shape)
    return encode_geojson(masks)


def read_file(content: bytes, analysis: Analysis) -> Taken:
    """Read a mask from a file, whatever its name: PNG, NIfTI, GeoJSON or DICOM Segmentation.

    Raises:
        ImageError: it is none of these, broken, of another DICOM photograph, or of another size.
    """
    shape = analysis.photograph.shape
    if recognizes(content[:HEAD_BYTES]):
        from venule.dicom.segmentation_read import decode_seg  # pydicom is an extra

        origin = analysis.photograph.origin
        source = origin if isinstance(origin, Source) else None
        return _of_masks("SEG", decode_seg(content, shape, source=source))
    if is_gzip(content) or _NIFTI_SIZE in (
        int.from_bytes(content[:4], "little"),
        int.from_bytes(content[:4], "big"),
    ):
        labels = decode_nifti(content, shape)
        return Taken("NIfTI", labels > 0, types_of_labels(labels))
    if content.lstrip()[:1] in (b"{", b"["):
        names = {"Vessel": "vessel", "Artery": "artery", "Vein": "vein", "Optic disc": "disc"}
        found = decode_geojson(content, shape)
        return _of_masks("GeoJSON", {names[name]: mask for name, mask in found.items()})
    mask, types = decode_mask_or_types(content)
    if mask.shape != shape:
        raise ImageError(
            f"the image has {mask.shape[1]} x {mask.shape[0]} px, the photograph "
            f"{shape[1]} x {shape[0]}"
        )
    return Taken("picture", mask, types)


def change_of(taken: Taken) -> Change:
    """The change that replaces the present findings by a file's content."""

    def changed(analysis: Analysis) -> Analysis:
        if taken.mask is not None:
            analysis = correct(analysis, taken.mask)
        if taken.types is not None:
            places = np.flatnonzero(analysis.prediction.vessels)
            analysis = correct_types(analysis, places, taken.types.ravel()[places])
        return correct_disc(analysis, taken.disc) if taken.disc is not None else analysis

    parts: set[Changed] = set()
    parts |= {"vessels"} if taken.mask is not None else set()
    parts |= {"types"} if taken.types is not None else set()
    parts |= {"disc"} if taken.disc is not None else set()
    return Change(f"import {taken.kind}", changed, frozenset(parts))


def _of_masks(kind: str, masks: Mapping[str, Mask]) -> Taken:
    vessels = [mask for name, mask in masks.items() if name != "disc"]
    types: Types | None = None
    if {"artery", "vein"} & set(masks):
        none = np.zeros(next(iter(masks.values())).shape, bool)
        types = type_bits(masks.get("artery", none), masks.get("vein", none))
    disc = ellipse_of(masks["disc"]) if "disc" in masks else None
    if not vessels and disc is None:
        raise ImageError("the file holds neither vessels nor an optic disc")
    union: Mask | None = np.logical_or.reduce(vessels) if vessels else None
    return Taken(kind, union, types, disc)
