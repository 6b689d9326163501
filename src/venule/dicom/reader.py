"""Recognise DICOM objects and read their photographs; pydicom is imported on the first of them."""

from venule.dicom.orientation import find_turn
from venule.dicom.pseudonym import pseudonym
from venule.dicom.source import DicomPhotograph, Laterality, Source
from venule.errors import ImageError

_VRS = (b"UL", b"OB", b"CS", b"UI", b"DA", b"TM", b"SH", b"LO", b"DT")
"""What an object without a preamble may begin with, in its groups 0002 and 0008."""

_SIDES: dict[str, Laterality] = {"R": "right", "L": "left"}


def recognise(head: bytes) -> bool:
    """Whether a file that begins with `head` (132 bytes or more) is a DICOM object.

    Old ones lack the preamble and its DICM and begin with an element of group 0002 or 0008.
    """
    if head[128:132] == b"DICM":
        return True
    if head[:2] in (b"\2\0", b"\b\0") and head[3:4] == b"\0":
        explicit = head[4:6] in _VRS
        implicit = head[6:8] == b"\0\0" and 0 < int.from_bytes(head[4:6], "little") <= 64
        return explicit or implicit
    return head[:2] == b"\0\b" and head[2:3] == b"\0" and head[4:6] in _VRS


def read_dicom(content: bytes, name: str) -> DicomPhotograph:
    """The first frame of a DICOM object, upright, with what its header says of it.

    `name` stands in errors; it should say nothing of the patient (see `pseudonym`). Nor does any
    error or note quote the header.

    Raises:
        ImageError: pydicom is missing, or the object is no photograph, broken, or not read.
    """
    _require_pydicom(name)
    from venule.dicom.elements import quiet, read_elements, value
    from venule.dicom.frame import first_frame
    from venule.dicom.header import kept, laterality, pixel_module, um_per_px

    with quiet():
        dataset = read_elements(content, name)
        module = pixel_module(dataset, name)
        pixels, notes = first_frame(dataset, module, name)
        header = kept(dataset)
        turn = find_turn(value(header, "PatientOrientation"))
        size, size_note = um_per_px(header)
        side = laterality(header)
    if module.frames > 1:
        notes.append(f"the first of {module.frames} frames")
    if turn != type(turn)():
        notes.append("turned upright as PatientOrientation says")
    if size is not None:
        notes.append(f"{size:.4g} um a pixel, nominal (PixelSpacing)")
    if size_note:
        notes.append(size_note)
    source = Source(header, pseudonym(content), turn)
    return DicomPhotograph(turn.upright(pixels), size, _SIDES.get(side), tuple(notes), source)


def _require_pydicom(name: str) -> None:
    try:
        import pydicom  # noqa: F401
    except ImportError:
        raise ImageError(
            f"{name}: a DICOM object; to read it, pip install 'venule[dicom]'"
        ) from None
