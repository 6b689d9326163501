"""The common description of an image in every data set: its files and its patient."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args

from venule.data.truth import Binary, Codec

Expert = Literal["first", "second", "av", "landmarks"]
"""Annotations: vessels by the first or second expert, arteries and veins, disc and fovea."""

EXPERTS: tuple[Expert, ...] = get_args(Expert)


@dataclass(frozen=True)
class Annotation:
    """The file of an annotation, and its codec."""

    path: Path
    codec: Codec = field(default_factory=Binary)


@dataclass(frozen=True, kw_only=True)
class Case:
    """One photograph of a data set with its files.

    `first` and `second` are vessel masks by two experts, `av` arteries and veins, `landmarks`
    disc and fovea. `split` is the folder in the release itself ("training", "test", "valid"), None
    if it has none; which images a protocol trains on is defined in `protocols`.
    """

    id: str
    image: Path
    fov: Path | None = None
    first: Path | None = None
    second: Path | None = None
    av: Annotation | None = None
    landmarks: Annotation | None = None
    split: str | None = None
    patient: str | None = None

    @property
    def person(self) -> str:
        """The patient, as far as known: all photographs of a person stay in one split."""
        return self.patient or f"image {self.id}"

    def annotation(self, expert: Expert = "first") -> Annotation | None:
        """One of the annotations; None if the data set does not have it."""
        if expert == "av":
            return self.av
        if expert == "landmarks":
            return self.landmarks
        mask = self.first if expert == "first" else self.second
        return None if mask is None else Annotation(mask)

    def truth(self, expert: Expert = "first") -> Path | None:
        """The file of one of the annotations; None if the data set does not have it."""
        annotation = self.annotation(expert)
        return None if annotation is None else annotation.path


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """A data set as found on disk."""

    name: str
    root: Path
    cases: tuple[Case, ...]
