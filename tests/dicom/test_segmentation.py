"""Segmentations: what is stored comes out again, in the grid of the source and named in its terms.

pydicom unpacks the pixels; that archives and other programs accept them is tested in
test_programs.py.
"""

from collections.abc import Mapping
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import JPEG2000

from support.dicom import EYE, IDENTITY, LOSSLESS, MASK, baseline, content, photograph
from venule.analysis.analyse import Analysis, Changed
from venule.analysis.outputs import OUTPUTS
from venule.dicom.deidentify import deidentified
from venule.dicom.read import read_dicom
from venule.dicom.segmentation import SegKind, encode_seg
from venule.dicom.segmentation_read import decode_seg
from venule.dicom.source import Source
from venule.errors import ImageError, OutputError
from venule.image.fov import find_fov
from venule.image.landmarks import Landmarks
from venule.image.optic_disc import Disc
from venule.image.photograph import read_photograph
from venule.inference.prediction import Prediction, ProbabilityMap

ODD = np.zeros((96, 120), bool)
ODD[1:90:3, 2:117:5] = True


def source_of(made: Dataset) -> Source:
    return read_dicom(content(made), "eye").source


def seg_of(
    source: Source, maps: Mapping[str, NDArray[Any]], kind: SegKind = "binary", model: str = ""
) -> Dataset:
    return dcmread(BytesIO(encode_seg(source, maps, kind=kind, model=model)))


SOURCES = {**LOSSLESS, "JPEG baseline": baseline}


@pytest.mark.parametrize("syntax", SOURCES)
@pytest.mark.parametrize("kind", ["binary", "fractional", "labelmap"])
def test_a_mask_comes_back_to_the_pixel_from_every_transfer_syntax(
    syntax: str, kind: SegKind
) -> None:
    seg = seg_of(source_of(SOURCES[syntax](EYE)), {"vessel": MASK}, kind)
    assert np.array_equal(seg.pixel_array > 0, MASK)
    assert (seg.Rows, seg.Columns) == MASK.shape
    assert seg.SegmentationType == kind.upper()


