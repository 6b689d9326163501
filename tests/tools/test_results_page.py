import csv
import json
import re
from pathlib import Path
from typing import Any

import pytest

from publish.goals import GOALS, SETS, goal_table, goals_met
from publish.results_page import PAGE, cards, results_page
from venule.errors import UsageError
from venule.evaluation.card import read_report
from venule.evaluation.report import interval_text, to_json
from venule.evaluation.result import Report, Result
from venule.metrics.metric import labels

ROOT = Path(__file__).parents[2]
SLIM = ROOT / "results" / "ddrnet23-slim-drive"


@pytest.fixture(scope="module")
def slim() -> Report:
    """The scores of ddrnet23-slim-drive and of the second observer, on DRIVE's test set."""
    return read_report(SLIM / "test.json")


def test_the_results_page_is_what_the_result_files_say() -> None:
    assert (ROOT / "docs" / PAGE).read_text(encoding="utf-8") == results_page()


def test_every_shipped_model_has_a_card_and_it_is_what_the_files_say() -> None:
    made = dict(cards())
    for path, text in made.items():
        assert path.read_text(encoding="utf-8") == text
    shipped = {path.stem for path in (ROOT / "src" / "venule" / "weights").glob("*.onnx")}
    assert {path.stem for path in made if path.suffix == ".md"} == shipped
    written = {*(ROOT / "src" / "venule" / "weights").glob("*.json")}
    written |= {*(ROOT / "docs" / "cards").glob("*.md")}
    assert written == made.keys()


def test_no_picture_of_drive_is_on_a_card() -> None:
    paths = list((ROOT / "results").glob("*/failures.json"))
    assert paths
    for path in paths:
        failures = json.loads(path.read_text(encoding="utf-8"))
        assert {part["dataset"] for part in failures} <= {"CHASE_DB1", "HRF"}


def test_the_readmes_table_is_what_the_result_files_say() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    table = readme.split("## Results", 1)[1].split("\n## ", 1)[0]
    accurate, second = read_report(ROOT / "results" / "accurate" / "test.json").results
    (general,) = read_report(ROOT / "results" / "general" / "drive.json").results[:1]
    assert [one.model for one in (accurate, general, second)] == [
        "accurate",
        "general",
        "expert:second",
    ]
    name_of = {label: name for name, label in labels().items()}
    rows = re.findall(r"^\| ([^|]+?) \| (.+) \|$", table, re.MULTILINE)
    rows = [(label, cells) for label, cells in rows if set(label) != {"-"}]
    assert len(rows) == 7
    for label, cells in rows:
        name = name_of[label]
        expected = [interval_text(one.mean.get(name)) or "–" for one in (accurate, general, second)]
        assert cells.split(" | ") == expected, label


def test_a_card_without_its_weights_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "gone").mkdir()
    (tmp_path / "gone" / "card.toml").write_text("")
    with pytest.raises(UsageError, match="no weights of that name are shipped"):
        list(cards(tmp_path, tmp_path))


def test_cards_computed_again_are_counted_beside_the_evaluations(tmp_path: Path) -> None:
    access = {"dataset": "DRIVE", "model": "a"}
    lines = [
        access,
        access,
        {**access, "purpose": "evaluation"},
        {**access, "purpose": "card recheck"},
    ]
    lines += [{**access, "purpose": "sheet"}] * 2 + [{**access, "purpose": "measurements"}] * 4
    (tmp_path / "test_access.jsonl").write_text("\n".join(map(json.dumps, lines)))
    page = results_page(tmp_path)
    assert "| DRIVE | a | 3 | 2 | 4 | 1 |" in page
    assert "records 3 evaluations, 2 sheets" in page
    assert "4 comparisons of\nmeasurements" in page


def test_a_goal_is_met_at_its_goal_and_not_below(slim: Report) -> None:
    first = slim.results[0]
    goal = {one.score: one.goal for one in GOALS}
    mean = {
        name: interval.model_copy(update={"mean": goal.get(name, 0.0)})
        for name, interval in first.mean.items()
    }
    at_goal = first.model_copy(update={"mean": mean, "pooled": {"ece": 0.01}})
    assert goals_met(at_goal).startswith("9 of 9 goals met")
    mean["dice"] = mean["dice"].model_copy(update={"mean": 0.8319})
    below = at_goal.model_copy(update={"mean": mean, "pooled": {"ece": 0.0101}})
    assert goals_met(below).startswith("7 of 9 goals met")
    verdicts = {row[0]: row[-1] for row in goal_table(below)[1:]}
    assert verdicts["Dice"] == verdicts["ECE (pooled, 15 bins)"] == "missed"
    assert list(verdicts.values()).count("missed") == 2


def test_general_weights_have_goals_of_their_own(slim: Report) -> None:
    # 0.9788 and 0.8161 against 0.976 and 0.800, later 0.978 and 0.805.
    said = goals_met(slim.results[0], SETS["general"])
    assert said.startswith("2 of 2 first goals and 2 of 2 later goals met")
    table = goal_table(slim.results[0], SETS["general"])
    assert table[0][-2:] == ["first goal met", "later goal met"]
    assert [row[3:] for row in table[1:]] == [
        ["≥ 0.976", "≥ 0.978", "0.9788", "met", "met"],
        ["≥ 0.8", "≥ 0.805", "0.8161", "met", "met"],
    ]


