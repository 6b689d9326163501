"""A self-contained HTML file: head, policy, style and script around a body."""

from collections.abc import Iterable, Sequence
from html import escape
from importlib.resources import files
from pathlib import Path

from venule.files.atomic import write_bytes

_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'"


def document(title: str, body: Iterable[str], *, styles: Sequence[str] = ()) -> str:
    """The HTML of a page; `title` is text, `body` yields HTML fragments.

    `styles` names style sheets of this package, besides that of every page.
    """
    own = files("venule.report")
    style = "".join((own / name).read_text(encoding="utf-8") for name in ("style.css", *styles))
    script = (own / "sort.js").read_text(encoding="utf-8")
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)} – venule</title><style>{style}</style></head><body>"
        f"{''.join(body)}<script>{script}</script></body></html>\n"
    )


def write_document(html: str, path: Path) -> int:
    """Write a page; return the file's size in bytes.

    Raises:
        OutputError: the page cannot be written.
    """
    content = html.encode()
    write_bytes(path, content)
    return len(content)
