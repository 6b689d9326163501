import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from support.networks import write_network
from venule.bench.candidate import Entry
from venule.bench.fresh import measure_fresh, peak_mb
from venule.bench.photograph import write_photograph
from venule.bench.stages import OTHERS, STAGES
from venule.errors import VenuleError
from venule.image.io import read_mask
from venule.models.record import ModelRecord

GROW = """
from venule.bench.fresh import peak_mb
before = peak_mb()
block = bytearray(b"1" * 1_000_000) * 200
print(before, peak_mb() - before)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not tell")
def test_the_peak_grows_with_what_is_allocated_and_does_not_count_the_parent() -> None:
    ours = np.ones(300_000_000, np.uint8)
    done = subprocess.run([sys.executable, "-c", GROW], capture_output=True, text=True, check=True)
    before, grown = map(float, done.stdout.split())
    assert ours.any()
    assert (peak_mb() or 0) > 300
    assert before < 200
    assert grown == pytest.approx(200, abs=10)


def test_a_photograph_is_predicted_in_a_process_of_its_own(tmp_path: Path) -> None:
    source, target = tmp_path / "a.jpg", tmp_path / "a.png"
    write_photograph(source, (64, 64))
    file = write_network(tmp_path / "a.onnx", ModelRecord(name="a", model="tiny"))
    fresh = measure_fresh(Entry(str(file), "onnx"), source, target, threads=1)
    assert read_mask(target).shape == (64, 64)
    assert fresh.seconds > 0
    assert fresh.peak_mb is None or 30 < fresh.peak_mb < 1000
    assert set(fresh.first) == {*STAGES, "total"}
    assert fresh.first["total"] < fresh.seconds  # which starts with the interpreter
    assert fresh.again == ()


def test_later_rounds_have_the_other_results_too_and_do_not_count_for_the_first(
    tmp_path: Path,
) -> None:
    source, target = tmp_path / "a.jpg", tmp_path / "a.png"
    write_photograph(source, (64, 64))
    file = write_network(tmp_path / "a.onnx", ModelRecord(name="a", model="tiny"))
    fresh = measure_fresh(Entry(str(file), "onnx"), source, target, threads=1, again=2)
    assert [set(turn) for turn in fresh.again] == [{*STAGES, *OTHERS, "total"}] * 2
    assert (fresh.peak_all_mb or 0) >= (fresh.peak_mb or 0)


def test_a_process_that_fails_is_one_line_with_its_reason(tmp_path: Path) -> None:
    file = write_network(tmp_path / "a.onnx", ModelRecord(name="a", model="tiny"))
    with pytest.raises(VenuleError, match=r"a\.onnx: failed .*no such file") as caught:
        measure_fresh(
            Entry(str(file), "onnx"), tmp_path / "none.jpg", tmp_path / "a.png", threads=1
        )
    assert "\n" not in str(caught.value)
