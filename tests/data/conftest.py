"""Fake copies of the data sets, each built once and only read."""

from pathlib import Path

import pytest

from support import trees


@pytest.fixture(scope="session")
def fake_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as VENULE_DATA names it, with every data set that has a usual name."""
    root = tmp_path_factory.mktemp("data")
    trees.make_drive(root)
    trees.make_stare(root)
    trees.make_chase(root)
    trees.make_hrf(root)
    trees.make_fives(root)
    trees.make_deeplab_folders(root)
    trees.make_csv(root)
    return root
