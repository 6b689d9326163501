"""How far measurements of vessels can be trusted: against geometry, observers and repetition.

    python benchmarks/measure.py proof [-o FILE.json] [--every N]
    python benchmarks/measure.py retest RESULTS [-o FILE.json] [--workers N] [--whole-only]
    python benchmarks/measure.py observers DATA [-o FILE.json]
    python benchmarks/measure.py drift DATA [-o FILE.json]

`proof` measures drawn vessels of known geometry (`venule.synth.known`). `retest` takes what
`venule predict` wrote of RIDB, 20 eyes of five photographs each, in the whole field and
in the field that the five have in common. `observers` compares the two annotators of DRIVE's test
part and of CHASE_DB1; no network is asked. `drift` measures manual masks of DRIVE's training part
and CHASE_DB1 made wider, narrower, smaller and rougher.
"""

import argparse
import csv
import json
import math
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import scipy.ndimage as ndi
from numpy.typing import NDArray
from PIL import Image
from scipy.optimize import minimize
from scipy.stats import rankdata

from venule.analysis.mask_files import MaskFiles, find_masks, load
from venule.image.arrays import Mask
from venule.image.io import read_mask
from venule.measure.columns import all_columns
from venule.measure.photograph import VesselMasks, measure_photograph
from venule.measure.scale import Scale
from venule.measure.view import Disc
from venule.synth.known import known_cases
from venule.synth.known_case import Known

Values = Mapping[str, float | None]
Numbers = NDArray[np.float64]
T = TypeVar("T")


def main() -> None:
    """Run one benchmark and write its result."""
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(required=True)
    for name, run, arguments in (
        ("proof", proof, ()),
        ("retest", retest, ("results",)),
        ("observers", observers, ("data",)),
        ("drift", drift, ("data",)),
    ):
        command = commands.add_parser(name)
        for argument in arguments:
            command.add_argument(argument, type=Path)
        command.add_argument(
            "-o", "--out", type=Path, default=Path("results/measure") / f"{name}.json"
        )
        command.add_argument("--every", type=int, default=1, help="only every Nth case")
        command.add_argument("--each", type=int, default=5, help="photographs of an eye, of retest")
        command.add_argument("--workers", type=int, default=1, help="processes, of retest")
        command.add_argument("--whole-only", action="store_true", help="of retest: no registration")
        command.set_defaults(run=run)
    given = parser.parse_args()
    result = given.run(given)
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


# ------------------------------------------------------------------- known geometry


def proof(given: argparse.Namespace) -> dict[str, Any]:
    """Errors of every measure on every family of drawn vessels, and over all of them."""
    found: dict[tuple[str, str], list[tuple[str, float, float]]] = defaultdict(list)
    cases = list(known_cases())[:: given.every]
    for number, case in enumerate(cases):
        values = measure_known(case)
        for column, truth in case.truth.items():
            value = values.get(column)
            measured = math.nan if value is None else float(value)
            found[case.family, column].append((case.group, measured, truth))
        print(f"[{number + 1}/{len(cases)}] {case.group}", file=sys.stderr)  # noqa: T201
    rows = [
        {"family": family, "column": column, **_errors(column, results)}
        for (family, column), results in found.items()
    ]
    columns: dict[str, list[float]] = defaultdict(list)
    for row in rows:
        if row["kind"] == "relative":
            columns[row["column"]].append(row["median"])
    medians = {column: float(np.median(values)) for column, values in columns.items()}
    return {
        "cases": len(cases),
        "every": given.every,
        "values": sum(len(results) for results in found.values()),
        "median_of_medians": float(np.median(list(medians.values()))),
        "by_family": rows,
    }


def measure_known(case: Known) -> Values:
    """What is measured on one drawing."""
    drawn = case.draw()
    masks = VesselMasks(vessels=drawn.vessels, artery=drawn.artery, vein=drawn.vein, fov=drawn.fov)
    disc = None if case.disc is None else Disc(*case.disc)
    scale = None if case.um_per_px is None else Scale(case.um_per_px, "drawn")
    return measure_photograph(masks, disc=disc, scale=scale, only=case.truth).values


