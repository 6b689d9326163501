"""This checkout of the project: its paths and its commit."""

import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "results"
DOCS = ROOT / "docs"
RECIPES = ROOT / "recipes"

ACCESS_LOG = RESULTS / "test_access.jsonl"
"""Every access to test images, one JSON line each."""


def commit(root: Path = ROOT) -> str | None:
    """The commit of a checkout, with `-dirty` if files differ from it; None outside a repository.

    The access log is ignored: every appended line changes it.
    """
    head = _git(root, "rev-parse", "HEAD")
    log = f":(top,exclude){ACCESS_LOG.relative_to(ROOT).as_posix()}"
    changed = _git(root, "status", "--porcelain", "--untracked-files=no", "--", ":(top)", log)
    return f"{head}-dirty" if head and changed else head


def context() -> dict[str, str | None]:
    """The facts about the code recorded with each access in the log."""
    return {"commit": commit()}


def _git(root: Path, *arguments: str) -> str | None:
    command = ["git", "-C", str(root), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()
