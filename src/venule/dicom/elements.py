"""The elements of a DICOM object, parsed with bounded memory and time.

A hostile file may give false lengths, nest sequences, or hold millions of elements. Only requested
attributes are decoded; malformed ones count as absent.
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
"""Each element takes at least two reads; a photograph has some hundred elements."""

_MOST_VALUE_BYTES = 4096

_SMALL_BYTES = 2**26
_MOST_INFLATED = 100
"""No photograph compresses this well; beyond _SMALL_BYTES such a file is a decompression bomb."""


_TURNS = threading.RLock()


class _Budget(BytesIO):
    """A file in memory with a limited number of reads, and none of all that remains.

    pydicom reads to the end only to inflate the rest of the file, which may be a bomb.
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
    """More reads than a photograph needs."""


class _DeflatedError(Exception):
    """The file is deflated from the position in the first argument on."""


def budgeted(content: bytes) -> BytesIO:
    """`content` as a file that can only be read within bounds."""
    return _Budget(content)


@contextmanager
def quiet() -> Iterator[None]:
    """Silence warnings and logs of pydicom, which could quote values that name patients.

    These settings are global to the process, so threads take turns.
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
    """A frame that cannot be decoded; the message quotes nothing of the header."""


def broken(name: str, error: Exception) -> ImageError:
    """A one-line error; the original message may quote the header and is dropped."""
    reason = str(error) if isinstance(error, FrameError) else type(error).__name__
    return ImageError(f"{name}: broken or truncated DICOM file ({reason})")


def read_elements(content: bytes, name: str) -> Dataset:
    """The elements of a DICOM file, mostly without decoding their values.

    Raises:
        ImageError: the file is broken, or has more elements than any photograph.
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
        raise ImageError(f"{name}: a DICOM file with more elements than any photograph") from None
    except Exception as error:  # hostile files can raise nearly any exception
        raise broken(name, error) from None


def _inflate(deflated: memoryview, name: str) -> bytes:
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    limit = max(_SMALL_BYTES, _MOST_INFLATED * len(deflated))
    inflated = inflater.decompress(deflated, limit)
    if inflater.unconsumed_tail:
        raise ImageError(f"{name}: it unpacks to more than {limit // 10**6} MB; save it again")
    return inflated


def value(dataset: Dataset, keyword: str, *, most_bytes: int = _MOST_VALUE_BYTES) -> Any:
    """The value of an attribute; None if absent, empty, malformed or too long."""
    tag = tag_for_keyword(keyword)
    assert tag is not None
    try:
        raw = dataset.get_item(tag)
        if isinstance(raw.value, bytes) and len(raw.value) > most_bytes:
            return None
        found = dataset[tag].value
        return None if found is None or found in ("", b"") else found
    except Exception:  # absent, or a hostile value failed to convert
        return None


def text(dataset: Dataset, keyword: str) -> str:
    """The string of an attribute, stripped; the first of several; "" if there is none."""
    found = value(dataset, keyword)
    if isinstance(found, MultiValue):
        found = found[0] if found else ""
    return "" if found is None else str(found).strip(" \0")


def integer(dataset: Dataset, keyword: str, *, default: int | None = None) -> int | None:
    """The integer of an attribute; `default` if there is none."""
    found = value(dataset, keyword)
    return int(found) if isinstance(found, int) else default


def numbers(dataset: Dataset, keyword: str) -> tuple[float, ...]:
    """The numbers of a multi-valued attribute; () if there are none, or one is not finite."""
    found = value(dataset, keyword)
    try:
        values = tuple(float(each) for each in found) if isinstance(found, MultiValue) else ()
    except (TypeError, ValueError):
        return ()
    return values if all(map(math.isfinite, values)) else ()