def _errors(column: str, results: Sequence[tuple[str, float, float]]) -> dict[str, Any]:
    """Median and worst error: relative where there is a truth, else absolute, in its unit.

    Of calibre also the worst mean over the angles and places of one group, in pixels.
    """
    relative = all(truth != 0 for _, _, truth in results)
    misses = [(value - truth) / (truth if relative else 1) for _, value, truth in results]
    errors = np.abs(misses)
    found: dict[str, Any] = {
        "kind": "relative" if relative else "absolute",
        "values": len(results),
        "missing": int(np.isnan(errors).sum()),
        "median": _rounded(float(np.nanmedian(errors))),
        "worst": _rounded(float(np.nanmax(errors))),
        "worst_at": results[int(np.nanargmax(errors))][0],
        "worst_absolute": _rounded(max(abs(v - t) for _, v, t in results if not math.isnan(v))),
    }
    groups: dict[str, list[float]] = defaultdict(list)
    for group, value, truth in results:
        groups[group].append(value - truth)
    if "caliber_mean" in column and column.endswith("_px"):
        means = [abs(float(np.mean(values))) for values in groups.values()]
        found["worst_mean_of_a_group"] = _rounded(max(means))
    return found


# ------------------------------------------------------------------- repetition


def retest(given: argparse.Namespace) -> dict[str, Any]:
    """ICC(1,1), coefficient of variation and smallest detectable change of RIDB's photographs."""
    entries = {entry.id: entry for entry in find_masks(given.results)}
    grades = _grades(given.results / "report.csv")
    rejected = sorted(name for name in entries if grades.get(name) == "reject")
    every: dict[str, list[str]] = defaultdict(list)
    for name in sorted(entries):
        if name not in rejected:
            every[name.split("_")[1]].append(name)
    eyes = {eye: found[: given.each] for eye, found in every.items()}
    names = [name for eye in sorted(eyes, key=int) for name in eyes[eye]]
    with ProcessPoolExecutor(given.workers) as pool:
        whole = dict(
            zip(names, _told(names, pool.map(_whole, [entries[n] for n in names])), strict=True)
        )
        result: dict[str, Any] = {
            "photographs": len(names),
            "each": given.each,
            "eyes": len(eyes),
            "rejected": rejected,
            "not_registered": [],
            "whole_field": _repeatability(whole),
            "common_field": [],
        }
        if given.whole_only:
            return result
        groups = [[entries[name] for name in eyes[eye]] for eye in sorted(eyes, key=int)]
        common: dict[str, Values] = {}
        for found, failed in _told(sorted(eyes, key=int), pool.map(_common, groups)):
            common |= found
            result["not_registered"] += failed
    result["common_field"] = _repeatability(common)
    return result


def _whole(entry: MaskFiles) -> Values:
    return measure_photograph(load(entry).masks).values


def _common(entries: Sequence[MaskFiles]) -> tuple[dict[str, Values], list[str]]:
    """What is measured in the field that one eye's photographs share, and which do not share it."""
    masks = {entry.id: load(entry).masks for entry in entries}
    fields, failed = common_fields(masks)
    found = {}
    for name, field in fields.items():
        one = masks[name]
        inside = VesselMasks(vessels=one.vessels, fov=field, reconnected=one.reconnected)
        found[name] = measure_photograph(inside).values
    return found, failed


def _told(names: Sequence[str], results: Iterable[T]) -> Iterator[T]:
    for name, result in zip(names, results, strict=True):
        print(name, file=sys.stderr)  # noqa: T201
        yield result


def common_fields(masks: Mapping[str, VesselMasks]) -> tuple[dict[str, Mask], list[str]]:
    """Of each photograph the field that all those of its eye show, and those not registered.

    Each is registered to the first by a similarity transform of their vessels. The masks
    themselves are not resampled.
    """
    names = list(masks)
    first = names[0]
    transforms, failed = {first: np.array((0.0, 0.0, 0.0, 0.0))}, []
    for name in names[1:]:
        found = register(_of(masks[first]), _of(masks[name]))
        if found is None:
            failed.append(name)
        else:
            transforms[name] = found
    fields = {}
    for name in transforms:
        inside = np.asarray(masks[name].fov).copy()
        places = np.argwhere(inside).astype(float)
        in_first = _to_first(places, transforms[name], inside.shape)
        keep = np.ones(len(places), bool)
        for other in transforms:
            field = np.asarray(masks[other].fov)
            seen = np.rint(_from_first(in_first, transforms[other], field.shape)).astype(int)
            within = ((seen >= 0) & (seen < field.shape)).all(axis=1)
            seen = seen.clip(0, np.subtract(field.shape, 1))
            keep &= within & field[seen[:, 0], seen[:, 1]]
        inside[inside] = keep
        if inside.any():
            fields[name] = inside
    return fields, failed


