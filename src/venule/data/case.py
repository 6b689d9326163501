"""One typed case for every data set: where an image and its annotations lie, whose eye it is."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Laterality = Literal["left", "right"]
Expert = Literal["first", "second"]


@dataclass(frozen=True, kw_only=True)
class Case:
    """One photograph of a data set with the files that belong to it.

    `split` is where the release itself files the image ("training", "test", "valid"), None where
    it does not say; which images a protocol trains on is written in `protocols`.
    """

    id: str
    image: Path
    fov: Path | None = None
    first: Path | None = None
    second: Path | None = None
    split: str | None = None
    patient: str | None = None
    laterality: Laterality | None = None

    @property
    def person(self) -> str:
        """Whose eye it is, as far as that is known: all photographs of one stay together."""
        return self.patient or f"image {self.id}"

    def truth(self, expert: Expert = "first") -> Path | None:
        """The vessel annotation of one expert, None if the data set has none."""
        return self.first if expert == "first" else self.second


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """A data set as found on disk."""

    name: str
    root: Path
    cases: tuple[Case, ...]
