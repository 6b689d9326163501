"""Fixtures and settings that every test shares: real data if it is there, seeds, threads."""

import os
import random
import sys
from pathlib import Path

import pytest


def pytest_configure() -> None:
    """Keep every numeric library to one thread: results stay the same and tests do not compete."""
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, "1")
    os.environ.setdefault("MPLBACKEND", "Agg")


@pytest.fixture(autouse=True)
def _fixed_seeds() -> None:
    """Seed the global generators before each test, of numpy and torch only where imported."""
    random.seed(0)
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        numpy.random.seed(0)
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.set_num_threads(1)
        torch.manual_seed(0)


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder that holds DRIVE/, CHASE_DB1/ and HRF/, from the environment variable VENULE_DATA.

    Without it the test is skipped; under continuous integration (CI=true) it fails instead, so
    that a missing data set cannot pass for a green run.
    """
    value = os.environ.get("VENULE_DATA")
    reason = "set VENULE_DATA to the folder that holds DRIVE/, CHASE_DB1/ and HRF/"
    if value is None or value == "":
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    root = Path(value)
    if not root.is_dir():
        pytest.fail(f"VENULE_DATA = {value} is not a folder; {reason}")
    return root
