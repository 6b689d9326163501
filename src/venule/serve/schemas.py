"""Response schemas of the REST interface."""

from pydantic import BaseModel

from venule.analysis.columns import Cell
from venule.serve.items import Item, State


class Health(BaseModel):
    """Health of the service, and its load."""

    status: str
    version: str
    waiting: int
    most_waiting: int
    listed: int


class Model(BaseModel):
    """Weights that segment vessels."""

    name: str
    licence: str
    in_use: bool


class Refusal(BaseModel):
    """The reason why a request was refused."""

    detail: str


class Entry(BaseModel):
    """One photograph in a list."""

    id: str
    name: str
    state: State
    grade: str
    reason: str


class Page(BaseModel):
    """A part of the list of photographs; `total` counts all that match the search."""

    total: int
    offset: int
    entries: list[Entry]


class Ellipse(BaseModel):
    """An ellipse in pixels of the photograph; `angle` of the longer half-axis, in radians."""

    x: float
    y: float
    major_px: float
    minor_px: float
    angle: float
    confidence: float | None = None


class Point(BaseModel):
    """A position in pixels of the photograph."""

    x: float
    y: float
    confidence: float


class Region(BaseModel):
    """A square window; `doubt` is the expected number of wrong pixels in it."""

    x: int
    y: int
    size: int
    doubt: float


class Found(BaseModel):
    """Findings in a photograph; its maps are fetched separately.

    `prediction` is a key of the photograph and its prediction, to send with corrections of it.
    """

    prediction: str
    width: int
    height: int
    model: str
    licence: str
    threshold: float
    threshold_level: int
    grade: str
    reasons: list[str]
    uncertainty: float | None
    notes: list[str]
    laterality: str | None
    um_per_px: float | None
    field: Ellipse
    disc: Ellipse | None
    fovea: Point | None
    has_types: bool
    from_dicom: bool


class Result(Entry):
    """A photograph with its state and, once there is one, its result."""

    complete: bool
    found: Found | None = None


class Measurement(BaseModel):
    """One value, None if undefined, with its unit and meaning.

    `definition` is how it is computed, `plain` what it means, in one sentence without jargon.

    `below` is the share of the `cohort` of listed photographs with a lower value, null for a few.
    `change` is the smallest detectable change relative to the mean: two photographs of an unchanged
    eye differ by more in 5 of 100 cases; null if unknown.
    """

    name: str
    label: str
    unit: str
    definition: str
    plain: str
    value: Cell
    below: float | None = None
    cohort: int = 0
    change: float | None = None


class Measurements(BaseModel):
    """The measurements of one photograph; `complete` is false while they are being made."""

    complete: bool
    mask_source: str
    notes: list[str]
    values: list[Measurement]


def entry(item: Item) -> Entry:
    """The list entry of a photograph."""
    return Entry(id=item.id, name=item.name, state=item.state, grade=item.grade, reason=item.reason)
