"""Side by side and colours of measures, in Chromium."""

from pathlib import Path

import numpy as np
import pytest
import scipy.ndimage as ndi
from PIL import Image

from serve.served import served
from venule.analysis.analyse import analyse
from venule.analysis.vessel_colors import trace, vessel_colors
from venule.image.photograph import read_photograph
from venule.inference.load import load

pages = pytest.importorskip("serve.test_page")
from playwright.sync_api import Page, expect  # noqa: E402

browser, network, photographs, page = (
    pages.browser,
    pages.network,
    pages.photographs,
    pages.page,
)


def _color(page: Page, canvas: str, x: float, y: float) -> list[int]:
    """The colour at a place of the photograph, 0..1 of its sides, in one of the two panes."""
    found: list[int] = page.evaluate(
        """async ([id, x, y]) => {
          await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
          const { first: camera } = (await import('/static/main.js')).beside;
          const canvas = document.getElementById(id);
          const copy = new OffscreenCanvas(canvas.width, canvas.height);
          const c = copy.getContext('2d');
          c.drawImage(canvas, 0, 0);
          const across = [x * camera.width, camera.x, canvas.width];
          const down = [y * camera.height, camera.y, canvas.height];
          const at = [across, down].map(([place, middle, size]) =>
            Math.floor(size / 2 + (place - middle) * camera.zoom));
          return [...c.getImageData(...at, 1, 1).data];
        }""",
        [canvas, x, y],
    )
    return found


@pytest.fixture
def truth(photographs: Path, tmp_path: Path) -> Path:
    """Masks of the photographs: the left half of each is vessel."""
    folder = tmp_path / "truth"
    folder.mkdir()
    for seed in range(2):
        mask = np.zeros((128, 128), np.uint8)
        mask[:, :64] = 255
        Image.fromarray(mask).save(folder / f"eye-{seed}.png")
    return folder


def test_a_photograph_is_looked_at_beside_a_mask_and_both_move_together(
    page: Page, network: Path, photographs: Path, truth: Path
) -> None:
    with served("--model", network, "--compare", truth, photographs) as url:
        page.goto(url)
        page.get_by_text("eye-0").click()
        expect(page.locator("#name")).to_have_text("eye-0")
        expect(page.locator("#with option")).not_to_have_count(2)
        page.locator("#stage").focus()
        page.keyboard.press("b")
        expect(page.locator("#beside")).to_be_visible()
        expect(page.locator("#agreement")).to_contain_text("sensitivity")
        expect(page.locator("#beside-name")).to_have_text("truth")
        left, right = (_color(page, "beside-canvas", x, 0.5) for x in (0.3, 0.7))
        assert left[2] > left[0]  # cyan over the mask's half
        assert right[0] > right[2]  # the fundus beside it
        # Zooming in one zooms in the other, from either side.
        box = page.locator("#beside").bounding_box()
        assert box is not None
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        before = page.locator("#zoom").text_content()
        page.mouse.wheel(0, -400)
        expect(page.locator("#zoom")).not_to_have_text(before or "")
        page.mouse.down()
        page.mouse.move(box["x"] + box["width"] / 2 + 60, box["y"] + box["height"] / 2)
        page.mouse.up()
        cameras = page.evaluate(
            "import('/static/main.js').then(({ beside: { camera: a, first: b } }) =>"
            " [a.x, a.y, a.zoom, b.x, b.y, b.zoom])"
        )
        assert cameras[:3] == pytest.approx(cameras[3:])
        assert cameras[0] < 64  # moved to the right: its left part is in the middle
        # Where the masks differ; a vessel of the right one alone is blue, on a dark photograph.
        page.locator("#differ").check()
        expect(page.locator("#legend")).to_be_visible()
        predicted = page.evaluate(
            "import('/static/main.js').then(({ state: { map } }) =>"
            " [...map.values].map((value) => Number(value >= 32768)))"
        )
        mask = np.array(predicted, bool).reshape(128, 128)
        rows, columns = np.nonzero(~mask[40:88, 30:60])
        row, column = int(rows[0]) + 40, int(columns[0]) + 30
        page.keyboard.press("0")
        blue = _color(page, "beside-canvas", (column + 0.5) / 128, (row + 0.5) / 128)
        assert blue[2] > blue[0] + 60
        # The link brings it back, and B closes it.
        page.wait_for_timeout(400)
        assert "with=folder-0" in page.url
        page.reload()
        expect(page.locator("#beside")).to_be_visible()
        page.locator("#stage").focus()
        page.keyboard.press("b")
        expect(page.locator("#beside")).to_be_hidden()


