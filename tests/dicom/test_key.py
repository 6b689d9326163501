import csv
from pathlib import Path

from venule.dicom.key import write_key


def test_a_number_stays_one_and_other_text_is_no_formula(tmp_path: Path) -> None:
    names = ("-7", "=1+1", "-a")
    write_key(tmp_path / "key.csv", [(name, tmp_path / "gone") for name in names], overwrite=False)
    with (tmp_path / "key.csv").open(encoding="utf-8", newline="") as file:
        assert [line["name"] for line in csv.DictReader(file)] == ["-7", "'=1+1", "'-a"]
