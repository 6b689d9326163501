import errno
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from support.segmenters import deadly, green, noise
from venule.analysis.analyse import Networks
from venule.batch.plan import Job, plan
from venule.batch.process import (
    Failed,
    Finished,
    Kept,
    Outcome,
    Task,
    Worker,
    Written,
    discard,
    sweep,
)
from venule.errors import OutputError
from venule.files.atomic import temporary_stem
from venule.files.hashes import file_sha256
from venule.image.arrays import FloatMap
from venule.image.io import write_png
from venule.image.photograph import NO_COLOR, Photograph
from venule.image.preprocess import Preprocessing
from venule.inference.segment import Segmenter
from venule.models.record import ClassRecord, ModelRecord
from venule.synth.fundus import synthesize_fundus

SHA256_OF_ABC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def _job(tmp_path: Path, *, width: int = 40, name: str = "eye.png") -> Job:
    source = tmp_path / name
    write_png(source, noise(width))
    return Job(source=source, out=tmp_path / "out", name=source.stem, outputs=("prob", "mask"))


def attempt(job: Job, finished: Finished | None, segmenter: Segmenter) -> Outcome:
    """Process one photograph with a network."""
    return Worker(Networks(segmenter))(Task(job, finished))


def _written(job: Job) -> Finished:
    outcome = attempt(job, None, green(1))
    assert isinstance(outcome, Written), outcome
    return outcome.finished


def test_the_hashes_of_the_photograph_and_of_its_files_are_told(tmp_path: Path) -> None:
    job = _job(tmp_path)
    finished = _written(job)
    assert finished.input_sha256 == file_sha256(job.source)
    assert set(finished.outputs) == {"eye_prob.png", "eye_mask.png"}
    assert finished.outputs["eye_mask.png"] == file_sha256(tmp_path / "out" / "eye_mask.png")
    (tmp_path / "abc").write_text("abc")
    assert file_sha256(tmp_path / "abc") == SHA256_OF_ABC


def test_what_is_finished_is_kept_and_not_touched(tmp_path: Path) -> None:
    job = _job(tmp_path)
    finished = _written(job)
    before = [target.stat().st_mtime_ns for target in job.targets]
    assert attempt(job, finished, green(1)) == Kept(job)
    assert [target.stat().st_mtime_ns for target in job.targets] == before


def test_another_photograph_of_the_same_name_is_predicted(tmp_path: Path) -> None:
    job = _job(tmp_path)
    finished = _written(job)
    write_png(job.source, noise(40, seed=1))
    again = attempt(job, finished, green(1))
    assert isinstance(again, Written)
    assert again.finished.outputs != finished.outputs


@pytest.mark.parametrize("missing", ["none", "eye_prob.png"])
def test_a_result_that_another_program_changed_is_kept_and_its_photograph_fails(
    tmp_path: Path, missing: str
) -> None:
    job = _job(tmp_path)
    finished = _written(job)
    (tmp_path / "out" / missing).unlink(missing_ok=True)
    edited = tmp_path / "out" / "eye_mask.png"
    edited.write_bytes(b"drawn by hand")
    outcome = attempt(job, finished, green(1))
    assert isinstance(outcome, Failed)
    assert not outcome.read
    assert outcome.reason.startswith("its result eye_mask.png was changed by another program")
    assert edited.read_bytes() == b"drawn by hand"
    assert isinstance(attempt(job, None, green(1)), Written)  # as --overwrite does


def test_a_stated_eye_that_looks_like_the_other_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows, columns = np.mgrid[:120, :160]
    pixels = np.full((120, 160, 3), 20, np.uint8)
    pixels[np.hypot(rows - 60, columns - 40) <= 12, 0] = 250  # the disc, left of the fovea
    pixels[np.hypot(rows - 62, columns - 100) <= 5, 2] = 250
    pixels[:, 39:42, 1] = 5
    stated = Photograph(pixels, laterality="right")
    monkeypatch.setattr("venule.batch.process.read_photograph", lambda *_: stated)

    def run(seen: FloatMap) -> FloatMap:
        return np.asarray(12 * (seen[:, [0, 2]] - 0.5), np.float32)

    whole = Preprocessing(normalize="fixed", mean=(0, 0, 0), std=(1, 1, 1))
    classes = (ClassRecord(name="disc"), ClassRecord(name="fovea"))
    record = ModelRecord(name="marks", model="marks", classes=classes, preprocessing=whole)
    job = replace(_job(tmp_path), columns=("landmarks",))
    outcome = Worker(Networks(green(1), landmarks=Segmenter(record, run)))(Task(job, None))
    assert isinstance(outcome, Written), outcome
    doubt = (
        "stated as a right eye, but disc and fovea look like a left one: mislabelled or mirrored?"
    )
    assert outcome.notes == (doubt,)
    assert doubt in str(outcome.cells["landmarks_reasons"])


