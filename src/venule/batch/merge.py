"""Merging of the shards of a results folder into one ledger and one report."""

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from venule.batch.ledger import Ledger
from venule.batch.records import Records, Shard, shards_in
from venule.batch.report import write_reports
from venule.errors import OutputError, UsageError


def merge_shards(out: Path) -> int:
    """Merge the shards' ledgers into one, with report.csv, run.json and any measurements.csv.

    The result is that of a single run; `predict_folder` can resume it, and so can the shards:
    merge again afterwards. Returns the number of photographs.

    Raises:
        UsageError: there are no shards, or some are missing.
        OutputError: their settings differ, one is still running, or a file cannot be written.
    """
    shards = shards_in(out)
    _require_all(out, shards)
    with closing(Ledger(Records(out))) as whole:
        for shard in shards:
            with closing(Ledger(Records(out, shard))) as part:
                whole.add(part)
        write_reports(whole, last_run={"merged_shards": len(shards)})
        return whole.count()


def _require_all(out: Path, shards: Sequence[Shard]) -> None:
    if not shards:
        raise UsageError(f"{out}: holds no shards; venule predict --shard I/N makes them")
    counts = sorted({shard.count for shard in shards})
    if len(counts) > 1:
        raise OutputError(
            f"{out}: holds shards of {' and of '.join(map(str, counts))}; give each division a "
            "folder of its own"
        )
    there = {shard.number for shard in shards}
    missing = [number for number in range(1, counts[0] + 1) if number not in there]
    if missing:
        raise UsageError(
            f"{out}: shard {missing[0]}/{counts[0]} has not run ({len(missing)} of {counts[0]} "
            "missing); run it first"
        )
