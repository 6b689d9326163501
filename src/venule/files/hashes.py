"""Identity of files by their content."""

import hashlib
from pathlib import Path


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's content, 64 hex digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sha256_if_readable(path: Path) -> str | None:
    """SHA-256 of a file's content; None if the file is missing or unreadable."""
    try:
        return file_sha256(path) if path.is_file() else None
    except OSError:
        return None
