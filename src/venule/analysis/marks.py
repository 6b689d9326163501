"""Analysis steps that classify arteries and veins, and locate the optic disc and the fovea."""

from collections.abc import Collection
from dataclasses import replace
from functools import lru_cache

import numpy as np

from venule.analysis.analyse import Analysis, Networks, Step
from venule.errors import UsageError
from venule.inference.load import load
from venule.inference.prediction import ProbabilityMap
from venule.inference.segment import Segmenter

TYPES_MODEL = "vessel-types"
LANDMARKS_MODEL = "landmarks"
"""The shipped networks used if none are given."""


def _types(analysis: Analysis, networks: Networks) -> Analysis:
    """Classify the vessel mask's pixels: adds the maps "artery" and "vein"."""
    # Imported here, because graphs are slow to import and other analyses do not need them.
    from venule.analysis.correction import correct_types
    from venule.vessels.trace import connect_vessels
    from venule.vessels.types import type_levels, vessel_types

    prediction = analysis.prediction
    if {"artery", "vein"} <= set(networks.vessels.record.class_names):
        return analysis  # the vessel network classifies them itself
    network = networks.types or _shipped(TYPES_MODEL, networks.threads)
    _require(network, ("artery", "vein"))
    typed = network.segment(analysis.photograph, fov=prediction.fov).maps
    artery, vein = (typed[name].probability for name in ("artery", "vein"))
    mask, reconnected = prediction.vessels, prediction.vessel_map.reconnected_at
    types = vessel_types(mask, artery, vein, connect_vessels(mask))
    levels = type_levels(types, artery, vein)
    maps = {
        name: ProbabilityMap(level, 0.5, reconnected[level.ravel()[reconnected] >= 2**15])
        for name, level in zip(("artery", "vein"), levels, strict=True)
    }
    named = {**analysis.other_models, **dict.fromkeys(maps, network.record.name)}
    found = replace(analysis, prediction=replace(prediction, maps={**prediction.maps, **maps}))
    found = replace(found, other_models=named)
    drawn = analysis.prediction.types if "types" in analysis.corrected else None
    if drawn is None:
        return found
    places = np.flatnonzero(drawn)  # drawn meanwhile
    return correct_types(found, places, drawn.ravel()[places])


def _landmarks(analysis: Analysis, networks: Networks) -> Analysis:
    """Locate disc and fovea, and derive the laterality: fills `landmarks`."""
    from venule.image.landmarks import find_landmarks, with_disc  # imported on demand

    network = networks.landmarks or _shipped(LANDMARKS_MODEL, networks.threads)
    _require(network, ("disc", "fovea"))
    fov = analysis.prediction.fov
    maps = network.segment(analysis.photograph, fov=fov).maps
    found = find_landmarks(
        maps["disc"].probability,
        maps["fovea"].probability,
        fov.mask,
        vessels=analysis.prediction.vessels,
        stated=analysis.photograph.laterality,
    )
    if "disc" in analysis.corrected and analysis.landmarks is not None:  # drawn meanwhile
        drawn = analysis.landmarks.disc
        found = with_disc(found, drawn, stated=analysis.photograph.laterality)
    named = {**analysis.other_models, "disc": network.record.name}
    return replace(analysis, landmarks=found, other_models=named)


def shipped_models(networks: Collection[str]) -> dict[str, str]:
    """`Analysis.other_models` where these shipped networks were used."""
    found = {"artery": TYPES_MODEL, "vein": TYPES_MODEL, "disc": LANDMARKS_MODEL}
    return {name: network for name, network in found.items() if network in networks}


@lru_cache
def _shipped(name: str, threads: int | None) -> Segmenter:
    return load(name, threads=threads)


def _require(network: Segmenter, classes: tuple[str, ...]) -> None:
    record = network.record
    if missing := [name for name in classes if name not in record.class_names]:
        raise UsageError(
            f"{record.name}: segments {', '.join(record.class_names)}, but not {missing[0]}; use "
            f"weights for {' and '.join(classes)}"
        )


TYPES = Step("types", _types, network=TYPES_MODEL, spared_by=("artery", "vein"))
"""Artery/vein classification: adds the maps "artery" and "vein"."""

LANDMARKS = Step("landmarks", _landmarks, network=LANDMARKS_MODEL)
"""Location of optic disc and fovea, and laterality: fills `landmarks`."""