def test_a_later_goal_that_is_missed_by_little_is_missed_in_words_and_digits(slim: Report) -> None:
    first = slim.results[0]
    near = {"roc_auc": 0.97797, "dice": 0.8049}
    mean = {
        name: interval.model_copy(update={"mean": near.get(name, interval.mean)})
        for name, interval in first.mean.items()
    }
    below = first.model_copy(update={"mean": mean})
    said = goals_met(below, SETS["general"])
    assert said.startswith("2 of 2 first goals and 0 of 2 later goals met")
    assert [row[5:] for row in goal_table(below, SETS["general"])[1:]] == [
        ["0.97797", "met", "missed"],
        ["0.8049", "met", "missed"],
    ]


def test_the_second_observer_of_the_goals_is_the_one_that_was_scored(slim: Report) -> None:
    observer = slim.results[1]
    for goal in GOALS:
        if goal.observer != "–":
            assert observer.mean[goal.score].mean == pytest.approx(float(goal.observer), abs=0.06)
            if goal.score != "components":
                assert f"{observer.mean[goal.score].mean:.3f}" == goal.observer


def test_the_goals_are_for_drives_test_set_only() -> None:
    with pytest.raises(ValueError, match="DRIVE's official test set"):
        goals_met(read_report(SLIM / "val.json").results[0])


