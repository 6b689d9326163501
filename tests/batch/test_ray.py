"""Photographs on a real Ray cluster of two nodes on this computer, one of which dies."""

import csv
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from support.networks import write_network
from support.segmenters import DEADLY, deadly, green, noise, working
from venule.batch.choice import ModelChoice
from venule.batch.engine import Resources
from venule.batch.plan import plan
from venule.batch.predict import Summary, predict_folder
from venule.batch.process import Failed, Outcome, Written
from venule.batch.records import Records
from venule.batch.run import run, start
from venule.errors import OutputError, UsageError
from venule.image.io import write_png
from venule.models.record import ModelRecord

if os.environ.get("VENULE_RAY") == "1":  # as `make test-ray` has it: it may not be missing
    import ray
else:
    ray = pytest.importorskip("ray", reason="Ray is not installed: pip install 'venule[ray]'")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.ray,
    pytest.mark.filterwarnings("ignore"),  # Ray's own
]

COUNT = 24
PATIENCE = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_raylet_start_wait_time_s": "200",
    "RAY_gcs_server_request_timeout_seconds": "300",
}
"""Ray's, on a computer that is busy with other things."""

PORTS = (
    "metrics_agent_port",
    "metrics_export_port",
    "dashboard_agent_listen_port",
    "runtime_env_agent_port",
)


def _node() -> dict[str, Any]:
    """One CPU and as few processes as possible; a node waits 15 s for ports that are not given."""
    sockets = [socket.socket() for _ in PORTS]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = {name: one.getsockname()[1] for name, one in zip(PORTS, sockets, strict=True)}
    for one in sockets:
        one.close()
    return {"num_cpus": 1, "include_log_monitor": False, **ports}


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    from ray.cluster_utils import Cluster

    with pytest.MonkeyPatch.context() as patch:
        for name, value in PATIENCE.items():
            patch.setenv(name, value)
        # The nodes open networks of `support`; what pytest adds to the path is this process's only.
        patch.setenv("PYTHONPATH", str(Path(__file__).parents[1]), prepend=os.pathsep)
        head = {**_node(), "include_dashboard": False, "no_monitor": True}
        cluster = Cluster(initialize_head=True, head_node_args=head)
        cluster.add_node(**_node())
        patch.setenv("RAY_ADDRESS", cluster.address)
        yield cluster
        cluster.shutdown()


@pytest.fixture
def tiny(tmp_path: Path) -> ModelChoice:
    record = ModelRecord(name="tiny", model="tiny")
    return ModelChoice(model=write_network(tmp_path / "tiny.onnx", record), runtime="onnx")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    for seed in range(COUNT):
        write_png(tmp_path / "in" / f"eye{seed:02d}.png", noise(160, seed=seed))
    (tmp_path / "in" / "broken.png").write_bytes(b"no photograph")
    return tmp_path / "in"


def _pictures(out: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in out.glob("*.png")}


def _table(out: Path) -> list[dict[str, str]]:
    with (out / "report.csv").open(encoding="utf-8", newline="") as file:
        return [{k: v for k, v in row.items() if k != "seconds"} for row in csv.DictReader(file)]


def _inline(folder: Path, out: Path, model: ModelChoice) -> Summary:
    return predict_folder(folder, out, model=model, engine="inline")


def _outcomes(engine: str, folder: Path, out: Path, network: Any) -> list[Outcome]:
    jobs = plan([folder], out)
    ledger = start(jobs, Records(out), {"model": "stub", "columns": ["quality"]})
    resources = Resources(2, 1, 10)
    with closing(
        run(jobs, ledger, working(network), engine=engine, resources=resources)
    ) as outcomes:
        return list(outcomes)


def test_what_is_wrong_with_a_photograph_is_the_same_as_with_processes(
    cluster: Any, tmp_path: Path
) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    write_png(folder / "good.png", noise(40))
    (folder / "broken.png").write_bytes(b"no photograph")
    (folder / "gone.png").symlink_to(tmp_path / "not mounted" / "gone.png")
    for name, width in DEADLY.items():
        write_png(folder / f"{name}.png", noise(width))
    found = {}
    for engine in ("processes", "ray"):
        outcomes = _outcomes(engine, folder, tmp_path / engine, deadly)
        assert [one.job.name for one in outcomes if isinstance(one, Written)] == ["good"]
        found[engine] = {one.job.name: one.reason for one in outcomes if isinstance(one, Failed)}
    assert found["ray"] == found["processes"]
    assert found["ray"]["hang"] == "took longer than 10 s"
    assert found["ray"]["segfault"] == "its worker process was stopped by SIGSEGV, twice"
    assert found["ray"]["gone"] == "no such file"
    assert not list((tmp_path / "ray").glob(".*.tmp")) + list((tmp_path / "ray").glob("*.probe"))


@pytest.fixture
def full(tmp_path: Path) -> Iterator[Path]:
    """A folder on a disk of its own that is full."""
    place = tmp_path / "out" / "deep"
    place.mkdir(parents=True)
    command = ["mount", "-t", "tmpfs", "-o", "size=4k", "tmpfs", str(place)]
    if subprocess.run(command, stderr=subprocess.DEVNULL, check=False).returncode:
        pytest.skip("mounting a disk takes an administrator")
    (place / "other").write_bytes(bytes(4096))
    yield place
    subprocess.run(["umount", place], check=True)