def test_a_missing_result_is_written_again(tmp_path: Path) -> None:
    job = _job(tmp_path)
    finished = _written(job)
    job.targets[0].unlink()
    again = attempt(job, finished, green(1))
    assert isinstance(again, Written)
    assert again.finished == finished
    assert file_sha256(job.targets[0]) == finished.outputs["eye_prob.png"]


def test_a_pipe_fails_and_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "eye.png")
    (job,) = plan([tmp_path / "eye.png"], tmp_path / "out")
    outcome = attempt(job, None, green(1))
    assert isinstance(outcome, Failed)
    assert outcome.reason == "not a regular file"


def test_a_photograph_that_may_not_be_looked_at_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = _job(tmp_path)

    def exists(_: Path, **__: bool) -> bool:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "exists", exists)
    outcome = attempt(job, None, green(1))
    assert isinstance(outcome, Failed)
    assert outcome.reason == "cannot be read (Permission denied)"


def test_a_link_to_nowhere_and_a_link_to_itself_fail(tmp_path: Path) -> None:
    reasons = {}
    for name, target in (("a.png", "nowhere"), ("b.png", "b.png")):
        (tmp_path / name).symlink_to(tmp_path / target)
        job = Job(source=tmp_path / name, out=tmp_path / "out", name=name, outputs=("mask",))
        outcome = attempt(job, None, green(1))
        assert isinstance(outcome, Failed)
        reasons[name] = outcome.reason
    assert reasons["a.png"] == "no such file"
    assert reasons["b.png"].startswith("cannot be read")


def test_a_fault_of_ours_is_a_reason_that_says_so(tmp_path: Path) -> None:
    outcome = attempt(_job(tmp_path, width=45), None, deadly(1))
    assert isinstance(outcome, Failed)
    assert outcome.reason == "a fault in venule, please report it: RuntimeError: planted"


def test_too_little_memory_is_the_callers(tmp_path: Path) -> None:
    with pytest.raises(MemoryError):
        attempt(_job(tmp_path, width=43), None, deadly(1))


def test_what_reading_noticed_is_told_once(tmp_path: Path) -> None:
    job = _job(tmp_path)
    Image.fromarray(np.full((40, 40), 90, np.uint8)).save(job.source)
    outcome = attempt(job, None, green(1))
    assert isinstance(outcome, Written)
    assert outcome.notes == (NO_COLOR,)
    assert NO_COLOR.startswith("a photograph without colour")


def test_what_reading_noticed_is_told_of_a_photograph_that_fails_afterwards_too(
    tmp_path: Path,
) -> None:
    job = _job(tmp_path)
    Image.fromarray(np.full((40, 40), 90, np.uint8)).save(job.source)
    rejected = attempt(replace(job, strict=True), None, green(1))
    assert isinstance(rejected, Failed)
    assert rejected.notes == (NO_COLOR,)
    job.targets[1].mkdir(parents=True)
    unwritten = attempt(job, None, green(1))
    assert isinstance(unwritten, Failed)
    assert "cannot be written" in unwritten.reason
    assert unwritten.notes == (NO_COLOR,)


def test_a_result_has_its_quality(tmp_path: Path) -> None:
    outcome = attempt(_job(tmp_path), None, green(1))
    assert isinstance(outcome, Written)
    assert set(outcome.cells) == {"quality", "quality_reasons", "uncertainty"}
    assert outcome.cells["quality"] == "reject"
    assert "too small" in str(outcome.cells["quality_reasons"]).split("; ")  # 40 px
    assert 0 < float(str(outcome.cells["uncertainty"])) < 1
    assert all(target.is_file() for target in outcome.job.targets)


