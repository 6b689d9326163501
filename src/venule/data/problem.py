"""A problem of a file of a data set."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Problem:
    """A problem of one file (or of the folder, where a file is missing)."""

    path: Path
    what: str
    expected: str
    fix: str

    def __str__(self) -> str:
        return f"{self.path}: {self.what}; expected {self.expected}. {self.fix}."
