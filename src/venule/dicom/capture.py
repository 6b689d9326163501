"""The overlay as Secondary Capture (PS3.3 A.8), for archives that cannot display SEG."""

import numpy as np
from numpy.typing import NDArray
from pydicom.uid import SecondaryCaptureImageStorage

from venule.dicom.derived import RESEARCH, References, copy_lossy, derived, encoded
from venule.dicom.elements import quiet, text
from venule.dicom.source import Source
from venule.dicom.terms import PROCESSED, SEGMENTATION


def encode_secondary_capture(source: Source, overlay: NDArray[np.uint8]) -> bytes:
    """Encode an overlay, (H, W, 3) uint8, RGB, upright, of any size, as a DICOM file.

    Raises:
        OutputError: the source lacks the UIDs that a derived object must reference.
    """
    assert overlay.dtype == np.uint8
    assert overlay.ndim == 3
    assert overlay.shape[2] == 3
    header = source.header
    with quiet():
        references = References(source)
        capture = derived(
            source,
            sop_class=SecondaryCaptureImageStorage,
            series=f"Retinal segmentation, {RESEARCH}",
        )
        capture.Modality = text(header, "Modality") or "OP"
        capture.ConversionType = "WSD"
        capture.ImageType = ["DERIVED", "SECONDARY"]
        capture.PatientOrientation = ["L", "F"] if text(header, "PatientOrientation") else ""
        if "ImageLaterality" in header:
            capture.ImageLaterality = header.ImageLaterality
        else:
            capture.Laterality = text(header, "Laterality")  # required here, and may be empty
        # Annotations burned into the photograph's own pixels are still there.
        if "BurnedInAnnotation" in header:
            capture.BurnedInAnnotation = header.BurnedInAnnotation
        copy_lossy(capture, header)
        capture.DerivationDescription = f"Segmentation drawn over the photograph; {RESEARCH}"
        capture.DerivationCodeSequence = [SEGMENTATION.item()]
        image = references.image()
        image.PurposeOfReferenceCodeSequence = [PROCESSED.item()]
        capture.SourceImageSequence = [image]
        capture.SamplesPerPixel = 3
        capture.PhotometricInterpretation = "RGB"
        capture.PlanarConfiguration = 0
        capture.PixelRepresentation = 0
        capture.Rows, capture.Columns = overlay.shape[:2]
        capture.BitsAllocated = capture.BitsStored = 8
        capture.HighBit = 7
        pixels = overlay.tobytes()
        capture.add_new("PixelData", "OB", pixels + b"\0" * (len(pixels) % 2))
        return encoded(capture)
