"""The cost of a run as it is recorded."""

import json
import time
from pathlib import Path

from venule.training.cost import FILE, Meter


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
