"""The page on repeatability of the measurements, and its table in the package.

The figures come from `benchmarks/measure.py`.
"""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from publish.measurements_page import FOLDER
from venule.evaluation.report import markdown
from venule.measure.definitions import STRUCTURES

PAGE = "repeatability.md"

Json = Mapping[str, Any]

WHY = {
    "area": "the same pixels",
    "arcs": "sums steps of 1 and 1.41 px along skeleton pieces longer than 10 px; a "
    "staircase is longer than the line. (What PVBM calls length is the sum of chords.)",
    "tortuosity": "the same steps over the chord: a straight line off the grid has up to 1.08",
    "angle": "most of its angles are between parent and daughter (150 degrees here), along chords "
    "near the fork, where the skeleton bends",
    "endpoints": "counts spurs of the skeleton as ends",
    "intersections": "counts pixels with three neighbours, several at each fork",
    "d0": "boxes of 5 px to 0.6 of the frame on one grid; ours glide, 1/128 to 1/16 of the field",
    "d1": "the same boxes",
    "d2": "the same boxes",
    "crae": "diameters of skeleton pieces",
}
"""The reasons why PVBM's values differ, by its names."""

QUESTIONS = ("retest", "observers", "predicted", "equivalents", "drift", "pvbm")

FOLDERS = (FOLDER, "general-split")
"""Folders of the results; the second for photographs that `general` was trained on."""

GOOD, POOR = 0.75, 0.5
"""ICC from which a measure is repeatable, or agrees with annotators, and below which it is not."""

DISAGREES = "†"
"""The mark of a repeatable measure that in some data set does not agree with an annotator."""

Agreement = Mapping[str, float]
"""ICC(2,1) of a network with an annotator, by data set."""


def repeatability_page(folder: Path) -> str:
    """Write the text of docs/repeatability.md."""
    lines = ["# Which measurements are repeatable", ""]
    found: dict[str, Json] = {}
    for name in QUESTIONS:
        files = [path for one in FOLDERS for path in sorted((folder / one).glob(f"{name}*.json"))]
        for path in files:
            found[name] = {**found.get(name, {}), **json.loads(path.read_text(encoding="utf-8"))}
    lines += [*_verdict(found), "", "Written by `make results`; do not edit.", ""]
    parts = (_retest, _observers, _predicted, _equivalents, _drift, _pvbm)
    for name, part in zip(QUESTIONS, parts, strict=True):
        if name in found:
            lines += [*part(found[name]), ""]
    return "\n".join(lines).rstrip() + "\n"


def package_table(folder: Path) -> str:
    """Write the text of the package's own table: the repeatability of each measure, by column."""
    path = folder / FOLDER / "retest.json"
    report = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {"whole_field": []}
    table = {
        row["column"]: {"icc": row["icc"], "cv": row["cv"], "change": row["sdc_over_mean"]}
        for row in report["whole_field"]
        if all(_known(row[name]) for name in ("icc", "cv", "sdc_over_mean"))
    }
    return json.dumps(table, indent=1) + "\n"


def _verdict(found: Mapping[str, Json]) -> Iterator[str]:
    if "retest" not in found:
        yield (
            "Not known yet: repetition has not been measured. "
            "`python benchmarks/measure.py retest RESULTS` does it."
        )
        return
    rows = {row["column"]: row["icc"] for row in found["retest"]["whole_field"]}
    rows = {name: icc for name, icc in rows.items() if _known(icc) and _whole_or_equivalent(name)}
    good = [name for name, icc in rows.items() if icc >= GOOD]
    poor = sum(icc < POOR for icc in rows.values())
    yield (
        f"Of {len(rows)} measures of the whole field, on repeat photographs of the same eye, "
        f"**{len(good)} are repeatable** (**ICC(1,1) at least {GOOD}**), "
        f"{len(rows) - len(good) - poor} only for groups, not for one eye, and {poor} are not (ICC "
        f"below {POOR}, in brackets). The most repeatable come first; measures of zones are in the "
        "next table."
    )
    agreement = _by_column(found)
    yield from ("", _compared(good, agreement))
    yield ""
    yield (
        "Tortuosity and inflections depend on resolution: compare them only within one camera and "
        "image size (see [altered masks](#altered-masks))."
    )
    yield ""
    yield from markdown(_by_structure(rows, agreement), words=(0, -1))
    ratios = [name for name in rows if name.split("_")[0] not in STRUCTURES]
    if ratios:
        listed = ", ".join(
            f"`{name}` {_judged(rows[name], agreement.get(name))}" for name in ratios
        )
        yield from ("", f"Arteries to veins: {listed}.")


