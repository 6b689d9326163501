"""Create the screenshots of the viewer: docs/images/viewer.jpg and correct.jpg.

They show scikit-image's retinal photograph, which is in the public domain (CC0). Chromium and
Playwright are required.

    python tools/screenshots.py [--out docs/images]
"""

import argparse
import tempfile
from io import BytesIO
from pathlib import Path

import skimage.data
from PIL import Image
from playwright.sync_api import Page

from venule.batch.predict import predict_folder
from web_page import open_page

IMAGES = Path(__file__).parents[1] / "docs" / "images"
QUALITY = 80


def main() -> None:
    """Predict the photograph, view it and correct it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=IMAGES)
    out = parser.parse_args().out
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        retina = skimage.data.retina()  # type: ignore[no-untyped-call]
        Image.fromarray(retina).save(folder / "retina.png")
        predict_folder(
            folder / "retina.png",
            folder / "results",
            outputs=("prob", "mask", "av"),
            engine="inline",
        )
        with open_page("--example") as page:
            page.wait_for_selector("#table tbody tr")
            _save(page, out / "viewer.jpg")
        with open_page(folder / "results") as page:
            page.wait_for_selector("#table tbody tr")
            _correct(page)
            _save(page, out / "correct.jpg")


def _correct(page: Page) -> None:
    """Draw the disc, which these results do not contain."""
    x, y = 455, 415  # of the disc, with the photograph zoomed to fit
    for _ in range(2):
        page.mouse.move(x, y)
        page.mouse.wheel(0, -240)
        page.wait_for_timeout(300)
    page.focus("#stage")
    page.keyboard.press("d")
    page.mouse.move(x - 120, y - 85)
    page.mouse.down()
    page.mouse.move(x + 130, y + 185, steps=8)
    page.mouse.up()
    page.wait_for_selector("#saved:has-text('Saved as')")
    page.wait_for_selector("#source:has-text('corrected')")
    page.mouse.move(x + 121, y)


def _save(page: Page, path: Path) -> None:
    with Image.open(BytesIO(page.screenshot())) as shot:
        shot.convert("RGB").save(path, quality=QUALITY, optimize=True)


if __name__ == "__main__":
    main()
