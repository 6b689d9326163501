"""People who corrected masks, compared with each other on the same photographs."""

from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import f1_score

from serve.corrected import client_on, opened, results, send_stroke
from support.trees import draw, make_folders, save
from venule.batch.corrections import collect_corrections
from venule.data.catalog import open_dataset
from venule.data.protocols import select
from venule.errors import DatasetError
from venule.evaluation.evaluate import evaluate
from venule.evaluation.observers import find_corrected
from venule.evaluation.predictor import open_predictors
from venule.image.io import read_mask

NAMES = ("eye-0", "eye-1")


def _corrector(folder: Path, seed: int, names: tuple[str, ...] = NAMES) -> Path:
    """A folder of results that somebody has corrected."""
    from serve.conftest import wait_for

    folder.mkdir()
    out = results(folder)
    client = client_on(out, who=f"corrector {seed}")
    for number, name in enumerate(names):
        id = opened(client, wait_for, name)
        part = np.random.default_rng(10 * seed + number).random((40, 50)) > 0.6
        assert send_stroke(client, id, part, left=20, top=25, base=0).status_code == 200
    client.close()
    return out


def test_two_correctors_agree_as_scikit_learn_says(tmp_path: Path) -> None:
    ada, mary = _corrector(tmp_path / "ada", 1), _corrector(tmp_path / "mary", 2)
    collect_corrections(ada, tmp_path / "data")
    selection = select(open_dataset(str(tmp_path / "data")), None, "all")
    (observer,) = open_predictors([f"corrected:{mary}"], selection)
    assert (observer.kind, observer.binary) == ("expert", True)
    result = evaluate(observer, selection)
    for image in result.images:
        masks = [read_mask(out / f"{image.id}_mask.corrected.png") for out in (ada, mary)]
        fov = read_mask(tmp_path / "data" / "fov" / f"{image.id}.png")
        truth, seen = (mask[fov] for mask in masks)
        assert image.scores["dice"] == pytest.approx(f1_score(truth, seen), abs=1e-12)
    # Whoever is compared with himself agrees.
    (same,) = open_predictors([f"corrected:{ada}"], selection)
    assert evaluate(same, selection).mean["dice"].mean == 1


def test_a_photograph_that_one_has_not_corrected_is_named(tmp_path: Path) -> None:
    ada = _corrector(tmp_path / "ada", 1)
    mary = _corrector(tmp_path / "mary", 2, ("eye-1",))
    collect_corrections(ada, tmp_path / "data")
    selection = select(open_dataset(str(tmp_path / "data")), None, "all")
    with pytest.raises(DatasetError, match=r"1 of 2 images .* eye-0"):
        open_predictors([f"corrected:{mary}"], selection)
    with pytest.raises(DatasetError, match="no such folder"):
        open_predictors([f"corrected:{tmp_path / 'nobody'}"], selection)


def _saved(folder: Path, *names: str) -> list[Path]:
    return [save(folder / f"{name}_mask.corrected.png", draw(1).first) for name in names]


def test_the_whole_name_of_a_corrected_mask_comes_before_its_own_name(tmp_path: Path) -> None:
    selection = select(open_dataset(str(make_folders(tmp_path / "data", ["img"]))), None, "all")
    whole, _ = _saved(tmp_path / "out", "img", "sub/img")
    assert find_corrected(tmp_path / "out", selection) == {"img": whole}
    whole.unlink()
    assert find_corrected(tmp_path / "out", selection)["img"].parent.name == "sub"


def test_masks_named_like_id_and_file_of_two_photographs_are_refused(tmp_path: Path) -> None:
    make_folders(tmp_path, ["a", "b"])
    (tmp_path / "list.csv").write_text(
        "id,image,label\nb,images/a.png,labels/a.png\na,images/b.png,labels/b.png\n"
    )
    selection = select(open_dataset(str(tmp_path / "list.csv")), None, "all")
    _saved(tmp_path / "out", "a", "b")
    with pytest.raises(DatasetError, match="2 corrected masks for b"):
        find_corrected(tmp_path / "out", selection)
