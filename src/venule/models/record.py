"""The record stored with the weights: sufficient to predict, with the images they have seen."""

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
    """Platt scaling of a logit: expit(scale * logit + offset) (Platt 1999, eq. 3).

    `resolution_bias`: added to `offset` for photographs finer than the network's scale, in
    proportion up to 1.5 times as many pixels per side, in full beyond: an annotator's pen is a
    pixel wide, and covers more of a vessel's surroundings in coarser photographs.
    """

    scale: float = Field(default=1.0, gt=0)
    offset: float = 0.0
    resolution_bias: float = 0.0


class ComponentRules(BaseModel, frozen=True, extra="forbid"):
    """Rules for the connected components of a mask.

    `reconnection_budget`: largest cost of a path that closes a gap between two components, in
    log-probability below the threshold times pixels at the network's scale
    (`vessels.reconnection`); 0 closes none.
    `min_component`: 8-connected components at the threshold that are then still smaller than this
    share of the field of view are removed: their probability is lowered to just below it.
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
    """Everything except the weights themselves; stored in a safetensors header or ONNX metadata.

    `activation`: "sigmoid" for one plane of logits per class, and classes that may overlap;
    "softmax" for the background's plane first, then one per class, and exclusive classes.
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
        """Number of planes of logits: those of the classes, and any background."""
        return len(self.classes) + (self.activation == "softmax")

    @property
    def threshold(self) -> float:
        """The first class's threshold."""
        return self.classes[0].threshold

    @property
    def threshold_source(self) -> str:
        """Origin of the first class's threshold."""
        return self.classes[0].threshold_source

    def with_classes(self, **settings: Any) -> "ModelRecord":
        """The same record with some settings of every class replaced."""
        classes = tuple(one.model_copy(update=settings) for one in self.classes)
        return self.model_copy(update={"classes": classes})


def parse_record(metadata: Mapping[str, str], path: Path) -> ModelRecord:
    """Parse the record in the metadata of the weights file `path`.

    Raises:
        WeightsError: there is none, or it is invalid.
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
