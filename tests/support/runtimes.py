"""Runtimes that the tests can use, and their conditions."""

import pytest

needs_openvino = pytest.mark.openvino
"""Marks a test that computes in OpenVINO; `conftest.py` decides where it runs, if it can."""

APART = pytest.StashKey[list[str]]()
"""The tests that are left to a process of their own."""

APART_TESTS = "test_apart.py"
"""The file whose test starts that process."""
