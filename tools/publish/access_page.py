"""The table of accesses to test images, from the test-set access log."""

import json
from collections import Counter
from pathlib import Path

from venule.evaluation.report import markdown

LOG = "test_access.jsonl"

PURPOSES = {
    "evaluation": "evaluations",
    "sheet": "sheets",
    "measurements": "measurements",
    "card recheck": "card recomputed",
}
"""The purposes of accesses, with their names in the table."""


def access_section(folder: Path) -> str:
    """Count the accesses by data set and weights; recomputing a card selects nothing."""
    path = folder / LOG
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    accesses = [json.loads(line) for line in text.splitlines()]
    counts = Counter((one["dataset"], one["model"], _purpose(one)) for one in accesses)
    total = Counter(map(_purpose, accesses))
    lines = [
        "## Accesses to test images",
        "",
        f"`results/{LOG}` records {total['evaluation']} evaluations, {total['sheet']} sheets of",
        "pictures (since November 26; the cards' four are older), "
        f"{total['measurements']} comparisons of",
        f"measurements, and {total['card recheck']} recomputations of a card. A",
        "commit with `-dirty` had uncommitted changes.",
    ]
    table = [["data set", "what was scored", *PURPOSES.values()]]
    for data, model in dict.fromkeys((data, model) for data, model, _ in counts):
        numbers = [str(counts[data, model, one]) for one in PURPOSES]
        table.append([data, model, *numbers])
    return "\n".join([*lines, "", *markdown(table, words=(0, 1))]) + "\n"


def _purpose(access: dict[str, str]) -> str:
    """The purpose of an access; early lines do not state it, and were evaluations."""
    return access.get("purpose", "evaluation")
