"""What is written beside the weights: enough to predict, and to know what the weights have seen."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, Field, ValidationError

from venule.errors import WeightsError
from venule.image.preprocess import Preprocessing
from venule.image.tiles import Tiling

SCHEMA_VERSION: Literal[1] = 1

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


class Postprocessing(BaseModel, frozen=True, extra="forbid"):
    """What happens to the logits at the photograph's size; saved with the weights.

    `scale` and `offset`: the probability is expit(scale * logit + offset), a calibration that
    keeps the order of pixels (Platt 1999, eq. 3).
    `finer_offset`: added to `offset` for photographs finer than the network's scale, in proportion
    from the same scale on, whole from 1.5 times as many pixels a side: an annotator's pen is a
    pixel wide, and covers more of a vessel's surroundings the coarser the photograph.
    `join_budget`: what a path between two pieces may lack in log-probability times pixels of the
    network's scale for them to be joined (`image.bridges`); 0 joins nothing.
    `min_piece`: 8-connected pieces at the threshold that are smaller than this share of the field
    of view after that are no vessels; their probabilities are lowered to just below the threshold.
    """

    scale: float = Field(default=1.0, gt=0)
    offset: float = 0.0
    finer_offset: float = 0.0
    join_budget: float = Field(default=0.0, ge=0)
    min_piece: float = Field(default=0.0, ge=0, lt=1)


class ModelRecord(BaseModel, frozen=True, extra="forbid"):
    """Everything but the weights themselves; a safetensors header or ONNX metadata holds it."""

    schema_version: Literal[1] = SCHEMA_VERSION
    name: str
    model: str
    options: dict[str, Any] = {}
    classes: tuple[str, ...] = ("vessel",)
    preprocessing: Preprocessing = Preprocessing()
    tiling: Tiling = Tiling()
    postprocessing: Postprocessing = Postprocessing()
    threshold: float = Field(default=0.5, gt=0, lt=1)
    threshold_source: str = "default"
    seen: tuple[SeenImages, ...] = ()
    epoch: int | None = None
    validation: dict[str, float] = {}
    licence: str = "not stated"
    package_version: str = ""


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
