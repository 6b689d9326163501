"""Run commands and keep their output."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Ran:
    """A command's output, and its exit code."""

    code: int
    out: str
    err: str


Run = Callable[..., Ran]
"""Runs `venule ARGUMENTS...`."""
