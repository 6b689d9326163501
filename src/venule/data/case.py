"""One typed case for every data set: where an image and its annotations lie, whose eye it is."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from venule.data.truth import Binary, Codec

Laterality = Literal["left", "right"]
Expert = Literal["first", "second", "av", "landmarks"]
"""Annotations: vessels by the first or second expert, arteries and veins, disc and fovea."""


@dataclass(frozen=True)
class Annotation:
    """The file of an annotation, and how it is read."""

    path: Path
    codec: Codec = field(default_factory=Binary)


@dataclass(frozen=True, kw_only=True)
class Case:
    """One photograph of a data set with the files that belong to it.

    `first` and `second` are masks of vessels by two experts, `av` arteries and veins, `landmarks`
    disc and fovea. `split` is where the release itself files the image ("training", "test",
    "valid"), None where it does not say; which images a protocol trains on is written in
    `protocols`.
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
    laterality: Laterality | None = None

    @property
    def person(self) -> str:
        """Whose eye it is, as far as that is known: all photographs of one stay together."""
        return self.patient or f"image {self.id}"

    def annotation(self, expert: Expert = "first") -> Annotation | None:
        """One of the annotations, None if the data set has it not."""
        if expert == "av":
            return self.av
        if expert == "landmarks":
            return self.landmarks
        mask = self.first if expert == "first" else self.second
        return None if mask is None else Annotation(mask)

    def truth(self, expert: Expert = "first") -> Path | None:
        """The file of one of the annotations, None if the data set has it not."""
        annotation = self.annotation(expert)
        return None if annotation is None else annotation.path


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """A data set as found on disk."""

    name: str
    root: Path
    cases: tuple[Case, ...]
