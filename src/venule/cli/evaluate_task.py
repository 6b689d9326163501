"""`venule evaluate --task av|landmarks`: scores of vessel types and of landmarks."""

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from venule.cli.outputs import check_files, data_files, model_files
from venule.cli.progress import Progress, shown
from venule.cli.table import print_table
from venule.errors import UsageError

if TYPE_CHECKING:
    from venule.analysis.analyse import Networks
    from venule.evaluation.predictor import Options
    from venule.evaluation.tasks import Task, TaskResult

SELF = "self"
"""The vessel mask is that of the network itself, which segments arteries and veins."""


def evaluate_task(
    task: "Task",
    model: str,
    data: str,
    split: str,
    *,
    protocol: str | None,
    vessels: str,
    device: str,
    runtime: str,
    checkpoint: str,
    json: Path | None,
    overwrite: bool,
    access_log: Path | None,
) -> None:
    """Score one network, print its table, and write the full result to `json`."""
    from venule.data.catalog import open_dataset
    from venule.data.protocols import select
    from venule.evaluation.access_log import (
        holds_test_images,
        record_task_access,
        require_writable,
    )
    from venule.evaluation.predictor import Options
    from venule.evaluation.tasks import evaluate_task as score
    from venule.files.atomic import write_bytes

    dataset = open_dataset(data)
    selection = select(dataset, protocol, split, expert="av" if task == "av" else "landmarks")
    log = [] if access_log is None else [access_log]
    inputs = (*data_files(data, dataset), *model_files((model, vessels)), *log)
    check_files([json], inputs, overwrite=overwrite)
    if not holds_test_images(dataset, selection):
        access_log = None
    if access_log is not None:
        require_writable(access_log)
    options = Options(device=device, runtime=runtime, checkpoint=checkpoint)
    networks, digest = _open(task, model, vessels, options)
    with Progress(total=len(selection.cases)) as progress:
        result = score(task, networks, selection, weights_sha256=digest, progress=progress.advance)
    if access_log is not None:  # before any score is shown
        record_task_access(result, access_log)
    if json is not None:
        write_bytes(json, _to_json(result))
    _print(result)


def _open(task: "Task", model: str, vessels: str, options: "Options") -> "tuple[Networks, str]":
    from venule.analysis.analyse import Networks
    from venule.evaluation.predictor import load_network

    network, digest = load_network(model, options)
    if task == "av" and vessels == SELF:
        if not {"artery", "vein"} <= set(network.record.class_names):
            raise UsageError(f"{model}: does not segment arteries and veins; name one that does")
        return Networks(network), digest
    masks, _ = load_network(vessels, options)
    if task == "av":
        return Networks(masks, types=network), digest
    return Networks(masks, landmarks=network), digest


def _to_json(result: "TaskResult") -> bytes:
    from venule.evaluation.tasks import TaskReport

    return (TaskReport(results=(result,)).model_dump_json(indent=2) + "\n").encode()


def _print(result: "TaskResult") -> None:
    from venule.evaluation.report import interval_text, warnings_of
    from venule.evaluation.tasks import LABELS

    typer.echo(
        shown(
            f"{result.dataset}, protocol {result.protocol}, split {result.split}: "
            f"{len(result.images)} images ({result.split_source})"
        )
    )
    if result.task == "av":
        typer.echo(shown(f"{result.model}: types of the vessels that {result.vessels} finds"))
    for line in warnings_of(result):
        typer.secho(shown(line), err=True, fg="red", bold=True)
    typer.echo()
    rows = [["score", f"{result.model}: mean over images", "images"]]
    for name, label in LABELS[result.task].items():
        interval = result.mean[name]
        rows.append([label, interval_text(interval), str(interval.images)])
    print_table(rows)
