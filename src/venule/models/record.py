"""The record beside the weights: enough to predict, and to know what the weights have seen."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, Field, ValidationError

from venule.errors import WeightsError
from venule.image.preprocess import Preprocessing
from venule.image.tiles import Tiling

SCHEMA_VERSION: Literal[2] = 2

METADATA = "venule"
"""The key of the record in a safetensors file's header, and in an ONNX file's metadata."""


class SeenImages(BaseModel, frozen=True, extra="forbid"):
    """The images of one split that the weights were trained or selected on.

    `images` maps an image's id to the SHA-256 of its decoded pixels (`image.io.pixel_hash`).
    """

    dataset: str
    protocol: str
    split: str
    role: Literal["trained", "selected"]
    images: dict[str, str]


class Calibration(BaseModel, frozen=True, extra="forbid"):
    """From a logit to a probability: expit(scale * logit + offset) (Platt 1999, eq. 3).

    `resolution_bias`: added to `offset` for photographs finer than the network's scale, in
    proportion from the same scale on, whole from 1.5 times as many pixels a side: an annotator's
    pen is a pixel wide, and covers more of a vessel's surroundings the coarser the photograph.
    """

    scale: float = Field(default=1.0, gt=0)
    offset: float = 0.0
    resolution_bias: float = 0.0


class ComponentRules(BaseModel, frozen=True, extra="forbid"):
    """Rules for the connected components of a mask.

    `reconnection_budget`: what a path between two components may lack in log-probability times
    pixels of the network's scale for its gap to be closed (`vessels.reconnection`); 0 closes none.
    `min_component`: 8-connected components at the threshold that are smaller than this share of
    the field of view after that are no vessels; their probability is lowered to just below it.
    """

    reconnection_budget: float = Field(default=0.0, ge=0)
    min_component: float = Field(default=0.0, ge=0, lt=1)


class ClassRecord(BaseModel, frozen=True, extra="forbid"):
    """One class that a network segments, with its threshold, calibration and component rules."""

    name: str = "vessel"
    threshold: float = Field(default=0.5, gt=0, lt=1)
    threshold_source: str = "default"
    calibration: Calibration = Calibration()
    components: ComponentRules = ComponentRules()


class ModelRecord(BaseModel, frozen=True, extra="forbid"):
    """Everything but the weights themselves; a safetensors header or ONNX metadata holds it.

    `activation`: how classes relate. "sigmoid": a plane of logits a class, which may overlap.
    "softmax": the background's plane first, then one a class; a pixel is one of them.
    """

    schema_version: Literal[2] = SCHEMA_VERSION
    name: str
    model: str
    options: dict[str, Any] = {}
    classes: tuple[ClassRecord, ...] = Field(default=(ClassRecord(),), min_length=1)
    activation: Literal["sigmoid", "softmax"] = "sigmoid"
    preprocessing: Preprocessing = Preprocessing()
    tiling: Tiling = Tiling()
    seen: tuple[SeenImages, ...] = ()
    epoch: int | None = None
    validation: dict[str, float] = {}
    licence: str = "not stated"
    package_version: str = ""

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the classes, in the order of the network's planes."""
        return tuple(one.name for one in self.classes)

    @property
    def planes(self) -> int:
        """Planes of logits that the network gives: those of the classes, and any background."""
        return len(self.classes) + (self.activation == "softmax")

    @property
    def threshold(self) -> float:
        """The first class's threshold: of a network of one class, its threshold."""
        return self.classes[0].threshold

    @property
    def threshold_source(self) -> str:
        """The choice of the first class's threshold."""
        return self.classes[0].threshold_source

    def with_classes(self, **settings: Any) -> "ModelRecord":
        """The same record with some settings of every class replaced."""
        classes = tuple(one.model_copy(update=settings) for one in self.classes)
        return self.model_copy(update={"classes": classes})


def parse_record(metadata: Mapping[str, str], path: Path) -> ModelRecord:
    """The record in the metadata of the weights file `path`.

    Raises:
        WeightsError: there is none, or of another form.
    """
    if METADATA not in metadata:
        raise WeightsError(
            f"{path}: has no venule record, without which it cannot predict; `venule export` "
            "writes one, and a training can start from any weights (network.pretrained)"
        )
    try:
        return ModelRecord.model_validate_json(metadata[METADATA])
    except ValidationError as error:
        reason = error.errors()[0]["msg"]
        raise WeightsError(f"{path}: its record cannot be used: {reason}") from None
