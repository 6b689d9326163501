import errno
import gzip
import hashlib
import os
import pathlib
import re
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from venule.batch.plan import plan
from venule.batch.records import Records, Shard
from venule.batch.refuse import refuse_overwriting
from venule.batch.run import start
from venule.errors import OutputError, UsageError

Make = Callable[..., None]


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Make:
    """Make empty files below the current directory."""
    monkeypatch.chdir(tmp_path)

    def make(*names: str) -> None:
        for name in names:
            Path(name).parent.mkdir(parents=True, exist_ok=True)
            Path(name).touch()

    return make


def _names(*paths: str, out: str = "out") -> dict[str, str]:
    """The probability map of each photograph, as relative paths."""
    jobs = plan([Path(path) for path in paths], Path(out), outputs=("prob",))
    return {str(job.source): str(job.targets[0]) for job in jobs}


def test_each_photograph_gets_the_files_that_are_asked_for(tree: Make) -> None:
    tree("eye.jpg")
    (job,) = plan([Path("eye.jpg")], Path("out"), outputs=("prob", "mask", "overlay"))
    assert [str(path) for path in job.targets] == [
        "out/eye_prob.png",
        "out/eye_mask.png",
        "out/eye_overlay.png",
    ]


def test_folders_are_mirrored_and_single_files_are_not(tree: Make) -> None:
    tree("in/a.jpg", "in/deep/er/b.JPG", "other/c.tif")
    assert _names("in", "other/c.tif") == {
        "in/a.jpg": "out/a_prob.png",
        "in/deep/er/b.JPG": "out/deep/er/b_prob.png",
        "other/c.tif": "out/c_prob.png",
    }


def test_photographs_that_share_a_stem_keep_their_ending(tree: Make) -> None:
    tree("in/a.jpg", "in/a.png", "in/b.jpg", "in/deep/a.jpg")
    assert _names("in") == {
        "in/a.jpg": "out/a.jpg_prob.png",
        "in/a.png": "out/a.png_prob.png",
        "in/b.jpg": "out/b_prob.png",
        "in/deep/a.jpg": "out/deep/a_prob.png",
    }


def test_stems_that_differ_only_in_case_count_as_shared(tree: Make) -> None:
    tree("in/A.jpg", "in/a.png")
    assert set(_names("in").values()) == {"out/A.jpg_prob.png", "out/a.png_prob.png"}


def test_the_stem_of_a_zipped_photograph_has_neither_ending(tree: Make) -> None:
    tree("im0001.ppm.gz")
    assert _names("im0001.ppm.gz") == {"im0001.ppm.gz": "out/im0001_prob.png"}


def test_results_inside_the_input_folder_are_not_read(tree: Make) -> None:
    tree("in/a.jpg", "in/out/a_prob.png", "in/out/deep/b_prob.png")
    assert _names("in", out="in/out") == {"in/a.jpg": "in/out/a_prob.png"}


def test_results_of_another_run_inside_the_input_folder_are_passed_over_with_a_warning(
    tree: Make,
) -> None:
    tree("in/a.jpg", "in/night1/.venule.sqlite", "in/night1/a_prob.png", "in/night1/deep/b.png")
    with pytest.warns(UserWarning, match="in/night1: skipped, as it holds venule results"):
        assert list(_names("in", out="in/night2")) == ["in/a.jpg"]


def test_results_in_a_folder_that_is_named_outright_are_passed_over_with_a_warning(
    tree: Make,
) -> None:
    tree("photographs/a.jpg", "photographs/deep/a.jpg")
    out = Path("in")
    start(plan([Path("photographs")], out), Records(out), {}).close()
    tree("in/a.jpg", "in/a_mask.png", "in/a_prob.png", "in/a_mask.corrected.png")
    tree("in/deep/a_mask.png", "in/b_mask.png")
    with pytest.warns(UserWarning, match="in: skipped the venule results in it"):
        assert list(_names("in")) == ["in/a.jpg", "in/b_mask.png"]


def test_the_input_folder_is_refused_as_the_output_folder(tree: Make) -> None:
    tree("in/a.jpg")
    with pytest.raises(UsageError, match="input folder"):
        plan([Path("in")], Path("in"))


def test_hidden_files_and_folders_are_passed_over(tree: Make) -> None:
    tree("in/a.jpg", "in/._a.jpg", "in/.cache/b.jpg")
    assert list(_names("in")) == ["in/a.jpg"]


def test_a_loop_of_links_is_read_once(tree: Make) -> None:
    tree("in/deep/a.jpg")
    Path("in/deep/back").symlink_to(Path("in").absolute(), target_is_directory=True)
    assert _names("in") == {"in/deep/a.jpg": "out/deep/a_prob.png"}


def test_a_linked_folder_is_searched(tree: Make) -> None:
    tree("elsewhere/a.jpg", "in/b.jpg")
    Path("in/link").symlink_to(Path("elsewhere").absolute(), target_is_directory=True)
    assert _names("in") == {"in/b.jpg": "out/b_prob.png", "in/link/a.jpg": "out/link/a_prob.png"}


