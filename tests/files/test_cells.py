import csv
from io import StringIO

import pytest

from venule.files.cells import Lines, inert, listed, listed_in, number_in


@pytest.mark.parametrize("text", ["=1+1.png", "+a", "-od.png", "@x", "\ta", "\r", "-2.25-1"])
def test_text_that_a_spreadsheet_would_compute_begins_with_an_apostrophe(text: str) -> None:
    assert inert(text) == f"'{text}"


@pytest.mark.parametrize("cell", ["-2.25", "+0.5", "-1e-3", "", "'=1", "eye.png", -2.25, 3, None])
def test_numbers_and_other_text_stay_as_they_are(cell: object) -> None:
    assert inert(cell) == cell


@pytest.mark.parametrize(
    "paths",
    [
        [],
        ["a_mask.png", "deep/a_prob.png"],
        ["b.png", "z;b.png", "c;", "d"],
        ["back\\slash.png", "\\", "a\\;b", ";"],
        ["-od.png", "=1+1.png"],
        ["'=1.png", "'a.png", "a'b.png"],
        ["line\nend.png", "\\\n"],
    ],
)
def test_paths_in_a_cell_are_found_as_they_were(paths: list[str]) -> None:
    assert listed_in(str(inert(listed(paths)))) == paths


@pytest.mark.parametrize(
    ("cell", "number"),
    [("-2.5", -2.5), (3, 3), (0.5, 0.5), ("1e3", 1000)]
    + [(cell, None) for cell in (None, "", "left", "inf", "nan", float("inf"), float("nan"))],
)
def test_a_cell_is_a_number_only_if_finite(cell: str | float | None, number: float | None) -> None:
    assert number_in(cell) == number


def test_rows_end_with_a_newline_and_cells_with_any_line_end_stay_one_cell() -> None:
    rows = [["eye\r=1+1.png", "a\nb", "c\r\n"], ["plain", "", "\r\n"]]
    table = StringIO(newline="")
    csv.writer(Lines(table)).writerows(rows)
    assert table.getvalue().endswith(',"\r\n"\n')
    assert table.getvalue().startswith('"eye\r=1+1.png",')
    assert list(csv.reader(StringIO(table.getvalue(), newline=""))) == rows
