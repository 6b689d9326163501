"""The error for missing pydicom, with how to install it."""

from importlib.util import find_spec

from venule.errors import ImageError


def require_pydicom(name: str) -> None:
    """Raise ImageError if pydicom, an extra, is not installed; the message begins with `name`."""
    try:
        found = find_spec("pydicom")
    except ValueError:  # set to None in sys.modules
        found = None
    if found is None:
        raise ImageError(f"{name}: a DICOM object; to read it, pip install 'venule[dicom]'")