def test_frames_of_odd_sizes_follow_each_other_bit_by_bit() -> None:
    pixels, shape = EYE[:35, :33], (35, 33)  # 1155 pixels, no multiple of 8
    maps = {"vessel": MASK[:35, :33], "artery": ODD[:35, :33], "disc": ~ODD[:35, :33]}
    seg = seg_of(source_of(photograph(np.ascontiguousarray(pixels))), maps)
    assert seg.NumberOfFrames == 3
    assert len(seg.PixelData) == -(-3 * 1155 // 16) * 2
    for frame, mask in zip(seg.pixel_array, maps.values(), strict=True):
        assert frame.shape == shape
        assert np.array_equal(frame > 0, mask)


def test_probabilities_come_back_in_255_steps() -> None:
    probability = np.linspace(0, 1, MASK.size, dtype=np.float32).reshape(MASK.shape)
    seg = seg_of(source_of(photograph()), {"vessel": probability}, "fractional")
    assert seg.SegmentationFractionalType == "PROBABILITY"
    found = seg.pixel_array / seg.MaximumFractionalValue
    assert np.abs(found - probability).max() <= 0.5 / 255 + 1e-6
    assert seg.pixel_array[0, 0] == 0
    assert seg.pixel_array[-1, -1] == 255


def test_fractions_without_a_largest_value_are_refused() -> None:
    seg = seg_of(source_of(photograph()), {"vessel": MASK.astype(np.float32)}, "fractional")
    assert np.array_equal(decode_seg(content(seg), MASK.shape)["vessel"], MASK)
    seg.MaximumFractionalValue = 0
    with pytest.raises(ImageError, match=r"^SEG: .*\(MaximumFractionalValue is 0\)$"):
        decode_seg(content(seg), MASK.shape)


@pytest.mark.parametrize("kind", ["binary", "labelmap"])
def test_a_segmentation_of_another_photograph_is_refused(kind: SegKind) -> None:
    own = source_of(photograph())
    other = source_of(photograph(PatientID="MRN-2", SOPInstanceUID="1.2.826.0.1.3680043.9.7777.9"))
    for made_of in (own, deidentified(own)):
        seg = encode_seg(made_of, {"vessel": MASK}, kind=kind)
        assert np.array_equal(decode_seg(seg, MASK.shape, source=own)["vessel"], MASK)
    for made_of in (other, deidentified(other)):
        seg = encode_seg(made_of, {"vessel": MASK}, kind=kind)
        with pytest.raises(ImageError, match=r"^SEG: refers to another photograph; "):
            decode_seg(seg, MASK.shape, source=own)
        # Another program may state one kind of reference, or none.
        read = dcmread(BytesIO(seg))
        del read.ReferencedSeriesSequence
        with pytest.raises(ImageError, match="another photograph"):
            decode_seg(content(read), MASK.shape, source=own)
        for frame in read.PerFrameFunctionalGroupsSequence:
            del frame.DerivationImageSequence
        assert np.array_equal(decode_seg(content(read), MASK.shape, source=own)["vessel"], MASK)


def test_in_a_label_map_arteries_lie_before_veins_before_vessels_before_the_disc() -> None:
    rows = np.arange(96)[:, None] * np.ones(120, int)
    maps = {
        name: rows < top
        for name, top in zip(("artery", "vein", "vessel", "disc"), (1, 2, 3, 4), strict=True)
    }
    order = {name: maps[name] for name in ("vessel", "artery", "vein", "disc")}
    seg = seg_of(source_of(photograph()), order, "labelmap")
    labels = {each.SegmentNumber: each.SegmentLabel for each in seg.SegmentSequence}
    named = [labels.get(int(value), "") for value in seg.pixel_array[:5, 7]]
    assert named == ["Artery", "Vein", "Vessel", "Optic disc", ""]
    assert seg.NumberOfFrames == 1
    assert seg.PixelPaddingValue == 0


def test_segments_have_their_coded_terms_and_the_side() -> None:
    maps = {"vessel": MASK, "artery": MASK, "vein": MASK, "disc": MASK}
    seg = seg_of(source_of(photograph(ImageLaterality="L")), maps, model="general")
    types = [each.SegmentedPropertyTypeCodeSequence[0] for each in seg.SegmentSequence]
    # SNOMED CT: blood vessel, artery, vein, optic disc.
    assert [each.CodeValue for each in types] == ["59820001", "51114001", "29092000", "81016008"]
    assert {each.CodingSchemeDesignator for each in types} == {"SCT"}
    for segment in seg.SegmentSequence:
        region = segment.AnatomicRegionSequence[0]
        assert region.CodeValue == "5665001"  # retina
        assert region.AnatomicRegionModifierSequence[0].CodeValue == "7771000"  # left
        assert segment.SegmentAlgorithmType == "AUTOMATIC"
        assert segment.SegmentAlgorithmName == "venule general"


@pytest.mark.parametrize("stated", [None, "00", "01"])
def test_a_segmentation_of_a_lossy_photograph_says_so_whatever_the_header_says(
    stated: str | None,
) -> None:
    made = baseline(EYE)
    if stated is not None:
        made.LossyImageCompression = stated
    if stated == "01":
        made.LossyImageCompressionRatio, made.LossyImageCompressionMethod = 9, "ISO_10918_1"
    source = source_of(made)
    for one in (source, deidentified(source)):
        seg = seg_of(one, {"vessel": MASK})
        assert seg.LossyImageCompression == "01"
        assert seg.LossyImageCompressionMethod == "ISO_10918_1"
        exact = EYE.nbytes / len(made.PixelData)
        assert float(seg.LossyImageCompressionRatio) == (
            9 if stated == "01" else pytest.approx(exact, abs=0.005)
        )
    assert seg_of(source_of(photograph()), {"vessel": MASK}).LossyImageCompression == "00"


@pytest.mark.parametrize(("stated", "found"), [(None, "01"), ("00", "00"), ("01", "01")])
def test_jpeg_2000_that_may_be_lossy_counts_as_lossy_unless_denied(
    stated: str | None, found: str
) -> None:
    made = LOSSLESS["JPEG 2000"](EYE)
    made.file_meta.TransferSyntaxUID = JPEG2000
    if stated is not None:
        made.LossyImageCompression = stated
    assert seg_of(source_of(made), {"vessel": MASK}).LossyImageCompression == found


def test_a_photograph_stored_on_its_head_gets_its_segmentation_on_its_head() -> None:
    made = photograph(np.ascontiguousarray(EYE.transpose(1, 0, 2)), PatientOrientation=["F", "L"])
    read = read_dicom(content(made), "eye")
    assert np.array_equal(read.pixels, EYE)
    seg = seg_of(read.source, {"vessel": ODD})
    assert np.array_equal(seg.pixel_array > 0, ODD.T)
    assert list(seg.PatientOrientation) == ["F", "L"]


def test_every_frame_refers_to_the_source_and_so_does_the_whole() -> None:
    seg = seg_of(source_of(photograph()), {"vessel": MASK, "disc": ODD})
    series = seg.ReferencedSeriesSequence[0]
    assert series.SeriesInstanceUID == IDENTITY["SeriesInstanceUID"]
    referenced = series.ReferencedInstanceSequence[0].ReferencedSOPInstanceUID
    assert referenced == IDENTITY["SOPInstanceUID"]
    for number, frame in enumerate(seg.PerFrameFunctionalGroupsSequence, 1):
        image = frame.DerivationImageSequence[0].SourceImageSequence[0]
        assert image.ReferencedSOPInstanceUID == IDENTITY["SOPInstanceUID"]
        assert "ReferencedFrameNumber" not in image
        assert frame.SegmentIdentificationSequence[0].ReferencedSegmentNumber == number


def test_of_several_frames_the_first_is_referred_to() -> None:
    frames = np.stack([EYE, EYE]).tobytes()
    seg = seg_of(source_of(photograph(NumberOfFrames=2, PixelData=frames)), {"vessel": MASK})
    image = seg.PerFrameFunctionalGroupsSequence[0].DerivationImageSequence[0].SourceImageSequence
    assert image[0].ReferencedFrameNumber == 1


def test_patient_and_study_are_the_sources_and_the_series_is_new() -> None:
    seg = seg_of(source_of(photograph()), {"vessel": MASK})
    for keyword in (
        "PatientName",
        "PatientID",
        "PatientBirthDate",
        "StudyInstanceUID",
        "StudyDate",
    ):
        assert str(seg[keyword].value) == IDENTITY[keyword]
    assert seg.SeriesInstanceUID != IDENTITY["SeriesInstanceUID"]
    assert seg.SOPInstanceUID != IDENTITY["SOPInstanceUID"]
    again = seg_of(source_of(photograph()), {"vessel": MASK})
    assert again.SOPInstanceUID != seg.SOPInstanceUID


@pytest.mark.parametrize(
    ("charset", "name"),
    [
        ("ISO_IR 100", "Müller^Jürgen"),
        ("ISO_IR 192", "山田^太郎"),
        (["ISO 2022 IR 6", "ISO 2022 IR 87"], "Yamada^Tarou=山田^太郎=やまだ^たろう"),
        ("GB18030", "王^小东"),
    ],
)
def test_names_in_other_scripts_arrive_whole(charset: str | list[str], name: str) -> None:
    made = photograph()
    made.SpecificCharacterSet = charset
    made.PatientName = name
    seg = seg_of(source_of(made), {"vessel": MASK})
    assert seg.PatientName == name
    assert seg.SpecificCharacterSet == "ISO_IR 192"


def test_the_nominal_pixel_spacing_is_handed_on() -> None:
    seg = seg_of(source_of(photograph(PixelSpacing=[0.0105, 0.0105])), {"vessel": MASK})
    shared = seg.SharedFunctionalGroupsSequence[0]
    assert list(shared.PixelMeasuresSequence[0].PixelSpacing) == [0.0105, 0.0105]
    bare = seg_of(source_of(photograph(PixelSpacing=None)), {"vessel": MASK})
    assert "PixelMeasuresSequence" not in bare.SharedFunctionalGroupsSequence[0]


def test_a_source_without_the_uids_of_an_answer_is_one_clear_error() -> None:
    for keyword in ("StudyInstanceUID", "SeriesInstanceUID"):
        made = photograph()
        delattr(made, keyword)
        source = source_of(made)
        with pytest.raises(OutputError, match=f"has no {keyword}, so no object"):
            encode_seg(source, {"vessel": MASK})


def test_deidentified_nothing_of_patient_study_or_date_is_left() -> None:
    made = photograph()
    made.StudyDescription = "Dr. Babbage asks"
    source = source_of(made)
    hidden = encode_seg(deidentified(source), {"vessel": MASK})
    for value in (*IDENTITY.values(), "Babbage"):
        assert value.encode() not in hidden
    seg = dcmread(BytesIO(hidden))
    assert seg.PatientID == source.pseudonym
    assert seg.PatientName == f"{source.pseudonym}^"
    assert seg.PatientIdentityRemoved == "YES"
    assert seg.StudyDate == ""
    assert seg.ImageLaterality == "R"
    assert np.array_equal(seg.pixel_array > 0, MASK)
    whole = encode_seg(source, {"vessel": MASK})
    assert b"Lovelace" in whole  # the search does find what is there


def test_answers_to_one_deidentified_photograph_stay_together() -> None:
    source = deidentified(source_of(photograph()))
    one, other = (seg_of(source, {"vessel": MASK}) for _ in range(2))
    assert one.StudyInstanceUID == other.StudyInstanceUID
    assert one.PatientID == other.PatientID


def test_what_else_was_found_are_segments_beside_all_vessels() -> None:
    read = read_photograph(content(photograph()))
    levels = {name: mask * np.uint16(65535) for name, mask in (("artery", MASK), ("vein", ODD))}
    maps = {name: ProbabilityMap(each, 0.5, np.empty(0, np.intp)) for name, each in levels.items()}
    prediction = Prediction(find_fov(read.pixels), maps)
    landmarks = Landmarks(Disc(60, 48, 10, 10, 0, 0.9), None)
    rows, columns = np.mgrid[:96, :120]
    disc = (rows - 48) ** 2 + (columns - 60) ** 2 <= 100
    analysis = Analysis(
        photograph=read,
        prediction=prediction,
        model="general",
        other_models={"artery": "vessel-types", "vein": "vessel-types", "disc": "landmarks"},
        landmarks=landmarks,
    )
    seg = dcmread(BytesIO(OUTPUTS["seg"].encode(analysis)))
    labels = [each.SegmentLabel for each in seg.SegmentSequence]
    assert labels == ["Vessel", "Artery", "Vein", "Optic disc"]
    networks = ["general", "vessel-types", "vessel-types", "landmarks"]
    for each, network in zip(seg.SegmentSequence, networks, strict=True):
        assert each.SegmentAlgorithmName == f"venule {network}"
        (algorithm,) = each.SegmentationAlgorithmIdentificationSequence
        assert algorithm.AlgorithmName == f"venule {network}"
    for frame, mask in zip(seg.pixel_array, (MASK | ODD, MASK, ODD, disc), strict=True):
        assert np.array_equal(frame > 0, mask)
    label = dcmread(BytesIO(OUTPUTS["seg-labelmap"].encode(analysis))).pixel_array
    assert np.array_equal(label, np.where(MASK, 2, np.where(ODD, 3, 4 * disc)))


@pytest.mark.parametrize(
    ("corrected", "by_hand"),
    [
        ((), []),
        (("vessels",), ["Vessel", "Artery", "Vein"]),
        (("vessels", "probability"), ["Vessel", "Artery", "Vein"]),
        (("types",), ["Artery", "Vein"]),
        (("disc",), ["Optic disc"]),
    ],
)
def test_only_what_was_corrected_is_semiautomatic(
    corrected: tuple[Changed, ...], by_hand: list[str]
) -> None:
    read = read_photograph(content(photograph()))
    level = MASK * np.uint16(65535)
    none = np.empty(0, np.intp)
    maps = {name: ProbabilityMap(level, 0.5, none) for name in ("vessel", "artery", "vein")}
    analysis = Analysis(
        photograph=read,
        prediction=Prediction(find_fov(read.pixels), maps),
        landmarks=Landmarks(Disc(60, 48, 10, 10, 0, 0.9), None),
        corrected=frozenset(corrected),
    )
    seg = dcmread(BytesIO(OUTPUTS["seg"].encode(analysis)))
    kinds = {str(one.SegmentLabel): one.SegmentAlgorithmType for one in seg.SegmentSequence}
    assert [label for label, kind in kinds.items() if kind == "SEMIAUTOMATIC"] == by_hand
    assert set(kinds) == {"Vessel", "Artery", "Vein", "Optic disc"}
