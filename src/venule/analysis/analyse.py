"""Analysis of one photograph: the single path used by every command, score and engine."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from venule.image.arrays import RGB, Mask
from venule.image.fov import FieldOfView
from venule.image.photograph import Laterality, Photograph, as_photograph
from venule.inference.load import require_vessels
from venule.inference.prediction import Prediction
from venule.inference.segment import Segmenter
from venule.quality.assess import Quality, assess

if TYPE_CHECKING:
    from venule.image.landmarks import Landmarks

Changed = Literal["vessels", "probability", "types", "disc"]
"""Correctable parts: the vessel mask, its probabilities, arteries and veins, the disc."""


@dataclass(frozen=True)
class Networks:
    """The networks that an analysis uses.

    Attributes:
        vessels: segments the vessels.
        types: classifies arteries and veins; the shipped network if None.
        landmarks: finds optic disc and fovea; the shipped network if None.
        threads: of shipped networks, which are loaded when a step needs them; one per core if None.
    """

    vessels: Segmenter
    types: Segmenter | None = None
    landmarks: Segmenter | None = None
    threads: int | None = None

    def __post_init__(self) -> None:
        """Raise UsageError for a network that segments no vessels."""
        require_vessels(self.vessels.record)


@dataclass(frozen=True, kw_only=True, eq=False)
class Analysis:
    """The results for one photograph; None where the step that gives a result was not run.

    `model` is the name of the network that segmented the vessels, `other_models` those of the
    networks that found "artery", "vein" and "disc", if they are other ones. `corrected` names the
    parts that a user has corrected. `prediction_sha256` is that of the file that the prediction was
    read from, empty if it was not read from one. `revision` counts the changes that users have
    made.
    """

    photograph: Photograph
    prediction: Prediction
    model: str = ""
    other_models: Mapping[str, str] = field(default_factory=dict)
    corrected: frozenset[Changed] = frozenset()
    quality: Quality | None = None
    landmarks: "Landmarks | None" = None
    prediction_sha256: str = ""
    revision: int = 0

    @property
    def mask_source(self) -> Literal["predicted", "corrected"]:
        """Source of the masks of vessels, arteries and veins."""
        return "corrected" if self.corrected & {"vessels", "types"} else "predicted"

    @property
    def laterality(self) -> Laterality | None:
        """Left or right eye: as stated with the photograph, else derived from disc and fovea."""
        found = None if self.landmarks is None else self.landmarks.laterality
        return self.photograph.laterality or found

    @property
    def laterality_warnings(self) -> tuple[str, ...]:
        """Warnings that disc and fovea contradict the stated laterality."""
        return () if self.landmarks is None else self.landmarks.laterality_warnings


@dataclass(frozen=True)
class Step:
    """One step of an analysis, run after those that it `needs`; it fills a field of the analysis.

    Attributes:
        network: the shipped weights that it uses if no others are given; None for none.
        spared_by: a vessel network with all these classes makes `network` unnecessary.
    """

    name: str
    fill: Callable[[Analysis, Networks], Analysis]
    needs: tuple["Step", ...] = ()
    network: str | None = None
    spared_by: tuple[str, ...] = ()

    def shipped_network(self, vessels: Segmenter) -> str | None:
        """The shipped weights that it uses in addition to a vessel network."""
        spared = bool(self.spared_by) and set(self.spared_by) <= set(vessels.record.class_names)
        return None if spared else self.network


def analyse(
    photograph: Photograph | RGB | bytes | Path | str,
    networks: Networks | Segmenter,
    *,
    fov: FieldOfView | Mask | None = None,
    steps: Sequence[Step] | None = None,
) -> Analysis:
    """Analyse one photograph: segment its vessels, then run each step in turn.

    Args:
        photograph: as for `Segmenter.segment`.
        networks: the networks, or only the one that segments vessels.
        fov: as for `Segmenter.segment`.
        steps: further steps, (GRADE,) if None; steps that they need are run first.

    Raises:
        ImageError: as for `Segmenter.segment`.
    """
    if isinstance(networks, Segmenter):
        networks = Networks(networks)
    photograph = as_photograph(photograph)
    prediction = networks.vessels.segment(photograph, fov=fov)
    analysis = Analysis(
        photograph=photograph, prediction=prediction, model=networks.vessels.record.name
    )
    for step in in_order((GRADE,) if steps is None else steps):
        analysis = step.fill(analysis, networks)
    return analysis


def in_order(steps: Sequence[Step]) -> tuple[Step, ...]:
    """Each step once, after those that it needs."""

    def walk(some: Sequence[Step]) -> Iterator[Step]:
        for step in some:
            yield from walk(step.needs)
            yield step

    return tuple(dict.fromkeys(walk(steps)))


def _grade(analysis: Analysis, _: Networks) -> Analysis:
    prediction = analysis.prediction
    found = prediction.vessel_map
    pixels = analysis.photograph.pixels
    quality = assess(pixels, prediction.fov, found.levels, threshold=found.threshold)
    return replace(analysis, quality=quality)


GRADE = Step("grade", _grade)
"""Grading of the photograph and its vessel map: fills `quality`."""
