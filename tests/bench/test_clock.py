import pytest

from venule.bench.clock import Stages, ratio, spread, take_turns


def test_tasks_take_turns_and_warm_up_rounds_do_not_count() -> None:
    order: list[str] = []

    def task(name: str) -> Stages:
        order.append(name)
        return {"turn": float(len(order))}

    measured = take_turns([lambda: task("a"), lambda: task("b")], repeat=2, warm_up=1)
    assert order == ["a", "b", "a", "b", "a", "b"]
    assert measured == [[{"turn": 3.0}, {"turn": 5.0}], [{"turn": 4.0}, {"turn": 6.0}]]


def test_the_spread_of_one_to_five() -> None:
    found = spread([5, 1, 4, 2, 3])
    assert (found.least, found.q1, found.median, found.q3, found.largest) == (1, 2, 3, 4, 5)


def test_a_ratio_is_taken_round_by_round() -> None:
    # The second round was slow for both; of the medians the ratio would be 4 / 2.
    assert ratio([3, 40, 4], [1, 20, 2]).median == 2
    assert ratio([3, 40, 4], [1, 20, 2]).largest == 3


def test_unlike_numbers_of_rounds_are_refused() -> None:
    with pytest.raises(ValueError, match="zip"):
        ratio([1, 2], [1])
