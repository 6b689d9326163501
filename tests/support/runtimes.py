"""Which runtimes the tests can use."""

import os
from importlib.util import find_spec

import pytest

needs_openvino = pytest.mark.skipif(
    find_spec("openvino") is None and os.environ.get("CI") != "true",
    reason="OpenVINO is not installed: pip install 'venule[openvino]'",
)
"""Skips a test where OpenVINO is missing; under continuous integration it fails instead."""
