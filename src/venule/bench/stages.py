"""Processing of one photograph from its file to the mask file, timed by stage."""

from dataclasses import replace
from pathlib import Path
from time import perf_counter

from venule.analysis.analyse import analyse
from venule.analysis.outputs import OUTPUTS
from venule.bench.clock import Stages
from venule.files.atomic import write_bytes
from venule.image.arrays import FloatMap
from venule.image.fov import find_fov
from venule.image.photograph import read_photograph
from venule.inference.segment import Segmenter
from venule.quality.assess import assess

STAGES = ("decode", "fov", "preprocess", "network", "restore", "write")
"""Stages included in `total`, in order; "restore" is all between network and file."""

OTHERS = ("quality", "probability", "overlay")
"""Not included in `total`: grading the photograph, which is part of "restore", and the other
outputs that `venule predict` can save, created and written."""


def file_to_mask(
    source: Path, target: Path, segmenter: Segmenter, *, others: bool = False
) -> Stages:
    """Seconds of every stage and in `total`, optionally of `OTHERS`; writes PNG to `target`.

    This is the code path of `venule predict`: the same `analyse`, instrumented around the network
    call.
    """
    calls: list[tuple[float, float]] = []

    def run(pixels: FloatMap) -> FloatMap:
        started = perf_counter()
        logits = segmenter.run(pixels)
        calls.append((started, perf_counter()))
        return logits

    began = perf_counter()
    photograph = read_photograph(source)
    decoded = perf_counter()
    fov = find_fov(photograph.pixels)
    framed = perf_counter()
    analysis = analyse(photograph, replace(segmenter, run=run), fov=fov)
    analysed = perf_counter()
    write_bytes(target, OUTPUTS["mask"].encode(analysis))
    written = perf_counter()
    network = sum(end - start for start, end in calls)
    seconds = {
        "decode": decoded - began,
        "fov": framed - decoded,
        "preprocess": calls[0][0] - framed,
        "network": network,
        "restore": analysed - calls[0][0] - network,
        "write": written - analysed,
        "total": written - began,
    }
    if others:
        found = analysis.prediction.vessel_map
        started = perf_counter()
        assess(photograph.pixels, fov, found.levels, threshold=found.threshold)
        graded = perf_counter()
        write_bytes(target, OUTPUTS["prob"].encode(analysis))
        between = perf_counter()
        write_bytes(target, OUTPUTS["overlay"].encode(analysis))
        seconds |= {
            "quality": graded - started,
            "probability": between - graded,
            "overlay": perf_counter() - between,
        }
    return seconds
