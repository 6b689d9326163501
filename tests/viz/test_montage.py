from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from venule.errors import OutputError, UsageError
from venule.image.arrays import RGB
from venule.viz.montage import montage, page_paths, pages

RED = np.full((30, 40, 3), (200, 0, 0), np.uint8)
BLUE = np.full((300, 400, 3), (0, 0, 200), np.uint8)


def test_pictures_of_any_size_get_the_width_of_a_cell() -> None:
    sheet = montage([("one", [RED, BLUE])], ["left", "right"], cell_px=100)
    assert (sheet == (200, 0, 0)).all(axis=2).sum() == 100 * 75
    assert (sheet == (0, 0, 200)).all(axis=2).sum() == 100 * 75


def test_headings_and_labels_are_drawn_above_the_pictures() -> None:
    sheet = montage([("label", [RED])], ["heading"], cell_px=100)
    top = int(np.flatnonzero((sheet == (200, 0, 0)).all(axis=2).any(axis=1))[0])
    assert (sheet[top - 20 : top] < 100).any()  # the label
    assert (sheet[: top - 20] < 100).any()  # the heading


def test_the_legend_shows_its_colours_below() -> None:
    legend = [("missed", (0, 158, 255))]
    sheet = montage([("a", [RED])], ["h"], cell_px=100, legend=legend)
    rows = np.flatnonzero((sheet == (0, 158, 255)).all(axis=2).any(axis=1))
    assert rows[0] > np.flatnonzero((sheet == (200, 0, 0)).all(axis=2).any(axis=1))[-1]


def test_a_long_label_does_not_widen_the_sheet() -> None:
    narrow = montage([("a", [RED])], ["h"], cell_px=100)
    wide = montage([("a" * 500, [RED])], ["h" * 500], cell_px=100)
    assert wide.shape == narrow.shape


def test_a_long_set_is_cut_into_pages_that_are_drawn_one_at_a_time() -> None:
    taken: list[int] = []

    def rows() -> Iterator[tuple[str, list[RGB]]]:
        for index in range(5):
            taken.append(index)
            yield str(index), [RED]

    sheets = pages(rows(), ["h"], rows_per_page=2, cell_px=50)
    first = next(sheets)
    assert taken == [0, 1]
    rest = list(sheets)
    assert len(rest) == 2
    assert rest[-1].shape[0] < first.shape[0]


def test_one_page_has_the_name_given_and_several_are_numbered(tmp_path: Path) -> None:
    out = tmp_path / "sheet.png"
    assert page_paths(out, rows=8, rows_per_page=8) == [out]
    names = [path.name for path in page_paths(out, rows=17, rows_per_page=8)]
    assert names == ["sheet-1.png", "sheet-2.png", "sheet-3.png"]


def test_a_sheet_is_a_png_in_a_folder_that_exists(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"\.png"):
        page_paths(tmp_path / "sheet.pdf", rows=1, rows_per_page=8)
    with pytest.raises(OutputError, match="does not exist"):
        page_paths(tmp_path / "none" / "sheet.png", rows=1, rows_per_page=8)
