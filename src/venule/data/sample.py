"""One record's pixels, checked to belong together."""

from dataclasses import dataclass

from venule.data.record import Expert, Record
from venule.errors import DatasetError
from venule.image.arrays import RGB, Mask
from venule.image.fov import find_fov
from venule.image.io import read_image, read_mask


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


def load_sample(record: Record, *, expert: Expert = "first") -> Sample:
    """The decoded pixels of `record`; the field of view is found from the image if it has no file.

    Raises:
        ImageError: a file cannot be read, or a mask is not two-valued.
        DatasetError: a mask has another size than the photograph.
    """
    image = read_image(record.image)
    fov = find_fov(image).mask if record.fov is None else read_mask(record.fov)
    truth = record.truth(expert)
    vessels = None if truth is None else read_mask(truth)
    for path, mask in ((record.fov, fov), (truth, vessels)):
        if mask is not None and mask.shape != image.shape[:2]:
            raise DatasetError(
                f"{path}: {_size(mask)} px, but its photograph {record.image.name} has "
                f"{_size(image)} px; use the mask that was released with the photograph"
            )
    return Sample(record.id, image, fov, vessels)


def load_annotated(record: Record, *, expert: Expert = "first") -> tuple[Sample, Mask]:
    """What `load_sample` gives, and the vessels that the expert marked.

    Raises:
        ImageError: as of `load_sample`.
        DatasetError: as of `load_sample`, or the image has no annotation of that expert.
    """
    sample = load_sample(record, expert=expert)
    if sample.vessels is None:
        raise DatasetError(f"{record.image}: has no annotation of the {expert} expert")
    return sample, sample.vessels


def _size(array: RGB | Mask) -> str:
    return f"{array.shape[1]} x {array.shape[0]}"
