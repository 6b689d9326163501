import errno
import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace

import pytest

from venule.analysis.columns import Cell
from venule.batch.ledger import Ledger
from venule.batch.plan import Job
from venule.batch.process import Failed, Finished, Kept, Written, failure
from venule.batch.reading import read_results
from venule.batch.records import Records, Shard
from venule.batch.schema import SCHEMA, read_only
from venule.batch.sqlite_errors import sqlite_errors
from venule.batch.tables import Tables
from venule.errors import OutputError
from venule.files.hashes import file_sha256

SETTINGS = {"model": "tiny", "threshold": 0.5, "outputs": ["mask"], "parameters": {"imgsz": None}}
CELLS: dict[str, Cell] = {
    "quality": "reject",
    "quality_reasons": "no field of view",
    "uncertainty": "0.2500",
    "length_px": 1234,
    "calibre_px": 8.125,
    "note": None,  # an empty cell, which is not stored
}
HOTTER = SETTINGS | {"threshold": 0.6}


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with closing(Ledger(Records(tmp_path))) as ledger:
        yield ledger


def _jobs(out: Path, *names: str) -> list[Job]:
    return [
        Job(source=out / f"{name}.jpg", out=out, name=name, outputs=("mask",)) for name in names
    ]


def _finish(ledger: Ledger, job: Job, digest: str = "12ab") -> Finished:
    for target in job.targets:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.touch()
    finished = Finished(digest, dict.fromkeys(job.results.values(), sha256().hexdigest()))
    ledger.record(Written(job, finished, seconds=1.5, notes=("grey",), cells=CELLS))
    return finished


def test_what_was_recorded_is_known_after_the_ledger_was_closed(tmp_path: Path) -> None:
    done, failed, pending = jobs = _jobs(tmp_path, "deep/a", "b", "c")
    with closing(Ledger(Records(tmp_path))) as ledger:
        ledger.begin(jobs, SETTINGS, overwrite=False)
        finished = _finish(ledger, done)
        ledger.record(Failed(failed, "broken", seconds=0.25))
    with closing(Ledger(Records(tmp_path))) as ledger:
        assert ledger.settings == SETTINGS
        assert ledger.finished(done) == finished
        assert ledger.finished(failed) is None
        assert ledger.finished(pending) is None
        stored = {name: cell for name, cell in CELLS.items() if name != "note"}
        assert [dict(row.cells) for row in ledger.rows()] == [{}, {}, stored]
        assert [row.notes for row in ledger.rows()] == [(), (), ("grey",)]
        rows = [(row.source, row.status, row.reason, row.seconds) for row in ledger.rows()]
    assert rows == [
        (str(failed.source), "failed", "broken", 0.25),
        (str(pending.source), "pending", "", 0),
        (str(done.source), "done", "", 1.5),
    ]
    assert {path.name for path in tmp_path.iterdir()} == {".venule.sqlite", "deep"}


def test_a_second_writer_is_refused(ledger: Ledger, tmp_path: Path) -> None:
    began = time.monotonic()
    with pytest.raises(OutputError, match="another venule predict is running there"):
        Ledger(Records(tmp_path))
    assert time.monotonic() - began < 5  # at once: a reader would be waited for longer


def test_a_run_waits_for_a_program_that_only_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Ledger(Records(tmp_path)).close()
    reader = read_only(Records(tmp_path).ledger)
    rows = reader.execute("SELECT name FROM sqlite_master")
    assert rows.fetchone()  # the rest is still to be read
    monkeypatch.setattr("venule.batch.tables._READ_S", 0.1)
    with pytest.raises(OutputError, match="is being read by another program"):
        Ledger(Records(tmp_path))
    monkeypatch.undo()
    waited = []

    def read(seconds: float) -> None:
        waited.append(seconds)
        rows.close()
        reader.close()

    monkeypatch.setattr(time, "sleep", read)
    Ledger(Records(tmp_path)).close()
    assert len(waited) == 1


def test_a_file_that_is_no_ledger_is_said_to_be_none(tmp_path: Path) -> None:
    (tmp_path / ".venule.sqlite").write_text(
        "not a database, and long enough to have a header of its own" * 20
    )
    with pytest.raises(OutputError, match=r"cannot be used .*--overwrite"):
        Ledger(Records(tmp_path))