def register(first: Mask, second: Mask) -> Numbers | None:
    """Shift (rows, columns), turn in radians and log of scale from the second to the first.

    Coarsely by correlation over turns and shifts at a quarter of the size, finely by the distance
    from the second's vessels to the first's. None if then less than a third of them lie within
    3 px, or the turn is above 20 degrees or the scale differs by a tenth.
    """
    small = [
        ndi.zoom(ndi.gaussian_filter(m.astype(np.float32), 4), 0.25, order=1)
        for m in (first, second)
    ]
    size = [2 * extent for extent in small[0].shape]
    reference = np.fft.rfft2(small[0] - small[0].mean(), size)
    best, start = -np.inf, np.zeros(4)
    for degrees in np.arange(-14, 14.1, 1.0):
        turned = ndi.rotate(small[1], degrees, reshape=False, order=1)
        correlation = np.fft.irfft2(
            reference * np.conj(np.fft.rfft2(turned - turned.mean(), size)), size
        )
        place = np.unravel_index(int(correlation.argmax()), correlation.shape)
        if correlation[place] > best:
            best = float(correlation[place])
            shift = [p - s if p > s / 2 else p for p, s in zip(place, size, strict=True)]
            start = np.array((4 * shift[0], 4 * shift[1], -math.radians(degrees), 0.0))
    away = np.minimum(ndi.distance_transform_edt(~first), 20.0)
    points = np.argwhere(second)[::17].astype(float)

    def cost(transform: Numbers) -> float:
        scaled = transform * (1, 1, 0.01, 0.01)
        at = _to_first(points, scaled, second.shape)
        return float(ndi.map_coordinates(away, at.T, order=1, mode="constant", cval=20.0).mean())

    steps = start * (1, 1, 100, 100)
    simplex = np.array([steps] + [steps + np.eye(4)[n] * (6, 6, 2, 1)[n] for n in range(4)])
    found = minimize(
        cost, steps, method="Nelder-Mead", options={"initial_simplex": simplex, "maxiter": 400}
    ).x * (1, 1, 0.01, 0.01)
    at = _to_first(points, found, second.shape)
    near = ndi.map_coordinates(away, at.T, order=1, mode="constant", cval=20.0) <= 3
    plausible = abs(found[2]) < 0.35 and abs(found[3]) < 0.1  # one camera, one eye
    return found if plausible and near.mean() > 1 / 3 else None


def _of(masks: VesselMasks) -> Mask:
    assert masks.vessels is not None
    return masks.vessels


def _to_first(points: Numbers, transform: Numbers, shape: Sequence[int]) -> Numbers:
    down, right, angle, log_scale = transform
    middle = (np.array(shape) - 1) / 2
    turned = _rotation(angle) * math.exp(log_scale)
    return np.asarray((points - middle) @ turned.T + middle + (down, right))


def _from_first(points: Numbers, transform: Numbers, shape: Sequence[int]) -> Numbers:
    down, right, angle, log_scale = transform
    middle = (np.array(shape) - 1) / 2
    back = _rotation(-angle) / math.exp(log_scale)
    return np.asarray((points - middle - (down, right)) @ back.T + middle)


def _rotation(angle: float) -> Numbers:
    return np.array(((math.cos(angle), -math.sin(angle)), (math.sin(angle), math.cos(angle))))


def _grades(report: Path) -> dict[str, str]:
    if not report.is_file():
        return {}
    with report.open(newline="", encoding="utf-8") as file:
        return {Path(row["path"]).stem: row.get("quality", "") for row in csv.DictReader(file)}


