"""Reading of photographs from DICOM objects; pydicom is imported on first use."""

from venule.dicom.orientation import find_turn
from venule.dicom.pseudonym import pseudonym
from venule.dicom.require import require_pydicom
from venule.dicom.source import DicomPhotograph, Laterality, Source

_SIDES: dict[str, Laterality] = {"R": "right", "L": "left"}


def read_dicom(content: bytes, name: str) -> DicomPhotograph:
    """The first frame of a DICOM object, upright, with the information in its header.

    `name` is used in errors; it should not identify the patient (see `pseudonym`). No error or
    note quotes the header.

    Raises:
        ImageError: pydicom is missing, or the object is not a photograph, broken, or unsupported.
    """
    require_pydicom(name)
    from venule.dicom.elements import quiet, read_elements, value
    from venule.dicom.frame import first_frame
    from venule.dicom.header import (
        acquisition_date,
        has_square_pixels,
        kept,
        laterality,
        pixel_module,
        state_lossy,
        um_per_px,
    )

    with quiet():
        dataset = read_elements(content, name)
        module = pixel_module(dataset, name)
        pixels, notes = first_frame(dataset, module, name)
        header = kept(dataset)
        state_lossy(header, module, len(dataset["PixelData"].value))
        turn = find_turn(value(header, "PatientOrientation"))
        size, size_note = um_per_px(header)
        square = has_square_pixels(header)
        side = laterality(header)
        acquired = acquisition_date(header)
    if module.frames > 1:
        notes.append(f"the first of {module.frames} frames")
    if turn != type(turn)():
        notes.append("turned upright as PatientOrientation says")
    if size is not None:
        notes.append(f"{size:.4g} um a pixel, nominal (PixelSpacing)")
    if size_note:
        notes.append(size_note)
    source = Source(header, pseudonym(content), turn, acquired)
    return DicomPhotograph(
        turn.upright(pixels), size, _SIDES.get(side), tuple(notes), source, square=square
    )