OLDER_TABLES = """
CREATE TABLE settings (id INTEGER PRIMARY KEY CHECK (id = 0), json TEXT NOT NULL);
CREATE TABLE files (name TEXT PRIMARY KEY, source TEXT NOT NULL, outputs TEXT NOT NULL);
INSERT INTO files VALUES ('a', 'a.jpg', '["a_mask.png"]');
"""


@pytest.mark.parametrize("version", [0, SCHEMA - 1, SCHEMA + 1])
def test_a_ledger_of_another_version_is_refused_in_one_line_and_left_as_it_is(
    tmp_path: Path, version: int
) -> None:
    with closing(sqlite3.connect(tmp_path / ".venule.sqlite")) as base:
        base.executescript(f"{OLDER_TABLES} PRAGMA user_version = {version};")
    for _ in range(2):  # the first leaves nothing behind that would hold the second up
        with pytest.raises(OutputError) as caught:
            Ledger(Records(tmp_path))
        assert str(caught.value) == (
            f"{tmp_path} holds results of another version of venule; choose another folder for -o"
        )
    with closing(sqlite3.connect(tmp_path / ".venule.sqlite")) as base:
        assert base.execute("SELECT * FROM files").fetchall() == [("a", "a.jpg", '["a_mask.png"]')]
        assert base.execute("PRAGMA user_version").fetchone() == (version,)
        assert base.execute("SELECT count(*) FROM sqlite_master").fetchone() == (3,)


@pytest.mark.parametrize("path", ["../precious.txt", "/precious.txt", "deep/../../precious.txt"])
@pytest.mark.parametrize("table", ["files", "outputs"])
def test_a_ledger_that_names_files_outside_its_folder_is_neither_read_nor_cleaned(
    tmp_path: Path, table: str, path: str
) -> None:
    out, precious = tmp_path / "out", tmp_path / "precious.txt"
    out.mkdir()
    precious.touch()
    (job,) = jobs = _jobs(out, "a")
    with closing(Ledger(Records(out))) as ledger:
        ledger.begin(jobs, SETTINGS, overwrite=False)
        _finish(ledger, job)
    with closing(sqlite3.connect(Records(out).ledger)) as base, base:
        if table == "files":
            base.execute("UPDATE files SET name = ?", [path])
        else:
            base.execute("INSERT INTO outputs VALUES ('a', CAST(? AS BLOB), 'x')", [path])
    for read in (lambda: Ledger(Records(out)), lambda: read_results(out)):
        with pytest.raises(OutputError, match=f"outside its folder \\('{path}'\\), .* do not use"):
            read()
    with closing(Ledger(Records(out, Shard(1, 2)))) as shard, pytest.raises(OutputError):
        shard.adopt(Records(out).ledger, jobs)
    assert precious.exists()


def test_names_with_dots_stay_in_their_folder(ledger: Ledger, tmp_path: Path) -> None:
    ledger.begin(_jobs(tmp_path, "..a/b", "a../..b", "a..b"), SETTINGS, overwrite=False)
    ledger.close()
    assert len(read_results(tmp_path).results) == 3


def test_a_new_ledger_says_its_version(ledger: Ledger) -> None:
    assert ledger._tables._base.execute("PRAGMA user_version").fetchone() == (SCHEMA,)
    assert SCHEMA > 0  # that of a file of somebody else's, who gave none


def test_other_settings_are_refused_by_name_and_change_nothing(
    ledger: Ledger, tmp_path: Path
) -> None:
    (job,) = _jobs(tmp_path, "a")
    ledger.begin([job], SETTINGS, overwrite=False)
    finished = _finish(ledger, job)
    other = HOTTER | {"outputs": ["prob"], "parameters": {"imgsz": None}}
    with pytest.raises(OutputError) as caught:
        ledger.begin([job], other, overwrite=False)
    assert "(--threshold was 0.5, now 0.6; --save was mask, now prob)" in str(caught.value)
    assert "imgsz" not in str(caught.value)
    assert ledger.finished(job) == finished
    assert ledger.settings == SETTINGS


