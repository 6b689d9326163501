"""`venule merge`: one report of the shards that shared a folder of results."""

from pathlib import Path
from typing import Annotated

import typer

from venule.cli.progress import counted, say


def merge(
    out: Annotated[Path, typer.Argument(metavar="OUT", help="Folder of the shards' results.")],
) -> None:
    """Merge what `venule predict --shard I/N` left in a folder, as if one run had made it."""
    from venule.batch.merge import merge_shards

    count = merge_shards(out)
    say(f"{counted(count, 'photograph')} in {out / 'report.csv'}")