def test_a_link_that_leads_nowhere_is_an_input_that_will_be_reported(tree: Make) -> None:
    tree("in/a.jpg")
    Path("in/b.jpg").symlink_to("nowhere.jpg")
    assert list(_names("in")) == ["in/a.jpg", "in/b.jpg"]


def test_a_link_to_itself_and_a_pipe_are_inputs_that_will_be_reported(tree: Make) -> None:
    tree("in/a.jpg")
    Path("in/b.jpg").symlink_to("b.jpg")
    os.mkfifo("in/c.jpg")
    assert list(_names("in")) == ["in/a.jpg", "in/b.jpg", "in/c.jpg"]


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may search every folder")
def test_a_folder_that_cannot_be_searched_is_an_input_that_will_be_reported(tree: Make) -> None:
    tree("in/a.jpg", "in/deep/closed/b.jpg")
    Path("in/deep/closed").chmod(0)
    try:
        assert _names("in") == {
            "in/a.jpg": "out/a_prob.png",
            "in/deep/closed": "out/deep/closed_prob.png",
        }
    finally:
        Path("in/deep/closed").chmod(0o700)


def test_the_same_photograph_twice_is_one_input(tree: Make) -> None:
    tree("in/a.jpg")
    assert len(_names("in/a.jpg", "./in/a.jpg", "in")) == 1


def test_two_photographs_for_one_result_are_refused(tree: Make) -> None:
    tree("left/a.jpg", "right/a.jpg")
    with pytest.raises(UsageError, match="would both be written to out/a"):
        _names("left", "right")


def test_a_result_never_replaces_an_input(tree: Make) -> None:
    tree("a.png", "a_prob.png")
    with pytest.raises(UsageError, match=r"a_prob\.png is an input"):
        _names("a.png", "a_prob.png", out=".")


@pytest.mark.parametrize("paths", [["in"], ["missing"], ["in", "missing.jpg"]])
def test_nothing_to_read_is_a_usage_error(tree: Make, paths: list[str]) -> None:
    tree("in/notes.txt")
    with pytest.raises(UsageError, match=r"no photographs|no such file"):
        _names(*paths)


def test_any_one_older_result_is_refused(tree: Make) -> None:
    tree("a.jpg", "b.jpg", "out/b_overlay.png")
    jobs = plan([Path("a.jpg"), Path("b.jpg")], Path("out"), outputs=("mask", "overlay"))
    with pytest.raises(OutputError, match=r"out/b_overlay\.png .*--overwrite"):
        refuse_overwriting(target for job in jobs for target in job.targets)
    refuse_overwriting(jobs[0].targets)


def test_dicom_objects_are_known_by_content_and_hidden_behind_pseudonyms(tree: Make) -> None:
    tree("in/Ada/IM1", "in/Ada/eye.jpg", "in/Ada/zipped.gz", "in/DICOMDIR", "in/readme")
    tree("in/Ada/dicomdir")
    one, other = (bytes(128) + b"DICM" + bytes([number]) for number in range(2))
    Path("in/Ada/IM1").write_bytes(one)
    Path("in/DICOMDIR").write_bytes(one)
    Path("in/Ada/dicomdir").write_bytes(one)
    Path("in/Ada/zipped.gz").write_bytes(gzip.compress(other))
    names = {
        "in/Ada/IM1": hashlib.sha256(one).hexdigest()[:20],
        "in/Ada/zipped.gz": hashlib.sha256(other).hexdigest()[:20],
    }
    jobs = {str(job.source): job for job in plan([Path("in")], Path("out"))}
    assert {source: job.name for source, job in jobs.items() if job.dicom} == names
    assert {job.label for job in jobs.values()} == {*names.values(), "in/Ada/eye.jpg"}
    assert str(jobs["in/Ada/eye.jpg"].targets[0]) == "out/Ada/eye_mask.png"


def test_what_is_only_called_dicom_is_hidden_as_well(tree: Make) -> None:
    tree("in/Ada.dcm", "in/Ada.DICOM")
    jobs = plan([Path("in")], Path("out"))
    assert len(jobs) == 2
    assert not any("Ada" in job.label for job in jobs)
    assert len({job.name for job in jobs}) == 2


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="everything can be read")
def test_a_dicom_object_that_cannot_be_read_is_hidden_as_well(tree: Make) -> None:
    tree("in/Ada.dcm")
    Path("in/Ada.dcm").chmod(0)
    (job,) = plan([Path("in")], Path("out"))
    assert "Ada" not in job.label