def _compared(good: Sequence[str], agreement: Mapping[str, Agreement]) -> str:
    """Numbers of repeatable measures that were compared with annotators, and that disagree."""
    compared = [name for name in good if name in agreement]
    differ = sum(min(agreement[name].values()) < POOR for name in compared)
    return (
        "**Repeatable is not right: a network repeats its errors too.** The last column has its "
        "agreement with an annotator (ICC(2,1), the lowest for each data set): of the "
        f"{len(good)} repeatable measures {len(compared)} were compared, and **{differ} disagree "
        f"in at least one data set** ({DISAGREES}, an ICC below {POOR}). An ICC is low, too, where "
        "the eyes hardly differ, or where [two annotators](#two-annotators) do not agree either; "
        "the tables below have bias and limits."
    )


def _by_column(found: Mapping[str, Json]) -> Mapping[str, Agreement]:
    """The agreement of predicted with annotated vessels, the lowest of any network, by column."""
    lowest: dict[str, dict[str, float]] = {}
    for question in ("predicted", "equivalents"):
        for name, report in found.get(question, {}).items():
            dataset = name.split()[0]
            for row in report["measures"]:
                if _known(row["icc"]):
                    iccs = lowest.setdefault(row["column"], {})
                    iccs[dataset] = min(row["icc"], iccs.get(dataset, 1.0))
    return lowest


def _by_structure(rows: Mapping[str, float], agreement: Mapping[str, Agreement]) -> list[list[str]]:
    """A table of ICCs: one row per measure, one column per structure, the largest mean first.

    The last column is the agreement with annotators of the structures that are repeatable.
    """
    found: dict[str, dict[str, float]] = {}
    for column, icc in rows.items():
        structure, _, name = column.partition("_")
        if structure in STRUCTURES:
            found.setdefault(name, {})[structure] = icc
    names = sorted(found, key=lambda name: -sum(found[name].values()) / len(found[name]))
    table = [["measure", *STRUCTURES, "network and annotator"]]
    for name in names:
        cells, agreed = [], []
        for structure in STRUCTURES:
            repeated, known = found[name].get(structure), agreement.get(f"{structure}_{name}")
            cells.append("–" if repeated is None else _judged(repeated, known))
            if known and repeated is not None and repeated >= GOOD:
                listed = ", ".join(f"{dataset} {_judged(icc)}" for dataset, icc in known.items())
                agreed.append(f"{structure}: {listed}")
        table.append([f"`{name}`", *cells, "; ".join(agreed)])
    return table


def _judged(icc: float, agreement: Agreement | None = None) -> str:
    """An ICC: bold if the measure is repeatable, in brackets if not; marked if only that."""
    text = _number(icc)
    if icc < GOOD:
        return f"({text})" if icc < POOR else text
    differs = agreement is not None and min(agreement.values()) < POOR
    return f"**{text}**{f' {DISAGREES}' if differs else ''}"


def _whole_or_equivalent(name: str) -> bool:
    return "_zone_" not in name or "_cre_" in name or name.startswith("avr")


def _retest(report: Json) -> Iterator[str]:
    yield from ["## Photographs of the same eye", ""]
    rejected, lost = len(report["rejected"]), len(report["not_registered"])
    typed = any(row["column"].startswith("artery") for row in report["whole_field"])
    types = ", arteries and veins by `vessel-types`, discs by `landmarks`" if typed else ""
    shared = max((row["eyes"] for row in report["common_field"]), default=0)
    yield (
        f"RIDB: {report['photographs']} photographs of {report['eyes']} eyes, at most "
        f"{report['each']} of each, masks by `general`{types}; "
        f"{rejected} were left out as graded `reject`. Measured in the whole field, which differs "
        f"between the photographs of an eye, and, for all vessels of {shared} eyes, in the field "
        "common to them (whose size, and with it areas and counts, differs between eyes), "
        "found by registering the vessels of four photographs to those of the "
        f"first by a similarity transform ({lost} could not be registered). "
        "CV is the within-eye coefficient of variation; SDC the smallest detectable change between "
        "two single measurements, over the mean. With twenty eyes, an ICC of 0.75 is known to "
        "about 0.15. By `venule predict RIDB -o RESULTS --save mask,av,disc` and `python "
        "benchmarks/measure.py retest RESULTS`."
    )
    yield ""
    common = {row["column"]: row for row in report["common_field"]}
    table = [["measure", "mean", "ICC(1,1)", "CV", "SDC", "ICC, common field", "CV", "SDC"]]
    for row in report["whole_field"]:
        other = common.get(row["column"], {})
        cells = [_number(row["mean"], 4), _number(row["icc"]), _share(row["cv"])]
        cells += [_share(row["sdc_over_mean"]), _number(other.get("icc"))]
        cells += [_share(other.get("cv")), _share(other.get("sdc_over_mean"))]
        table.append([f"`{row['column']}`", *cells])
    yield from markdown(table, words=(0,))


