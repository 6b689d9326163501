"""A training refuses labels that would teach it something else than its photographs' vessels."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from support.trees import save
from venule.data.catalog import open_dataset
from venule.data.sound import require_sound_labels
from venule.errors import DatasetError
from venule.synth.fundus import SyntheticFundus, synthesize_fundus


@pytest.fixture(scope="module")
def eyes() -> list[SyntheticFundus]:
    return [synthesize_fundus(seed, size_px=240) for seed in (1, 2, 3, 4, 5)]


def require_sound(root: Path, eyes: list[SyntheticFundus], labels: list[NDArray[np.bool_]]) -> None:
    for number, (eye, label) in enumerate(zip(eyes, labels, strict=True)):
        save(root / "images" / f"{number}.png", eye.image)
        save(root / "labels" / f"{number}.png", label)
    require_sound_labels(open_dataset(str(root)).cases, expert="first")


def test_labels_that_lie_on_their_photographs_are_taken(
    tmp_path: Path, eyes: list[SyntheticFundus]
) -> None:
    require_sound(tmp_path, eyes[:2], [eye.vessels for eye in eyes[:2]])  # raises nothing
    # The same photographs, one label changed: what is taken above is not taken blindly.
    with pytest.raises(DatasetError):
        require_sound(tmp_path, eyes[:2], [eyes[0].vessels, np.zeros_like(eyes[1].vessels)])


def test_exchanged_labels_are_refused_with_where_they_lie(
    tmp_path: Path, eyes: list[SyntheticFundus]
) -> None:
    labels = [eyes[1].vessels, eyes[0].vessels]
    with pytest.raises(DatasetError, match=r"labels/0\.png: lies on.*images/1\.png"):
        require_sound(tmp_path, eyes[:2], labels)


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (np.zeros_like, "marks no pixel"),
        (np.logical_not, "as an inverted mask does"),
        (np.fliplr, "is mirrored"),
        (lambda vessels: np.rot90(vessels, 2), "is turned by 180 degrees"),
        (lambda vessels: np.roll(vessels, (9, -7), (0, 1)), "is shifted"),
    ],
)
def test_a_spoilt_label_is_refused_with_what_is_wrong(
    tmp_path: Path,
    eyes: list[SyntheticFundus],
    spoil: Callable[[NDArray[np.bool_]], NDArray[np.bool_]],
    reason: str,
) -> None:
    with pytest.raises(DatasetError, match=reason):
        require_sound(tmp_path, eyes[:2], [spoil(eyes[0].vessels), eyes[1].vessels])


def test_of_many_spoilt_labels_the_first_three_are_named(
    tmp_path: Path, eyes: list[SyntheticFundus]
) -> None:
    with pytest.raises(DatasetError, match=r"2\.png: marks no pixel \(and 2 more\)"):
        require_sound(tmp_path, eyes, [np.zeros_like(eye.vessels) for eye in eyes])
