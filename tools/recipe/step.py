"""A step of a recipe, run once: it can check whether its output exists."""

import sys
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Literal

from pydantic import BaseModel

from recipe.place import Place
from venule.errors import VenuleError

RUNS = Path("runs")

Checkpoint = Literal["loss", "iou", "dice", "auc", "last"]


class StepBase(BaseModel, ABC, frozen=True, extra="forbid"):
    """One step of a recipe."""

    @abstractmethod
    def done(self, place: Place) -> bool:
        """Return whether the output of this step exists."""

    @abstractmethod
    def run(self, place: Place) -> None:
        """Produce the output.

        Raises:
            VenuleError: something named is missing, or cannot be computed.
        """

    @abstractmethod
    def __str__(self) -> str:
        """The step in one line."""

    def writes(self) -> tuple[str, ...]:
        """The files of the result written by this step, relative to its folder."""
        return ()

    def configs(self) -> tuple[str, ...]:
        """The configurations read by this step, relative to the checkout."""
        return ()


class ResultStep(StepBase):
    """A step that writes one file of the result: `out`, relative to its folder."""

    out: str

    def done(self, place: Place) -> bool:
        return (place.results / self.out).is_file()

    def writes(self) -> tuple[str, ...]:
        return (self.out,)


class StepError(VenuleError):
    """A step of a recipe that failed."""


def say(line: str) -> None:
    """Print a line to stderr."""
    sys.stderr.write(f"{line}\n")
