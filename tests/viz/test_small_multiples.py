"""Small multiples of a cohort."""

import math

import numpy as np

from venule.viz.small_multiples import small_multiples


def test_six_panels_stand_in_two_rows_of_three() -> None:
    sheet = small_multiples([(f"m{n}", [1.0, 2.0, 3.0]) for n in range(6)])
    assert sheet.shape[1] > sheet.shape[0]
    for row in np.array_split(sheet, 2):
        for cell in np.array_split(row, 3, axis=1):
            assert (cell != 255).any()


def test_values_that_are_missing_or_all_the_same_are_drawn_without_an_error() -> None:
    sheet = small_multiples([("none", [math.nan]), ("one", [2.0]), ("same", [0.0, 0.0])])
    assert (sheet != 255).any()
