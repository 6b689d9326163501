"""Inputs of `venule measure`: masks in a folder, a folder of results, or a CSV that names them."""

import difflib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from venule.analysis.columns import report_columns
from venule.analysis.corrected_masks import Parts, corrected_parts, kind_of
from venule.errors import DatasetError, UsageError
from venule.files.cells import listed_in, reasons_in, text
from venule.files.table import read_rows
from venule.image.landmarks import laterality_warnings
from venule.image.names import is_image_path
from venule.measure.view import Disc
from venule.quality.assess import grade_notes

FILES = ("vessels", "artery", "vein", "av", "fov", "photograph")
"""Columns of a CSV that name files, relative to it."""

MASKS = ("vessels", "artery", "vein")
"""Those that name vessel masks; `av` is a colour image of arteries and veins."""

NUMBERS = ("disc_x", "disc_y", "disc_radius_px", "disc_confidence", "um_per_px", "axial_length_mm")

_ALIASES = {"disc_x_px": "disc_x", "disc_y_px": "disc_y", "mask": "vessels"}
"""Names used in report.csv and in other tables."""

_ENDINGS = {
    "_mask": "vessels",
    "_vessels": "vessels",
    "_artery": "artery",
    "_arteries": "artery",
    "_vein": "vein",
    "_veins": "vein",
    "_av": "av",
    "_fov": "fov",
}
"""File types in a folder, by the suffix of the name; any other image is a vessel mask."""

_NOT_MASKS = ("_overlay", "_prob", "_disc")

SOURCES = ("manual", "predicted", "corrected", "unknown")
"""Values of `mask_source`; unknown if neither the input nor the mask states it."""

REPORT = "report.csv"

_PREDICTED = {"_mask.png": "vessels", "_av.png": "av", "_prob.png": None}
"""Outputs in report.csv by the suffix of the name: masks, and one that a mask may correct."""

DISC = ("disc_x", "disc_y", "disc_radius_px")
"""The numbers that place a disc, all or none."""

_SIDES = {"l": "left", "os": "left", "left": "left", "r": "right", "od": "right", "right": "right"}
"""Values of `laterality`, in lower case."""

_PASSED = ("quality", "laterality")
"""Columns of report.csv that pass through, besides those that a user adds to it."""


@dataclass(frozen=True)
class MaskFiles:
    """The mask files of one photograph, and its metadata in the input.

    `problem` is why they cannot be measured.
    """

    id: str
    files: Mapping[str, Path]
    numbers: Mapping[str, float] = field(default_factory=dict)
    passed: Mapping[str, str] = field(default_factory=dict)
    mask_source: str | None = None
    notes: tuple[str, ...] = ()
    problem: str | None = None

    @property
    def disc(self) -> Disc | None:
        """The optic disc, if its centre and radius are all given."""
        if not all(name in self.numbers for name in DISC):
            return None
        column, row, radius_px = (self.numbers[name] for name in DISC)
        return Disc(row, column, radius_px, self.numbers.get("disc_confidence", 1.0))


def find_masks(source: Path) -> list[MaskFiles]:
    """Find the photographs whose masks a folder or a CSV file holds, in its order.

    Raises:
        UsageError: nothing was found.
        DatasetError: a CSV file cannot be read, or a line of it cannot be used.
    """
    if source.is_dir():
        return _in_folder(source)
    if not source.exists():
        raise UsageError(f"{source}: not found; name a folder of masks or a CSV file")
    if source.suffix.lower() == ".csv":
        return _in_table(source)
    if is_image_path(source):
        stem = source.stem.removesuffix(".corrected")
        id_, kind = _named(stem)
        if stem.endswith(_NOT_MASKS) or kind == "fov":
            raise UsageError(f"{source}: not a mask of vessels; name a NAME_mask or NAME_av image")
        return [MaskFiles(text(id_), {kind: source})]
    raise UsageError(f"{source}: name a folder of masks, a mask, or a CSV file")


def _named(stem: str) -> tuple[str, str]:
    """The name of a photograph and the kind of mask, from a mask's file name."""
    ending = next((end for end in _ENDINGS if stem.endswith(end)), "")
    return stem.removesuffix(ending), _ENDINGS.get(ending, "vessels")


def _in_folder(folder: Path) -> list[MaskFiles]:
    files: dict[str, dict[str, Path]] = {}
    corrected: set[str] = set()
    for path in sorted(folder.rglob("*")):
        inner = path.relative_to(folder)
        if any(part.startswith(".") for part in inner.parts) or not path.is_file():
            continue
        if not is_image_path(path) or path.stem.endswith(_NOT_MASKS):
            continue
        name = inner.with_suffix("").as_posix()
        if kind_of(path.name) is not None:
            corrected.add(name.removesuffix(".corrected").rpartition("_")[0])
            continue
        id_, kind = _named(name)
        of_photograph = files.setdefault(id_, {})
        if kind in of_photograph:
            raise DatasetError(f"{path}: a second {kind} mask, besides {of_photograph[kind].name}")
        of_photograph[kind] = path
    known = _reported(folder / REPORT)
    found = []
    for id_ in dict.fromkeys((*files, *sorted(corrected))):
        parts = corrected_parts(folder / id_) if id_ in corrected else Parts()
        named = {**files.get(id_, {}), **parts.files}  # replace predicted ones
        if set(named) & {*MASKS, "av"} or parts.problem:
            numbers, passed, graded = known.get(text(id_), ({}, {}, ()))
            passed, notes = _with_side(passed)
            found.append(
                MaskFiles(
                    text(id_),
                    named,
                    numbers=parts.numbers(numbers),
                    passed=passed,
                    mask_source=parts.source,
                    notes=(*notes, *parts.notes, *graded),
                    problem=parts.problem,
                )
            )
    if not found:
        raise UsageError(f"{folder}: contains no masks; masks are images such as NAME_mask.png")
    return found


