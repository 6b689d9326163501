"""HRF: three groups, mixed case of suffixes."""

from pathlib import Path

from venule.data import hrf


def test_both_cases_of_the_suffix_are_read(fake_root: Path) -> None:
    root = fake_root / "HRF"
    cases = {case.id: case for case in hrf.read(root).cases}
    assert len(cases) == 45
    assert cases["01_dr"].image == root / "images/01_dr.JPG"
    assert cases["01_g"].image == root / "images/01_g.jpg"


def test_masks_and_patient_lie_in_the_record(fake_root: Path) -> None:
    root = fake_root / "HRF"
    case = next(r for r in hrf.read(root).cases if r.id == "15_h")
    assert case.first == root / "manual1/15_h.tif"
    assert case.fov == root / "mask/15_h_mask.tif"
    assert (case.patient, case.second) == ("15_h", None)
