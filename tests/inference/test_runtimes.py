"""Every runtime finds the same vessels with the weights that ship."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from statistics import mean

import numpy as np
import pytest

from support.runtimes import needs_openvino
from venule.data.catalog import open_dataset
from venule.data.sample import load_sample
from venule.image.arrays import RGB, Mask
from venule.inference.load import load, shipped_weights
from venule.inference.prediction import Prediction
from venule.inference.segment import Segmenter
from venule.metrics.cldice import cldice
from venule.metrics.counts import count, dice
from venule.synth.fundus import synthesize_fundus

NAMES = list(shipped_weights())

EXACT = [pytest.param("openvino-fp32", marks=needs_openvino), "onnx"]

NATIVE = pytest.param("openvino", marks=needs_openvino)
"""In bf16 where the processor can, in fp32 elsewhere."""


@dataclass(frozen=True, eq=False)
class Case:
    """A photograph with its truth."""

    image: RGB
    fov: Mask
    vessels: Mask


def synthetic_cases() -> list[Case]:
    """Synthetic photographs with odd sides."""
    cases = []
    for seed, (top, height, width) in enumerate([(0, 301, 301), (40, 211, 297)]):
        synthetic = synthesize_fundus(seed, size_px=301)
        window = np.s_[top : top + height, :width]
        cases.append(
            Case(synthetic.image[window], synthetic.fov[window], synthetic.vessels[window])
        )
    return cases


def real_cases(root: Path) -> list[Case]:
    """Photographs of 565 x 584 (DRIVE's training half) and 999 x 960, odd cuts of larger ones."""
    cases = []
    for spec, index, window in (
        (f"drive={root / 'DRIVE'}", 0, np.s_[:, :]),
        (f"chase={root / 'CHASE_DB1'}", 3, np.s_[:, :]),
        (f"chase={root / 'CHASE_DB1'}", 8, np.s_[101:838, 33:972]),
        (f"hrf={root / 'HRF'}", 20, np.s_[301:2200, 611:2620]),
    ):
        records = [one for one in open_dataset(spec).cases if one.split != "test"]
        sample = load_sample(records[index])
        assert sample.vessels is not None
        cases.append(Case(sample.image[window], sample.fov[window], sample.vessels[window]))
    return cases


def assert_same_vessels(
    cases: list[Case], one: Segmenter, other: Segmenter, *, least: float
) -> None:
    """Assert equal masks on `least` of each field of view, and equal Dice and clDice on average."""
    scores: list[tuple[float, float, float, float]] = []
    for case in cases:
        first, second = (model.segment(case.image, fov=case.fov) for model in (one, other))
        inside = first.vessels[case.fov]
        assert 0.01 < inside.mean() < 0.5
        assert (inside == second.vessels[case.fov]).mean() >= least
        scores.append((*_scores(first, case), *_scores(second, case)))
    means = [mean(column) for column in zip(*scores, strict=True)]
    assert means[0] > 0.3
    assert means[2:] == pytest.approx(means[:2], abs=0.002)


def _scores(prediction: Prediction, case: Case) -> tuple[float, float]:
    found = prediction.vessels
    counts = count(found, case.vessels, case.fov)
    return dice(counts), cldice(found, case.vessels, case.fov)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("runtime", EXACT)
def test_fp32_runtimes_agree_with_pytorch_on_drawn_photographs(name: str, runtime: str) -> None:
    assert_same_vessels(
        synthetic_cases(), load(name, runtime="torch"), load(name, runtime=runtime), least=0.9999
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("runtime", EXACT)
def test_fp32_runtimes_agree_with_pytorch_on_real_photographs(
    real_data: Path, name: str, runtime: str
) -> None:
    reference = load(name, runtime="torch")
    assert_same_vessels(real_cases(real_data), reference, load(name, runtime=runtime), least=0.9999)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("runtime", [NATIVE])
def test_what_openvino_does_by_itself_finds_the_same_drawn_vessels(name: str, runtime: str) -> None:
    assert_same_vessels(
        synthetic_cases(), load(name, runtime="torch"), load(name, runtime=runtime), least=0.999
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("runtime", [NATIVE])
def test_what_openvino_does_by_itself_finds_the_same_vessels(
    real_data: Path, name: str, runtime: str
) -> None:
    reference, native = load(name, runtime="torch"), load(name, runtime=runtime)
    assert_same_vessels(real_cases(real_data), reference, native, least=0.999)


@pytest.mark.parametrize("runtime", ["torch", "onnx", NATIVE])
def test_eight_threads_find_what_one_finds(runtime: str) -> None:
    segmenter = load(NAMES[0], runtime=runtime, threads=1)
    images = [synthesize_fundus(seed, size_px=64 + 24 * (seed % 3)).image for seed in range(8)]
    alone = [segmenter.segment(image).probability for image in images]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(segmenter.segment, images * 2))
    for prediction, expected in zip(together, alone * 2, strict=True):
        np.testing.assert_array_equal(prediction.probability, expected)
    assert len({probability.tobytes() for probability in alone}) == len(images)
