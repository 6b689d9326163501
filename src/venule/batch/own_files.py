"""The files in a results folder that venule wrote, which are neither inputs nor replaceable."""

from collections.abc import Iterable
from functools import cache
from itertools import product
from pathlib import Path

from venule.analysis.corrected_files import HISTORY_SUFFIX, SUFFIXES
from venule.analysis.outputs import OUTPUTS
from venule.batch.reading import holds_results, read_results
from venule.batch.records import Records, shards_in
from venule.files.cells import text

_ENDINGS = (*(one.suffix for one in OUTPUTS.values()), *SUFFIXES.values(), HISTORY_SUFFIX)


def own_files(out: Path) -> frozenset[str]:
    """Outputs and corrections of every photograph in the ledger, and reports, as relative paths.

    Paths use "/" and are those of `tables.text`; they need not all exist.

    Raises:
        UsageError, OutputError: the folder holds no results, or its ledger cannot be read.
    """
    names = (result.name for result in read_results(out).results)
    books = (Records(out), *(Records(out, shard) for shard in shards_in(out)))
    return frozenset(
        (
            *(name + ending for name, ending in product(names, _ENDINGS)),
            *(file.name for one in books for file in (one.ledger, *one.files)),
        )
    )


def results_among(paths: Iterable[Path]) -> tuple[Path, Path] | None:
    """The first of the files that belongs to results, with their folder; None if none does.

    Raises:
        OutputError: a ledger in a folder above one cannot be read.
    """
    own = cache(own_files)  # ledgers may be large, and files many
    for path in paths:
        place = path.resolve()
        for folder in filter(holds_results, place.parents):
            if text(place.relative_to(folder).as_posix()) in own(folder):
                return path, folder
    return None
