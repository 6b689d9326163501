"""The model card of shipped weights: intended use, training and scores.

A card is generated from committed files only: the weights' own record, the JSON reports of `venule
evaluate`, and `card.toml`, which holds the few texts that cannot be generated. These files are in
one folder, named like the weights.
"""

import hashlib
import json
import math
import tomllib
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ValidationError

from venule.data.case import Expert
from venule.data.layout import Attribution
from venule.errors import UsageError, WeightsError
from venule.evaluation.card_terms import ATTRIBUTIONS
from venule.evaluation.intervals import Interval, Number
from venule.evaluation.legacy import LegacyScores
from venule.evaluation.result import CalibrationBin, Report, Result, WidthRecall
from venule.inference.load import shipped_weights
from venule.inference.onnx_runner import load_onnx
from venule.models.record import ModelRecord, SeenImages

SCHEMA_VERSION: Literal[1] = 1

TEXTS, ABOUT, FAILURES = "card.toml", "about.json", "failures.json"
"""The files in a folder of results from which a card is generated."""


class Texts(BaseModel, frozen=True, extra="forbid"):
    """The content of `card.toml`; `data` attributes data sets missing in `ATTRIBUTIONS`."""

    summary: str
    intended_use: tuple[str, ...]
    out_of_scope: tuple[str, ...]
    training: tuple[str, ...]
    limitations: tuple[str, ...]
    seeds: tuple[int, ...]
    data: dict[str, Attribution] = {}


class TrainingData(BaseModel, frozen=True, extra="forbid"):
    """One split on which the weights were trained or selected, with its attribution and terms."""

    dataset: str
    protocol: str
    split: str
    role: Literal["trained", "selected"]
    images: int
    citation: str
    url: str
    terms: str
    called: str = ""


class Weights(BaseModel, frozen=True, extra="forbid"):
    """The shipped file, and the settings in its record.

    `settings` are the record's sections: preprocessing, tiling and others.
    """

    file: str
    sha256: str
    bytes: int
    network: str
    options: dict[str, Any]
    licence: str
    threshold: float
    threshold_source: str
    settings: dict[str, dict[str, Any]]


class FailedImage(BaseModel, frozen=True, extra="forbid"):
    """An image with one of the lowest Dice of its split."""

    id: str
    dice: float


class CardScores(BaseModel, frozen=True, extra="forbid"):
    """A `Result` without scores per image, except for the `worst`.

    `trained` and `selected` count the images that the weights had seen in that role.
    """

    dataset: str
    protocol: str
    split: str
    split_source: str
    expert: Expert
    runtime: str
    images: int
    trained: int
    selected: int
    fov_rule: str
    threshold: float
    threshold_source: str
    mean: dict[str, Interval]
    pooled: dict[str, Number]
    legacy: LegacyScores
    recall_by_width: tuple[WidthRecall, ...]
    calibration: tuple[CalibrationBin, ...]
    worst: tuple[FailedImage, ...] = ()
    package_version: str

    @property
    def where(self) -> str:
        """Short description of the data set and split."""
        return f"{self.dataset} {self.protocol} {self.split}, {self.expert} expert"


class Failures(BaseModel, frozen=True, extra="forbid"):
    """A picture of the worst images of one report (`card_pictures`).

    `picture` is its path below docs/. The weights may differ from the card's if they were not
    trained on these images: `made` says how they were made.
    """

    report: str
    weights_sha256: str
    made: str = ""
    dataset: str
    protocol: str
    split: str
    picture: str
    images: tuple[FailedImage, ...]


class Card(BaseModel, frozen=True, extra="forbid"):
    """The model card: everything that a user of shipped weights should know."""

    schema_version: Literal[1] = SCHEMA_VERSION
    name: str
    summary: str
    intended_use: tuple[str, ...]
    out_of_scope: tuple[str, ...]
    training: tuple[str, ...]
    limitations: tuple[str, ...]
    seeds: tuple[int, ...]
    data: tuple[TrainingData, ...]
    weights: Weights
    scores: tuple[CardScores, ...]
    interval: str
    failures: tuple[Failures, ...]
    commands: tuple[str, ...]


def make_card(folder: Path, weights: Path) -> Card:
    """Generate the card of the file `weights` from its folder of results, whose name it takes.

    Raises:
        UsageError: card.toml is incomplete, a report is of other weights, or the record names a
            data set without attribution.
        WeightsError: the weights cannot be read.
    """
    texts = read_texts(folder / TEXTS)
    about = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
    content = weights.read_bytes()
    record = load_onnx(weights, device="cpu").record
    digest = hashlib.sha256(content).hexdigest()
    reports = [read_report(folder / name) for name in about["reports"]]
    return Card(
        name=folder.name,
        **texts.model_dump(exclude={"data"}),
        data=tuple(_training_data(record, {**ATTRIBUTIONS, **texts.data})),
        weights=_weights(weights, record, digest=digest, size=len(content)),
        scores=tuple(card_scores(_own(report, digest, folder)) for report in reports),
        interval=reports[0].interval if reports else "",
        failures=_failures(folder),
        commands=tuple(about["commands"]),
    )


def read_texts(path: Path) -> Texts:
    """Read `card.toml`; UsageError if an entry is missing or unknown, or it is not TOML."""
    try:
        return Texts.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror})") from None
    except (ValidationError, ValueError) as error:
        raise UsageError(f"{path}: {_first_fault(error)}") from None


