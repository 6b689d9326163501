"""The page of `venule serve` in Chromium, without a graphics card, for measurements."""

import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from playwright.sync_api import Page, sync_playwright

_GRAPHICS = ["--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader"]
_GRAPHICS += ["--enable-unsafe-swiftshader", "--enable-precise-memory-info"]


@contextmanager
def open_page(*arguments: object) -> Iterator[Page]:
    """Open the page of `venule serve ARGUMENTS`, 1366 x 768; rendered in software (SwiftShader)."""
    serve = [sys.executable, "-m", "venule", "serve", *map(str, arguments)]
    serve += ["--no-browser", "--port", "0"]
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium")
    with subprocess.Popen(serve, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            url = server.stdout.readline().strip()
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=chromium, args=_GRAPHICS)
                page = browser.new_page(viewport={"width": 1366, "height": 768})
                page.set_default_timeout(300_000)
                _go(page, url)
                yield page
                browser.close()
        finally:
            server.terminate()


def _go(page: Page, url: str) -> None:
    for _ in range(100):
        try:
            page.goto(url)
            return
        except Exception:  # it is not up yet
            time.sleep(0.2)
    raise RuntimeError(f"{url} does not respond")


def cpu_ms(name: str) -> float:
    """CPU milliseconds of this process's descendants with a given name."""
    parents, times = {}, {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            comm, _, rest = (entry / "stat").read_text().rpartition(")")
        except OSError:
            continue
        fields = rest.split()
        parents[int(entry.name)] = int(fields[1])
        times[int(entry.name)] = (comm, int(fields[11]) + int(fields[12]))

    def ours(process: int) -> bool:
        while process > 1:
            if process == os.getpid():
                return True
            process = parents.get(process, 0)
        return False

    ticks = sum(t for one, (comm, t) in times.items() if name in comm and ours(one))
    return 1000 * ticks / os.sysconf("SC_CLK_TCK")


def summary(values: list[float]) -> dict[str, float]:
    """Median, 90th percentile, maximum and count."""
    return {
        "median": round(statistics.median(values), 1),
        "p90": round(float(np.percentile(values, 90)), 1),
        "most": round(max(values), 1),
        "count": len(values),
    }
