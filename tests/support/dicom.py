"""DICOM objects as archives hold them, made by pydicom around drawn photographs."""

from collections.abc import Callable
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray
from openjpeg.utils import encode_array
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    RLELossless,
)

from support.trees import draw

OP_8_BIT = "1.2.840.10008.5.1.4.1.1.77.1.5.1"
OP_16_BIT = "1.2.840.10008.5.1.4.1.1.77.1.5.2"
CT = "1.2.840.10008.5.1.4.1.1.2"

IDENTITY = {
    "PatientName": "Lovelace^Ada",
    "PatientID": "MRN-18151210",
    "PatientBirthDate": "18151210",
    "ReferringPhysicianName": "Somerville^Mary",
    "AccessionNumber": "ACC-40071",
    "StudyID": "STUDY-5519",
    "StudyDate": "20240229",
    "StudyTime": "131415",
    "AcquisitionDateTime": "20240229131419",
    "StudyInstanceUID": "1.2.826.0.1.3680043.9.7777.1",
    "SeriesInstanceUID": "1.2.826.0.1.3680043.9.7777.1.2",
    "SOPInstanceUID": "1.2.826.0.1.3680043.9.7777.1.2.3",
}
"""Who and when; not one of these values may be found where it does not belong."""

EYE = draw(5, 96, 120).image
"""(96, 120, 3) uint8, warm, on black."""

MASK = draw(5, 96, 120).first


def photograph(pixels: NDArray[Any] = EYE, **changes: Any) -> Dataset:
    """An ophthalmic photograph of RGB or grey pixels, explicit little endian; None removes."""
    made = Dataset()
    for keyword, value in IDENTITY.items():
        setattr(made, keyword, value)
    made.SOPClassUID = OP_8_BIT if pixels.dtype == np.uint8 else OP_16_BIT
    made.Modality = "OP"
    made.PatientSex = "F"
    made.SeriesNumber, made.InstanceNumber = 3, 7
    made.PatientOrientation = ["L", "F"]
    made.ImageLaterality = "R"
    made.PixelSpacing = [0.01, 0.01]
    made.Rows, made.Columns = pixels.shape[:2]
    made.SamplesPerPixel = 1 if pixels.ndim == 2 else 3
    made.PhotometricInterpretation = "MONOCHROME2" if pixels.ndim == 2 else "RGB"
    if pixels.ndim == 3:
        made.PlanarConfiguration = 0
    made.BitsAllocated = made.BitsStored = 8 * pixels.dtype.itemsize
    made.PixelRepresentation = 0
    data = pixels.astype(pixels.dtype.newbyteorder("<")).tobytes()
    made.PixelData = data + b"\0" * (len(data) % 2)
    made["PixelData"].VR = "OB" if pixels.dtype == np.uint8 else "OW"
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    for keyword, value in changes.items():
        if value is None:
            delattr(made, keyword)
        else:
            setattr(made, keyword, value)
    if "HighBit" not in made:
        made.HighBit = made.BitsStored - 1
    return made


def encapsulated(made: Dataset, syntax: str, *frames: bytes) -> Dataset:
    """The object with these compressed frames in place of its pixels."""
    made.file_meta.TransferSyntaxUID = UID(syntax)
    made.PixelData = encapsulate(list(frames))
    made["PixelData"].VR = "OB"
    made["PixelData"].is_undefined_length = True
    return made


def content(made: Dataset) -> bytes:
    """The bytes of the object's file."""
    file = BytesIO()
    made.file_meta.MediaStorageSOPClassUID = made.get("SOPClassUID", UID("1.2.3"))
    made.save_as(file, enforce_file_format=True)
    return file.getvalue()


def jpeg(pixels: NDArray[np.uint8], **options: Any) -> bytes:
    """A JPEG as Pillow writes it: YBR and JFIF, or RGB with keep_rgb=True."""
    file = BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=95, **options)
    return file.getvalue()


def ybr(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Full-range YCbCr, by the equations of ITU-T T.871, rounded once."""
    red, green, blue = np.moveaxis(pixels.astype(float), -1, 0)
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    chroma = ((blue - luma) / 1.772 + 128, (red - luma) / 1.402 + 128)
    rounded: NDArray[np.uint8] = np.rint(np.stack([luma, *chroma], axis=-1)).astype(np.uint8)
    return rounded


def _native(syntax: str) -> Callable[[NDArray[Any]], Dataset]:
    def write(pixels: NDArray[Any]) -> Dataset:
        made = photograph(pixels)
        made.file_meta.TransferSyntaxUID = UID(syntax)
        if syntax == ExplicitVRBigEndian:
            made.PixelData = pixels.astype(pixels.dtype.newbyteorder(">")).tobytes()
            made["PixelData"].VR = "OB" if pixels.dtype == np.uint8 else "OW"
        return made

    return write


def _rle(pixels: NDArray[Any]) -> Dataset:
    made = photograph(pixels)
    made.compress(RLELossless, generate_instance_uid=False)
    return made


def _jpeg2000(pixels: NDArray[Any]) -> Dataset:
    color = pixels.ndim == 3
    stream = encode_array(
        pixels, photometric_interpretation=1 if color else 2, use_mct=color, codec_format=0
    )
    made = encapsulated(photograph(pixels), JPEG2000Lossless, bytes(stream))
    if color:
        made.PhotometricInterpretation = "YBR_RCT"
    return made


LOSSLESS: dict[str, Callable[[NDArray[Any]], Dataset]] = {
    "implicit little endian": _native(ImplicitVRLittleEndian),
    "explicit little endian": _native(ExplicitVRLittleEndian),
    "deflated": _native(DeflatedExplicitVRLittleEndian),
    "explicit big endian": _native(ExplicitVRBigEndian),
    "RLE": _rle,
    "JPEG 2000": _jpeg2000,
}
"""Pixels in, an object that holds just them out; by transfer syntax."""


def baseline(pixels: NDArray[np.uint8]) -> Dataset:
    """A photograph in JPEG baseline, YBR with halved chroma, as most cameras write it."""
    return encapsulated(
        photograph(pixels, PhotometricInterpretation="YBR_FULL_422"), JPEGBaseline8Bit, jpeg(pixels)
    )
