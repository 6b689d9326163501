"""One photograph from its file to its mask's file, stage by stage."""

from dataclasses import replace
from pathlib import Path
from time import perf_counter

from venule.bench.clock import Stages
from venule.files.atomic import write_bytes
from venule.image.arrays import FloatMap
from venule.image.encode import encode_levels, encode_strips
from venule.image.fov import find_fov
from venule.image.io import write_png
from venule.image.photograph import read_photograph
from venule.inference.segment import Segmenter
from venule.quality.assess import assess
from venule.viz.overlay import overlay_strips

STAGES = ("decode", "fov", "preprocess", "network", "restore", "write")
"""Of `total`, in their order; "restore" is all that comes after the network but the file."""

OTHERS = ("quality", "probability", "overlay")
"""Not summed up in `total`: grading the photograph, which is a part of "restore", and what else
`venule predict` can save, made and written."""


def file_to_mask(
    source: Path, target: Path, segmenter: Segmenter, *, others: bool = False
) -> Stages:
    """Seconds of every stage and in `total`, of `OTHERS` too if asked; writes PNG at `target`.

    This is the path that `venule predict` takes: the same `segment`, watched where it calls the
    network.
    """
    calls: list[tuple[float, float]] = []

    def run(pixels: FloatMap) -> FloatMap:
        started = perf_counter()
        logits = segmenter.run(pixels)
        calls.append((started, perf_counter()))
        return logits

    began = perf_counter()
    image = read_photograph(source).pixels
    decoded = perf_counter()
    fov = find_fov(image)
    framed = perf_counter()
    prediction = replace(segmenter, run=run).segment(image, fov=fov)
    found = prediction.vessel_map
    vessels = prediction.vessels
    segmented = perf_counter()
    write_png(target, vessels)
    written = perf_counter()
    network = sum(end - start for start, end in calls)
    seconds = {
        "decode": decoded - began,
        "fov": framed - decoded,
        "preprocess": calls[0][0] - framed,
        "network": network,
        "restore": segmented - calls[0][0] - network,
        "write": written - segmented,
        "total": written - began,
    }
    if others:
        started = perf_counter()
        assess(image, fov, found.levels, threshold=found.threshold)
        graded = perf_counter()
        write_bytes(target, encode_levels(found.levels))
        between = perf_counter()
        shape = (image.shape[0], image.shape[1])
        write_bytes(target, encode_strips(shape, overlay_strips(image, vessels)))
        seconds |= {
            "quality": graded - started,
            "probability": between - graded,
            "overlay": perf_counter() - between,
        }
    return seconds
