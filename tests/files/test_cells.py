import pytest

from venule.files.cells import inert


@pytest.mark.parametrize("text", ["=1+1.png", "+a", "-od.png", "@x", "\ta", "\r", "-2.25-1"])
def test_text_that_a_spreadsheet_would_compute_begins_with_an_apostrophe(text: str) -> None:
    assert inert(text) == f"'{text}"


@pytest.mark.parametrize("cell", ["-2.25", "+0.5", "-1e-3", "", "'=1", "eye.png", -2.25, 3, None])
def test_numbers_and_other_text_stay_as_they_are(cell: object) -> None:
    assert inert(cell) == cell
