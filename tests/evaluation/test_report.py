import csv
import io
import json
import math

import pytest

from venule.data.protocols import Selection
from venule.evaluation.evaluate import evaluate
from venule.evaluation.intervals import bootstrap
from venule.evaluation.predictor import expert_predictor, segmenter_predictor
from venule.evaluation.report import (
    difference_table,
    headings,
    interval_text,
    legacy_table,
    score_table,
    to_csv,
    to_json,
    warnings_of,
)
from venule.evaluation.result import Report, SeenImage, compare
from venule.inference.segment import Segmenter


def test_of_one_image_there_is_a_mean_and_no_interval() -> None:
    assert interval_text(bootstrap([0.5])) == "0.5000"
    assert interval_text(bootstrap([0.25, 0.25])) == "0.2500 [0.2500, 0.2500]"


@pytest.fixture
def report(official_test: Selection, segmenter: Segmenter) -> Report:
    return compare(
        (
            evaluate(segmenter_predictor(segmenter), official_test),
            evaluate(expert_predictor("second"), official_test),
        )
    )


def test_the_headings_say_what_the_numbers_mean(report: Report) -> None:
    text = "\n".join(headings(report))
    for word in ("DRIVE", "official", "split test", "20 images", "first expert", "mask files"):
        assert word in text
    assert "dark: threshold 0.4 (chosen on val)" in text
    assert "95 %" in text


def test_the_score_table_leaves_cells_empty_that_a_mask_has_no_score_for(report: Report) -> None:
    rows = {row[0]: row[1:] for row in score_table(report)}
    assert rows["ROC AUC"][2:] == ["", ""]
    mean = report.results[0].mean["dice"]
    assert rows["Dice"][0] == f"{mean.mean:.4f} [{mean.low:.4f}, {mean.high:.4f}]"
    assert rows["ECE (pooled, 15 bins)"][0] == ""


def test_differences_are_paired_and_of_shared_scores_only(report: Report) -> None:
    (difference,) = report.differences
    assert "roc_auc" not in difference.scores
    mean = [result.mean["dice"].mean for result in report.results]
    assert difference.scores["dice"].mean == pytest.approx(mean[1] - mean[0])
    assert difference_table(report)[0][1] == "expert:second - dark"


def test_published_ways_are_labelled_as_such(report: Report) -> None:
    rows = legacy_table(report)
    assert "whole frame" in rows[0][0]
    assert any('"AUC" of the thresholded map' in row[0] for row in rows)
    assert {len(row) for row in rows} == {3}


def test_json_reads_back_and_has_null_for_nan(report: Report) -> None:
    undefined = report.results[0].model_copy(update={"pooled": {"dice": math.nan}})
    content = json.loads(to_json(compare((undefined, report.results[1]))))
    assert content["results"][0]["pooled"]["dice"] is None
    assert content["results"][0]["legacy"]["manshi3"]["batch"] == 2
    assert len(content["results"][1]["images"]) == 20


def test_a_report_with_undefined_scores_reads_back_from_json(report: Report) -> None:
    undefined = report.results[0].model_copy(update={"pooled": {"dice": math.nan}})
    again = Report.model_validate_json(to_json(compare((undefined, report.results[1]))))
    assert math.isnan(again.results[0].pooled["dice"])
    assert again.results[1] == report.results[1]


def test_no_name_in_the_csv_is_a_formula_or_splits_its_row(report: Report) -> None:
    first = report.results[0]
    odd = first.images[0].model_copy(update={"id": "=1+1\r2"})
    other = first.model_copy(update={"model": "@a", "images": (odd,)})
    named = report.model_copy(update={"results": (other,)})
    (row,) = csv.DictReader(io.StringIO(to_csv(named).decode(), newline=""))
    assert (row["model"], row["image"]) == ("'@a", "'=1+1\r2")


def test_csv_has_a_row_an_image_and_no_other(report: Report) -> None:
    rows = list(csv.DictReader(io.StringIO(to_csv(report).decode())))
    ids = [image.id for result in report.results for image in result.images]
    assert [row["image"] for row in rows] == ids
    first = report.results[0].images[0]
    assert float(rows[0]["dice"]) == first.scores["dice"]
    assert rows[-1]["roc_auc"] == ""


def test_seen_images_are_warned_of_by_id_and_role(report: Report) -> None:
    hit = SeenImage(id="03", role="selected", seen_as="3", dataset="D", protocol="p", split="val")
    result = report.results[0].model_copy(update={"seen": (hit, hit)})
    (line,) = warnings_of(result)
    assert line.startswith("WARNING: dark was selected on 1 of the 20 images")
    assert "03" in line
    assert warnings_of(report.results[0]) == []


def test_results_on_different_images_are_not_compared(report: Report) -> None:
    fewer = report.results[1].model_copy(update={"images": report.results[1].images[:3]})
    with pytest.raises(ValueError, match="different images"):
        compare((report.results[0], fewer))