def read_report(path: Path) -> Report:
    """Read a report of `venule evaluate --json`; UsageError if it is not one."""
    try:
        return Report.model_validate_json(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror})") from None
    except ValidationError as error:
        raise UsageError(f"{path}: not a report of venule ({_first_fault(error)})") from None


def card_file(model: str) -> Path:
    """The card file of the shipped weights of that name; a .json file is returned as it is.

    Raises:
        UsageError: there is no such card.
    """
    shipped = shipped_weights()
    path = shipped[model].with_suffix(".json") if model in shipped else Path(model)
    if path.suffix != ".json" or not path.is_file():
        names = ", ".join(shipped) or "none"
        raise UsageError(f"{model}: no such card; give a card's .json or a shipped name: {names}")
    return path


def read_card(path: Path) -> Card:
    """Read a card written from `make_card`; UsageError if it is not one."""
    try:
        return Card.model_validate_json(path.read_text(encoding="utf-8"))
    except ValidationError as error:
        raise UsageError(f"{path}: not a card of venule ({_first_fault(error)})") from None


def card_json(card: Card) -> str:
    """The card as JSON text, with nan as null."""
    return card.model_dump_json(indent=2) + "\n"


def card_scores(result: Result) -> CardScores:
    """The part of a result that a card keeps."""
    kept = CardScores.model_fields.keys() - {"images", "trained", "selected", "worst"}
    seen = {(one.role, one.id) for one in result.seen}  # an image may be in several splits
    roles = [role for role, _ in seen]
    return CardScores(
        **{name: getattr(result, name) for name in kept},
        images=len(result.images),
        trained=roles.count("trained"),
        selected=roles.count("selected"),
        worst=worst_images(result),
    )


def _own(report: Report, digest: str, folder: Path) -> Result:
    """The report's result for these weights; a card must not show another file's scores."""
    own = [result for result in report.results if result.weights_sha256 == digest]
    if len(own) != 1:
        first = report.results[0]
        raise UsageError(
            f"{folder}: the report on {first.dataset} {first.split} does not score the shipped "
            f"weights ({digest[:12]}); run its `venule evaluate` again"
        )
    return own[0]


def _training_data(record: ModelRecord, attributions: dict[str, Attribution]) -> list[TrainingData]:
    unknown = {seen.dataset for seen in record.seen} - attributions.keys()
    if unknown:
        raise UsageError(
            f"{record.name}: no attribution of {', '.join(sorted(unknown))}; write it into "
            f"{TEXTS} as [data.NAME]"
        )
    return [
        TrainingData(
            dataset=first.dataset,
            protocol=first.protocol,
            split=first.split,
            role=first.role,
            images=images,
            **attributions[first.dataset].model_dump(exclude={"pictures"}),
        )
        for first, images in splits_seen(record)
    ]


def splits_seen(record: ModelRecord) -> list[tuple[SeenImages, int]]:
    """Each split and role once, with its number of distinct images over all stages of training."""
    every: dict[tuple[str, ...], tuple[SeenImages, set[str]]] = {}
    for seen in record.seen:
        key = (seen.dataset, seen.protocol, seen.split, seen.role)
        every.setdefault(key, (seen, set()))[1].update(seen.images.values())
    return [(first, len(pixels)) for first, pixels in every.values()]


def _weights(path: Path, record: ModelRecord, *, digest: str, size: int) -> Weights:
    stated = record.model_dump(mode="json", exclude_unset=True)
    return Weights(
        file=path.name,
        sha256=digest,
        bytes=size,
        network=record.model,
        options=record.options,
        licence=record.licence,
        threshold=record.threshold,
        threshold_source=record.threshold_source,
        settings={name: stated[name] for name in stated if name in _sections(record)},
    )


def _sections(record: ModelRecord) -> list[str]:
    fields = type(record).model_fields
    return [name for name in fields if isinstance(getattr(record, name), BaseModel)]


def _failures(folder: Path) -> tuple[Failures, ...]:
    """Read failures.json, if present; UsageError if a picture is older than its report."""
    path = folder / FAILURES
    if not path.exists():
        return ()
    failures = tuple(map(Failures.model_validate, json.loads(path.read_text(encoding="utf-8"))))
    for part in failures:
        results = read_report(folder / part.report).results
        known = {(result.weights_sha256, worst_images(result)) for result in results}
        if (part.weights_sha256, part.images) not in known:
            raise UsageError(f"{path}: is not from {part.report}; redraw its picture")
    return failures


def worst_images(result: Result) -> tuple[FailedImage, ...]:
    """The three images of lowest Dice, the worst first, without undefined ones."""
    defined = [image for image in result.images if not math.isnan(image.scores["dice"])]
    worst = sorted(defined, key=lambda image: image.scores["dice"])[:3]
    return tuple(FailedImage(id=image.id, dice=image.scores["dice"]) for image in worst)


def _first_fault(error: Exception) -> str:
    if isinstance(error, ValidationError):
        fault = error.errors()[0]
        return f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}"
    return str(error)


def require_weights(card: Card, path: Path) -> str:
    """The SHA-256 of the weights file; WeightsError if the card is of another."""
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    if digest != card.weights.sha256:
        raise WeightsError(
            f"{path}: SHA-256 {digest[:12]}, but the card of {card.name} is of "
            f"{card.weights.sha256[:12]}; make the card again"
        )
    return digest
