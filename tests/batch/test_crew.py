"""The driver of the engine `ray` on a simulated cluster; on a real one see test_ray.py."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from venule.batch.engine import Resources
from venule.batch.plan import Job
from venule.batch.process import Failed, Finished, Outcome, Task, Worker, Written
from venule.batch.processes import Died
from venule.batch.ray import Crew, threads_of
from venule.errors import OutputError, UsageError

ROOT = Path(__file__).parents[2]


@pytest.fixture
def simulated(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    import simulated

    return simulated


def _tasks(count: int, out: Path) -> list[Task]:
    names = [f"{number:04}" for number in range(count)]
    return [
        Task(Job(source=out / name, out=out, name=name, outputs=("mask",)), None) for name in names
    ]


def _written(task: Task) -> Written:
    return Written(task.job, Finished("", {}), 0)


def _run(cluster: Any, tasks: list[Task], workers: int = 8) -> list[Outcome]:
    def unused(threads: int) -> Any:
        raise AssertionError

    crew = Crew(cluster, unused, Resources(workers, 1, 60), tasks[0])
    try:
        return list(crew.process(iter(tasks)))
    finally:
        crew.stop()


@pytest.mark.parametrize("seed", range(5))
def test_every_photograph_has_one_result_however_often_nodes_die(
    simulated: Any, tmp_path: Path, seed: int
) -> None:
    cluster = simulated.Cluster(_written, death_every=50, seed=seed)
    outcomes = _run(cluster, _tasks(2000, tmp_path))
    assert cluster.deaths >= 2000 // 50
    assert cluster.lost > cluster.deaths  # what the other workers of a node were at is lost too
    assert {type(outcome) for outcome in outcomes} == {Written}
    assert Counter(outcome.job.name for outcome in outcomes) == Counter(
        f"{number:04}" for number in range(2000)
    )
    assert not list(tmp_path.iterdir())


def test_a_photograph_that_kills_every_node_is_given_up(simulated: Any, tmp_path: Path) -> None:
    def deadly(task: Task) -> Outcome:
        if task.job.name == "0003":
            raise simulated.ActorDiedError
        return _written(task)

    outcomes = _run(simulated.Cluster(deadly), _tasks(20, tmp_path))
    (failed,) = (outcome for outcome in outcomes if isinstance(outcome, Failed))
    assert failed.job.name == "0003"
    assert failed.reason == "its worker on the cluster died, 5 times (ActorDiedError)"
    assert len(outcomes) == 20


def test_a_photograph_that_ends_two_processes_is_given_up_with_their_reason(
    simulated: Any, tmp_path: Path
) -> None:
    begun: Counter[str] = Counter()

    def deadly(task: Task) -> Outcome | Died:
        begun[task.job.name] += 1
        bad = task.job.name == "0003" or (task.job.name == "0005" and begun["0005"] == 1)
        return Died("ended (3)", 1, read=True) if bad else _written(task)

    outcomes = _run(simulated.Cluster(deadly), _tasks(20, tmp_path))
    (failed,) = (outcome for outcome in outcomes if isinstance(outcome, Failed))
    assert (failed.job.name, failed.reason) == ("0003", "its worker process ended (3), twice")
    assert begun == Counter(f"{n:04}" for n in range(20)) + Counter(["0003", "0005"])


def test_no_more_photographs_are_taken_than_there_are_workers(
    simulated: Any, tmp_path: Path
) -> None:
    taken, most, done = 0, 0, 0

    def source() -> Iterator[Task]:
        nonlocal taken
        for task in _tasks(100, tmp_path):
            taken += 1
            yield task

    def never(_: int) -> Worker:
        raise AssertionError("a simulated cluster opens no worker")

    crew = Crew(simulated.Cluster(_written), never, Resources(4, 1, 60), _tasks(1, tmp_path)[0])
    for _ in crew.process(source()):
        done += 1
        most = max(most, taken - done)
    crew.stop()
    assert (done, taken) == (100, 100)
    assert most <= 5  # four under way, and one that is looked at


def test_a_cluster_whose_workers_all_die_while_they_load_is_one_error(
    simulated: Any, tmp_path: Path
) -> None:
    cluster = simulated.Cluster(_written)

    def dead(call: Any) -> Outcome:
        raise simulated.ActorDiedError

    cluster.get = dead
    with pytest.raises(OutputError, match="10 workers died one after the other while they loaded"):
        _run(cluster, _tasks(20, tmp_path), workers=2)


@pytest.mark.parametrize(
    ("cores", "workers", "threads"),
    [
        ([1, 1], 1, 1),  # not two: no node has them
        ([1, 1], 2, 1),
        ([16], 4, 4),
        ([16, 8], 3, 8),
        ([16, 8], 4, 5),  # 3 + 1; with 6 they are 2 + 1
        ([16, 8], 1, 16),
        ([4], 9, 1),
        ([0, 4], 2, 2),
    ],
)
def test_threads_are_as_many_as_fit_on_the_nodes(
    cores: list[int], workers: int, threads: int
) -> None:
    assert threads_of(_cluster_of(cores), workers) == threads


def test_a_cluster_without_a_core_is_an_error() -> None:
    with pytest.raises(UsageError, match="no node of the cluster has a CPU"):
        threads_of(_cluster_of([0]), 1)


def _cluster_of(cores: list[int]) -> Any:
    alive = [{"Alive": True, "Resources": {"CPU": float(count)}} for count in cores]
    gone = {"Alive": False, "Resources": {"CPU": 64.0}}
    return SimpleNamespace(nodes=lambda: [*alive, gone])