def _observers(report: Json) -> Iterator[str]:
    yield from ["## Two annotators", ""]
    yield (
        "The same photographs annotated by two people. ICC(2,1) for absolute agreement; "
        "Bland-Altman bias and 95 % limits of agreement, second minus first; Spearman's "
        "correlation. By `python benchmarks/measure.py observers DATA`."
    )
    yield from _agreement(report)


def _predicted(report: Json) -> Iterator[str]:
    yield from ["## A network and an annotator", ""]
    yield (
        "The first annotator's masks, in the data set's field of view, and a network's, in the one "
        "that it finds; bias and limits are network minus annotator. `general` was trained on all "
        "of CHASE_DB1 and HRF: these are measured with `general-split`, its network "
        "trained on the training halves alone. By `python benchmarks/measure.py predicted "
        "DATA/DRIVE` and `python tools/reproduce.py general-split`; accesses to "
        "test images are recorded."
    )
    yield from _agreement(report)


def _equivalents(report: Json) -> Iterator[str]:
    yield from ["## Predicted arteries and veins, and an expert's", ""]
    yield (
        "Central retinal equivalents in zone B around the disc found by `landmarks`: from the "
        "vessels of `general` with types by `vessel-types`, and from an expert's map instead; "
        "bias and limits are prediction minus expert. `general` was trained on HRF's "
        "vessels. By `python benchmarks/measure.py equivalents DATA/RITE`, and `DATA/HRF "
        "--protocol av --every 3`; accesses to test images are recorded."
    )
    yield from _agreement(report)


def _agreement(report: Json) -> Iterator[str]:
    for name, found in report.items():
        six = found.get("six_of_each")
        shares = ""
        if six is not None:
            drawn, seen = (f"{six[name]:.0%}" for name in ("drawn", "found"))
            shares = (
                f" (six arteries and six veins: {drawn} of the expert's, {seen} of the predicted)"
            )
        yield from ["", f"{name}, {found['photographs']} photographs{shares}:", ""]
        table = [["measure", "mean", "ICC(2,1)", "bias", "limits", "Spearman"]]
        for row in found["measures"]:
            low, high = row["limits"]
            limits = f"{low:.3g} to {high:.3g}"
            cells = [_number(row["mean"], 4), _number(row["icc"]), _share(row["bias_over_mean"])]
            table.append([f"`{row['column']}`", *cells, limits, _number(row["spearman"])])
        yield from markdown(table, words=(0,))


def _drift(report: Json) -> Iterator[str]:
    yield from ["## Altered masks", ""]
    yield (
        f"Median ratio of the altered to the original mask's value over {report['photographs']} "
        "manual masks; lengths at half the resolution are multiplied by 2. By `python "
        "benchmarks/measure.py drift DATA`."
    )
    yield ""
    changes = report["changes"]
    columns = list(next(iter(changes.values())))
    table = [["measure", *changes]]
    for column in columns:
        cells = [_number(found.get(column), 3) for found in changes.values()]
        table.append([f"`{column}`", *cells])
    yield from markdown(table, words=(0,))


def _pvbm(report: Json) -> Iterator[str]:
    yield from ["## Another tool on the same masks", ""]
    yield (
        f"PVBM {report['version']} (in a separate environment) over venule on "
        f"{report['photographs']} manual masks of CHASE_DB1: median ratio, smallest and largest; "
        "and both tools' median errors on drawings of known geometry. By `python "
        "benchmarks/measure.py pvbm DATA --python PYTHON`."
    )
    yield ""
    table = [["measure", "PVBM / venule", "drawing", "error, venule", "error, PVBM", "why"]]
    for row in report["rows"]:
        ratio = ""
        if "ratio" in row:
            ratio = f"{row['ratio']:.3g} ({row['least']:.3g} to {row['largest']:.3g})"
        drawn = row["drawn"] or [None]
        for place, one in enumerate(drawn):
            first = [f"`{row['column']}`", ratio] if place == 0 else ["", ""]
            cells = ["", "", ""] if one is None else _errors(one)
            table.append([*first, *cells, WHY[row["pvbm"]] if place == 0 else ""])
    yield from markdown(table, words=(0, 1, 2, 5))


def _errors(one: Json) -> list[str]:
    tools = (one["venule"], one["pvbm"])
    shown = [_share(error) if one["relative"] else _number(error, 3) for error in tools]
    return [one["drawing"], *shown]


def _known(value: float | None) -> bool:
    return value is not None and not math.isnan(value)


def _number(value: float | None, digits: int = 2) -> str:
    if value is None or math.isnan(value):
        return "–"
    return f"{value:.2f}" if digits == 2 else f"{value:.{digits}g}"


def _share(value: float | None) -> str:
    return "–" if value is None or math.isnan(value) else f"{100 * value:.1f} %"
