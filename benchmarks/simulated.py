"""A simulated cluster for the driver of the engine `ray`, whose nodes die on schedule.

It provides what the driver uses of the module `ray`, in the same semantics: calls are completed in
random order, and pending ones of a dying node are lost. The behaviour of Ray itself when machines
die is tested on a real cluster.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from venule.batch.process import Outcome, Task


class ActorDiedError(Exception):
    """A call of an actor whose node has died."""


@dataclass
class Node:
    """A machine; a dead one is always replaced."""

    alive: bool = True


@dataclass(eq=False)
class Call:
    """A pending task of an actor; a photograph, or loading the networks (None)."""

    node: Node
    task: Task | None


@dataclass
class Cluster:
    """Stand-in for the module `ray`; `answer` returns a worker's outcome for a photograph.

    After every `death_every` photographs the node of the last one dies, which increments `deaths`,
    and `lost` by the number of its pending photographs.
    """

    answer: Callable[[Task], Outcome]
    nodes: int = 4
    death_every: int = 1000
    seed: int = 0
    deaths: int = 0
    lost: int = 0
    answered: int = 0
    exceptions: Any = field(default_factory=lambda: SimpleNamespace(RayError=ActorDiedError))

    def __post_init__(self) -> None:
        self._chance = random.Random(self.seed)
        self._nodes = [Node() for _ in range(self.nodes)]
        self._hired = 0

    def remote(self, **_: object) -> Callable[[type], Any]:
        """As `ray.remote`: a class of actors, assigned to nodes in turn."""
        return lambda _: SimpleNamespace(remote=self._hire)

    def _hire(self, *_: object) -> Any:
        self._hired += 1
        node = self._nodes[self._hired % self.nodes]
        return SimpleNamespace(
            load=SimpleNamespace(remote=lambda: Call(node, None)),
            process=SimpleNamespace(remote=lambda task: Call(node, task)),
        )

    def wait(self, calls: list[Call], timeout: float) -> tuple[list[Call], list[Call]]:  # noqa: ARG002
        """One completed call, chosen at random."""
        one = self._chance.choice(calls)
        return [one], [call for call in calls if call is not one]

    def get(self, call: Call) -> Outcome | None:
        """The result of a call; raises ActorDiedError if its node is dead."""
        if not call.node.alive:
            self.lost += call.task is not None
            raise ActorDiedError
        if call.task is None:
            return None
        self.answered += 1
        if self.answered % self.death_every == 0:
            self.deaths += 1
            self.lost += 1
            call.node.alive = False
            self._nodes[self._nodes.index(call.node)] = Node()
            raise ActorDiedError
        return self.answer(call.task)

    def kill(self, actor: object, no_restart: bool) -> None:
        """End an actor, which has no pending call."""