@pytest.mark.parametrize("engine", ["processes", "ray"])
def test_a_full_disk_ends_the_run(cluster: Any, full: Path, tmp_path: Path, engine: str) -> None:
    folder = tmp_path / "in" / "deep"
    folder.mkdir(parents=True)
    for number in range(4):
        write_png(folder / f"{number}.png", noise(40, seed=number))
    with pytest.raises(OutputError, match=r"deep/.*cannot be written \(No space left on device\)"):
        _outcomes(engine, tmp_path / "in", tmp_path / "out", green)
    assert {row["status"] for row in _table(tmp_path / "out")} == {"pending"}
    assert [path.name for path in full.iterdir()] == ["other"]


def test_a_killed_driver_that_runs_again_loses_nothing(
    cluster: Any, folder: Path, tiny: ModelChoice, tmp_path: Path
) -> None:
    _inline(folder, tmp_path / "inline", tiny)
    out = tmp_path / "ray"
    command = [sys.executable, "-m", "venule", "predict", str(folder), "-o", str(out)]
    command += ["--model", str(tiny.model), "--runtime", "onnx", "--engine", "ray"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + 300
        while len(_pictures(out)) < 3:
            assert process.poll() is None, "it ended by itself"
            assert time.monotonic() < deadline, "it did nothing"
            time.sleep(0.05)
        process.send_signal(signal.SIGKILL)
    assert len(_pictures(out)) < COUNT
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 3, done.stderr  # the broken photograph
    assert "were finished before" in done.stderr
    assert _pictures(out) == _pictures(tmp_path / "inline")
    assert _table(out) == _table(tmp_path / "inline")


@pytest.mark.parametrize("engine", ["processes", "ray"])
def test_a_share_that_is_lost_in_the_middle_costs_no_result(
    cluster: Any, tiny: ModelChoice, tmp_path: Path, engine: str
) -> None:
    share, away, folder, out = (tmp_path / name for name in ("share", "away", "in", "out"))
    share.mkdir()
    folder.mkdir()
    for seed in range(12):
        write_png(share / f"eye{seed:02}.png", noise(160, seed=seed))
        (folder / f"eye{seed:02}.png").symlink_to(share / f"eye{seed:02}.png")
    seen: list[Outcome] = []

    def lose_the_share(outcome: Outcome) -> None:
        seen.append(outcome)
        if len(seen) == 3:
            share.rename(away)

    found = predict_folder(folder, out, model=tiny, engine=engine, progress=lose_the_share)
    assert found.written + len(found.failed) == 12
    assert found.written >= 3
    assert found.failed
    assert {one.reason for one in found.failed} == {"no such file"}
    command = [sys.executable, "-m", "venule", "predict", str(folder), "-o", str(out)]
    command += ["--model", str(tiny.model), "--runtime", "onnx", "--engine", engine]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 4, done.stderr  # all photographs failed, now
    kept = "no such file; results of an earlier run are kept"
    reasons = [row["reason"] for row in _table(out)]
    assert sorted(reasons) == ["no such file"] * len(found.failed) + [kept] * found.written
    assert len(_pictures(out)) == found.written

    away.rename(share)
    again = predict_folder(folder, out, model=tiny, engine=engine)
    assert (again.kept, again.written, again.failed) == (found.written, len(found.failed), ())
    _inline(folder, tmp_path / "inline", tiny)
    assert _pictures(out) == _pictures(tmp_path / "inline")
    assert _table(out) == _table(tmp_path / "inline")


def test_a_folder_that_a_node_does_not_see_is_one_clear_error(
    cluster: Any, folder: Path, tiny: ModelChoice, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As it is there: the probe is written where nobody else has it.
    hidden = tmp_path / "only here"
    hidden.mkdir()
    touch = Path.touch
    monkeypatch.setattr(
        Path, "touch", lambda path: touch(hidden / path.name if path.suffix == ".probe" else path)
    )
    with pytest.raises(
        OutputError, match=r"out: node .* does not see this folder; photographs and"
    ):
        predict_folder(folder, tmp_path / "out", model=tiny, engine="ray")
    assert not _pictures(tmp_path / "out")


def test_a_cluster_that_loses_a_node_gives_every_result_once(
    cluster: Any, folder: Path, tiny: ModelChoice, tmp_path: Path
) -> None:
    whole = _inline(folder, tmp_path / "inline", tiny)
    names: list[str] = []

    def kill_a_node(outcome: Outcome) -> None:
        names.append(outcome.job.name)
        if len(names) == 4:
            cluster.remove_node(next(iter(cluster.worker_nodes)), allow_graceful=False)

    found = predict_folder(
        folder, tmp_path / "ray", model=tiny, engine="ray", workers=2, progress=kill_a_node
    )
    assert (found.written, len(found.failed)) == (whole.written, len(whole.failed)) == (COUNT, 1)
    assert sorted(names) == sorted(set(names))
    assert _pictures(tmp_path / "ray") == _pictures(tmp_path / "inline")
    assert _table(tmp_path / "ray") == _table(tmp_path / "inline")


def test_without_a_cluster_there_is_one_clear_error(
    folder: Path, tiny: ModelChoice, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "nowhere")
    with pytest.raises(UsageError, match="no cluster responds"):
        predict_folder(folder, tmp_path / "out", model=tiny, engine="ray")
