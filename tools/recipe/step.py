"""A step of a recipe: a thing that is made once, and knows whether it is there already."""

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
        """Return whether what this step makes is there."""

    @abstractmethod
    def run(self, place: Place) -> None:
        """Make it.

        Raises:
            VenuleError: something named is not there, or cannot be computed.
        """

    @abstractmethod
    def __str__(self) -> str:
        """The step in one line."""

    def writes(self) -> tuple[str, ...]:
        """The files of the result that this step writes, by their path below its folder."""
        return ()

    def configs(self) -> tuple[str, ...]:
        """The configurations that this step reads, by their path below the checkout."""
        return ()


class StepError(VenuleError):
    """A step of a recipe that failed."""


def say(line: str) -> None:
    """Tell the user on stderr what is done."""
    sys.stderr.write(f"{line}\n")
