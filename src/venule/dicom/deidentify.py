"""Sources without patient data, for derived objects that may leave the hospital (PS3.15 annex E).

No header is cleaned; a new one is created with the pseudonym, UIDs derived from it, and only those
attributes of the source that describe the image. Each photograph thereby becomes its own patient
and study.
"""

from dataclasses import replace

from pydicom.dataset import Dataset

from venule.dicom.elements import quiet
from venule.dicom.pseudonym import replacement_uid
from venule.dicom.source import Source

_OF_THE_PICTURE = (
    *("SpecificCharacterSet", "SOPClassUID", "Modality", "Rows", "Columns", "NumberOfFrames"),
    *("PixelSpacing", "PatientOrientation", "ImageLaterality", "Laterality", "BurnedInAnnotation"),
    *("LossyImageCompression", "LossyImageCompressionRatio", "LossyImageCompressionMethod"),
)


def deidentified(source: Source) -> Source:
    """The source without patient, study, dates or UIDs; its references resolve to nothing."""
    header, name = Dataset(), source.pseudonym
    with quiet():
        for keyword in _OF_THE_PICTURE:
            if keyword in source.header:
                header[keyword] = source.header[keyword]
        header.PatientName = f"{name}^"
        header.PatientID = name
        header.PatientIdentityRemoved = "YES"
        header.DeidentificationMethod = "venule: new header, of the source only the picture's form"
        header.StudyInstanceUID = replacement_uid(name, "study")
        header.SeriesInstanceUID = replacement_uid(name, "series")
        header.SOPInstanceUID = replacement_uid(name, "instance")
    return replace(source, header=header, acquired="")
