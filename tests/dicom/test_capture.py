from io import BytesIO

import numpy as np
from pydicom import dcmread

from support.dicom import EYE, IDENTITY, content, photograph
from venule.dicom.capture import encode_secondary_capture
from venule.dicom.deidentify import deidentified
from venule.dicom.read import read_dicom


def test_an_overlay_comes_back_to_the_pixel_as_secondary_capture() -> None:
    overlay = np.ascontiguousarray(EYE[:, ::-1][:35, :33])
    source = read_dicom(content(photograph()), "eye").source
    capture = dcmread(BytesIO(encode_secondary_capture(source, overlay)))
    assert np.array_equal(capture.pixel_array, overlay)
    assert capture.SOPClassUID.name == "Secondary Capture Image Storage"
    assert capture.PatientID == IDENTITY["PatientID"]
    assert capture.StudyInstanceUID == IDENTITY["StudyInstanceUID"]
    reference = capture.SourceImageSequence[0].ReferencedSOPInstanceUID
    assert reference == IDENTITY["SOPInstanceUID"]
    assert "not a medical device" in capture.DerivationDescription


def test_a_capture_is_itself_a_photograph_that_is_read() -> None:
    source = read_dicom(content(photograph()), "eye").source
    again = read_dicom(encode_secondary_capture(source, EYE), "capture")
    assert np.array_equal(again.pixels, EYE)


def test_deidentified_a_capture_names_nobody() -> None:
    source = deidentified(read_dicom(content(photograph()), "eye").source)
    hidden = encode_secondary_capture(source, EYE)
    assert not any(value.encode() in hidden for value in IDENTITY.values())
