"""Pixelwise annotations, and the codecs that read annotation files.

A ground truth has one plane per class; classes may overlap, as arteries and veins do where they
cross. Pixels that an annotation leaves open are not valid: excluded from training and scoring.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from venule.errors import DatasetError
from venule.image.arrays import Mask
from venule.image.io import read_mask
from venule.image.photograph import read_photograph

VESSEL = "vessel"
ARTERY, VEIN = "artery", "vein"
DISC, FOVEA = "disc", "fovea"

Planes = NDArray[np.bool_]
"""(K, H, W) bool, one plane per class."""


@dataclass(frozen=True, eq=False)
class GroundTruth:
    """The annotation of one photograph.

    Attributes:
        classes: the K names of the planes.
        planes: (K, H, W) bool, True where a pixel belongs to the class.
        valid: (1, H, W) or (K, H, W) bool, True where the annotation counts (for all classes or
            for each); None where it counts everywhere.
    """

    classes: tuple[str, ...]
    planes: Planes
    valid: Planes | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """(H, W)."""
        return self.planes.shape[1], self.planes.shape[2]

    def plane(self, name: str) -> Mask:
        """(H, W) bool, the class `name`; KeyError if there is no such class."""
        if name not in self.classes:
            raise KeyError(name)
        plane: Mask = self.planes[self.classes.index(name)]
        return plane

    def counts(self, name: str) -> Mask:
        """(H, W) bool, where the annotation of the class `name` is valid."""
        if self.valid is None:
            return np.ones(self.shape, bool)
        valid: Mask = self.valid[self.classes.index(name) if len(self.valid) > 1 else 0]
        return valid


def of_class(truth: GroundTruth, name: str) -> tuple[Mask, Mask]:
    """The plane of a class and where it is valid, both (H, W) bool.

    For arteries and veins, "vessel" is their union, where both are valid.

    Raises:
        DatasetError: the annotation does not have that class.
    """
    if name in truth.classes:
        return truth.plane(name), truth.counts(name)
    if name == VESSEL and set(truth.classes) == {ARTERY, VEIN}:
        counts: Mask = truth.counts(ARTERY) & truth.counts(VEIN)
        return truth.plane(ARTERY) | truth.plane(VEIN), counts
    raise DatasetError(
        f"the annotation has {', '.join(truth.classes)}, but not {name}; choose other data"
    )


class Codec(Protocol):
    """Reader of annotation files of one kind."""

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes in such a file."""
        ...

    def read(self, path: Path, shape: tuple[int, int]) -> GroundTruth:
        """The ground truth of a photograph of `shape` (H, W) pixels.

        Raises:
            ImageError, DatasetError: the file cannot be read, or is of another kind.
        """
        ...


@dataclass(frozen=True)
class Binary:
    """A mask of two stored values; the background's is 0."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Vessels."""
        return (VESSEL,)

    def read(self, path: Path, shape: tuple[int, int]) -> GroundTruth:  # noqa: ARG002
        """The mask as stored, valid everywhere."""
        return GroundTruth(self.classes, read_mask(path)[None])


@dataclass(frozen=True)
class ArteryVein:
    """Colours: red artery, blue vein, green where both cross, white uncertain, black background.

    A channel is set from 128 up. Other mixtures, which are stray pixels in RITE, are uncertain.
    Uncertain pixels are vessels of unknown class and not valid. `background`: whether unmarked
    pixels are known to be background; if not, only marked pixels are valid.
    """

    background: bool = True

    @property
    def classes(self) -> tuple[str, ...]:
        """Arteries and veins; pixels of crossings belong to both."""
        return (ARTERY, VEIN)

    def read(self, path: Path, shape: tuple[int, int]) -> GroundTruth:  # noqa: ARG002
        """Two planes, crossings in both.

        Raises:
            DatasetError: hardly any pixel has one of the colours, as in a mask.
        """
        bits = read_photograph(path).pixels >= 128
        red, green, blue = bits[..., 0], bits[..., 1], bits[..., 2]
        marked = red | green | blue
        crossing = green & ~red & ~blue
        artery, vein = (red & ~green & ~blue) | crossing, (blue & ~green & ~red) | crossing
        uncertain = marked & ~artery & ~vein
        if np.count_nonzero(artery | vein) < 0.02 * np.count_nonzero(marked):
            raise DatasetError(
                f"{path}: not a map of arteries and veins; expected red arteries, blue veins and "
                "green crossings on black, white only where uncertain"
            )
        valid = ~uncertain if self.background else artery | vein
        whole = self.background and not uncertain.any()
        return GroundTruth(self.classes, np.stack([artery, vein]), None if whole else valid[None])


@dataclass(frozen=True)
class Landmarks:
    """Optic disc and fovea: their centres in pixels (x, y), and the disc's mask if there is one.

    `disc_radius_px` is the assumed radius of a disc with a known centre only: the class is valid
    within 0.8 of that radius, surely disc, and from 1.25 on, surely not. A disc mask is read
    from the annotation's file. The fovea is a circle of `fovea_radius_px`.
    An unknown centre (None) leaves its class without a valid pixel.
    """

    disc: tuple[float, float] | None = None
    fovea: tuple[float, float] | None = None
    disc_radius_px: float = 0.0
    fovea_radius_px: float = 0.0
    outlined: bool = False

    @property
    def classes(self) -> tuple[str, ...]:
        """Disc and fovea."""
        return (DISC, FOVEA)

    def read(self, path: Path, shape: tuple[int, int]) -> GroundTruth:
        """Two planes; each class is valid where its extent is known."""
        if self.outlined:
            disc = read_mask(path)
            shape, disc_valid = (disc.shape[0], disc.shape[1]), np.ones(disc.shape, bool)
        else:
            radius = _distance(self.disc, shape) / self.disc_radius_px
            disc = radius <= 0.8
            disc_valid = disc | ((radius >= 1.25) & np.isfinite(radius))
        away = _distance(self.fovea, shape)
        planes = np.stack([disc, away <= self.fovea_radius_px])
        return GroundTruth(self.classes, planes, np.stack([disc_valid, np.isfinite(away)]))


def _distance(point: tuple[float, float] | None, shape: tuple[int, int]) -> NDArray[np.float64]:
    """(H, W) distance in pixels from each pixel to `point` (x, y); infinite if there is none."""
    if point is None:
        return np.full(shape, np.inf)
    rows, columns = np.ogrid[: shape[0], : shape[1]]
    return np.hypot(rows - point[1], columns - point[0])