def _reported(
    report: Path,
) -> dict[str, tuple[dict[str, float], dict[str, str], tuple[str, ...]]]:
    """Read the disc and scale, the grade and laterality, and notes of each mask from report.csv."""
    if not report.is_file():
        return {}
    found = {}
    for line, row in read_rows(report, _check_names):
        id_, _ = _predicted(row.get("outputs", ""))
        if id_:
            wanted = {name: row[name] for name in (*NUMBERS, *_ALIASES) if row.get(name)}
            numbers = _numbers(report, line, _renamed(wanted))
            passed = {name: row[name] for name in _PASSED if row.get(name)}
            found[id_] = (numbers, passed, _graded(row))
    return found


def _graded(row: Mapping[str, str]) -> tuple[str, ...]:
    """The notes on the grade and on a doubtful laterality in a row of report.csv."""
    graded = grade_notes(row.get("quality", ""), reasons_in(row.get("quality_reasons")))
    return (*graded, *laterality_warnings(reasons_in(row.get("landmarks_reasons"))))


def _predicted(outputs: str) -> tuple[str, dict[str, str]]:
    """The name of a photograph's results, and its masks by column, from a cell of report.csv."""
    id_, masks = "", {}
    for output in listed_in(outputs):
        for suffix, kind in _PREDICTED.items():
            if output.endswith(suffix):
                id_ = output.removesuffix(suffix)
                if kind is not None:
                    masks[kind] = output
    return id_, masks


def _in_table(path: Path) -> list[MaskFiles]:
    found: dict[str, MaskFiles] = {}
    own = _renamed(dict.fromkeys(report_columns(), "")).keys() - {*_PASSED}
    for line, read in read_rows(path, _check_names):
        row, parts, left_out, graded = _renamed(read), Parts(), set[str](), tuple[str, ...]()
        if "vessels" not in row and "outputs" in row:  # report.csv itself
            id_, masks = _predicted(row["outputs"])
            parts, left_out = corrected_parts(path.parent / id_) if id_ else Parts(), own
            if not (masks or parts.files or parts.problem):
                continue
            row, graded = {**row, **masks, "id": row.get("id") or id_}, _graded(row)
        entry = _entry(path, line, row, parts)
        entry = replace(
            entry,
            files={**entry.files, **parts.files},
            numbers=parts.numbers(entry.numbers),
            passed={name: cell for name, cell in entry.passed.items() if name not in left_out},
            mask_source=parts.source or entry.mask_source,
            notes=(*entry.notes, *parts.notes, *graded),
            problem=parts.problem,
        )
        if entry.id in found:
            raise DatasetError(f"{path}: id {entry.id} is in two rows; ids must be unique")
        found[entry.id] = entry
    if not found:
        raise UsageError(f"{path}: no rows; the first line names columns such as id,vessels")
    return list(found.values())


def _entry(path: Path, line: int, row: Mapping[str, str], parts: Parts) -> MaskFiles:
    if not row.get("id"):
        raise DatasetError(f"{path}: line {line} has no id")
    files = {name: path.parent / row[name] for name in FILES if row.get(name)}
    if not {*files, *parts.files} & {*MASKS, "av"} and parts.problem is None:
        raise DatasetError(f"{path}: line {line} names no mask: give vessels, or artery and vein")
    masks = [files[name] for name in MASKS if name in files]
    if len(set(masks)) < len(masks):
        raise DatasetError(f"{path}: line {line} names one file as two masks: {_twice(masks).name}")
    source = row.get("mask_source", "").lower() or None
    if source is not None and source not in SOURCES:
        raise DatasetError(
            f"{path}: line {line}: mask_source {source!r}; use {', '.join(SOURCES)} or leave it out"
        )
    used = {"id", *FILES, "mask_source"}
    passed, notes = _with_side({name: cell for name, cell in row.items() if name not in used})
    return MaskFiles(row["id"], files, _numbers(path, line, row), passed, source, notes)


def _with_side(passed: Mapping[str, str]) -> tuple[dict[str, str], tuple[str, ...]]:
    """The cells with `laterality` left or right, and a note if it states neither."""
    stated = passed.get("laterality")
    if not stated:
        return dict(passed), ()
    side = _SIDES.get(stated.lower(), "")
    notes = () if side else (f"laterality {stated!r} not used: give left or right",)
    return {**passed, "laterality": side}, notes


def _twice(paths: Sequence[Path]) -> Path:
    return next(path for path in paths if paths.count(path) > 1)


def _numbers(path: Path, line: int, row: Mapping[str, str]) -> dict[str, float]:
    numbers = {}
    for name in NUMBERS:
        if not row.get(name):
            continue
        try:
            numbers[name] = float(row[name])
        except ValueError:
            numbers[name] = math.nan
        if not math.isfinite(numbers[name]):
            raise DatasetError(f"{path}: line {line}: {name} {row[name]!r} is not a number")
    return numbers


def _renamed(row: Mapping[str, str]) -> dict[str, str]:
    return {_ALIASES.get(name, name): cell for name, cell in row.items()}


def _check_names(path: Path, names: Sequence[str]) -> None:
    known = {*MASKS, "av", "outputs", *_ALIASES}
    if not known & set(names):
        close = [m for name in names for m in difflib.get_close_matches(name, sorted(known), n=1)]
        hint = f"did you mean {close[0]}? " if close else ""
        raise DatasetError(
            f"{path}: no column names masks; {hint}The first line must be id,vessels or "
            "id,artery,vein and any of fov,disc_x,disc_y,disc_radius_px,um_per_px,photograph"
        )
