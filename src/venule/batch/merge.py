"""Merging of the shards of a results folder into one ledger and one report."""

import json
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from venule.batch.ledger import Ledger
from venule.batch.records import Records, Shard, shards_in
from venule.batch.report import write_reports
from venule.errors import OutputError, UsageError


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
    merged = _merged_before(out)
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


def _merged_before(out: Path) -> int:
    """The number of shards of which run.json is; 0 if it is of none."""
    try:
        run = json.loads(Records(out).run.read_bytes())
        return int(run["last_run"]["merged_shards"])
    except (OSError, ValueError, KeyError, TypeError):
        return 0


def _require_all(out: Path, shards: Sequence[Shard], merged: int) -> None:
    """Refuse an incomplete division, unless the same one has been merged before."""
    if not shards:
        raise UsageError(f"{out}: holds no shards; venule predict --shard I/N makes them")
    counts = sorted({shard.count for shard in shards})
    if len(counts) > 1:
        raise OutputError(
            f"{out}: holds shards of {' and of '.join(map(str, counts))}; give each division a "
            "folder of its own"
        )
    there = {shard.number for shard in shards}
    if merged == counts[0]:
        return
    missing = [number for number in range(1, counts[0] + 1) if number not in there]
    if missing:
        raise UsageError(
            f"{out}: shard {missing[0]}/{counts[0]} has not run ({len(missing)} of {counts[0]} "
            "missing); run it first"
        )
