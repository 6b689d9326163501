"""HTML tables of words and numbers."""

from collections.abc import Sequence
from html import escape


def html_table(rows: Sequence[Sequence[str]], *, words: int = 1, sortable: bool = False) -> str:
    """A table whose first row is the head; the first `words` columns are text, the others numbers.

    With `sortable`, clicking a heading sorts by it.
    """
    head, *rest = rows
    cells = "".join(_heading(place, text, words, sortable) for place, text in enumerate(head))
    body = "".join(
        "<tr>"
        + "".join(f"<td{_kind(place, words)}>{escape(text)}</td>" for place, text in enumerate(row))
        + "</tr>"
        for row in rest
    )
    return (
        f'<div class="scroll" tabindex="0"><table><thead><tr>{cells}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def _heading(place: int, text: str, words: int, sortable: bool) -> str:
    label = escape(text)
    if not sortable:
        return f'<th scope="col"{_kind(place, words)}>{label}</th>'
    button = f'<button type="button">{label}</button>'
    return f'<th scope="col"{_kind(place, words)} data-label="{label}">{button}</th>'


def _kind(place: int, words: int) -> str:
    return "" if place < words else ' class="n"'
