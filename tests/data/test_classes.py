from collections.abc import Sequence
from pathlib import Path

import pytest

from venule.data.classes import Labelled, open_class_tree
from venule.errors import DatasetError


def touch(root: Path, *names: str) -> Path:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return root


def names(items: Sequence[Labelled]) -> list[str]:
    return [f"{path.parent.name}/{path.name}={label}" for path, label in items]


def test_train_and_val_folders_are_read_as_imagenet_is_laid_out(tmp_path: Path) -> None:
    touch(tmp_path, "train/cat/2.jpg", "train/cat/1.JPEG", "train/ant/1.png", "val/cat/9.jpg")
    tree = open_class_tree(tmp_path)
    assert tree.classes == ("ant", "cat")
    assert names(tree.train) == ["ant/1.png=0", "cat/1.JPEG=1", "cat/2.jpg=1"]
    assert names(tree.val) == ["cat/9.jpg=1"]


def test_without_val_a_tenth_of_each_class_validates(tmp_path: Path) -> None:
    touch(tmp_path, *(f"{name}/{i:02}.jpg" for name in "ab" for i in range(20)))
    tree = open_class_tree(tmp_path)
    assert [label for _, label in tree.val] == [0, 0, 1, 1]
    assert len(tree.train) == 36
    assert not {path for path, _ in tree.train} & {path for path, _ in tree.val}


def test_the_choice_of_what_validates_depends_on_names_and_seed_only(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        touch(tmp_path / folder, *(f"{name}/{i:02}.jpg" for name in "ab" for i in range(20)))
    first, second = (names(open_class_tree(tmp_path / folder).val) for folder in ("one", "two"))
    assert first == second
    assert names(open_class_tree(tmp_path / "one", seed=1).val) != first


def test_a_class_of_one_photograph_keeps_it_for_training(tmp_path: Path) -> None:
    touch(tmp_path, "a/1.jpg", "b/1.jpg", "b/2.jpg")
    tree = open_class_tree(tmp_path)
    assert [label for _, label in tree.train] == [0, 1]
    assert [label for _, label in tree.val] == [1]


def test_other_files_hidden_and_empty_folders_are_passed_over(tmp_path: Path) -> None:
    touch(tmp_path, "a/1.jpg", "a/2.jpg", "a/notes.txt", "b/1.jpg", ".git/1.jpg", "c/readme.md")
    touch(tmp_path, "a/._1.jpg")
    (tmp_path / "b" / "d.png").mkdir()
    tree = open_class_tree(tmp_path)
    assert tree.classes == ("a", "b")
    assert sorted(path.name for path, _ in (*tree.train, *tree.val)) == ["1.jpg", "1.jpg", "2.jpg"]


def test_the_digest_changes_with_the_photographs(tmp_path: Path) -> None:
    touch(tmp_path, "a/1.jpg", "a/2.jpg", "b/1.jpg", "b/2.jpg")
    before = open_class_tree(tmp_path).digest()
    assert open_class_tree(tmp_path).digest() == before
    touch(tmp_path, "b/3.jpg")
    assert open_class_tree(tmp_path).digest() != before


@pytest.mark.parametrize(
    ("files", "complaint"),
    [
        ([], "holds 0 folders with photographs"),
        (["a/1.jpg", "1.jpg"], "holds 1 folders with photographs"),
        (["train/a/1.jpg", "train/b/1.jpg", "val/c/1.jpg"], "a class that"),
        (["images/1.jpg", "labels/1.png"], "venule data patches"),
        (["a/1.jpg", "b/1.jpg"], "too few photographs"),
        (["train/a/1.jpg", "train/b/1.jpg", "val/a/notes.txt"], "val: holds no photographs"),
    ],
)
def test_a_tree_that_cannot_be_used_is_one_line(
    files: list[str], complaint: str, tmp_path: Path
) -> None:
    touch(tmp_path, *files)
    with pytest.raises(DatasetError, match=complaint) as caught:
        open_class_tree(tmp_path)
    assert "\n" not in str(caught.value)


def test_a_missing_folder_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="no such folder"):
        open_class_tree(tmp_path / "missing")
