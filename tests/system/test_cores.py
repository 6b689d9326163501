from collections.abc import Mapping
from pathlib import Path

import pytest

from venule.inference.onnx_runner import _options
from venule.system import cores as threads


@pytest.mark.parametrize(
    ("files", "cores"),
    [
        ({"cpu.max": "200000 100000\n"}, 2),  # docker run --cpus 2
        ({"cpu.max": "150000 100000\n"}, 2),
        ({"cpu.max": "10000 100000\n"}, 1),
        ({"cpu.max": "max 100000\n"}, None),
        ({}, None),
    ],
)
def test_a_containers_share_of_time_counts_as_cores(
    tmp_path: Path, files: Mapping[str, str], cores: int | None
) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    assert threads._quota(tmp_path) == cores


def test_no_more_cores_are_used_than_are_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "_quota", lambda _: None)
    free = threads.core_count()
    monkeypatch.setattr(threads, "_quota", lambda _: 1)
    assert threads.core_count() == 1 <= free


def test_onnx_runtime_is_given_the_threads_that_are_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert _options(3).intra_op_num_threads == 3
    monkeypatch.setattr("venule.inference.onnx_runner.core_count", lambda: 5)
    assert _options(None).intra_op_num_threads == 5
