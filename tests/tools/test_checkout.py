import subprocess
from pathlib import Path

from checkout import ACCESS_LOG, RECIPES, RESULTS, commit


def test_the_folders_are_those_of_this_checkout() -> None:
    assert (RESULTS / "general" / "about.json").is_file()
    assert (RECIPES / "general.toml").is_file()
    assert ACCESS_LOG.is_file()


def test_the_commit_says_whether_files_differ_but_for_the_log(tmp_path: Path) -> None:
    def git(*arguments: str) -> str:
        command = ["git", "-c", "user.name=a", "-c", "user.email=a@b.c", *arguments]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    log = tmp_path / "results" / "test_access.jsonl"
    log.parent.mkdir()
    log.touch()
    (tmp_path / "code.py").write_text("1")
    git("init", "-q")
    git("add", ".")
    git("commit", "-qm", "first")
    head = git("rev-parse", "HEAD")
    assert commit(tmp_path) == head
    log.write_text("an access\n")
    assert commit(tmp_path) == head
    (tmp_path / "code.py").write_text("2")
    assert commit(tmp_path) == f"{head}-dirty"


def test_outside_of_a_checkout_there_is_no_commit(tmp_path: Path) -> None:
    assert commit(tmp_path) is None