@pytest.mark.parametrize("given", [["in"], ["in/Ada/IM1", "in/Ada/eye.jpg"]])
def test_a_file_that_cannot_be_read_fails_under_a_pseudonym_unless_its_name_is_a_photographs(
    tree: Make, monkeypatch: pytest.MonkeyPatch, given: list[str]
) -> None:
    tree("in/Ada/IM1", "in/Ada/eye.jpg")
    opened = Path.open

    def refused(path: Path, *arguments: Any, **options: Any) -> Any:  # root may read every file
        if path.parent.name == "Ada":
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return opened(path, *arguments, **options)

    monkeypatch.setattr(Path, "open", refused)
    hidden, eye = plan([Path(path) for path in given], Path("out"))
    assert (hidden.source, hidden.dicom) == (Path("in/Ada/IM1"), True)
    assert re.fullmatch(r"[0-9a-f]{20}", hidden.label)
    assert eye.label == "in/Ada/eye.jpg"


@pytest.mark.parametrize("name", ["Ada.dcm.gz", "Ada.DICOM.GZ", "Ada.gz"])
def test_a_broken_zipped_object_fails_under_a_pseudonym(tree: Make, name: str) -> None:
    tree("in/eye.jpg")
    Path("in", name).write_bytes(gzip.compress(bytes(128) + b"DICM")[:12])
    jobs = plan([Path("in")], Path("out"))
    assert [job.source.name for job in jobs] == [name, "eye.jpg"]
    assert "Ada" not in jobs[0].label


def test_an_empty_file_without_a_photographs_name_is_skipped(tree: Make) -> None:
    tree("in/eye.jpg", "in/notes", "in/notes.gz")
    assert list(_names("in")) == ["in/eye.jpg"]


def test_outputs_that_answer_dicom_need_a_dicom_object(tree: Make) -> None:
    tree("in/eye.jpg")
    with pytest.raises(UsageError, match="no DICOM photograph to make seg, sc from"):
        plan([Path("in")], Path("out"), outputs=("mask", "seg", "sc"))


def test_hashed_results_lie_in_folders_by_their_hash_whatever_else_is_there(tree: Make) -> None:
    tree("in/deep/a.jpg")
    # printf deep/a.jpg | sha256sum
    digest = hashlib.sha256(b"deep/a.jpg").hexdigest()
    (alone,) = plan([Path("in")], Path("out"), layout="hashed")
    assert alone.name == f"{digest[:3]}/a.jpg-{digest[:12]}"
    tree("in/deep/a.png", "in/b/a.jpg", "in/a.jpg")
    names = {str(job.source): job.name for job in plan([Path("in")], Path("out"), layout="hashed")}
    assert names["in/deep/a.jpg"] == alone.name
    assert len(set(names.values())) == 4


def test_hashed_folders_are_4096_and_filled_alike(tree: Make) -> None:
    tree(*(f"in/eye{number}.png" for number in range(8192)))
    folders = [job.name[:3] for job in plan([Path("in")], Path("out"), layout="hashed")]
    fullest = max(map(folders.count, {*folders}))
    assert fullest <= 12  # two each; thirteen somewhere happen in one of a thousand plans
    assert all(job == job.lower() and len(job) == 3 for job in folders)


def test_a_plan_of_many_photographs_is_compact(tmp_path: Path) -> None:
    for folder in range(4):
        (tmp_path / "in" / str(folder)).mkdir(parents=True)
        for number in range(500):
            (tmp_path / "in" / str(folder) / f"eye{number:08d}.jpg").touch()
    plan([tmp_path / "in"], tmp_path / "out")  # what is loaded once is loaded now
    tracemalloc.start()
    try:
        jobs = plan([tmp_path / "in"], tmp_path / "out")
        # The table of interned strings, which paths' names go through, grows in one leap.
        held = tracemalloc.take_snapshot().filter_traces(
            [tracemalloc.Filter(False, pathlib.__file__)]
        )
    finally:
        tracemalloc.stop()
    assert len(jobs) == 2000
    total = sum(one.size for one in held.statistics("filename"))
    assert total / len(jobs) < 150  # bytes; a path object alone takes more
    assert jobs[1999].name == jobs[-1:][0].name == "3/eye00000499"


def test_of_a_shard_only_its_own_photographs_are_planned(tree: Make) -> None:
    tree(*(f"in/{number}.png" for number in range(20)))
    whole = {job.name for job in plan([Path("in")], Path("out"))}
    parts = [
        [job.name for job in plan([Path("in")], Path("out"), shard=Shard(k, 3))] for k in (1, 2, 3)
    ]
    assert sorted(name for part in parts for name in part) == sorted(whole)
    assert all(Shard(k + 1, 3).takes(name) for k, part in enumerate(parts) for name in part)


def test_a_link_to_a_result_is_an_input_that_is_not_replaced(tree: Make) -> None:
    tree("in/eye.jpg", "out/eye_prob.png")
    Path("in/other.png").symlink_to(Path("out/eye_prob.png").absolute())
    with pytest.raises(UsageError, match=r"out/eye_prob\.png is an input"):
        _names("in")