def _repeatability(found: Mapping[str, Values]) -> list[dict[str, Any]]:
    """Of each measure, over the eyes with at least two values."""
    rows = []
    for column in _columns(found.values()):
        eyes: dict[str, list[float]] = defaultdict(list)
        for name, values in found.items():
            value = values.get(column)
            if value is not None:
                eyes[name.split("_")[1]].append(float(value))
        groups = [np.array(values) for values in eyes.values() if len(values) >= 2]
        if len(groups) >= 5:
            rows.append({"column": column, **icc_1_1(groups)})
    return rows


def icc_1_1(groups: Sequence[Numbers]) -> dict[str, float | int]:
    """ICC(1,1) of a one-way analysis of variance (Shrout and Fleiss 1979), for unequal groups.

    With it the within-eye coefficient of variation, and the smallest detectable change of two
    single measurements, 1.96 sqrt(2) times the within-eye standard deviation.
    """
    sizes = np.array([len(group) for group in groups])
    means = np.array([group.mean() for group in groups])
    everything = np.concatenate(groups)
    number, total = len(groups), int(sizes.sum())
    between = float((sizes * (means - everything.mean()) ** 2).sum()) / (number - 1)
    within = float(sum(((g - g.mean()) ** 2).sum() for g in groups)) / (total - number)
    size = (total - float((sizes**2).sum()) / total) / (number - 1)
    spread = math.sqrt(within)
    mean = float(everything.mean())
    below = between + (size - 1) * within
    return {
        "eyes": number,
        "values": total,
        "mean": _rounded(mean),
        "icc": _rounded((between - within) / below) if below > 0 else math.nan,
        "cv": _rounded(spread / abs(mean)) if mean else math.nan,
        "sdc": _rounded(1.96 * math.sqrt(2) * spread),
        "sdc_over_mean": _rounded(1.96 * math.sqrt(2) * spread / abs(mean)) if mean else math.nan,
    }


# ------------------------------------------------------------------- observers


def observers(given: argparse.Namespace) -> dict[str, Any]:
    """Agreement of the first and the second annotator, each measure for itself."""
    pairs = {
        "DRIVE test": list(_drive_test(given.data / "DRIVE")),
        "CHASE_DB1": list(_chase(given.data / "CHASE_DB1")),
    }
    result = {}
    for name, files in pairs.items():
        first, second = {}, {}
        for key, one, other, fov in files[:: given.every]:
            field = read_mask(fov)
            first[key] = measure_photograph(VesselMasks(vessels=read_mask(one), fov=field)).values
            second[key] = measure_photograph(
                VesselMasks(vessels=read_mask(other), fov=field)
            ).values
            print(f"{name} {key}", file=sys.stderr)  # noqa: T201
        result[name] = {"photographs": len(first), "measures": _agreement(first, second)}
    return result


def _drive_test(root: Path) -> Iterator[tuple[str, Path, Path, Path]]:
    test = root / "test"
    for number in range(1, 21):
        yield (
            f"{number:02d}",
            test / "1st_manual" / f"{number:02d}_manual1.gif",
            test / "2nd_manual" / f"{number:02d}_manual2.gif",
            test / "mask" / f"{number:02d}_test_mask.gif",
        )


def _chase(root: Path) -> Iterator[tuple[str, Path, Path, Path]]:
    for first in sorted(root.glob("*_1stHO.png")):
        key = first.name.removesuffix("_1stHO.png")
        yield key, first, root / f"{key}_2ndHO.png", root / "mask" / f"{key}.png"


def _agreement(first: Mapping[str, Values], second: Mapping[str, Values]) -> list[dict[str, Any]]:
    rows = []
    for column in _columns([*first.values(), *second.values()]):
        pairs = [(first[key].get(column), second[key].get(column)) for key in first]
        both = np.array([pair for pair in pairs if None not in pair], float)
        if len(both) >= 5:
            rows.append({"column": column, **agreement(both)})
    return rows