def test_a_mask_of_ones_own_is_opened_and_one_that_does_not_fit_is_refused(
    page: Page, network: Path, photographs: Path, truth: Path, tmp_path: Path
) -> None:
    Image.fromarray(np.zeros((9, 9), np.uint8)).save(tmp_path / "small.png")
    with served("--model", network, photographs) as url:
        page.goto(url)
        page.get_by_text("eye-1").click()
        expect(page.locator("#name")).to_have_text("eye-1")
        expect(page.locator("#with")).to_be_enabled()
        page.set_input_files("#other-file", tmp_path / "small.png")
        expect(page.locator("#status")).to_contain_text("9 x 9 px")
        page.set_input_files("#other-file", truth / "eye-1.png")
        expect(page.locator("#beside-name")).to_have_text("eye-1.png")
        expect(page.locator("#agreement")).to_contain_text("Dice")


def test_vessels_are_coloured_by_calibre_with_a_scale(
    page: Page, network: Path, photographs: Path
) -> None:
    with served("--model", network, photographs) as url:
        page.goto(url)
        page.get_by_text("eye-0").click()
        expect(page.locator("#name")).to_have_text("eye-0")
        found = analyse(read_photograph(photographs / "eye-0.png"), load(network), steps=())
        places = vessel_colors(found, trace(found), "caliber").places
        row, column = np.unravel_index(int(ndi.minimum_filter(places, 3).argmax()), places.shape)
        assert places[row, column] > 200
        vessel = (float(column) + 0.5) / 128, (float(row) + 0.5) / 128
        cyan = _color(page, "canvas", *vessel)
        page.locator("#tint").select_option("caliber")
        expect(page.locator("#scale")).to_be_visible()
        expect(page.locator("#scale-title")).to_have_text("Calibre, px")
        widest = _color(page, "canvas", *vessel)  # at the yellow end
        assert widest != cyan
        assert widest[0] > widest[2] + 60
        assert widest[1] > widest[2] + 60
        page.locator("#tint").select_option("")
        expect(page.locator("#scale")).to_be_hidden()
        assert _color(page, "canvas", *vessel) != widest  # cyan again, or its type's colour


def test_a_photograph_that_is_too_large_is_seen_by_tiles(
    page: Page, network: Path, photographs: Path
) -> None:
    with served("--model", network, photographs) as url:
        page.goto(url)
        page.get_by_text("eye-0").click()
        expect(page.locator("#name")).to_have_text("eye-0")
        # Lines about disc and fovea are a pixel wide, and come when they are found.
        page.evaluate(
            "import('/static/controls.js')"
            ".then((m) => m.change({ typed: false, landmarks: false }))"
        )
        page.locator("#stage").focus()
        page.keyboard.press("1")
        whole = [_color(page, "canvas", x, y) for x in (0.3, 0.5, 0.6) for y in (0.35, 0.5)]
        page.evaluate(
            "import('/static/tiles.js').then(({ LIMITS }) =>"
            " Object.assign(LIMITS, { whole: 64, overview: 64, tile: 64, kept: 6 }))"
        )
        page.get_by_text("eye-1").click()
        expect(page.locator("#name")).to_have_text("eye-1")
        page.get_by_text("eye-0").click()
        expect(page.locator("#name")).to_have_text("eye-0")
        page.locator("#stage").focus()
        page.keyboard.press("1")
        for _ in range(100):
            there = page.evaluate(
                "import('/static/main.js').then(({ tiles }) =>"
                " [...tiles.tiles.values()].filter((one) => one.made && one.level === 0).length)"
            )
            if there == 4:  # 128 px by 64
                break
            page.wait_for_timeout(200)
        assert there == 4
        tiled = [_color(page, "canvas", x, y) for x in (0.3, 0.5, 0.6) for y in (0.35, 0.5)]
        assert np.abs(np.subtract(whole, tiled)).max() <= 12  # each tile is a JPEG of its own
        expect(page.locator("#paint")).to_be_disabled()
        expect(page.locator("#saved")).to_have_text(
            "Photographs beyond 64 px cannot be corrected here."
        )
