"""The elements of a DICOM object, read with bounded memory and time.

A hostile file lies about lengths, nests sequences, or holds millions of elements. Only attributes
that are asked for are decoded; what is malformed counts as absent.
"""

import logging
import math
import threading
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import Any

from pydicom import config, dcmread
from pydicom.datadict import tag_for_keyword
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filereader import read_dataset
from pydicom.multival import MultiValue
from pydicom.uid import ExplicitVRLittleEndian

from venule.errors import ImageError

_MOST_READS = 300_000
"""Each element takes two reads or more; a photograph has some hundred elements."""

_MOST_VALUE_BYTES = 4096

_SMALL_BYTES = 2**26
_MOST_INFLATED = 100
"""No photograph shrinks so far; beyond _SMALL_BYTES such a file is a decompression bomb."""


_TURNS = threading.RLock()


class _Budget(BytesIO):
    """A file in memory that may be read only so often, and never to its end in one go.

    pydicom reads to the end only to inflate all that follows, which may be a bomb.
    """

    left = _MOST_READS

    def read(self, size: int | None = -1, /) -> bytes:
        self.left -= 1
        if self.left < 0:
            raise _TooMuchError
        if size is None or size < 0:
            raise _DeflatedError(self.tell())
        return super().read(size)


class _TooMuchError(Exception):
    """More reads than a photograph takes."""


class _DeflatedError(Exception):
    """From the position in its first argument on the file is deflated."""


def budgeted(content: bytes) -> BytesIO:
    """`content` as a file that can be read within bounds."""
    return _Budget(content)


@contextmanager
def quiet() -> Iterator[None]:
    """Keep pydicom from warning and logging: it would quote values, and they name patients.

    These are settings of the whole process, so threads take turns.
    """
    logger = logging.getLogger("pydicom")
    with _TURNS:
        disabled, logger.disabled = logger.disabled, True
        try:
            with warnings.catch_warnings(), config.disable_value_validation():
                warnings.simplefilter("ignore")
                yield
        finally:
            logger.disabled = disabled


class FrameError(ValueError):
    """A frame that cannot be decoded; its text quotes nothing of a header."""


def broken(name: str, error: Exception) -> ImageError:
    """One line; the text of a foreign exception may quote the header and is left out."""
    reason = str(error) if isinstance(error, FrameError) else type(error).__name__
    return ImageError(f"{name}: broken or truncated DICOM file ({reason})")


def read_elements(content: bytes, name: str) -> Dataset:
    """The elements of a DICOM file's content, few of their values decoded yet.

    Raises:
        ImageError: it is broken, or has more elements than any photograph.
    """
    try:
        try:
            return dcmread(budgeted(content), force=True)
        except _DeflatedError as deflated:
            inflated = budgeted(_inflate(memoryview(content)[deflated.args[0] :], name))
        dataset = read_dataset(inflated, is_implicit_VR=False, is_little_endian=True)
        dataset.file_meta = FileMetaDataset()
        dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        return dataset
    except ImageError:
        raise
    except _TooMuchError:
        raise ImageError(f"{name}: a DICOM file of more elements than any photograph has") from None
    except Exception as error:  # a hostile file meets nearly every kind of exception
        raise broken(name, error) from None


def _inflate(deflated: memoryview, name: str) -> bytes:
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    limit = max(_SMALL_BYTES, _MOST_INFLATED * len(deflated))
    inflated = inflater.decompress(deflated, limit)
    if inflater.unconsumed_tail:
        raise ImageError(f"{name}: it unpacks to more than {limit // 10**6} MB; save it anew")
    return inflated


def value(dataset: Dataset, keyword: str, *, most_bytes: int = _MOST_VALUE_BYTES) -> Any:
    """The value of an attribute; None where it is absent, empty, malformed or overlong."""
    tag = tag_for_keyword(keyword)
    assert tag is not None
    try:
        raw = dataset.get_item(tag)
        if isinstance(raw.value, bytes) and len(raw.value) > most_bytes:
            return None
        found = dataset[tag].value
        return None if found is None or found in ("", b"") else found
    except Exception:  # absent, or a hostile value met its converter
        return None


def text(dataset: Dataset, keyword: str) -> str:
    """The string of an attribute, stripped; of several the first; "" where there is none."""
    found = value(dataset, keyword)
    if isinstance(found, MultiValue):
        found = found[0] if found else ""
    return "" if found is None else str(found).strip(" \0")


def integer(dataset: Dataset, keyword: str, *, default: int | None = None) -> int | None:
    """The integer of an attribute; `default` where there is none."""
    found = value(dataset, keyword)
    return int(found) if isinstance(found, int) else default


def numbers(dataset: Dataset, keyword: str) -> tuple[float, ...]:
    """The numbers of an attribute of several; () where there are none, or one is not finite."""
    found = value(dataset, keyword)
    try:
        values = tuple(float(each) for each in found) if isinstance(found, MultiValue) else ()
    except (TypeError, ValueError):
        return ()
    return values if all(map(math.isfinite, values)) else ()
