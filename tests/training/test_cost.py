"""What a run says that it has cost."""

import json
import time
from pathlib import Path

import numpy as np

from venule.training.cost import FILE, Meter, peak_memory_bytes


def test_a_session_adds_to_those_before_it(tmp_path: Path) -> None:
    first = Meter(tmp_path)
    time.sleep(0.02)
    first.write()
    before = json.loads((tmp_path / FILE).read_text())
    assert (before["sessions"], before["seconds"] >= 0.02) == (1, True)
    earlier = before | {"seconds": 1000.0, "peak_memory_bytes": 10**15}
    (tmp_path / FILE).write_text(json.dumps(earlier))
    second = Meter(tmp_path)
    second.write()
    second.write()  # an epoch later: still the same session
    after = json.loads((tmp_path / FILE).read_text())
    assert after["sessions"] == 2
    assert 1000 <= after["seconds"] < 1060
    assert after["peak_memory_bytes"] == 10**15


def test_the_peak_is_the_most_that_was_ever_resident() -> None:
    before = peak_memory_bytes()
    held = np.ones(40_000_000)  # 320 MB, touched
    peak = peak_memory_bytes()
    assert before is not None
    assert peak is not None
    assert peak >= held.nbytes
    del held
    after = peak_memory_bytes()
    assert after is not None
    assert after > peak - 10_000_000  # the kernel counts some pages late
