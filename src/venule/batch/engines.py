"""Every engine by its name."""

from collections.abc import Mapping

from venule.batch.engine import Engine, inline
from venule.batch.processes import processes

ENGINES: Mapping[str, Engine] = {"inline": inline, "processes": processes}
