"""The goals on DRIVE's official test set, set before the shipped networks were trained.

Peers were run by us with their own weights and scored like everything here: 20 images, inside the
field of view, 565 x 584, means over images (the ECE pooled), at threshold 0.5 and without vessel
reconnection, as released; for LadderNet the authors' own maps. None of these files is kept.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from venule.evaluation.report import Table
from venule.evaluation.result import Result
from venule.metrics.metric import labels


@dataclass(frozen=True, kw_only=True)
class Goal:
    """The goal for a score, with the best peer and the second human observer, as text."""

    score: str
    peer: str
    observer: str
    goal: float
    at_least: bool = True
    pooled: bool = False

    def met(self, value: float) -> bool:
        """Return whether a score reaches the goal; nan does not."""
        return value >= self.goal if self.at_least else value <= self.goal


GOALS = (
    Goal(
        score="roc_auc",
        peer="0.9825 SkelCon, 0.9811 W-Net; averaged 0.9833",
        observer="–",
        goal=0.984,
    ),
    Goal(score="average_precision", peer="0.918; averaged 0.921", observer="–", goal=0.925),
    Goal(score="dice", peer="0.828; averaged 0.830", observer="0.788", goal=0.832),
    Goal(score="mcc", peer="0.804; averaged 0.807", observer="0.760", goal=0.809),
    Goal(score="cldice", peer="0.837; averaged 0.841", observer="0.763", goal=0.850),
    Goal(score="thin_recall", peer="0.707", observer="0.601", goal=0.72),
    Goal(
        score="ece",
        peer="0.002 LadderNet, 0.008 W-Net, 0.10 SkelCon",
        observer="–",
        goal=0.01,
        at_least=False,
        pooled=True,
    ),
    Goal(score="components", peer="6.1", observer="2.8", goal=5, at_least=False),
    Goal(score="largest_component_share", peer="0.803", observer="0.755", goal=0.83),
)

GENERAL = (
    Goal(score="roc_auc", peer="0.9748", observer="–", goal=0.976),
    Goal(score="dice", peer="0.783", observer="0.788", goal=0.800),
)
"""For weights trained on no image of DRIVE; the peer is the best of those trained elsewhere."""

SETS = {"accurate": GOALS, "general": GENERAL}
"""By name in about.json."""


PEERS = {
    "accurate": """\
Peers: SkelCon is tyb311/SkelCon, W-Net agaldran/lwnet with its test-time flips, both run by us; for
LadderNet (juntang-zhuang/LadderNet) its authors' own maps; averaged is the mean of SkelCon's and
W-Net's maps. They were scored as released, at threshold 0.5, without vessel reconnection, so
thin-vessel recall and components are not like for like; SkelCon with its best contrast setting on
these images. Measured once; none of their files is kept here.""",
    "general": """\
The peer is tyb311/SkelCon as trained on STARE, run by us as released, at threshold 0.5. Measured
once; none of its files is kept here.""",
}
"""Notes below the table of goals."""


def measured(goal: Goal, result: Result) -> float:
    """Read the score that the goal concerns."""
    return result.pooled[goal.score] if goal.pooled else result.mean[goal.score].mean


def goals_met(result: Result, goals: Sequence[Goal] = GOALS) -> str:
    """State how many goals are met; ValueError unless on DRIVE's official test set."""
    where = (result.dataset, result.protocol, result.split, result.expert, len(result.images))
    if where != ("DRIVE", "official", "test", "first", 20):
        raise ValueError(f"{result.model}: the goals are on DRIVE's official test set, not {where}")
    met = sum(goal.met(measured(goal, result)) for goal in goals)
    return (
        f"{met} of {len(goals)} goals met, on DRIVE's 20 official test images, by one file in one "
        "pass. The goals\nwere set before the shipped networks were trained; peers were scored on "
        "the same images and pixels."
    )


def goal_table(result: Result, goals: Sequence[Goal] = GOALS) -> Table:
    """One row per goal: peers, second observer, goal, measured score, verdict."""
    rows = [["score", "best peer", "second observer", "goal", result.model, "goal met"]]
    for goal in goals:
        value = measured(goal, result)
        bound = f"{'≥' if goal.at_least else '≤'} {goal.goal:g}"
        verdict = "met" if goal.met(value) else "missed"
        rows.append(
            [labels()[goal.score], goal.peer, goal.observer, bound, f"{value:.4f}", verdict]
        )
    return rows
