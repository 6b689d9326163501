"""The last section of the cluster page: the measured cost of bookkeeping."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from venule.errors import VenuleError

PAGE = "cluster.md"

REPORT = "bookkeeping.json"

HEADING = "### Bookkeeping\n"

PHASES = {
    "plan": "plan",
    "first run": "first run: plan, enter, record, two reports",
    "second run": "second run, nothing new",
    "report": "reports only",
    "shards": "{shards} shards, one after another, each planning the whole folder",
    "merge": "merge of these",
}
"""The phases of `benchmarks/bookkeeping.py` in words."""

INTRODUCTION = """
Written by `make results` from `results/bookkeeping.json`: folders of empty files with photographs'
names, and a stub in place of the network. The computer was busy with other work, so core time is
what counts; wall-clock time is beside it. Each row includes the start of the interpreter, 70 MB and
a second or two.

| photographs | | core, ms each | clock, ms each | memory |
| ---: | --- | ---: | ---: | ---: |
"""


def cluster_page(page: str, results: Path) -> str:
    """The page with its last section regenerated from the result file.

    Raises:
        VenuleError: the page has no such section.
    """
    before, heading, _ = page.partition(HEADING)
    if not heading:
        raise VenuleError(f"{PAGE}: has no section {HEADING.strip()!r}")
    report = json.loads((results / REPORT).read_text(encoding="utf-8"))
    table = "\n".join(_rows(report["rows"]))
    return f"{before}{HEADING}{INTRODUCTION}{table}\n\n{_deaths(report['deaths'])}\n"


def _rows(rows: list[Mapping[str, Any]]) -> Iterator[str]:
    for row in sorted(rows, key=lambda row: (row["photographs"], [*PHASES].index(row["phase"]))):
        words = PHASES[row["phase"]].format(shards=row.get("shards"))
        yield (
            f"| {row['photographs']:,} | {words} | {row['cpu_ms_each']:.2f} | "
            f"{row['ms_each']:.2f} | {row['peak_mb']:.0f} MB |"
        )


def _deaths(rows: list[Mapping[str, Any]]) -> str:
    most = max(rows, key=lambda row: int(row["photographs"]))
    return (
        f"Ray's driver sent {most['photographs']:,} tasks to a simulated cluster that lost a "
        f"node every\nthousand photographs. After {most['deaths']:,} deaths, which cost "
        f"{most['lost']:,} calls in progress, every\nphotograph had one result: "
        f"{most['cpu_ms_each']:.2f} ms of core time each, {most['peak_mb']:.0f} MB."
    )
