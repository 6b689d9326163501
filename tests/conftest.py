"""Fixtures and settings that every test shares: real data if it is there, seeds, threads."""

import os
import random
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from support.runtimes import APART, APART_TESTS


def pytest_configure() -> None:
    """Keep every numeric library to one thread: results stay the same and tests do not compete."""
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, "1")
    os.environ.setdefault("MPLBACKEND", "Agg")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave what uses OpenVINO to a process of its own where `APART_TESTS` is there to start it.

    That is so when all tests are run; `pytest tests/inference` runs its tests itself. Without
    OpenVINO they are skipped, but under continuous integration (CI=true) they fail.
    """
    marked = [item for item in items if item.get_closest_marker("openvino")]
    if find_spec("openvino") is None and os.environ.get("CI") != "true":
        reason = "OpenVINO is not installed: pip install 'venule[openvino]'"
        for item in marked:
            item.add_marker(pytest.mark.skip(reason=reason))
    elif any(item.path.name == APART_TESTS for item in items):
        config.stash[APART] = [item.nodeid for item in marked]
        config.hook.pytest_deselected(items=marked)
        items[:] = [item for item in items if item not in marked]
        # Here it is as if it were not installed, so that no test takes it by "auto".
        sys.modules["openvino"] = None  # type: ignore[assignment]


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
