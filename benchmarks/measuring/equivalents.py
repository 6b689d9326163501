"""Central retinal equivalents from predicted arteries and veins, and from an expert's."""

import argparse
import sys
from dataclasses import replace
from typing import Any

import numpy as np

from measuring.observers import agreement_of, selected
from measuring.statistics import Values
from venule.analysis.analyse import Analysis, Networks, analyse
from venule.analysis.marks import LANDMARKS, TYPES
from venule.analysis.measuring import measure_analysis
from venule.data.sample import load_annotated
from venule.data.truth import ARTERY, VEIN, GroundTruth
from venule.image.levels import LARGEST
from venule.inference.load import load
from venule.inference.prediction import ProbabilityMap

COLUMNS = (
    "artery_cre_knudtson_zone_b_px",
    "vein_cre_knudtson_zone_b_px",
    "avr_knudtson_zone_b",
)
SIX = 6
"""Number of vessels of each type that an equivalent should use (Knudtson et al. 2003)."""


def equivalents(given: argparse.Namespace) -> dict[str, Any]:
    """Agreement of predicted with an expert's arteries and veins, in the same zone B.

    Vessels, types and disc are predicted as by `venule predict`; the expert's map replaces the
    first two, around the same disc.
    """
    selection = selected(given, ["general"], protocol=given.protocol, expert="av")
    networks, drawn, found = Networks(load("general")), {}, {}
    for case in selection.cases[:: given.every]:
        _, truth = load_annotated(case, expert="av")
        analysis = analyse(case.image, networks, steps=(LANDMARKS, TYPES))
        found[case.id] = measure_analysis(analysis).values
        drawn[case.id] = measure_analysis(by_expert(analysis, truth)).values
        print(f"{selection.dataset} {case.id}", file=sys.stderr)  # noqa: T201
    agreed = {
        "photographs": len(found),
        "six_of_each": {
            name: sum(has_six(one) for one in values.values()) / len(values)
            for name, values in (("drawn", drawn), ("found", found))
        },
        "measures": [row for row in agreement_of(drawn, found) if row["column"] in COLUMNS],
    }
    return {f"{selection.dataset} {selection.split}": agreed}


def by_expert(analysis: Analysis, truth: GroundTruth) -> Analysis:
    """The analysis with an expert's arteries and veins; its vessels are their union."""
    artery, vein = truth.plane(ARTERY), truth.plane(VEIN)
    planes = {"vessel": artery | vein, ARTERY: artery, VEIN: vein}
    none = np.empty(0, np.intp)
    maps = {
        name: ProbabilityMap(np.where(plane, LARGEST, 0).astype(np.uint16), 0.5, none)
        for name, plane in planes.items()
    }
    return replace(analysis, prediction=replace(analysis.prediction, maps=maps))


def has_six(values: Values) -> bool:
    """True if both equivalents use six vessels."""
    counts = (values.get(f"{name}_cre_knudtson_zone_b_n") for name in ("artery", "vein"))
    return all(count is not None and count >= SIX for count in counts)
