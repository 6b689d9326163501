"""The decoded pixels of one case, checked for consistency."""

from dataclasses import dataclass
from pathlib import Path

from venule.data.case import Case, Expert
from venule.data.truth import VESSEL, GroundTruth
from venule.errors import DatasetError
from venule.image.arrays import RGB, Mask
from venule.image.fov import find_fov
from venule.image.io import read_mask
from venule.image.photograph import read_photograph


@dataclass(frozen=True)
class Sample:
    """A photograph and its masks, all of the same height and width.

    `image` is (H, W, 3) uint8, `fov` (H, W) bool. `truth` is None if the data set has no
    annotation by the requested expert.
    """

    id: str
    image: RGB
    fov: Mask
    truth: GroundTruth | None

    @property
    def vessels(self) -> Mask | None:
        """(H, W) bool, the vessels; None if the annotation is of something else."""
        if self.truth is None or VESSEL not in self.truth.classes:
            return None
        return self.truth.plane(VESSEL)


def load_sample(case: Case, *, expert: Expert = "first") -> Sample:
    """Load the pixels of `case`; the field of view is found from the image if it has no file.

    Raises:
        ImageError: a file cannot be read, or a mask is not two-valued.
        DatasetError: the size of a mask differs from the photograph's, or a field of view is empty.
    """
    image = read_photograph(case.image).pixels
    fov = find_fov(image).mask if case.fov is None else read_mask(case.fov)
    _require_size(case.fov, fov.shape, case, image)
    if case.fov is not None and not fov.any():
        raise DatasetError(
            f"{case.fov}: marks no pixel; give the field of view of {case.image.name}, or no file, "
            "and it is found from the photograph"
        )
    annotation = case.annotation(expert)
    if annotation is None:
        return Sample(case.id, image, fov, None)
    truth = annotation.codec.read(annotation.path, (image.shape[0], image.shape[1]))
    _require_size(annotation.path, truth.shape, case, image)
    return Sample(case.id, image, fov, truth)


def load_annotated(case: Case, *, expert: Expert = "first") -> tuple[Sample, GroundTruth]:
    """As `load_sample`, with the expert's annotation.

    Raises:
        ImageError: as for `load_sample`.
        DatasetError: as for `load_sample`, or the image has no annotation by that expert.
    """
    sample = load_sample(case, expert=expert)
    if sample.truth is None:
        raise DatasetError(f"{case.image}: has no annotation of the {expert} expert")
    return sample, sample.truth


def _require_size(path: Path | None, shape: tuple[int, ...], case: Case, image: RGB) -> None:
    if shape != image.shape[:2]:
        raise DatasetError(
            f"{path}: {_size(shape)} px, but its photograph {case.image.name} has "
            f"{_size(image.shape)} px; use the mask that was released with the photograph"
        )


def _size(shape: tuple[int, ...]) -> str:
    return f"{shape[1]} x {shape[0]}"
