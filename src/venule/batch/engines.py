"""All engines by name."""

from collections.abc import Generator, Iterable, Mapping

from venule.batch.engine import Engine, OpenWorker, Resources, inline
from venule.batch.process import Outcome, Task


def processes(
    tasks: Iterable[Task], open_worker: OpenWorker, resources: Resources
) -> Generator[Outcome, None, None]:
    """Process photographs in worker processes; see `processes.processes`."""
    from venule.batch.processes import processes  # multiprocessing, only where it is used

    return processes(tasks, open_worker, resources)


def ray(
    tasks: Iterable[Task], open_worker: OpenWorker, resources: Resources
) -> Generator[Outcome, None, None]:
    """Process photographs on a Ray cluster; see `ray.ray_actors`."""
    from venule.batch.ray import ray_actors  # needs the extra `ray`

    return ray_actors(tasks, open_worker, resources)


ENGINES: Mapping[str, Engine] = {"inline": inline, "processes": processes, "ray": ray}