def make_run(
    folder: Path,
    result: Result,
    *,
    seed: int,
    dice: dict[int, float],
    epochs: int = 4,
    stopped: str = "after the last epoch",
    cost: dict[str, Any] | None = None,
) -> None:
    """The files of a run of `epochs` epochs of half an hour, validated where `dice` says."""
    folder.mkdir()
    (folder / "config.toml").write_text(f"[schedule]\nseed = {seed}\n")
    (folder / "run.json").write_text(json.dumps({"stopped": stopped}))
    if cost is not None:
        (folder / "cost.json").write_text(json.dumps(cost))
    (folder / "test.json").write_bytes(to_json(Report(results=(result,), differences=())))
    with (folder / "metrics.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["epoch", "seconds", "train_loss", "val_auc", "val_dice", "val_miou"])
        for epoch in range(1, epochs + 1):
            scores = [0.9, dice[epoch], 0.7] if epoch in dice else ["", "", ""]
            writer.writerow([epoch, 1800, 0.25, *scores])


@pytest.fixture
def table(tmp_path: Path, slim: Report) -> Path:
    """A folder of three runs: two seeds from scratch, one pretrained that stopped early."""
    folder = tmp_path / "published"
    folder.mkdir()
    result = slim.results[0]
    better = {
        **result.mean,
        "roc_auc": result.mean["roc_auc"].model_copy(update={"mean": 0.5}),
        "dice": result.mean["dice"].model_copy(update={"mean": result.mean["dice"].mean + 0.02}),
    }
    make_run(folder / "a0", result, seed=0, dice={2: 0.60, 4: 0.70})
    other = result.model_copy(update={"mean": better})
    cost = {"seconds": 3 * 3600.0, "peak_memory_bytes": 2_500_000_000}
    make_run(folder / "a1", other, seed=1, dice={2: 0.64, 4: 0.66}, cost=cost)
    stopped = "early: val_dice has not improved for 20 validations"
    make_run(folder / "p0", result, seed=0, dice={1: 0.61, 2: 0.69}, epochs=2, stopped=stopped)
    about = {
        "kind": "table",
        "title": "Published",
        "text": ["Text."],
        "commands": ["venule train"],
        "rows": [
            {"experiment": "scratch", "published_epochs": 580, "runs": ["a0", "a1", "a2"]},
            {"experiment": "pretrained", "published_epochs": 135, "runs": ["p0"], "note": "ours"},
            {"experiment": "R101", "published_epochs": 100, "runs": ["r0"], "note": "no ImageNet"},
        ],
        "pairs": [
            {"scratch": "scratch", "pretrained": "pretrained"},
            {"scratch": "scratch", "pretrained": "R101"},
        ],
        "gains": [{"of": "pretrained", "over": "scratch"}, {"of": "R101", "over": "scratch"}],
        "best": {"of": ["scratch", "pretrained", "R101"], "called": "tiny"},
    }
    (folder / "about.json").write_text(json.dumps(about))
    return folder


def edit(table: Path, **changes: Any) -> None:
    path = table / "about.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_experiments_are_rows_of_two_tables(table: Path) -> None:
    page = results_page(table.parent)
    # Dice 0.70 and 0.66 of two of three seeds; two hours by the log, three by cost.json.
    assert (
        "| scratch | 4 / 580 | 0, 1 (of 3) | 0.9000 ± 0.0000 | 0.6800 ± 0.0283 | "
        "0.7000 ± 0.0000 | 2.50 ± 0.71 | 2.5 GB |  |"
    ) in page
    assert (
        "| pretrained | 2 (early) / 135 | 0 | 0.9000 | 0.6900 | 0.7000 | 1.00 | – | ours; one "
        "seed, no significance claimed |"
    ) in page
    assert ("| R101 | 0 / 100 | not run | – | – | – | – | – | no ImageNet; not run yet |") in page
    assert "2 of 3 experiments were run." in page
    # Means over the two seeds of docs/results.md's 0.9788 and 0.8161 and what was added to them.
    assert "| scratch | 0.7394 ± 0.3386 | 0.9084 ± 0.0000 | 0.8261 ± 0.0141 |" in page
    assert (
        "| pretrained | 0.9788 | 0.9084 | 0.8161 | 0.8379 | 0.8173 | 0.9510 | 0.8850 | 0.8179 | "
        "0.9669 |"
    ) in page
    assert "Test scores: DRIVE, protocol official, split test, 20 images, first expert." in page


def test_ours_stand_below_the_experiments(table: Path) -> None:
    cost = {"seconds": 1800.0, "peak_memory_bytes": 2_000_000_000}
    (table / "cost.json").write_text(json.dumps(cost))
    ours = {"experiment": "ours", "report": "p0/test.json", "costs": ["cost.json", "cost.json"]}
    edit(table, ours=[ours | {"note": "half resolution"}])
    page = results_page(table.parent)
    assert "| ours | – | – | – | – | – | 1.00 | 2.0 GB | half resolution |" in page
    pretrained = next(line for line in page.splitlines() if "| pretrained | 0.9788" in line)
    assert pretrained.replace("pretrained", "ours") in page


def test_epochs_to_the_lower_of_two_best_dice_are_counted_by_seed(table: Path) -> None:
    page = results_page(table.parent)
    # The bests are 0.68 (mean of 0.70 and 0.66) and 0.69; the second seed never reaches 0.68.
    assert "| scratch | pretrained | 0.6800 | 4, > 4 | 2 |" in page
    assert "| scratch | R101 | – | – | not run |" in page


def test_a_gain_is_said_by_both_ways_of_scoring(table: Path) -> None:
    page = results_page(table.parent)
    # 0.9788 over the mean of 0.9788 and 0.5; the thresholded map's is the same in every run.
    assert "| pretrained | scratch | 1, 2 | +0.2394 (+32.4 %) | +0.0000 (+0.0 %) |" in page
    assert "| R101 | scratch | – | not run | not run |" in page


def test_the_best_of_several_experiments_is_named_with_those_not_run(
    table: Path, slim: Report
) -> None:
    page = results_page(table.parent)
    # 0.7 both: the first is named.
    assert "Of 2 tiny experiments scratch has the highest validation mIoU, 0.7000 ± 0.0000" in page
    assert "Not run: R101." in page
    make_run(table / "r0", slim.results[0], seed=0, dice={1: 0.5})
    log = table / "r0" / "metrics.csv"
    log.write_text(log.read_text().replace("0.5,0.7", "0.5,0.75"))
    page = results_page(table.parent)
    assert "Of 3 tiny experiments R101 has the highest validation mIoU, 0.7500; on test" in page
    assert "Not run" not in page


def test_pretrainings_have_a_table_without_test_scores(table: Path, slim: Report) -> None:
    make_run(table / "synthetic", slim.results[0], seed=0, dice={}, cost={"seconds": 5400.0})
    (table / "synthetic" / "test.json").unlink()
    rows = [
        {"experiment": "segmenter", "runs": ["synthetic"], "note": "480 synthetic images"},
        {"experiment": "classifier", "runs": ["classifier"]},
    ]
    edit(table, pretrainings=rows)
    page = results_page(table.parent)
    assert "| segmenter | 4 | 0.2500 | – | 1.50 | – | 480 synthetic images |" in page
    assert "| classifier | not run | – | – | – | – | not run yet |" in page


def test_curves_that_were_drawn_are_linked(table: Path) -> None:
    assert "Curves:" not in results_page(table.parent)
    (table / "stride8.png").write_bytes(b"")
    page = results_page(table.parent)
    assert "Curves: [stride8](../results/published/stride8.png)." in page


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"gains": [{"of": "R102", "over": "scratch"}]}, "no experiment called 'R102'"),
        ({"best": {"of": ["R102"], "called": "it"}}, "no experiment called 'R102'"),
        ({"pretrainings": [{"experiment": "x", "runs": ["half"]}]}, "half.config.toml: cannot"),
    ],
)
def test_nothing_is_left_out_silently(table: Path, changes: dict[str, Any], message: str) -> None:
    (table / "half").mkdir()
    edit(table, **changes)
    with pytest.raises(UsageError, match=message):
        results_page(table.parent)


def test_experiments_on_different_images_do_not_share_a_table(table: Path, slim: Report) -> None:
    val = read_report(SLIM / "val.json")
    (table / "p0" / "test.json").write_bytes(to_json(val))
    with pytest.raises(UsageError, match="different images"):
        results_page(table.parent)