def agreement(pairs: Numbers) -> dict[str, Any]:
    """ICC(2,1) of absolute agreement, Bland and Altman's limits, and Spearman's correlation.

    `pairs` is (N, 2). Bias and limits are of second minus first, and also over the mean of both.
    """
    number = len(pairs)
    difference, mean = pairs[:, 1] - pairs[:, 0], float(pairs.mean())
    rows = 2 * float(((pairs.mean(axis=1) - mean) ** 2).sum()) / (number - 1)
    columns = number * float(((pairs.mean(axis=0) - mean) ** 2).sum())
    total = float(((pairs - mean) ** 2).sum())
    error = (total - rows * (number - 1) - columns) / (number - 1)
    below = rows + error + 2 / number * (columns - error)
    ranks = np.stack([rankdata(column) for column in pairs.T])
    constant = bool((ranks.std(axis=1) == 0).any())
    spread = 1.96 * float(difference.std(ddof=1))
    bias = float(difference.mean())
    return {
        "values": number,
        "mean": _rounded(mean),
        "icc": _rounded((rows - error) / below) if below > 0 else math.nan,
        "bias": _rounded(bias),
        "limits": [_rounded(bias - spread), _rounded(bias + spread)],
        "bias_over_mean": _rounded(bias / mean) if mean else math.nan,
        "spearman": math.nan if constant else _rounded(float(np.corrcoef(ranks)[0, 1])),
    }


# ------------------------------------------------------------------- drift


def drift(given: argparse.Namespace) -> dict[str, Any]:
    """How each measure moves when a mask is changed: the median ratio of changed to unchanged."""
    masks = [
        *_drive_training(given.data / "DRIVE"),
        *((k, o, f) for k, o, _, f in _chase(given.data / "CHASE_DB1")),
    ]
    ratios: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for key, mask, fov in masks[:: max(given.every, 4)]:
        vessels, field = read_mask(mask), read_mask(fov)
        before = measure_photograph(VesselMasks(vessels=vessels, fov=field)).values
        for change, (make, factor) in CHANGES.items():
            changed, inside = make(vessels), make(field) if factor != 1 else field
            after = measure_photograph(VesselMasks(vessels=changed, fov=inside)).values
            for column, value in before.items():
                then = after.get(column)
                if value and then is not None:
                    ratios[change][column].append(then / value / factor ** _power(column))
        print(key, file=sys.stderr)  # noqa: T201
    return {
        "photographs": len(masks[:: max(given.every, 4)]),
        "changes": {
            change: {column: _rounded(float(np.median(values))) for column, values in found.items()}
            for change, found in ratios.items()
        },
    }


def _drive_training(root: Path) -> Iterator[tuple[str, Path, Path]]:
    training = root / "training"
    for number in range(21, 41):
        manual = training / "1st_manual" / f"{number}_manual1.gif"
        yield f"{number}", manual, training / "mask" / f"{number}_training_mask.gif"


def _resized(mask: Mask, factor: float) -> Mask:
    height, width = (round(extent * factor) for extent in mask.shape)
    picture = Image.fromarray(mask.astype(np.uint8) * 255).resize(
        (width, height), Image.Resampling.BOX
    )
    return np.asarray(picture) > 127


def _rough(mask: Mask) -> Mask:
    """Edges moved by smooth noise of up to about a pixel, as a compressed photograph's are."""
    noise = ndi.gaussian_filter(np.random.default_rng(0).normal(size=mask.shape), 1.5)
    inside, outside = ndi.distance_transform_edt(mask), ndi.distance_transform_edt(~mask)
    return np.asarray(inside - outside + 0.7 * noise / noise.std() > 0)


CHANGES: Mapping[str, tuple[Callable[[Mask], Mask], float]] = {
    "half a pixel wider": (lambda m: ndi.gaussian_filter(m.astype(float), 1) > 0.31, 1),
    "half a pixel narrower": (lambda m: ndi.gaussian_filter(m.astype(float), 1) > 0.69, 1),
    "half the resolution": (lambda m: _resized(m, 0.5), 0.5),
    "smoothed": (lambda m: ndi.gaussian_filter(m.astype(float), 1.5) > 0.5, 1),
    "rough edges": (_rough, 1),
}
"""What is done to a mask, and the factor on its pixels."""


def _power(column: str) -> int:
    units = {"_per_px2": -2, "_per_px": -1, "_px2": 2, "_px": 1}
    return next((power for unit, power in units.items() if column.endswith(unit)), 0)


def _columns(rows: Iterable[Values]) -> list[str]:
    present = {name for values in rows for name in values}
    return [column.name for column in all_columns() if column.name in present]


def _rounded(value: float) -> float:
    return float(f"{value:.5g}")


if __name__ == "__main__":
    main()
