"""The computer of a measurement, and the versions of the software."""

import os
import platform
from pathlib import Path

from venule import __version__
from venule.system.process import installed

PACKAGES = ("numpy", "pillow", "onnxruntime", "openvino", "torch")


def computer() -> dict[str, str | int | None]:
    """The system, machine, processor and number of cores."""
    return {
        "system": platform.system(),
        "machine": platform.machine(),
        "processor": processor(),
        "cores": os.cpu_count(),
    }


def versions() -> dict[str, str]:
    """Versions of venule, Python and the installed ones of `PACKAGES`."""
    own = {"venule": __version__, "python": platform.python_version()}
    return own | installed(PACKAGES)


def slow_bf16() -> bool:
    """Return whether the processor has bf16 units that are no faster than its fp32 units.

    Intel's AVX-512 units multiply as many bf16 as fp32 numbers a cycle, and the conversions come on
    top; AMD's multiply twice as many, and AMX still more.
    """
    named = processor()
    return "avx512_bf16" in named and "amx_bf16" not in named and "AMD" not in named


def processor() -> str:
    """The processor's name and its bf16 units, as Linux reports them."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return platform.processor()
    fields = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
    named = {key.strip(): value.strip() for key, value in fields.items()}
    units = {"amx_bf16", "avx512_bf16", "avx512f"} & set(named.get("flags", "").split())
    return " ".join([named.get("model name", platform.processor()), *sorted(units)])
