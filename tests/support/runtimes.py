"""Which runtimes the tests can use."""

from importlib.util import find_spec

import pytest

needs_openvino = pytest.mark.skipif(
    find_spec("openvino") is None,
    reason="OpenVINO is not installed: pip install 'venule[openvino]'",
)
"""Skips a test where OpenVINO is missing.

The locked environment has none: beside PyTorch and ONNX Runtime in one process, long test runs
ended in a segmentation fault. With it installed, `pytest tests/inference tests/bench` runs them.
"""
