"""`venule evaluate --card`: recomputed scores of a model card, compared with the stored ones."""

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from venule.cli.progress import Progress
from venule.cli.table import print_table

if TYPE_CHECKING:
    from venule.evaluation.access_log import Context
    from venule.evaluation.card_check import Comparison, Part
    from venule.evaluation.predictor import Predictor

DRIFTED = 1


def check_card(
    model: str,
    *,
    data_root: Path | None,
    access_log: Path | None,
    device: str,
    context: "Context | None" = None,
) -> None:
    """Print old, new and difference of every score whose images are present; exit 1 on a drift."""
    from venule.evaluation.access_log import holds_test_images, require_writable
    from venule.evaluation.card import card_file, read_card
    from venule.evaluation.card_check import card_predictor, find_parts

    card = read_card(card_file(model))
    parts, missing = find_parts(card, data_root)
    source = card_predictor(card, device=device)
    tested = any(holds_test_images(part.dataset, part.selection) for part in parts)
    if access_log is not None and tested:
        require_writable(access_log)
    for line in missing:
        typer.secho(line, err=True, fg="yellow")
    compared = _score(parts, source, access_log, context)
    _print(compared)
    drifted = [row for row in compared if row.drifted]
    if drifted:
        worst = max(drifted, key=lambda row: row.size)
        typer.secho(
            f"venule: error: {len(drifted)} of {len(compared)} numbers differ from the card of "
            f"{card.name} by more than 0.0001, most of all {worst.where}, {worst.score}: "
            f"{worst.card:.6f} on the card, {worst.now:.6f} now",
            err=True,
            fg="red",
        )
        raise typer.Exit(DRIFTED)
    left_out = f"; {len(missing)} of {len(card.scores)} sets of scores not checked" * bool(missing)
    typer.echo(f"\n{len(compared)} numbers agree with the card of {card.name}{left_out}")


def _score(
    parts: "list[Part]",
    source: "Predictor",
    access_log: Path | None,
    context: "Context | None",
) -> "list[Comparison]":
    """Every number of these parts with its recomputed value; test-set accesses are logged."""
    from venule.evaluation.access_log import holds_test_images, record_access
    from venule.evaluation.card_check import compare_scores
    from venule.evaluation.evaluate import evaluate

    compared = []
    with Progress(total=sum(len(part.selection.cases) for part in parts)) as progress:
        for part in parts:
            expert = part.scores.expert
            result = evaluate(source, part.selection, expert=expert, progress=progress.advance)
            if access_log is not None and holds_test_images(part.dataset, part.selection):
                record_access(result, access_log, purpose="card recheck", context=context)
            compared += compare_scores(part.scores, result)
    return compared


def _print(compared: "list[Comparison]") -> None:
    table = [["scores of", "score", "card", "now", "difference", "drift"]]
    for row in compared:
        numbers = [f"{row.card:.6f}", f"{row.now:.6f}", f"{row.difference:+.6f}"]
        table.append([row.where, row.score, *numbers, "yes" if row.drifted else "no"])
    print_table(table)