def test_a_strict_job_that_is_rejected_fails_with_its_reasons_and_leaves_no_file(
    tmp_path: Path,
) -> None:
    job = replace(_job(tmp_path), strict=True)
    outcome = attempt(job, None, green(1))
    assert isinstance(outcome, Failed)
    assert outcome.reason.startswith("rejected: ")
    assert outcome.cells["quality"] == "reject"
    reasons = str(outcome.cells["quality_reasons"]).split("; ")
    assert "too small" in reasons  # 40 px
    assert outcome.reason == f"rejected: {', '.join(reasons)}"
    assert not job.out.exists()


def test_a_strict_job_that_is_rejected_is_not_measured(tmp_path: Path) -> None:
    job = replace(_job(tmp_path), strict=True, columns=("quality", "measure"))
    outcome = attempt(job, None, green(1))
    assert isinstance(outcome, Failed)
    assert set(outcome.cells) == {"quality", "quality_reasons", "uncertainty"}


def test_a_strict_job_that_is_not_rejected_is_written(tmp_path: Path) -> None:
    def vessels(pixels: FloatMap) -> FloatMap:
        found = np.where(synthetic.vessels, 3, -5).astype(np.float32)
        return np.broadcast_to(found, (len(pixels), 1, *found.shape))

    synthetic = synthesize_fundus(0, size_px=300)
    job = replace(_job(tmp_path), strict=True)
    write_png(job.source, synthetic.image)
    outcome = attempt(job, None, Segmenter(ModelRecord(name="truth", model="truth"), vessels))
    assert isinstance(outcome, Written), outcome
    assert outcome.cells["quality"] == "ok"


def test_a_folder_in_the_place_of_a_result_costs_that_photograph_only(tmp_path: Path) -> None:
    job = _job(tmp_path)
    job.targets[1].mkdir(parents=True)
    outcome = attempt(job, None, green(1))
    assert isinstance(outcome, Failed)
    assert "cannot be written" in outcome.reason
    assert not job.targets[0].exists()


def test_a_name_too_long_for_its_result_costs_that_photograph_only(tmp_path: Path) -> None:
    short = _job(tmp_path)
    job = replace(short, name="x" * 250)
    outcome = attempt(job, None, green(1))
    assert isinstance(outcome, Failed)
    assert "cannot be written (File name too long)" in outcome.reason
    discard(job)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS])
def test_a_disk_that_takes_nothing_more_stops_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def full(_: int) -> None:
        raise OSError(number, os.strerror(number))

    job = _job(tmp_path)
    monkeypatch.setattr("venule.files.atomic.os.fsync", full)
    with pytest.raises(OutputError, match="cannot be written"):
        attempt(job, None, green(1))
    assert list((tmp_path / "out").iterdir()) == []


def _unreadable(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    def sha256(path: Path) -> str:
        if path.name == name:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return file_sha256(path)

    monkeypatch.setattr("venule.batch.process.file_sha256", sha256)


def test_results_that_cannot_be_read_today_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = _job(tmp_path)
    finished = _written(job)
    _unreadable(monkeypatch, "eye_mask.png")
    outcome = attempt(job, finished, green(1))
    assert isinstance(outcome, Failed)
    assert not outcome.read  # so that nothing is removed
    assert "eye_mask.png: cannot be read (Input/output error); results of" in outcome.reason


def test_results_that_cannot_be_read_after_they_were_written_are_a_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _unreadable(monkeypatch, "eye_mask.png")
    outcome = attempt(_job(tmp_path), None, green(1))
    assert isinstance(outcome, Failed)
    assert outcome.reason.endswith("the written results cannot be read (Input/output error)")


def test_only_what_a_killed_process_left_of_our_files_is_swept(tmp_path: Path) -> None:
    names = [".eye_mask.png.k3x_9a0b.tmp", ".other_mask.png.k3x_9a0b.tmp", ".eye_mask.png", "a.tmp"]
    for name in names:
        (tmp_path / name).touch()
    folders = (tmp_path, tmp_path / "missing")
    sweep(folders, [folder / "eye_mask.png" for folder in folders])
    assert {path.name for path in tmp_path.iterdir()} == set(names[1:])


def test_what_a_killed_process_left_of_a_long_name_is_swept(tmp_path: Path) -> None:
    target = tmp_path / f"{'M' * 240}_mask.png"
    left = tmp_path / f".{temporary_stem(target.name)}.k3x_9a0b.tmp"
    left.touch()
    sweep([tmp_path], [target])
    assert not left.exists()