def test_results_of_other_settings_are_replaced_all_or_none(ledger: Ledger, tmp_path: Path) -> None:
    again, other = jobs = _jobs(tmp_path, "again", "other")
    ledger.begin(jobs, SETTINGS, overwrite=False)
    for job in jobs:
        _finish(ledger, job)
    with pytest.raises(OutputError, match=r"that are not predicted now \(other, 1 in all\)"):
        ledger.begin([again], HOTTER, overwrite=True)
    assert ledger.settings == SETTINGS
    assert [row.status for row in ledger.rows()] == ["done", "done"]
    assert again.targets[0].exists()

    other.targets[0].unlink()  # nothing of it is left to be mixed with the new ones
    ledger.begin([again], HOTTER, overwrite=True)
    assert not again.targets[0].exists()
    assert ledger.settings == HOTTER
    assert [(row.source, row.status) for row in ledger.rows()] == [(str(again.source), "pending")]
    other.targets[0].touch()
    with pytest.raises(OutputError, match="exists already"):
        ledger.begin([other], HOTTER, overwrite=False)


def test_results_of_other_settings_do_not_wait_for_those_that_replace_them(
    ledger: Ledger, tmp_path: Path
) -> None:
    jobs = _jobs(tmp_path, "first", "second", "third")
    ledger.begin(jobs, SETTINGS, overwrite=False)
    for job in jobs:
        _finish(ledger, job)
    ledger.begin(jobs, SETTINGS, overwrite=True)  # killed at once
    assert all(job.targets[0].exists() for job in jobs)
    assert [(row.status, row.outputs) for row in ledger.rows()] == [("pending", ())] * 3
    with pytest.raises(OutputError, match=r"not predicted now \(second, 2 in all\)"):
        ledger.begin(jobs[:1], HOTTER, overwrite=True)
    ledger.begin(jobs, HOTTER, overwrite=True)
    assert not any(job.targets[0].exists() for job in jobs)


def test_a_photograph_that_is_joined_by_another_of_its_stem_leaves_its_old_name(
    ledger: Ledger, tmp_path: Path
) -> None:
    def job(ending: str, name: str) -> Job:
        return Job(source=tmp_path / f"a.{ending}", out=tmp_path, name=name, outputs=("mask",))

    alone = job("png", "a")
    ledger.begin([alone], SETTINGS, overwrite=False)
    _finish(ledger, alone)
    other, same = job("jpg", "a.jpg"), job("png", "a.png")
    ledger.begin([other, same], SETTINGS, overwrite=False)
    ledger.record(Failed(same, "no such file", read=False))  # what was found of it stays
    assert alone.targets[0].exists()
    ledger.begin([other, same], SETTINGS, overwrite=False)
    _finish(ledger, other)
    assert alone.targets[0].exists()
    _finish(ledger, same)
    assert not alone.targets[0].exists()
    assert [Path(row.source).name for row in ledger.rows()] == ["a.jpg", "a.png"]

    ledger.begin([alone], SETTINGS, overwrite=False)  # and back, when the other is gone
    _finish(ledger, alone)
    assert [path.name for path in sorted(tmp_path.glob("*_mask.png"))] == [
        "a.jpg_mask.png",
        "a_mask.png",
    ]


def test_a_new_name_takes_the_corrections_along_and_leaves_an_edited_mask(
    ledger: Ledger, tmp_path: Path
) -> None:
    def job(ending: str, name: str) -> Job:
        return Job(
            source=tmp_path / f"{name[0]}.{ending}", out=tmp_path, name=name, outputs=("mask",)
        )

    alone = [job("png", "a"), job("png", "b")]
    renamed = [job("png", "a.png"), job("png", "b.png")]
    ledger.begin(alone, SETTINGS, overwrite=False)
    for one in alone:
        _finish(ledger, one)
    endings = ("_mask.corrected.png", "_mask.corrected.jsonl", "_disc.corrected.png")
    for ending in endings:
        (tmp_path / f"a{ending}").write_text(ending)
    (tmp_path / "b_mask.png").write_bytes(b"drawn by hand")
    ledger.begin(renamed, SETTINGS, overwrite=False)
    for one in renamed:
        _finish(ledger, one)
    assert [(tmp_path / f"a.png{ending}").read_text() for ending in endings] == list(endings)
    assert not list(tmp_path.glob("a_*"))
    assert (tmp_path / "b_mask.png").read_bytes() == b"drawn by hand"
    rows = {row.name: row.reason for row in ledger.rows()}
    assert rows.keys() == {"a.png", "b", "b.png"}
    assert rows["b"] == "predicted again as b.png; a result was changed by another program"


