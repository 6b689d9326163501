"""`venule bench`: speed of networks on this computer, ours and others'."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from venule.cli.outputs import Overwrite, check_files, model_files
from venule.cli.runtime import Runtime
from venule.cli.table import print_table
from venule.errors import UsageError

if TYPE_CHECKING:
    from venule.bench.run import Report, Row

DRIVE_SIZE = "584,565"

LONGEST = 65500
"""Largest side of a JPEG in pixels."""

_NETWORK = ["network", "runtime", "input", "median ms", "quartiles", "ratio", "in its runtime"]

_FILE = ["file to mask", "runtime", "total ms"]


def bench(
    models: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[MODEL...]",
            help="Shipped names, weights files or run folders; default: all shipped weights.",
        ),
    ] = None,
    *,
    peer: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="An ONNX file with one input (N, 3, H, W), float32."),
    ] = None,
    size: Annotated[
        list[str] | None,
        typer.Option(metavar="H,W", help="Size of the photograph.", show_default=DRIVE_SIZE),
    ] = None,
    runtime: Annotated[
        list[Runtime] | None,
        typer.Option(help="Runtimes to time.", show_default="onnx, and openvino if installed"),
    ] = None,
    threads: Annotated[int, typer.Option(metavar="N", min=1, help="Threads per network.")] = 2,
    repeat: Annotated[int, typer.Option(metavar="N", min=1, help="Timed rounds.")] = 20,
    json: Annotated[Path | None, typer.Option(metavar="FILE", help="Write everything.")] = None,
    overwrite: Overwrite = False,
) -> None:
    """Time networks in turn, alone and from file to mask; ratios are relative to the first one."""
    from venule.bench.candidate import entries
    from venule.bench.run import bench as measure
    from venule.bench.run import to_json
    from venule.files.atomic import write_bytes
    from venule.inference.load import shipped_weights

    sizes = [_size(text) for text in size or [DRIVE_SIZE]]
    check_files([json], model_files([*(models or ()), *(peer or ())]), overwrite=overwrite)
    named = models or ([] if peer else list(shipped_weights()))
    listed = entries(named, peer or (), runtimes=[one.value for one in runtime or ()])
    report = measure(
        listed,
        sizes=sizes,
        threads=threads,
        repeat=repeat,
        progress=lambda step: typer.echo(step, err=True),
    )
    if json is not None:
        write_bytes(json, to_json(report))
    _print(report)


def _size(text: str) -> tuple[int, int]:
    from venule.image.container import MAX_PIXELS

    parts = text.lower().replace("x", ",").split(",")
    if len(parts) != 2 or not all(part.strip().isdecimal() and int(part) for part in parts):
        raise UsageError(f"--size {text}: give rows and columns, such as {DRIVE_SIZE}")
    rows, columns = int(parts[0]), int(parts[1])
    if max(rows, columns) > LONGEST or rows * columns > MAX_PIXELS:
        raise UsageError(
            f"--size {text}: a photograph has at most {LONGEST} pixels a side and "
            f"{MAX_PIXELS // 10**6} megapixels"
        )
    return rows, columns


def _print(report: "Report") -> None:
    typer.echo(
        f"{report.computer['processor']}, {report.computer['cores']} cores; "
        f"{report.threads} threads, {report.repeat} rounds"
    )
    for size in dict.fromkeys(row.size for row in report.rows):
        rows = [row for row in report.rows if row.size == size]
        typer.echo(f"\nPhotograph of {size[0]} x {size[1]} pixels")
        print_table([_NETWORK, *map(_network_row, rows)])
        typer.echo()
        print_table(_file_table(rows))


def _network_row(row: "Row") -> list[str]:
    time = row.network
    return [
        row.name,
        row.runtime,
        _shape(row.shapes),
        _ms(time.median),
        f"{_ms(time.q1)}-{_ms(time.q3)}",
        f"{row.ratio.median:.3f}",
        f"{row.ratio_in_runtime.median:.3f}",
    ]


def _file_table(rows: "list[Row]") -> list[list[str]]:
    """Stages from file to mask for our networks; memory and time to the first result for all."""
    from venule.bench.stages import OTHERS, STAGES

    stages = [*STAGES, *OTHERS]
    table = [[*_FILE, *stages, "peak MB", "first result s"]]
    for row in rows:
        parts = ["total", *stages]
        times = [_ms(row.file[part].median) if part in row.file else "" for part in parts]
        peak = "" if row.fresh.peak_mb is None else f"{row.fresh.peak_mb:.0f}"
        table.append([row.name, row.runtime, *times, peak, f"{row.fresh.seconds:.2f}"])
    return table


def _shape(shapes: tuple[tuple[int, ...], ...]) -> str:
    one = "x".join(map(str, shapes[0][2:]))
    return one if len(shapes) == 1 else f"{len(shapes)} of {one}"


def _ms(seconds: float) -> str:
    return f"{1000 * seconds:.1f}" if seconds < 1 else f"{1000 * seconds:.0f}"
