"""The result of an evaluation, with everything needed to interpret its numbers."""

from typing import Literal

from pydantic import BaseModel

from venule.data.case import Expert
from venule.evaluation.intervals import DESCRIPTION, Interval, Number, paired_difference
from venule.evaluation.legacy import LegacyScores

SCHEMA_VERSION = 1

Kind = Literal["model", "maps", "expert"]


class ImageScores(BaseModel, frozen=True, extra="forbid"):
    """The scores of one image by name; nan (null in JSON) where one is undefined."""

    id: str
    scores: dict[str, Number]


class SeenImage(BaseModel, frozen=True, extra="forbid"):
    """A scored image on which the weights had been trained or selected (same pixels)."""

    id: str
    role: Literal["trained", "selected"]
    seen_as: str  # its id in the data set, protocol and split below
    dataset: str
    protocol: str
    split: str


class WidthRecall(BaseModel, frozen=True, extra="forbid"):
    """Recall of the ground truth in one class of vessel width (`metrics.width`).

    `scale`: "native" widths are in the photograph's own pixels, "fov" widths in pixels of a field
    of view 540 px wide. `up_to_px` is None for the last class. `mean` is over images, `pooled` over
    all `pixels`.
    """

    scale: Literal["native", "fov"]
    above_px: float
    up_to_px: float | None
    pixels: int
    pooled: Number
    mean: Interval


class CalibrationBin(BaseModel, frozen=True, extra="forbid"):
    """Pixels of all images with a vessel probability in low..high; nan if there are none."""

    low: float
    high: float
    pixels: int
    mean_probability: Number
    vessel_share: Number


class Result(BaseModel, frozen=True, extra="forbid"):
    """The scores of one model, folder of maps or human observer on one split of one data set.

    `mean` holds means over images with bootstrap intervals, `pooled` the scores of all pixels
    together. All except `legacy` are inside the field of view, at the photographs' own size.
    """

    model: str
    kind: Kind
    weights_sha256: str | None = None
    runtime: str = ""  # empty for maps and observers, and in files of older versions
    dataset: str
    protocol: str
    split: str
    split_source: str
    expert: Expert
    class_name: str = "vessel"
    fov_rule: str  # which pixels are scored
    network_fov: str = "given"  # for a network: "found", as for users, or "given"; or ""
    threshold: float
    threshold_source: str
    images: tuple[ImageScores, ...]
    mean: dict[str, Interval]
    pooled: dict[str, Number]
    legacy: LegacyScores
    recall_by_width: tuple[WidthRecall, ...] = ()  # empty in files of older versions
    calibration: tuple[CalibrationBin, ...] = ()  # likewise, and for masks
    seen: tuple[SeenImage, ...] = ()
    package_version: str

    def values(self, score: str) -> list[float]:
        """One score of every image, in the order of the split."""
        return [image.scores[score] for image in self.images]


class Difference(BaseModel, frozen=True, extra="forbid"):
    """`model` minus `reference`, per score, paired by image."""

    model: str
    reference: str
    scores: dict[str, Interval]


class Report(BaseModel, frozen=True, extra="forbid"):
    """Results on the same images, and the paired differences of each to the first."""

    schema_version: int = SCHEMA_VERSION
    results: tuple[Result, ...]
    differences: tuple[Difference, ...]
    interval: str = DESCRIPTION


def compare(results: tuple[Result, ...]) -> Report:
    """Make a report of results on the same images; ValueError if their images differ."""
    first = results[0]
    differences = []
    for other in results[1:]:
        if [image.id for image in other.images] != [image.id for image in first.images]:
            raise ValueError(f"{other.model} and {first.model} were scored on different images")
        shared = [score for score in first.images[0].scores if score in other.images[0].scores]
        differences.append(
            Difference(
                model=other.model,
                reference=first.model,
                scores={
                    score: paired_difference(other.values(score), first.values(score))
                    for score in shared
                },
            )
        )
    return Report(results=results, differences=tuple(differences))
