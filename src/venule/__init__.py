"""Segments the blood vessels in colour fundus photographs.

The public names are `load`, `Segmenter`, `Prediction` and `__version__`. They are looked up when
first used (PEP 562), so that `import venule` costs nothing:

    import venule
    prediction = venule.load("name-or-path").segment(image)
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0.dev0"
__all__ = ["Prediction", "Segmenter", "__version__", "load"]

_HOMES = {
    "load": "venule.inference.load",
    "Prediction": "venule.inference.segment",
    "Segmenter": "venule.inference.segment",
}


if TYPE_CHECKING:  # a type checker sees the names themselves, and misses others
    from venule.inference.load import load
    from venule.inference.segment import Prediction, Segmenter
else:

    def __getattr__(name: str) -> Any:
        """Return the public object `name`, importing the module that defines it on first use."""
        if name not in _HOMES:
            raise AttributeError(f"module 'venule' has no attribute {name!r}")
        value = getattr(import_module(_HOMES[name]), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    """Return the public names, whether or not they have been imported yet."""
    return sorted(__all__)
