from pathlib import Path

import pytest

from venule.system import computer


@pytest.mark.parametrize(
    ("name", "flags", "slow"),
    [
        ("AMD EPYC 9R14", "avx512f avx512_bf16", False),
        ("Intel(R) Xeon(R) Platinum 8488C", "avx512f avx512_bf16 amx_tile amx_bf16", False),
        ("Intel(R) Xeon(R) Processor", "avx512f avx512_bf16", True),  # AMX hidden from a guest
        ("Intel(R) Xeon(R) Platinum 8375C", "avx512f", False),  # none, so not slow
    ],
)
def test_bf16_is_slow_on_intels_vector_units_only(
    name: str, flags: str, slow: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = f"processor : 0\nmodel name : {name}\nflags : fpu {flags} sse2\n\nprocessor : 1\n"
    monkeypatch.setattr(Path, "read_text", lambda *_, **__: text)
    assert computer.slow_bf16() is slow
