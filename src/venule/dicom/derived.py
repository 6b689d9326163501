"""Attributes common to all objects derived from a photograph: patient, study, references."""

from datetime import datetime, timedelta, timezone
from io import BytesIO

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian, generate_uid

import venule
from venule.dicom.elements import integer, text
from venule.dicom.source import Source
from venule.errors import OutputError

RESEARCH = "research use only, not a medical device"

_IMPLEMENTATION = UID("2.25.226374087365117409157320385364478157342")
"""The implementation class UID of venule, generated once."""

_MAY_BE_EMPTY = (
    *("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyInstanceUID"),
    *("StudyDate", "StudyTime", "ReferringPhysicianName", "StudyID", "AccessionNumber"),
)
_OPTIONAL = (
    *("IssuerOfPatientID", "PatientAge", "PatientIdentityRemoved", "DeidentificationMethod"),
    *("StudyDescription", "TimezoneOffsetFromUTC"),
)
_LOSSY = ("LossyImageCompressionRatio", "LossyImageCompressionMethod")
_UIDS = ("StudyInstanceUID", "SeriesInstanceUID", "SOPClassUID", "SOPInstanceUID")


class References:
    """The UIDs by which a derived object references its source."""

    def __init__(self, source: Source) -> None:
        header = source.header
        found = {keyword: text(header, keyword) for keyword in _UIDS}
        missing = [keyword for keyword, uid in found.items() if not uid]
        if missing:
            raise OutputError(
                f"{source.pseudonym}: the DICOM photograph has no {missing[0]}, so no object "
                "can refer to it; request outputs other than seg and sc"
            )
        self.sop_class = found["SOPClassUID"]
        self.series = found["SeriesInstanceUID"]
        self.instance = found["SOPInstanceUID"]
        self.frames = integer(header, "NumberOfFrames") or 1

    def image(self) -> Dataset:
        """The item of an image SOP instance reference; to the first of several frames."""
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


def derived(source: Source, *, sop_class: str, series: str) -> Dataset:
    """A new object in the source's patient and study, with its own series; no pixels yet."""
    new = Dataset()
    new.file_meta = _file_meta(sop_class)
    new.SpecificCharacterSet = "ISO_IR 192"
    for keyword in _MAY_BE_EMPTY:
        setattr(new, keyword, "")
    for keyword in (*_MAY_BE_EMPTY, *_OPTIONAL):
        if keyword in source.header:
            new[keyword] = source.header[keyword]
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
    """Copy the record of earlier lossy compression (PS3.3 C.7.6.1.1.5)."""
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
    """The time zone of an object, given as +HHMM; None, meaning local time, if not stated."""
    digits = offset[1:]
    if offset[:1] not in ("+", "-") or len(digits) != 4 or not digits.isdecimal():
        return None
    ahead = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    if ahead >= timedelta(days=1):
        return None
    return timezone(ahead if offset[0] == "+" else -ahead)
