"""What every object that answers a photograph has in common: patient, study, references."""

from datetime import datetime, timedelta, timezone
from io import BytesIO

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian, generate_uid

import venule
from venule.dicom.elements import integer, text
from venule.dicom.pseudonym import replacement_uid
from venule.dicom.source import Source
from venule.errors import OutputError

RESEARCH = "research use only, not a medical device"

_IMPLEMENTATION = UID("2.25.226374087365117409157320385364478157342")
"""Names venule as the writer; drawn once."""

_PATIENT = ("PatientName", "PatientID", "PatientBirthDate", "PatientSex")
_MORE_PATIENT = ("IssuerOfPatientID", "PatientAge", "PatientIdentityRemoved")
_STUDY = ("StudyInstanceUID", "StudyDate", "StudyTime", "ReferringPhysicianName", "StudyID")
_MORE_STUDY = ("StudyDescription", "TimezoneOffsetFromUTC", "DeidentificationMethod")
_LOSSY = ("LossyImageCompressionRatio", "LossyImageCompressionMethod")
_UIDS = ("StudyInstanceUID", "SeriesInstanceUID", "SOPClassUID", "SOPInstanceUID")


class References:
    """The UIDs by which an answer names its source: as they are, or replaced."""

    def __init__(self, source: Source, *, deidentify: bool) -> None:
        header = source.header
        found = {keyword: text(header, keyword) for keyword in _UIDS}
        missing = [keyword for keyword, uid in found.items() if not uid]
        if missing:
            raise OutputError(
                f"{source.pseudonym}: the DICOM photograph has no {missing[0]}, so that nothing "
                "can refer to it; ask for other outputs than seg and sc"
            )
        self.sop_class = found["SOPClassUID"]
        if deidentify:
            name = source.pseudonym
            self.study = replacement_uid(name, "study")
            self.series = replacement_uid(name, "series")
            self.instance = replacement_uid(name, "instance")
        else:
            self.study = found["StudyInstanceUID"]
            self.series = found["SeriesInstanceUID"]
            self.instance = found["SOPInstanceUID"]
        self.frames = integer(header, "NumberOfFrames") or 1

    def image(self) -> Dataset:
        """The item of an image SOP instance reference; of several frames the first is meant."""
        item = Dataset()
        item.ReferencedSOPClassUID = self.sop_class
        item.ReferencedSOPInstanceUID = self.instance
        if self.frames > 1:
            item.ReferencedFrameNumber = 1
        return item

    def by_series(self) -> Dataset:
        """The item of a ReferencedSeriesSequence."""
        item = Dataset()
        item.SeriesInstanceUID = self.series
        plain = Dataset()
        plain.ReferencedSOPClassUID = self.sop_class
        plain.ReferencedSOPInstanceUID = self.instance
        item.ReferencedInstanceSequence = [plain]
        return item


def derived(
    source: Source, references: References, *, sop_class: str, series: str, deidentify: bool
) -> Dataset:
    """A new object in the source's study, or de-identified in a study of its own; no pixels yet."""
    new = Dataset()
    new.file_meta = _file_meta(sop_class)
    new.SpecificCharacterSet = "ISO_IR 192"
    _name_patient(new, source, deidentify=deidentify)
    new.StudyInstanceUID = references.study
    now = datetime.now(_timezone(text(new, "TimezoneOffsetFromUTC")))
    new.SOPClassUID = sop_class
    new.SOPInstanceUID = new.file_meta.MediaStorageSOPInstanceUID
    new.InstanceCreationDate = new.ContentDate = new.SeriesDate = f"{now:%Y%m%d}"
    new.InstanceCreationTime = new.ContentTime = new.SeriesTime = f"{now:%H%M%S}"
    new.SeriesInstanceUID = generate_uid(prefix=None)
    new.SeriesNumber = 1000 + min(abs(integer(source.header, "SeriesNumber") or 0), 10**6)
    new.SeriesDescription = series
    new.InstanceNumber = 1
    new.Manufacturer = "venule"
    new.ManufacturerModelName = "venule"
    new.SoftwareVersions = venule.__version__
    new.DeviceSerialNumber = "none"
    return new


def copy_lossy(new: Dataset, header: Dataset) -> None:
    """What was once compressed with loss stays so (PS3.3 C.7.6.1.1.5)."""
    if text(header, "LossyImageCompression") == "01":
        new.LossyImageCompression = "01"
        for keyword in _LOSSY:
            if keyword in header:
                new[keyword] = header[keyword]
    else:
        new.LossyImageCompression = "00"


def encoded(new: Dataset) -> bytes:
    """The object as the content of a DICOM file."""
    file = BytesIO()
    new.save_as(file, enforce_file_format=True)
    return file.getvalue()


def _file_meta(sop_class: str) -> FileMetaDataset:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = UID(sop_class)
    meta.MediaStorageSOPInstanceUID = generate_uid(prefix=None)
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.ImplementationClassUID = _IMPLEMENTATION
    meta.ImplementationVersionName = f"VENULE_{venule.__version__}"[:16]
    return meta


def _timezone(offset: str) -> timezone | None:
    """The zone of all times in an object, as +HHMM; None, the local one, where it is not said."""
    digits = offset[1:]
    if offset[:1] not in ("+", "-") or len(digits) != 4 or not digits.isdecimal():
        return None
    ahead = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    if ahead >= timedelta(days=1):
        return None
    return timezone(ahead if offset[0] == "+" else -ahead)


def _name_patient(new: Dataset, source: Source, *, deidentify: bool) -> None:
    """Copy who and when; or leave the pseudonym and nothing else (PS3.15 annex E)."""
    for keyword in (*_PATIENT, *_STUDY, "AccessionNumber"):
        setattr(new, keyword, "")
    if deidentify:
        new.PatientName = f"{source.pseudonym}^"
        new.PatientID = source.pseudonym
        new.PatientIdentityRemoved = "YES"
        new.DeidentificationMethod = "venule: header rebuilt, no attribute of the source kept"
        return
    for keyword in (*_PATIENT, *_MORE_PATIENT, *_STUDY, "AccessionNumber", *_MORE_STUDY):
        if keyword in source.header:
            new[keyword] = source.header[keyword]
