import importlib
import json
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from publish.speed_page import speed_page

ROOT = Path(__file__).parents[2]
CORES = {"computer": {"processor": "CPU", "cores": 2}, "versions": {"venule": "1"}}


@pytest.fixture
def scale(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    return importlib.import_module("scale")


@pytest.fixture
def throughput(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    return importlib.import_module("throughput")


def goals(page: str) -> dict[str, list[str]]:
    """The cells of the table of goals, by what the goal is about and where."""
    lines = page.split("## Goals", 1)[1].split("\n## ", 1)[0].splitlines()
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines if "|" in line]
    return {f"{row[0]} ({row[3]})": row for row in rows[2:]}


def row(name: str, runtime: str, *, seconds: float, ratio: float, added: float) -> dict[str, Any]:
    total = seconds + added
    return {
        "name": name,
        "runtime": runtime,
        "network": {"median": seconds, "q1": seconds, "q3": seconds},
        "ratio": {"median": ratio},
        "ratio_in_runtime": {"median": ratio},
        "file": {"network": {"median": seconds}, "total": {"median": total}},
        "fresh": {"peak_mb": 351.0, "seconds": 1.0},
    }


def test_the_page_is_what_the_result_files_say() -> None:
    page = (ROOT / "docs" / "speed.md").read_text(encoding="utf-8")
    assert page == speed_page(ROOT / "results")


def test_no_result_file_names_a_folder_of_this_computer() -> None:
    files = [*(ROOT / "results").rglob("*.json"), *(ROOT / "results").rglob("*.toml")]
    assert len(files) > 50
    for file in files:
        absolute = re.findall(r"""["' =](/[\w.-]+/[^"']*)""", file.read_text(encoding="utf-8"))
        assert absolute == [], file


def test_goals_against_w_net_are_held_against_its_share_of_the_yardstick(tmp_path: Path) -> None:
    rows = [
        row("yardstick", "ONNX Runtime 1, fp32", seconds=0.2, ratio=1.0, added=0.0),
        # A third of W-Net's 0.45 is 0.15 of the yardstick's time; W-Net itself is at 0.45.
        row("general", "ONNX Runtime 1, fp32", seconds=0.03, ratio=0.15, added=0.041),
        row("accurate", "ONNX Runtime 1, fp32", seconds=0.1, ratio=0.5, added=0.039),
    ]
    report = CORES | {"threads": 2, "repeat": 5, "rows": rows}
    (tmp_path / "bench.json").write_text(json.dumps(report))
    found = goals(speed_page(tmp_path))
    verdicts = {name.split(",")[0]: cells[-1] for name, cells in found.items()}
    where = ("`general`", "`accurate`")
    third = "`general` alone, as a multiple of one third of W-Net's ONNX Runtime time"
    assert found[f"{third} (`general`, ONNX Runtime 1, fp32)"][2:] == [
        "1.00 times",
        "`general`, ONNX Runtime 1, fp32",
        "met",
    ]
    whole = "`accurate` alone, as a multiple of W-Net's ONNX Runtime time"
    assert found[f"{whole} (`accurate`, ONNX Runtime 1, fp32)"][2] == "1.11 times"
    assert [verdicts[f"file to mask beyond the network ({one}"] for one in where] == [
        "missed",
        "met",
    ]
    assert verdicts["memory at its peak (`general`"] == "missed"
    assert verdicts["first result from a cold start (`general`"] == "met"


def test_large_photographs_have_goals_of_time_and_memory(tmp_path: Path) -> None:
    sizes = {(2336, 3504): (0.8, 999.0), (8660, 11547): (7.1, None)}
    rows = [
        {
            "model": "general",
            "runtime": "onnx",
            "size": size,
            "megapixels": size[0] * size[1] / 1e6,
            "peak_mb": peak,
            "peak_all_mb": peak,
            "first": {"total": seconds},
        }
        for size, (seconds, peak) in sizes.items()
    ]
    report = CORES | {"threads": 2, "rows": rows, "fits": []}
    (tmp_path / "scale.json").write_text(json.dumps(report))
    found = {name.split(" (")[0]: cells[-1] for name, cells in goals(speed_page(tmp_path)).items()}
    assert found == {
        "3504 x 2336, file to mask": "met",
        "3504 x 2336, memory at its peak": "met",
        "100 megapixels, file to mask": "missed",
        "100 megapixels, memory at its peak": "missed",  # not known is not met
    }


def test_measuring_has_goals_for_a_large_photograph_and_for_the_steps_before_it(
    tmp_path: Path,
) -> None:
    sizes = {"DRIVE": 0.4, "HRF": 4.9, "100 megapixels": 60}
    rows = [
        {
            "size": name,
            "pixels": [2336, 3504],
            "segments": 1234,
            "cpu_seconds": seconds,
            "peak_mb": 500,
            "peak_mb_before": 120,
        }
        for name, seconds in sizes.items()
    ]
    steps = {"none_s": 0.2, "types_s": 0.3, "landmarks_s": 0.06, "both_s": 0.41}
    report = CORES | {"threads": 2, "measuring": rows, "steps": steps}
    (tmp_path / "measure").mkdir()
    (tmp_path / "measure" / "cost.json").write_text(json.dumps(report))
    page = speed_page(tmp_path)
    found = {name.split(" (")[0]: cells[-1] for name, cells in goals(page).items()}
    assert found == {
        "measuring vessels, arteries and veins": "met",
        "arteries and veins, disc and fovea added at DRIVE's size": "missed",
    }
    assert "| 3504 x 2336 | 1,234 | 60.00 | 500 | 120 |" in page


def test_photographs_per_hour_are_compared_with_an_earlier_commit(tmp_path: Path) -> None:
    row = {"size": [584, 565], "model": "general", "workers": 2, "million_usd": 2.0}
    rows = [
        row | {"runtime": "onnx", "an_hour": 28_000, "before_an_hour": 20_000},
        row | {"runtime": "openvino", "an_hour": 18_000, "before_an_hour": 20_000},
    ]
    report = CORES | {"cores": 2, "usd_a_core_hour": 0.04, "before": "abc1234", "rows": rows}
    for name in ("throughput.json", "throughput-before.json"):
        (tmp_path / name).write_text(json.dumps(report))
    page = speed_page(tmp_path)
    assert "Against commit abc1234, in turns with it, 2 workers" in page
    assert "+40 % in onnx and -10 % in openvino (goal: +40 %)" in page


def test_what_was_not_measured_is_said_to_be_missing(tmp_path: Path) -> None:
    page = speed_page(tmp_path)
    assert "0 of 0 met" in page
    assert page.count("is missing") == 5


def test_sizes_are_4_to_3_and_hold_their_megapixels(scale: ModuleType) -> None:
    for megapixels in scale.MEGAPIXELS:
        rows, columns = scale.size_of(megapixels)
        assert columns / rows == pytest.approx(4 / 3, rel=0.01)
        assert rows * columns == pytest.approx(megapixels * 1e6, rel=0.01)


def test_the_line_through_exact_costs_has_no_departure_and_a_step_has_one(
    scale: ModuleType,
) -> None:
    # 0.1 s and 0.05 s a megapixel.
    found = scale.line([1, 10, 100], [0.15, 0.6, 5.1])
    assert found["constant_s"] == pytest.approx(0.1)
    assert found["s_per_megapixel"] == pytest.approx(0.05)
    assert found["largest_departure"] == pytest.approx(0, abs=1e-9)
    assert scale.line([1, 10, 50, 100], [0.15, 0.6, 2.6, 10.2])["largest_departure"] > 0.2


def test_a_million_photographs_cost_all_cores_for_as_long_as_they_take(
    throughput: ModuleType,
) -> None:
    # 10,000 an hour: 100 hours of two cores at 0.04 USD.
    assert throughput.cost_of_a_million(10_000, cores=2, price=0.04) == pytest.approx(8.0)
    assert throughput.cost_of_a_million(10_000, cores=2, price=0.01) == pytest.approx(2.0)
