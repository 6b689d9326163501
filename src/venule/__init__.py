"""Segmentation of the blood vessels in colour fundus photographs.

The public names are those of `__all__`. They are imported on first use (PEP 562), so that
`import venule` is fast:

    import venule
    prediction = venule.load("general").segment("photograph.jpg")
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0.dev0"
__all__ = [
    "Analysis",
    "Photograph",
    "Prediction",
    "Segmenter",
    "__version__",
    "analyse",
    "load",
    "predict_folder",
    "read_photograph",
]

_HOMES = {
    "Analysis": "venule.analysis.analyse",
    "Photograph": "venule.image.photograph",
    "analyse": "venule.analysis.analyse",
    "load": "venule.inference.load",
    "predict_folder": "venule.batch.predict",
    "read_photograph": "venule.image.photograph",
    "Prediction": "venule.inference.prediction",
    "Segmenter": "venule.inference.segment",
}


if TYPE_CHECKING:  # type checkers see the names themselves, and report others
    from venule.analysis.analyse import Analysis, analyse
    from venule.batch.predict import predict_folder
    from venule.image.photograph import Photograph, read_photograph
    from venule.inference.load import load
    from venule.inference.prediction import Prediction
    from venule.inference.segment import Segmenter
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
