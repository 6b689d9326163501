"""Merging of the shards of a results folder into one ledger and one report."""

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from venule.batch.ledger import Ledger
from venule.batch.records import Records, Shard, shards_in
from venule.batch.refuse import refuse_two_divisions
from venule.batch.report import merged_shards, write_reports
from venule.errors import UsageError


def merge_shards(out: Path) -> int:
    """Merge the shards' ledgers into one, with report.csv, run.json and any measurements.csv.

    The result is that of a single run, and the shards' own ledgers and reports are removed. Then
    `predict_folder` can resume it, and so can any of the shards: merge again afterwards. Returns
    the number of photographs.

    Raises:
        UsageError: there are no shards, or some are missing.
        OutputError: their settings differ, one is still running, or a file cannot be written.
    """
    shards = shards_in(out)
    merged = merged_shards(Records(out))
    if not shards and merged:
        with closing(Ledger(Records(out))) as whole:
            return whole.count()
    _require_all(out, shards, merged)
    parts = [Records(out, shard) for shard in shards]
    with closing(Ledger(Records(out))) as whole:
        whole.add(parts)
        write_reports(whole, last_run={"merged_shards": shards[0].count})
        count = whole.count()
    for file in (file for part in parts for file in (*part.files, part.ledger)):
        file.unlink(missing_ok=True)
    return count


def _require_all(out: Path, shards: Sequence[Shard], merged: int) -> None:
    """Refuse an incomplete division, unless the same one has been merged before."""
    if not shards:
        raise UsageError(f"{out}: holds no shards; venule predict --shard I/N makes them")
    refuse_two_divisions(out, shards)
    count = shards[0].count
    there = {shard.number for shard in shards}
    if merged == count:
        return
    missing = [number for number in range(1, count + 1) if number not in there]
    if missing:
        raise UsageError(
            f"{out}: shard {missing[0]}/{count} has not run ({len(missing)} of {count} "
            "missing); run it first"
        )
