"""The tables of data sets and of masks are read alike."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from venule.errors import DatasetError
from venule.files.table import read_rows


def test_rows_have_their_line_and_cells_without_blanks(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text(' id, note \na,"two\nlines"\n\n b , x \n', encoding="utf-8-sig")
    checked: list[Sequence[str]] = []
    rows = list(read_rows(path, lambda _, columns: checked.append(columns)))
    assert rows == [(3, {"id": "a", "note": "two\nlines"}), (5, {"id": "b", "note": "x"})]
    assert checked == [["id", "note"]]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"id,id\na,b\n", "the column 'id' occurs twice"),
        (b"id,note\na\n", "line 2 has more or fewer cells than line 1"),
        (b"id,note\na,b,c\n", "line 2 has more or fewer cells than line 1"),
        (b"id\nM\xfcller\n", "save it as UTF-8"),
    ],
)
def test_what_cannot_be_read_for_certain_is_an_error(
    tmp_path: Path, content: bytes, message: str
) -> None:
    path = tmp_path / "table.csv"
    path.write_bytes(content)
    with pytest.raises(DatasetError, match=message):
        list(read_rows(path, lambda *_: None))
