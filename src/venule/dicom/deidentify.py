"""Sources without a patient: for answers that may leave the hospital (PS3.15 annex E).

Nothing of a header is cleaned; a new one is made that holds the pseudonym, UIDs made from it, and
of the source only what describes the picture. Each photograph so becomes a patient and a study of
its own.
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
    """The same source without patient, study, dates or UIDs; its references lead nowhere."""
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
