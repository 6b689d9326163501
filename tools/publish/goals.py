"""The goals on DRIVE's official test set: the first ones, and those set later.

The first were set before the shipped networks were trained.

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
    """The goal for a score, with the best peer and the second human observer, as text.

    `later` is the goal that was set later, if any.
    """

    score: str
    peer: str
    observer: str
    goal: float
    later: float | None = None
    at_least: bool = True
    pooled: bool = False

    @property
    def bounds(self) -> tuple[float, ...]:
        """The first goal, and the later one if any."""
        return (self.goal,) if self.later is None else (self.goal, self.later)

    def met(self, value: float, bound: float | None = None) -> bool:
        """Return whether a score reaches `bound`, by default the first goal; nan does not."""
        bound = self.goal if bound is None else bound
        return value >= bound if self.at_least else value <= bound


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
    Goal(score="roc_auc", peer="0.9748", observer="–", goal=0.976, later=0.978),
    Goal(score="dice", peer="0.783", observer="0.788", goal=0.800, later=0.805),
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
    values = [(goal, measured(goal, result)) for goal in goals]
    met = f"{sum(goal.met(value) for goal, value in values)} of {len(goals)}"
    later = [goal.met(value, goal.later) for goal, value in values if goal.later is not None]
    if later:
        met = f"{met} first goals and {sum(later)} of {len(later)} later goals met"
        when = (
            "first goals\nwere set before the shipped networks were trained, the later ones since"
        )
    else:
        met = f"{met} goals met"
        when = "goals\nwere set before the shipped networks were trained"
    return (
        f"{met}, on DRIVE's 20 official test images, by one file in one pass. The {when}; peers "
        "were scored on the same images and pixels."
    )


def goal_table(result: Result, goals: Sequence[Goal] = GOALS) -> Table:
    """One row per goal: peers, second observer, goals, measured score, verdicts."""
    heads = ["goal"]
    if any(goal.later is not None for goal in goals):
        heads = ["first goal", "later goal"]
    verdicts = [f"{head} met" for head in heads]
    rows = [["score", "best peer", "second observer", *heads, result.model, *verdicts]]
    for goal in goals:
        value = measured(goal, result)
        sign = "≥" if goal.at_least else "≤"
        empty = [""] * (len(heads) - len(goal.bounds))
        bounds = [f"{sign} {bound:g}" for bound in goal.bounds] + empty
        said = ["met" if goal.met(value, bound) else "missed" for bound in goal.bounds] + empty
        score = _rounded(goal, value)
        rows.append([labels()[goal.score], goal.peer, goal.observer, *bounds, score, *said])
    return rows


def _rounded(goal: Goal, value: float) -> str:
    """A score to four digits, or to as many more as show on which side of its goals it is."""
    for digits in range(4, 17):
        text = f"{value:.{digits}f}"
        if all(goal.met(float(text), one) == goal.met(value, one) for one in goal.bounds):
            break
    return text
