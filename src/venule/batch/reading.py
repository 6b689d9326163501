"""Reading of a results folder without locking out a run that writes to it."""

import re
import sqlite3
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from venule.analysis.analyse import Analysis
from venule.analysis.corrected_files import StoredCorrection, read_correction
from venule.analysis.correction import apply
from venule.analysis.kept import Kept, kept_of
from venule.analysis.stored import Stored, stored_analysis
from venule.batch.records import Records, is_ledger, shards_in
from venule.batch.refuse import SHARDS, Settings, refuse_other_settings
from venule.batch.schema import Result, read_only, require_schema, results_in, settings_in
from venule.dicom.pseudonym import DIGITS
from venule.errors import ImageError, OutputError, UsageError
from venule.files.hashes import file_sha256, sha256_if_readable
from venule.image.arrays import Mask
from venule.image.io import read_mask, read_probability, read_texts
from venule.image.levels import Levels, to_levels
from venule.image.photograph import read_photograph
from venule.image.picture_masks import read_types

_PSEUDONYM = re.compile(rf"[0-9a-f]{{{DIGITS}}}(-\d+)?")


@dataclass(frozen=True)
class Results:
    """A results folder: the common settings, and each photograph by name."""

    out: Path
    settings: Settings
    results: tuple[Result, ...]

    @property
    def threshold(self) -> float:
        """Probability from which a pixel is vessel; with several classes, the largest threshold.

        As `Prediction.vessel_map` defines it.
        """
        thresholds = self.settings.get("threshold") or {}
        return float(thresholds.get("vessel") or max(thresholds.values(), default=0.5))

    def file(self, result: Result, suffix: str) -> Path | None:
        """The file of a photograph with this suffix, if it was written and still exists."""
        for output in result.outputs:
            if output.endswith(suffix) and (self.out / output).is_file():
                return self.out / output
        return None


def holds_results(folder: Path) -> bool:
    """Return whether a folder has a ledger."""
    return any(is_ledger(path.name) for path in folder.glob(".venule*.sqlite"))


def read_results(out: Path) -> Results:
    """Read a results folder, including all its shards.

    Raises:
        UsageError: the folder holds no results.
        OutputError: a ledger is in use, of another version, or unreadable; or the shards were not
            predicted alike.
    """
    records = [Records(out), *(Records(out, shard) for shard in shards_in(out))]
    ledgers = [one.ledger for one in records if one.ledger.is_file()]
    if not ledgers:
        raise UsageError(f"{out}: holds no results of venule predict")
    settings: Settings = {}
    found: dict[str, Result] = {}
    for ledger in ledgers:
        its_settings, its_results = _read_ledger(ledger)
        refuse_other_settings(out, settings, its_settings, todo=SHARDS)
        settings = settings or its_settings
        found |= {one.name: one for one in its_results}
    return Results(out, settings, tuple(found[name] for name in sorted(found)))


def _read_ledger(path: Path) -> tuple[Settings, list[Result]]:
    try:
        with closing(read_only(path)) as base:
            require_schema(base, path)
            base.execute("BEGIN")  # one state of all tables, while a run writes
            return settings_in(base), list(results_in(base))
    except sqlite3.Error as error:
        raise OutputError(
            f"{path}: cannot be read now ({error}); wait for venule predict to end there"
        ) from error


def prediction_sha256(results: Results, result: Result) -> str:
    """SHA-256 of the file of the predicted mask, or else of the probability map."""
    for suffix in ("_mask.png", "_prob.png"):
        path = results.file(result, suffix)
        if path is not None:
            return file_sha256(path)
    return ""


def stored_correction(
    results: Results, result: Result, shape: tuple[int, int]
) -> StoredCorrection | None:
    """The correction of a photograph (H, W), whichever prediction it was made on; None if none.

    Raises:
        ImageError: one of its files cannot be read.
    """
    return read_correction(results.out / result.name, shape)


