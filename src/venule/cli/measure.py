"""`venule measure`: calibre, tortuosity, central equivalents etc. of vessel masks, as a table."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from venule.cli.progress import Progress, counted, say, shown

if TYPE_CHECKING:
    from venule.analysis.mask_files import MaskFiles
    from venule.analysis.measuring_files import Assumptions
    from venule.measure.photograph import Measurements
    from venule.measure.table import Cell, Row

COHORT = "cohort.png"
"""The file name of the summary image of all photographs."""


def measure(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="INPUT",
            help="A folder of masks or of predict's results, or a CSV of id,vessels|artery,vein.",
        ),
    ],
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="FILE.csv", help="The table to write.")
    ],
    *,
    tidy: Annotated[
        bool, typer.Option("--tidy", help="One row per value, not per photograph.")
    ] = False,
    segments: Annotated[
        Path | None,
        typer.Option(metavar="FILE.csv", help="A separate table with one row per vessel segment."),
    ] = None,
    draw: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder for images of the measurements.")
    ] = None,
    dictionary: Annotated[
        Path | None, typer.Option(metavar="FILE.csv", help="The data dictionary of all columns.")
    ] = None,
    um_per_px: Annotated[
        float | None,
        typer.Option(metavar="UM", help="Micrometres per pixel, if the input gives none."),
    ] = None,
    disc_diameter_um: Annotated[
        float | None,
        typer.Option(metavar="UM", help="Assumed disc diameter for scaling, e.g. 1800; recorded."),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace existing files.")] = False,
) -> None:
    """Measure vessel masks: one row per photograph; undefined values are empty, with the reason."""
    from venule.analysis.mask_files import REPORT, find_masks
    from venule.analysis.measuring_files import Assumptions
    from venule.batch.records import shards_in
    from venule.cli.outputs import check_outputs
    from venule.errors import UsageError
    from venule.files.atomic import make_folder, require_folder, write_bytes
    from venule.measure import table

    if shards_in(source):
        raise UsageError(f"{source}: holds shards that are not merged; run venule merge first")
    files = [out, *(file for file in (segments, dictionary) if file is not None)]
    for file in files:
        require_folder(file)
    assumed = Assumptions(um_per_px, disc_diameter_um)
    record = out.with_suffix(".run.json")
    entries = find_masks(source)
    drawn = [] if draw is None else _drawn(entries, draw)
    inputs = (
        source,
        source / REPORT,
        *(path for entry in entries for path in entry.files.values()),
    )
    check_outputs([*files, record, *drawn], inputs, overwrite=overwrite)
    if draw is not None:
        make_folder(draw)
    rows, lines, failed = _measure_all(entries, assumed, draw=draw, segments=segments is not None)
    if draw is not None:
        _draw_cohort(rows, draw)
    write_bytes(out, (table.tidy(rows) if tidy else table.wide(rows)).encode())
    if segments is not None:
        write_bytes(segments, table.segments(lines).encode())
    if dictionary is not None:
        write_bytes(dictionary, table.dictionary().encode())
    write_bytes(record, _record(source, assumed, rows, failed))
    for file in files:
        typer.echo(str(file))
    if failed:
        raise typer.Exit(4 if len(failed) == len(entries) else 3)


def _measure_all(
    entries: "Sequence[MaskFiles]", assumed: "Assumptions", *, draw: Path | None, segments: bool
) -> "tuple[list[Row], list[Mapping[str, Cell]], list[str]]":
    """Every photograph's row, the lines of its segments if asked for, and the ids that failed."""
    from venule.analysis.measuring_files import measure_files
    from venule.errors import VenuleError
    from venule.files.cells import text
    from venule.measure.table import Cell, Row, segment_lines

    rows: list[Row] = []
    lines: list[Mapping[str, Cell]] = []
    failed: list[str] = []
    with Progress(total=len(entries)) as progress:
        for entry in entries:
            try:
                row, found = measure_files(entry, assumed)
                if draw is not None:
                    _draw(entry, found, draw)
            except VenuleError as error:
                failed.append(entry.id)
                rows.append(Row(entry.id, entry.passed, notes=(text(f"failed: {error}"),)))
                progress.advance(f"{entry.id}: failed: {shown(error)}")
                continue
            rows.append(row)
            if segments:
                lines += segment_lines(entry.id, found)
            progress.advance(entry.id)
    if failed:
        of = counted(len(entries), "photograph")
        say(f"venule: error: {len(failed)} of {of} failed, see the notes")
    return rows, lines, failed


def _drawn(entries: "Sequence[MaskFiles]", folder: Path) -> list[Path]:
    """The images that may be drawn."""
    from venule.analysis.measured_pictures import PICTURES

    return [
        *(_picture(folder, one.id, name) for one in entries for name in PICTURES),
        folder / COHORT,
    ]


def _draw(entry: "MaskFiles", found: "Measurements", folder: Path) -> None:
    from venule.analysis.measured_pictures import pictures
    from venule.image.io import write_png

    for name, picture in pictures(entry, found).items():
        write_png(_picture(folder, entry.id, name), picture)


def _picture(folder: Path, id_: str, name: str) -> Path:
    beginning = "".join("_" if letter in '/\\:*?"<>|' else letter for letter in id_)
    return folder / f"{beginning}_{name}.png"


def _draw_cohort(rows: "Sequence[Row]", folder: Path) -> None:
    from venule.analysis.measured_pictures import cohort
    from venule.image.io import write_png

    write_png(folder / COHORT, cohort(rows))


def _record(
    source: Path, assumed: "Assumptions", rows: "Sequence[Row]", failed: Sequence[str]
) -> bytes:
    """Write the table's provenance: the version, the assumptions and every definition."""
    import json
    from dataclasses import asdict

    from venule import __version__
    from venule.measure.columns import all_columns
    from venule.measure.view import ZONE_B, ZONE_C

    used = {name for row in rows for name in row.values}
    record = {
        "venule": __version__,
        "input": str(source),
        "assumptions": asdict(assumed),
        "photographs": len(rows),
        "failed": list(failed),
        "zones_in_disc_radii": {zone.name: [zone.inner, zone.outer] for zone in (ZONE_B, ZONE_C)},
        "definitions": {
            column.name: {
                "version": column.version,
                "definition": column.definition,
                "source": column.source,
                "canonical": column.canonical,
            }
            for column in all_columns()
            if column.name in used
        },
    }
    return (json.dumps(record, indent=1) + "\n").encode()
