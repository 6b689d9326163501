import numpy as np
import pytest

from venule.dicom.orientation import Turn, find_turn


@pytest.mark.parametrize(
    ("orientation", "stored"),
    [
        # Rows lead to, columns lead to; what a picture of 1 2 / 3 4 is stored as.
        (["L", "F"], [[1, 2], [3, 4]]),
        (["R", "F"], [[2, 1], [4, 3]]),
        (["L", "H"], [[3, 4], [1, 2]]),
        (["R", "H"], [[4, 3], [2, 1]]),
        (["F", "L"], [[1, 3], [2, 4]]),
        (["F", "R"], [[2, 4], [1, 3]]),
        (["H", "L"], [[3, 1], [4, 2]]),
        (["H", "R"], [[4, 2], [3, 1]]),
        (["LA", "FP"], [[1, 2], [3, 4]]),
    ],
)
def test_each_orientation_is_turned_upright_and_back(
    orientation: list[str], stored: list[list[int]]
) -> None:
    turn = find_turn(orientation)
    assert turn.upright(np.array(stored)).tolist() == [[1, 2], [3, 4]]
    assert turn.stored(np.array([[1, 2], [3, 4]])).tolist() == stored


@pytest.mark.parametrize(
    "orientation", [None, "", "LF", ["L"], ["L", "R"], ["F", "F"], ["A", "F"], ["L", "F", "H"], 3]
)
def test_what_says_nothing_certain_turns_nothing(orientation: object) -> None:
    assert find_turn(orientation) == Turn()


def test_colour_and_oblong_pictures_are_turned_whole() -> None:
    picture = np.arange(2 * 3 * 3).reshape(2, 3, 3)
    turn = find_turn(["F", "R"])
    assert turn.stored(picture).shape == (3, 2, 3)
    assert np.array_equal(turn.upright(turn.stored(picture)), picture)
