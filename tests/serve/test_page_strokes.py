"""What strokes leave on the screen, and what they ask of the server, in Chromium."""

from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from serve.served import served
from venule.batch.predict import predict_folder

corrections = pytest.importorskip("serve.test_page_corrections")
from playwright.sync_api import Page, expect  # noqa: E402

browser, page, network = corrections.browser, corrections.page, corrections.network
photographs, out = corrections.photographs, corrections.out

REDRAW = """
async () => {
  (await import('/static/drawing.js')).redraw();
  for (let i = 0; i < 2; i++) await new Promise((done) => requestAnimationFrame(done));
}
"""


@pytest.fixture
def large(photographs: Path, network: Path, tmp_path: Path) -> Path:
    """Results of a photograph that is seen smaller than it is, at first."""
    with Image.open(photographs / "eye-0.png") as opened:
        enlarged = opened.resize((1280, 1280), Image.Resampling.NEAREST)
    enlarged.save(tmp_path / "eye-0.png")
    predict_folder(
        tmp_path / "eye-0.png",
        tmp_path / "large",
        model=network,
        outputs=("prob", "mask"),
        engine="inline",
    )
    return tmp_path / "large"


def _seen(page: Page) -> Any:
    """The photograph as it is seen, without what is written above and below it."""
    page.mouse.move(1, 1)
    box = page.locator("#stage").bounding_box()
    assert box is not None
    left, top, width, height = (box[name] for name in ("x", "y", "width", "height"))
    shot = page.screenshot(
        clip={"x": left + 4, "y": top + 40, "width": width - 8, "height": height - 80}
    )
    return np.asarray(Image.open(BytesIO(shot)).convert("RGB")).astype(int)


@pytest.mark.parametrize("way", ["", "&flat"])
@pytest.mark.parametrize("key", ["0", "1"])
@pytest.mark.parametrize("style", ["fill", "outline"])
def test_a_stroke_and_its_undoing_leave_what_drawing_all_of_it_does(
    page: Page, large: Path, way: str, key: str, style: str
) -> None:
    most = 2 if way else 0  # a part of a picture that is scaled is rounded otherwise than all of it

    def same(one: Any, other: Any) -> bool:
        return bool(np.abs(one - other).max() <= most)

    with served(large) as url:
        corrections._open(page, f"{url}{way}")
        expect(page.locator("#source")).to_contain_text("of the predicted mask")
        page.locator("#style").select_option(style)
        page.locator("#stage").focus()
        page.keyboard.press(key)
        before = _seen(page)
        page.keyboard.press("q")
        corrections._drag(page, (500, 420), (640, 480), (580, 700))
        corrections._saved(page, 1)
        drawn = _seen(page)
        assert not same(drawn, before)
        page.evaluate(REDRAW)
        assert same(_seen(page), drawn)
        page.keyboard.press("Control+z")
        corrections._saved(page, 2)
        assert same(_seen(page), before)
        page.evaluate(REDRAW)
        assert same(_seen(page), before)


def test_strokes_are_seen_while_they_are_drawn(page: Page, out: Path) -> None:
    with served(out) as url:
        corrections._open(page, url)
        page.keyboard.press("q")
        page.mouse.move(*corrections._at(page, 40, 30))
        page.mouse.down()
        page.mouse.move(*corrections._at(page, 60, 30), steps=4)
        page.evaluate("new Promise((done) => requestAnimationFrame(() => setTimeout(done, 100)))")
        left, top = corrections._at(page, 45, 30)
        shot = page.screenshot(clip={"x": left, "y": top, "width": 1, "height": 1})
        page.mouse.up()
        (red, _, blue) = np.asarray(Image.open(BytesIO(shot)).convert("RGB"))[0, 0]
        assert blue > red  # cyan over a red fundus


def test_strokes_that_follow_each_other_are_measured_once_when_they_rest(
    page: Page, out: Path
) -> None:
    with served(out) as url:
        corrections._open(page, url)
        expect(page.locator("#source")).to_contain_text("of the predicted mask")
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url.rpartition("/")[2]))
        page.keyboard.press("q")
        for row in (95, 100, 105, 110):
            corrections._drag(page, (45, row), (60, row))
            expect(page.locator("#source")).to_have_text("measuring …")
        # Nothing is brought to the page while a stroke is drawn.
        page.mouse.move(*corrections._at(page, 40, 30))
        page.mouse.down()
        page.mouse.move(*corrections._at(page, 60, 30), steps=4)
        page.wait_for_timeout(3000)
        expect(page.locator("#source")).to_have_text("measuring …")
        page.mouse.up()
        expect(page.locator("#source")).to_contain_text("of the corrected mask")
        assert asked.count("measurements") == 1
