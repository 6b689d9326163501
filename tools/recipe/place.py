"""The folders in which a recipe is run."""

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from checkout import ACCESS_LOG, DOCS, ROOT
from venule.data.catalog import DATA_VARIABLE


@dataclass(frozen=True, kw_only=True)
class Place:
    """The folders of a reproduction, and its compute device.

    `work` holds intermediate files: synthetic images, runs, weights; steps name files relative to
    it. `results` is the folder for the files of a result, and `docs` that for its images. Each
    access to test images is logged in `access_log`. `root` is the checkout, whose configurations
    are read.
    """

    work: Path
    results: Path
    docs: Path = DOCS
    access_log: Path = ACCESS_LOG
    root: Path = ROOT
    device: str = "auto"

    @contextlib.contextmanager
    def entered(self, data_root: Path | None = None) -> Iterator[None]:
        """Change to the folder `work`; data sets are looked up below `data_root` or VENULE_DATA."""
        given = data_root or os.environ.get(DATA_VARIABLE)
        before = os.environ.get(DATA_VARIABLE)
        self.work.mkdir(parents=True, exist_ok=True)
        try:
            if given:
                os.environ[DATA_VARIABLE] = str(Path(given).resolve())
            with contextlib.chdir(self.work):
                yield
        finally:
            if before is None:
                os.environ.pop(DATA_VARIABLE, None)
            else:
                os.environ[DATA_VARIABLE] = before
