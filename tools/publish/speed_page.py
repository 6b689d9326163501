"""The page of speed, from the files of `benchmarks/`: goals with results, then tables."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from publish.measurements_page import FOLDER
from publish.speed_goals import (
    measuring_goals,
    network_goals,
    scale_goals,
    start_goals,
    wnet_share,
)
from venule.evaluation.report import markdown

PAGE = "speed.md"

FILES = {
    "bench": "bench.json",
    "tied": "bench-tied.json",
    "scale": "scale.json",
    "throughput": "throughput.json",
    "before": "throughput-before.json",
    "startup": "startup.json",
    "measuring": f"{FOLDER}/cost.json",
}
"""The result file of each section."""

INTRODUCTION = """\
# Speed

Written by `make results` from files in `results/`; do not edit. All photographs are synthetic
JPEGs. Two threads on the computer named below unless stated otherwise; times on other computers
differ, ratios less so. `python tools/reproduce.py benchmarks` repeats the measurements; run it on
an idle computer.

The yardstick is a plain residual U-Net at half resolution (2.2 M parameters: the former network of
`accurate` with random weights, and without its preprocessing). W-Net, the fastest peer, was timed
once, interleaved with it: 0.45 of its time in ONNX Runtime (fp32) and 0.68 in OpenVINO (bf16); no
file of this is kept. These ratios stand for W-Net here.
"""

Json = Mapping[str, Any]


def speed_page(folder: Path) -> str:
    """Generate the text of docs/speed.md; missing measurements are noted."""
    found = {
        name: json.loads(path.read_text(encoding="utf-8"))
        for name, file in FILES.items()
        if (path := folder / file).exists()
    }
    goals = [
        *(network_goals(found["bench"]) if "bench" in found else ()),
        *(scale_goals(found["scale"]) if "scale" in found else ()),
        *(start_goals(found["startup"]) if "startup" in found else ()),
        *(measuring_goals(found["measuring"]) if "measuring" in found else ()),
    ]
    met = sum(goal.met for goal in goals)
    header = ["goal", "at most", "measured", "where", ""]
    lines = [INTRODUCTION, "## Goals", "", f"{met} of {len(goals)} met.", ""]
    lines += markdown([header, *(goal.cells() for goal in goals)], words=(0, 3, 4))
    if "bench" in found:
        lines += ["", *_accurate_like_for_like(found["bench"])]
    if "tied" in found:
        lines += ["", *_tied(found["tied"])]
    sections = {
        "bench": _bench,
        "scale": _scale,
        "throughput": _throughput,
        "startup": _startup,
        "measuring": _measuring,
    }
    for name, section in sections.items():
        lines += [""]
        if name in found:
            lines += section(found[name])
            if name == "throughput" and "before" in found:
                lines += ["", *_before(found["before"])]
        else:
            lines += [f"`results/{FILES[name]}` is missing: not measured with this version."]
    return "\n".join(lines) + "\n"


def _accurate_like_for_like(bench: Json) -> Iterator[str]:
    """Compare `accurate` with W-Net in the same runtime, for which there is no goal."""
    found = [
        f"{row['ratio_in_runtime']['median'] / share:.1f} times W-Net's time in {row['runtime']}"
        for row in bench["rows"]
        if row["name"] == "accurate" and (share := wnet_share(row["runtime"])) is not None
    ]
    if found:
        yield f"In the same runtime `accurate` takes {' and '.join(found)}."
        yield "OpenVINO is an extra (`pip install '.[openvino]'`); ONNX Runtime is always there."


def _tied(bench: Json) -> Iterator[str]:
    """State that `accurate`'s rows are of its former network, and what today's takes."""
    found = [
        f"{row['ratio_in_runtime']['median']:.2f} of the yardstick's time in {row['runtime']}"
        for row in bench["rows"]
        if row["name"] == "accurate"
    ]
    yield "The rows of `accurate` on this page are of its former network. Today's, with tied"
    yield f"weights, takes {' and '.join(found)}, as that one"
    yield f"did, on a computer half as fast ([figures](../results/{FILES['tied']}))."


def _bench(bench: Json) -> list[str]:
    lines = ["## One photograph of DRIVE's size", ""]
    lines += [f"{_computer(bench)} {bench['repeat']} rounds.", ""]
    networks = [["network", "runtime", "alone, median ms", "quartiles", "of the yardstick's time"]]
    for row in bench["rows"]:
        time = row["network"]
        networks.append(
            [
                f"`{row['name']}`",
                row["runtime"],
                _ms(time["median"]),
                f"{_ms(time['q1'])}–{_ms(time['q3'])}",
                f"{row['ratio_in_runtime']['median']:.2f}",
            ]
        )
    ours = [row for row in bench["rows"] if row["file"]]
    stages = list(ours[0]["file"]) if ours else []
    files = [["file to mask, ms", "runtime", *stages]]
    for row in ours:
        times = [_ms(row["file"][stage]["median"]) for stage in stages]
        files.append([f"`{row['name']}`", row["runtime"], *times])
    lines += [*markdown(networks, words=(0, 1)), "", *markdown(files, words=(0, 1)), ""]
    lines += [
        "`quality` is a part of `restore`; `probability` and `overlay` are made and written beside",
        "the mask and not included in `total`.",
    ]
    return lines


def _scale(scale: Json) -> list[str]:
    lines = ["## By size", "", _computer(scale), ""]
    lines += [
        "Each row is a separate process. `first`: from file to mask for its first photograph;",
        "`again`: for the same photograph once more; probability map and overlay are extra.",
        "",
    ]
    table = [
        [
            "model",
            "runtime",
            "size",
            "megapixels",
            "first s",
            "again s",
            "probability s",
            "overlay s",
            "peak MB",
            "peak MB with both",
        ]
    ]
    for row in scale["rows"]:
        again = row.get("again", {})
        size = f"{row['size'][1]} x {row['size'][0]}"
        times = [again.get(stage) for stage in ("total", "probability", "overlay")]
        table.append(
            [
                row["model"],
                row["runtime"],
                size,
                f"{row['megapixels']:.1f}",
                _seconds(row["first"]["total"]),
                *map(_seconds, times),
                _whole(row["peak_mb"]),
                _whole(row["peak_all_mb"]),
            ]
        )
    lines += [*markdown(table, words=(0, 1)), ""]
    lines += ["Where the network's input no longer grows, a constant and a time per megapixel:", ""]
    fits = [["model", "runtime", "sizes", "constant s", "s per megapixel", "largest deviation"]]
    for fit in scale["fits"]:
        line = fit.get("again", fit.get("first"))
        fits.append(
            [
                fit["model"],
                fit["runtime"],
                str(fit["sizes"]),
                f"{line['constant_s']:.3f}",
                f"{line['s_per_megapixel']:.4f}",
                f"{100 * line['largest_departure']:.0f} %",
            ]
        )
    return [*lines, *markdown(fits, words=(0, 1))]


def _throughput(throughput: Json) -> list[str]:
    price, cores = throughput["usd_a_core_hour"], throughput["cores"]
    lines = ["## Photographs per hour, and the cost of a million", "", _computer(throughput), ""]
    lines += [
        "`venule predict FOLDER -o OUT --workers N`, masks only, start-up excluded. The cost is",
        f"that of {cores} cores for that time, at {price:g} USD per core-hour: an assumption, not",
        "a measurement.",
        "",
    ]
    table = [
        [
            "size",
            "model",
            "runtime",
            "workers",
            "photographs per hour",
            "hours for a million",
            "USD for a million",
        ]
    ]
    for row in throughput["rows"]:
        table.append(
            [
                f"{row['size'][1]} x {row['size'][0]}",
                row["model"],
                row["runtime"],
                str(row["workers"]),
                f"{row['an_hour']:,.0f}",
                f"{1e6 / row['an_hour']:,.0f}",
                f"{row['million_usd']:,.2f}",
            ]
        )
    return [*lines, *markdown(table, words=(0, 1, 2))]


def _before(throughput: Json) -> Iterator[str]:
    """Compare the photographs per hour with those of an earlier commit, measured in turns."""
    gains = [
        f"{100 * (row['an_hour'] / row['before_an_hour'] - 1):+.0f} % in {row['runtime']}"
        for row in throughput["rows"]
    ]
    workers = throughput["rows"][0]["workers"]
    yield f"Against commit {throughput['before']}, in turns with it, {workers} workers, photographs"
    yield f"of DRIVE's size: {' and '.join(gains)} (goal: +40 %), on {_computer(throughput)}"


def _startup(startup: Json) -> list[str]:
    lines = [
        "## Start",
        "",
        f"Python {startup['python']}, {startup['runs']} whole processes each.",
        "",
    ]
    table = [["process", "least s", "median s", "largest s"]]
    for name, times in startup.items():
        if isinstance(times, dict):
            table.append(
                [f"`{name}`", *(f"{times[key]:.3f}" for key in ("min_s", "median_s", "max_s"))]
            )
    return [*lines, *markdown(table)]


def _measuring(cost: Json) -> list[str]:
    lines = ["## Measuring", "", _computer(cost), ""]
    lines += [
        "Every measure of the vessel, artery and vein masks of a synthetic photograph with its",
        "disc, in a separate process on one thread. Memory before: the program and the masks.",
        "",
    ]
    table = [["size", "vessel segments", "processor s", "peak MB", "peak MB before"]]
    for row in cost["measuring"]:
        size = f"{row['pixels'][1]} x {row['pixels'][0]}"
        memory = (_whole(row[name]) for name in ("peak_mb", "peak_mb_before"))
        table.append([size, f"{row['segments']:,}", _seconds(row["cpu_seconds"]), *memory])
    lines += [*markdown(table), ""]
    steps = cost["steps"]
    return [
        *lines,
        f"At DRIVE's size vessels take {_seconds(steps['none_s'])} s; arteries and veins "
        f"{_seconds(steps['types_s'])} s more, disc and fovea {_seconds(steps['landmarks_s'])} s, "
        f"both {_seconds(steps['both_s'])} s.",
    ]


def _computer(report: Json) -> str:
    machine, versions = report["computer"], report["versions"]
    threads = f"; threads: {report['threads']}" if "threads" in report else ""
    named = ", ".join(f"{name} {versions[name]}" for name in versions if name != "torch")
    return f"{machine['processor']}, {machine['cores']} cores{threads}; {named}."


def _ms(seconds: float) -> str:
    return f"{1000 * seconds:.1f}"


def _seconds(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"


def _whole(value: float | None) -> str:
    return "–" if value is None else f"{value:.0f}"
