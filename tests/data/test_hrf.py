"""HRF: three groups, mixed case of suffixes."""

from pathlib import Path

from venule.data import hrf


def test_both_cases_of_the_suffix_are_read(fake_root: Path) -> None:
    root = fake_root / "HRF"
    records = {record.id: record for record in hrf.read(root).records}
    assert len(records) == 45
    assert records["01_dr"].image == root / "images/01_dr.JPG"
    assert records["01_g"].image == root / "images/01_g.jpg"


def test_masks_and_patient_lie_in_the_record(fake_root: Path) -> None:
    root = fake_root / "HRF"
    record = next(r for r in hrf.read(root).records if r.id == "15_h")
    assert record.first == root / "manual1/15_h.tif"
    assert record.fov == root / "mask/15_h_mask.tif"
    assert (record.patient, record.second) == ("15_h", None)