def test_the_same_photograph_may_have_results_in_two_places(ledger: Ledger, tmp_path: Path) -> None:
    source = tmp_path / "left" / "a.png"
    one, two = (
        Job(source=source, out=tmp_path, name=name, outputs=("mask",)) for name in ("left/a", "a")
    )
    ledger.begin([one], SETTINGS, overwrite=False)
    finished = _finish(ledger, one)
    ledger.begin([two], SETTINGS, overwrite=False)
    _finish(ledger, two)
    assert ledger.finished(one) == finished
    assert one.targets[0].exists()


def test_what_was_kept_of_an_earlier_run_stays_done_and_says_why_not_now(
    ledger: Ledger, tmp_path: Path
) -> None:
    (job,) = _jobs(tmp_path, "a")
    ledger.begin([job], SETTINGS, overwrite=False)
    finished = _finish(ledger, job)
    ledger.record(Failed(job, "no such file", read=False))
    assert ledger.finished(job) == finished
    assert [(row.status, row.reason) for row in ledger.rows()] == [("done", "no such file")]
    ledger.begin([job], SETTINGS, overwrite=False)
    ledger.record(Kept(job))
    assert [(row.status, row.reason) for row in ledger.rows()] == [("done", "")]


@pytest.mark.parametrize(
    ("code", "todo"),
    [
        (sqlite3.SQLITE_FULL, "check the disk"),
        (sqlite3.SQLITE_IOERR_WRITE, "check the disk"),
        (sqlite3.SQLITE_NOTADB, "delete it and use --overwrite"),
    ],
)
def test_only_a_broken_ledger_is_to_be_deleted(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch, code: int, todo: str
) -> None:
    error = sqlite3.OperationalError("it is so")
    error.sqlite_errorcode = code

    class Broken:
        def execute(self, *_: object) -> None:
            raise error

        def close(self) -> None:
            """Nothing is open."""

    monkeypatch.setattr(ledger._tables, "_base", Broken())
    with pytest.raises(OutputError, match=todo):
        _ = ledger.settings


def test_a_full_disk_is_told_as_one_and_the_ledger_goes_on(tmp_path: Path) -> None:
    with closing(Tables(tmp_path / "ledger.sqlite")) as tables:
        base = tables._base
        base.execute(f"PRAGMA max_page_count = {base.execute('PRAGMA page_count').fetchone()[0]}")
        with pytest.raises(OutputError, match=r"is full.*check the disk"), tables.transaction():
            tables.insert("a", "s" * 99_999, "p", [])
        base.execute("PRAGMA max_page_count = 1000000")
        with tables.transaction():
            tables.insert("a", "s", "p", [])
        assert tables.count() == 1


def test_a_transaction_that_cannot_be_committed_leaves_nothing_open(tmp_path: Path) -> None:
    with closing(Tables(tmp_path / "ledger.sqlite")) as tables:
        base = tables._base
        base.execute("PRAGMA foreign_keys = ON")
        base.execute(
            "CREATE TABLE eye (name REFERENCES files (name) DEFERRABLE INITIALLY DEFERRED)"
        )
        with pytest.raises(OutputError, match="FOREIGN KEY"), tables.transaction():
            base.execute("INSERT INTO eye VALUES ('nobody')")
        with tables.transaction():
            tables.insert("a", "s", "p", [])
        assert tables.count() == 1


