from dataclasses import replace

from support import trees
from venule.data.protocols import Selection
from venule.evaluation.predictor import expert_predictor, segmenter_predictor
from venule.evaluation.sheet import sheet_headings, sheet_rows
from venule.inference.segment import Segmenter
from venule.viz.overlay import LEGEND


def test_a_row_has_photograph_truth_and_two_pictures_a_source(
    official_test: Selection, segmenter: Segmenter
) -> None:
    predictors = [segmenter_predictor(segmenter), expert_predictor("second")]
    rows = list(sheet_rows(predictors, official_test))
    assert [label for label, _ in rows] == [case.id for case in official_test.cases]
    assert all(len(pictures) == len(sheet_headings(predictors)) == 6 for _, pictures in rows)


def test_the_second_observer_misses_what_only_the_first_drew(official_test: Selection) -> None:
    _, pictures = next(sheet_rows([expert_predictor("second")], official_test))
    drawn = trees.draw(1)
    missed = (pictures[3] == LEGEND["missed"]).all(axis=2)
    assert missed.tolist() == (drawn.first & ~drawn.second & drawn.fov).tolist()


def test_without_truth_the_mask_lies_over_the_photograph(
    val: Selection, segmenter: Segmenter
) -> None:
    bare = replace(val, cases=tuple(replace(case, first=None) for case in val.cases))
    label, pictures = next(sheet_rows([segmenter_predictor(segmenter)], bare))
    assert label == "24 (no truth)"
    assert not pictures[1].any()
    assert (pictures[3] != pictures[0]).any()
