"""`venule merge`: one report from the shards that shared a results folder."""

from pathlib import Path
from typing import Annotated

import typer

from venule.cli.progress import counted, say


def merge(
    out: Annotated[Path, typer.Argument(metavar="OUT", help="The shards' results folder.")],
) -> None:
    """Merge the results of `venule predict --shard I/N` in a folder, as if from one run."""
    from venule.batch.merge import merge_shards

    count = merge_shards(out)
    say(f"{counted(count, 'photograph')} in {out / 'report.csv'}")