def test_a_photograph_that_cannot_be_read_is_not_taken_for_another_one(
    ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (job,) = _jobs(tmp_path, "a")
    job.source.write_bytes(b"one eye")
    ledger.begin([job], SETTINGS, overwrite=False)
    finished = _finish(ledger, job)
    copy = Job(source=tmp_path / "copy" / "a.jpg", out=tmp_path, name="a", outputs=("mask",))
    copy.source.parent.mkdir()
    copy.source.write_bytes(b"one eye")

    def fail(path: Path) -> str:
        raise OSError(errno.EIO, "Input/output error", str(path))

    monkeypatch.setattr("venule.files.hashes.file_sha256", fail)
    ledger.begin([copy], SETTINGS, overwrite=False)
    assert ledger.finished(copy) == finished
    ledger.record(Failed(copy, "cannot be read", read=False))
    assert [row.source for row in ledger.rows()] == [str(job.source)]
    monkeypatch.undo()
    copy.source.write_bytes(b"another eye")
    with pytest.raises(OutputError, match="is another photograph of that name"):
        ledger.begin([copy], SETTINGS, overwrite=False)


def test_only_a_file_that_is_not_ours_blocks_a_failed_photograph(
    ledger: Ledger, tmp_path: Path
) -> None:
    (job,) = _jobs(tmp_path, "a")
    ledger.begin([job], SETTINGS, overwrite=False)
    ledger.record(Failed(job, "broken"))
    ledger.begin([job], SETTINGS, overwrite=False)
    assert not ledger.blocked([job])
    job.targets[0].touch()  # by this run, which is killed before it can say so
    ledger.begin([job], SETTINGS, overwrite=False)
    assert not ledger.blocked([job])
    job.targets[0].unlink()
    ledger.record(Failed(job, "broken"))
    job.targets[0].touch()  # by hand
    ledger.begin([job], SETTINGS, overwrite=False)
    assert ledger.blocked([job])
    ledger.begin([job], SETTINGS, overwrite=True)
    assert not ledger.blocked([job])


def test_overwriting_with_the_same_settings_does_its_own_photographs_again(
    ledger: Ledger, tmp_path: Path
) -> None:
    again, other = jobs = _jobs(tmp_path, "again", "other")
    ledger.begin(jobs, SETTINGS, overwrite=False)
    for job in jobs:
        _finish(ledger, job)
    ledger.begin([again], SETTINGS, overwrite=True)
    assert ledger.finished(again) is None
    assert ledger.finished(other) is not None


def test_files_of_a_kind_that_is_not_written_again_are_removed(
    ledger: Ledger, tmp_path: Path
) -> None:
    both = Job(source=tmp_path / "a.jpg", out=tmp_path, name="a", outputs=("prob", "mask"))
    (mask,) = _jobs(tmp_path, "a")
    ledger.begin([both], SETTINGS, overwrite=False)
    _finish(ledger, both)
    ledger.begin([mask], HOTTER, overwrite=True)
    assert not list(tmp_path.glob("*.png"))


def test_files_that_the_ledger_does_not_know_are_not_replaced(
    ledger: Ledger, tmp_path: Path
) -> None:
    known, new = _jobs(tmp_path, "known", "new")
    ledger.begin([known], SETTINGS, overwrite=False)
    known.targets[0].touch()  # by a process that was killed before it could say so
    ledger.begin([known, new], SETTINGS, overwrite=False)
    (unknown,) = _jobs(tmp_path, "unknown")
    unknown.targets[0].touch()
    with pytest.raises(OutputError, match=r"unknown_mask\.png exists already"):
        ledger.begin([known, unknown], SETTINGS, overwrite=False)
    assert len(list(ledger.rows())) == 2


def test_an_overwriting_run_that_was_killed_goes_on_without_the_word(
    ledger: Ledger, tmp_path: Path
) -> None:
    first, second = jobs = _jobs(tmp_path, "first", "second")
    for job in jobs:
        job.targets[0].touch()
    ledger.begin(jobs, SETTINGS, overwrite=True)
    finished = _finish(ledger, first)
    ledger.begin(jobs, SETTINGS, overwrite=False)
    assert ledger.finished(first) == finished
    assert ledger.finished(second) is None


def test_a_failed_photograph_that_was_taken_away_is_forgotten(
    ledger: Ledger, tmp_path: Path
) -> None:
    jobs = there, _, done, _ = _jobs(tmp_path, "there", "gone", "done", "planned")
    there.source.touch()
    ledger.begin(jobs, SETTINGS, overwrite=False)
    for job in jobs:
        ledger.record(Failed(job, "broken"))
    _finish(ledger, done)
    ledger.begin(jobs[3:], SETTINGS, overwrite=False)
    assert [Path(row.source).stem for row in ledger.rows()] == ["done", "planned", "there"]


def test_a_folder_that_can_be_searched_again_is_forgotten(
    ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, photograph = _jobs(tmp_path, "sub", "a")
    folder.source.mkdir()
    ledger.begin([folder, photograph], SETTINGS, overwrite=False)
    ledger.record(Failed(folder, "a folder that cannot be searched", read=False))
    with monkeypatch.context() as closed:
        closed.setattr(os, "access", lambda *_: False)  # root may search any folder
        ledger.begin([photograph], SETTINGS, overwrite=False)
    assert len(list(ledger.rows())) == 2
    ledger.begin([photograph], SETTINGS, overwrite=False)
    assert [Path(row.source).stem for row in ledger.rows()] == ["a"]


@pytest.fixture
def closed_below(monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], None]:
    """Makes every file below a folder one that cannot be told of; root may look into any."""
    lstat = os.lstat

    def close(folder: Path) -> None:
        def guarded(path: str | Path) -> os.stat_result:
            if folder in Path(path).parents:
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
            return lstat(path)

        monkeypatch.setattr("venule.batch.process.os.lstat", guarded)

    return close


def test_a_finished_photograph_stays_so_where_its_results_cannot_be_told_of(
    ledger: Ledger, tmp_path: Path, closed_below: Callable[[Path], None]
) -> None:
    (job,) = jobs = _jobs(tmp_path, "sub/a")
    ledger.begin(jobs, SETTINGS, overwrite=False)
    finished = _finish(ledger, job)
    closed_below(tmp_path / "sub")
    ledger.record(failure(job, "cannot be read", read=False, seconds=0.1))
    assert ledger.finished(job) == finished
    assert [(row.status, row.reason) for row in ledger.rows()] == [
        ("done", "cannot be read; results of an earlier run are kept")
    ]


def test_a_failed_photograph_in_a_folder_that_was_closed_stops_nothing(
    ledger: Ledger, tmp_path: Path, closed_below: Callable[[Path], None]
) -> None:
    failed, other = _jobs(tmp_path, "sub/a", "b")
    ledger.begin([failed, other], SETTINGS, overwrite=False)
    ledger.record(Failed(failed, "broken"))
    closed_below(tmp_path / "sub")
    ledger.begin([other], SETTINGS, overwrite=False)
    assert len(list(ledger.rows())) == 2  # whether it is gone cannot be told


def test_outcomes_reach_the_disk_once_a_second(
    ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def level() -> int:
        return int(ledger._tables._base.execute("PRAGMA synchronous").fetchone()[0])

    full, normal = 2, 1  # FULL: a power cut loses nothing that was committed
    now = 100.0
    clock = SimpleNamespace(monotonic=lambda: now)
    monkeypatch.setattr("venule.batch.tables.time", clock)
    jobs = _jobs(tmp_path, "a", "b", "c", "d")
    ledger.begin(jobs, SETTINGS, overwrite=False)
    assert level() == full
    for seconds, expected in ((100.2, normal), (100.9, normal), (101.1, full), (101.2, normal)):
        now = seconds
        ledger.record(Failed(jobs.pop(), "broken"))
        assert level() == expected
    ledger.begin([], SETTINGS, overwrite=False)  # a plan is on the disk before it is carried out
    assert level() == full


def test_photographs_are_known_where_ever_their_folder_lies(ledger: Ledger, tmp_path: Path) -> None:
    (job,) = _jobs(tmp_path, "a")
    ledger.begin([job], SETTINGS, overwrite=False)
    finished = _finish(ledger, job)
    moved = Job(source=Path("/elsewhere/a.jpg"), out=tmp_path, name="a", outputs=("mask",))
    ledger.begin([moved], SETTINGS, overwrite=False)
    assert ledger.finished(moved) == finished
    ledger.record(Kept(moved))
    assert [row.source for row in ledger.rows()] == ["/elsewhere/a.jpg"]


def test_another_photograph_of_the_same_name_does_not_replace_results_unasked(
    ledger: Ledger, tmp_path: Path
) -> None:
    (tmp_path / "A").mkdir()
    (tmp_path / "B").mkdir()
    first, second = (
        Job(source=tmp_path / folder / "OD.jpg", out=tmp_path, name="OD", outputs=("mask",))
        for folder in "AB"
    )
    first.source.write_bytes(b"one eye")
    second.source.write_bytes(b"another eye")
    ledger.begin([first], SETTINGS, overwrite=False)
    finished = _finish(ledger, first, digest=file_sha256(first.source))
    with pytest.raises(OutputError, match=r"A/OD.jpg, but .*B/OD.jpg is another photograph of"):
        ledger.begin([second], SETTINGS, overwrite=False)
    assert [row.source for row in ledger.rows()] == [str(first.source)]

    first.source.write_bytes(b"retouched")  # changed where it is: predicted again
    ledger.begin([first], SETTINGS, overwrite=False)
    second.source.write_bytes(b"one eye")  # a copy
    ledger.begin([second], SETTINGS, overwrite=False)
    assert ledger.finished(second) == finished
    second.source.write_bytes(b"another eye")
    first.source.unlink()  # moved: nothing of it is there any more
    ledger.begin([second], SETTINGS, overwrite=False)


def test_a_failed_photograph_is_remembered_from_another_folder_too(
    ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "bad.jpg").touch()
    monkeypatch.chdir(tmp_path)
    failed = Job(source=Path("bad.jpg"), out=tmp_path, name="bad", outputs=("mask",))
    ledger.begin([failed], SETTINGS, overwrite=False)
    ledger.record(Failed(failed, "broken"))
    monkeypatch.chdir(tmp_path / "sub")
    ledger.begin(_jobs(tmp_path, "other"), SETTINGS, overwrite=False)
    assert next(ledger.rows()).source == "bad.jpg"


@pytest.mark.parametrize("name", ["a\udcff", "line\nbreak", "'; DROP TABLE files; --", "äé"])
def test_names_may_hold_any_bytes(ledger: Ledger, tmp_path: Path, name: str) -> None:
    (job,) = _jobs(tmp_path, name)
    ledger.begin([job], SETTINGS, overwrite=False)
    finished = _finish(ledger, job)
    ledger.begin([job], SETTINGS, overwrite=False)
    assert ledger.finished(job) == finished
    assert len(list(ledger.rows())) == 1


def test_what_an_interrupted_run_may_have_written_is_known(ledger: Ledger, tmp_path: Path) -> None:
    first, second = jobs = _jobs(tmp_path, "first", "second")
    ledger.begin(jobs, SETTINGS, overwrite=False)
    _finish(ledger, first)
    second.targets[0].touch()  # by a process that was killed before it could say so
    ledger.begin([first], SETTINGS, overwrite=False)  # the second photograph is not even there
    with pytest.raises(OutputError, match=r"not predicted now \(second, 1 in all\)"):
        ledger.begin([first], HOTTER, overwrite=True)
    ledger.begin(jobs, HOTTER, overwrite=True)
    assert not list(tmp_path.glob("*_mask.png"))


def test_an_old_name_goes_however_the_new_one_comes_about(ledger: Ledger, tmp_path: Path) -> None:
    def job(ending: str, name: str) -> Job:
        return Job(source=tmp_path / f"a.{ending}", out=tmp_path, name=name, outputs=("mask",))

    alone, same, other = job("png", "a"), job("png", "a.png"), job("jpg", "a.jpg")
    ledger.begin([alone], SETTINGS, overwrite=False)
    _finish(ledger, alone)
    ledger.begin([other, same], SETTINGS, overwrite=False)  # stopped at once; the other goes again
    ledger.begin([alone], SETTINGS, overwrite=False)
    ledger.record(Kept(alone))
    assert [row.status for row in ledger.rows()] == ["done"]
    ledger.begin([other, same], SETTINGS, overwrite=False)
    ledger.record(Failed(same, "rejected"))  # another eye by now: what was found is not of it
    assert not alone.targets[0].exists()
    assert "done" not in [row.status for row in ledger.rows()]


def test_a_folder_where_an_old_result_was_is_said(ledger: Ledger, tmp_path: Path) -> None:
    (job,) = _jobs(tmp_path, "a")
    ledger.begin([job], SETTINGS, overwrite=False)
    _finish(ledger, job)
    job.targets[0].unlink()
    job.targets[0].mkdir()
    with pytest.raises(OutputError, match=r"a_mask\.png: cannot be removed"):
        ledger.begin([job], HOTTER, overwrite=True)
    assert ledger.settings == SETTINGS


@pytest.mark.skipif(os.name == "nt", reason="files have no owner's number")
@pytest.mark.parametrize(("owner", "said"), [(0, "is read-only"), (1, "is another user's")])
def test_a_folder_where_nothing_can_be_written_is_another_users_only_if_one_does_not_own_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, owner: int, said: str
) -> None:
    own = os.getuid()
    monkeypatch.setattr(os, "access", lambda *_: False)  # root may write anywhere
    monkeypatch.setattr(os, "getuid", lambda: own + owner)
    with (
        pytest.raises(OutputError, match=f"no permission to write, as it {said}; choose another"),
        sqlite_errors(tmp_path / ".venule.sqlite"),
    ):
        raise sqlite3.OperationalError("unable to open database file")
