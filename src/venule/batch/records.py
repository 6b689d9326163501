"""The bookkeeping files of a results folder: one ledger, or one per shard."""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from venule.errors import UsageError

_LEDGER = re.compile(r"\.venule(-\d+-of-\d+)?\.sqlite")


@dataclass(frozen=True)
class Shard:
    """One of several runs that share a results folder, such as tasks of a job array.

    The assignment of a photograph to a shard depends on its name alone.
    """

    number: int  # from 1 to `count`
    count: int

    def takes(self, name: str) -> bool:
        """Return whether the photograph of that name, see `plan.Job`, belongs to this shard."""
        digest = hashlib.sha256(name.encode("utf-8", "surrogateescape")).digest()
        return int.from_bytes(digest[:8], "big") % self.count == self.number - 1


def parse_shard(text: str) -> Shard:
    """Read I/N, such as 3/8: the third of eight shards.

    Raises:
        UsageError: the text is not of that form, or I is not from 1 to N.
    """
    found = re.fullmatch(r"([1-9]\d{0,6})/([1-9]\d{0,6})", text)
    if found is None or int(found[1]) > int(found[2]):
        raise UsageError(f"shard {text}: give I/N with I from 1 to N, such as 1/8")
    return Shard(int(found[1]), int(found[2]))


@dataclass(frozen=True)
class Records:
    """Ledger, report, run record and measurements in a results folder."""

    out: Path
    shard: Shard | None = None

    @property
    def ledger(self) -> Path:
        """The SQLite file that records what is finished."""
        return self.out / f".venule{self._part}.sqlite"

    @property
    def report(self) -> Path:
        """The table with one row per photograph."""
        return self.out / f"report{self._part}.csv"

    @property
    def run(self) -> Path:
        """The record of the settings common to all results."""
        return self.out / f"run{self._part}.json"

    @property
    def measurements(self) -> Path:
        """The table of measurements, if any were requested."""
        return self.out / f"measurements{self._part}.csv"

    @property
    def files(self) -> tuple[Path, ...]:
        """All files that are rewritten as a whole."""
        return (self.report, self.run, self.measurements)

    @property
    def _part(self) -> str:
        return "" if self.shard is None else f"-{self.shard.number}-of-{self.shard.count}"


def is_ledger(name: str) -> bool:
    """Return whether a file name is that of a ledger, which marks a results folder."""
    return _LEDGER.fullmatch(name) is not None


def shards_in(out: Path) -> list[Shard]:
    """The shards that have a ledger in a results folder, in order."""
    found = []
    for path in out.glob(".venule-*-of-*.sqlite"):
        if numbers := re.fullmatch(r"\.venule-(\d+)-of-(\d+)\.sqlite", path.name):
            found.append(Shard(int(numbers[1]), int(numbers[2])))
    return sorted(found, key=lambda shard: (shard.count, shard.number))
