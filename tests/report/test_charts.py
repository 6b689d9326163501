import re

from venule.report.charts import Series, class_chart, forest, legend, unit_chart


def places(drawn: str) -> list[tuple[float, float]]:
    """The centres of all dots."""
    return [
        (float(x), float(y)) for x, y in re.findall(r'<circle cx="([\d.]+)" cy="([\d.]+)"', drawn)
    ]


def test_corners_of_the_unit_square_are_the_ends_of_the_axes() -> None:
    drawn = unit_chart("T", ("x", "y"), [Series("a", (), [(0.0, 0.0), (1.0, 1.0), (0.5, 0.25)])])
    (left, base), (right, top), (middle, quarter) = places(drawn)
    assert f'd="M{left:g} {top:g}V{base:g}H{right:g}"' in drawn  # the axes
    assert middle == (left + right) / 2
    assert abs(quarter - (base + (top - base) / 4)) < 0.06


def test_undefined_places_are_left_out_of_a_line() -> None:
    drawn = unit_chart("T", ("x", "y"), [Series("a", [(0, 0), (float("nan"), 1), (1, 1)])])
    assert "nan" not in drawn
    assert drawn.count('class="line"') == 1


def test_names_and_titles_are_text() -> None:
    for drawn in (
        unit_chart("<i>", ("<i>", "<i>"), [Series("<i>", (), [(0, 0)])]),
        class_chart("<i>", ("<i>", "<i>"), ["<i>"], [Series("<i>", (), [(0, 0)])]),
        forest("<i>", [("<i>", [(0.1, 0.0, 0.2)])]),
        legend(["<i>"]),
    ):
        assert "<i>" not in drawn
        assert "&lt;i&gt;" in drawn


def test_classes_lie_side_by_side_and_models_beside_each_other_within_one() -> None:
    series = [Series(name, (), [(0, 0.5), (1, 0.5)]) for name in "ab"]
    (a0, _), (a1, _), (b0, _), (b1, _) = places(class_chart("T", ("x", "y"), ["p", "q"], series))
    assert a0 < b0 < a1 < b1
    assert abs((a1 - a0) - (b1 - b0)) < 0.11


def test_differences_lie_on_the_side_of_their_sign() -> None:
    drawn = forest("T", [("Dice", [(0.02, 0.01, 0.03)]), ("IoU", [(-0.02, -0.03, -0.01)])])
    zero = float(re.findall(r'class="zero" d="M([\d.]+)', drawn)[0])
    (better, _), (worse, _) = places(drawn)
    assert worse < zero < better
    assert abs((better - zero) - (zero - worse)) < 0.2
    assert "+0.03" in drawn  # the end of the axis: the next round number that holds all
