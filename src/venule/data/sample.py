"""One case's pixels, checked to belong together."""

from dataclasses import dataclass

from venule.data.case import Case, Expert
from venule.errors import DatasetError
from venule.image.arrays import RGB, Mask
from venule.image.fov import find_mask
from venule.image.io import read_mask
from venule.image.photograph import read_photograph


@dataclass(frozen=True)
class Sample:
    """A photograph and its masks, all of the same height and width.

    `image` is (H, W, 3) uint8; `fov` and `vessels` are (H, W) bool. `vessels` is None where the
    data set has no annotation of the expert asked for.
    """

    id: str
    image: RGB
    fov: Mask
    vessels: Mask | None


def load_sample(case: Case, *, expert: Expert = "first") -> Sample:
    """The decoded pixels of `case`; the field of view is found from the image if it has no file.

    Raises:
        ImageError: a file cannot be read, or a mask is not two-valued.
        DatasetError: a mask has another size than the photograph.
    """
    image = read_photograph(case.image).pixels
    fov = find_mask(image) if case.fov is None else read_mask(case.fov)
    truth = case.truth(expert)
    vessels = None if truth is None else read_mask(truth)
    for path, mask in ((case.fov, fov), (truth, vessels)):
        if mask is not None and mask.shape != image.shape[:2]:
            raise DatasetError(
                f"{path}: {_size(mask)} px, but its photograph {case.image.name} has "
                f"{_size(image)} px; use the mask that was released with the photograph"
            )
    return Sample(case.id, image, fov, vessels)


def load_annotated(case: Case, *, expert: Expert = "first") -> tuple[Sample, Mask]:
    """What `load_sample` gives, and the vessels that the expert marked.

    Raises:
        ImageError: as of `load_sample`.
        DatasetError: as of `load_sample`, or the image has no annotation of that expert.
    """
    sample = load_sample(case, expert=expert)
    if sample.vessels is None:
        raise DatasetError(f"{case.image}: has no annotation of the {expert} expert")
    return sample, sample.vessels


def _size(array: RGB | Mask) -> str:
    return f"{array.shape[1]} x {array.shape[0]}"
