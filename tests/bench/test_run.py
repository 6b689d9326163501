"""A whole benchmark, its times planted."""

import pytest

from venule.bench.candidate import Candidate, Entry
from venule.bench.fresh import Fresh
from venule.bench.run import bench


def test_ratios_are_to_the_first_and_to_the_first_of_the_runtime(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seconds = (1.0, 2.0, 4.0, 6.0)
    entries = [
        Entry(model, runtime, peer=True) for runtime in ("onnx", "openvino") for model in "ab"
    ]
    asked: list[int] = []

    def opened(entry: Entry, *, threads: int) -> Candidate:
        asked.append(threads)
        return Candidate(entry, entry.model, entry.runtime, lambda x: x)

    def fresh(*_: object, threads: int) -> Fresh:
        asked.append(threads)
        return Fresh(None, 1.0)

    monkeypatch.setattr("venule.bench.run.open_candidate", opened)
    monkeypatch.setattr("venule.bench.run.measure_fresh", fresh)
    monkeypatch.setattr(
        "venule.bench.run.take_turns",
        lambda tasks, **_: [[{"network": one}] for one in seconds] if tasks else [],
    )
    rows = bench(entries, sizes=[(64, 64)], repeat=1, threads=7).rows
    assert set(asked) == {7}
    assert [row.ratio.median for row in rows] == [1, 2, 4, 6]
    assert [row.ratio_in_runtime.median for row in rows] == [1, 2, 1, 1.5]