def located(results: Results, photographs: Path) -> Results:
    """The results with their photographs' present paths in a folder.

    They are matched by path in the folder, or by name if exactly one file and one result have it;
    DICOM objects, whose path is not recorded, by content.

    Raises:
        UsageError: no such folder.
    """
    if not photographs.is_dir():
        raise UsageError(f"{photographs}: no such folder")
    here = {
        path.relative_to(photographs).as_posix(): path
        for path in sorted(photographs.rglob("*"))
        if path.is_file()
    }
    names = Counter(path.name for path in here.values())
    asked = Counter(Path(result.place).name for result in results.results)
    by_name = {path.name: path for path in here.values() if names[path.name] == 1}
    wanted = {result.input_sha256 for result in results.results if _is_pseudonym(result)}
    hashes = {sha256_if_readable(path): path for path in here.values()} if wanted else {}

    def found(result: Result) -> Result:
        was = Path(result.place)
        if _is_pseudonym(result):
            place = hashes.get(result.input_sha256)
        else:
            place = here.get(f"{result.name}{was.suffix}")
        if place is None and asked[was.name] == 1:
            place = by_name.get(was.name)
        return result if place is None or was.is_file() else replace(result, place=str(place))

    return replace(results, results=tuple(map(found, results.results)))


def _is_pseudonym(result: Result) -> bool:
    """True for a DICOM object, whose path is not recorded: all others are absolute."""
    return _PSEUDONYM.fullmatch(result.place) is not None


def photograph_file(result: Result) -> Path:
    """The photograph's file, checked to be the one that was predicted, if any was.

    Raises:
        ImageError: the photograph has moved or changed.
    """
    place = Path(result.place)
    if not place.is_file() and _is_pseudonym(result):
        raise ImageError(
            f"{result.source}: the path of a DICOM object is not recorded; name its folder with "
            "--photographs"
        )
    if not place.is_file():
        raise ImageError(f"{result.source}: the photograph is not where it was predicted")
    known = result.input_sha256
    if known and sha256_if_readable(place) not in (None, known):
        raise ImageError(
            f"{result.source}: the file has been replaced or changed; predict it again"
        )
    return place


def open_result(results: Results, result: Result) -> Analysis:
    """Read a photograph and its results, as if it had just been analysed.

    A correction of this very prediction is applied; one of another prediction, such as with other
    weights, is not. Without a probability map the mask stands in for it, as probabilities 0 and 1.

    Raises:
        ImageError: the photograph has moved or changed, none of its files shows the vessels, or one
            of them cannot be read.
    """
    if result.status != "done":
        raise ImageError(f"{result.source}: {result.reason or 'not predicted yet'}")
    place = photograph_file(result)
    try:
        photograph = read_photograph(place)
    except ImageError as error:  # the path of a DICOM object may name a patient
        reason = str(error).removeprefix(f"{place}: ")
        raise ImageError(f"{result.source}: {reason}") from error
    digest = prediction_sha256(results, result)  # before its content, which may be replaced now
    mask_file = results.file(result, "_mask.png")
    prob_file = results.file(result, "_prob.png")
    levels: Levels | None = None
    mask: Mask | None = None
    kept: Kept | None = None
    if mask_file is not None:
        mask = read_mask(mask_file)
        kept = kept_of(read_texts(mask_file), photograph.shape)
    if prob_file is not None:
        levels = to_levels(read_probability(prob_file))
    types = results.file(result, "_av.png")
    stored = Stored(
        levels=levels,
        mask=mask,
        kept=kept,
        threshold=results.threshold,
        types=None if types is None else read_types(types),
        cells=result.cells,
        model=str(results.settings.get("model", "")),
        networks=tuple(results.settings.get("networks") or ()),
    )
    analysis = replace(stored_analysis(photograph, stored), prediction_sha256=digest)
    corrected = stored_correction(results, result, photograph.shape)
    if corrected is None or corrected.prediction_sha256 != digest:
        return analysis
    return replace(apply(analysis, corrected.correction), revision=corrected.revision)
