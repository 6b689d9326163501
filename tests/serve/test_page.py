"""The page in Chromium, used as a person would; `make test-web` fails where it is missing."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest
from PIL import Image

from serve.served import served
from support.networks import write_network
from venule.batch.predict import predict_folder
from venule.image.io import read_mask
from venule.inference.load import load
from venule.models.record import ModelRecord
from venule.synth.fundus import synthesize_fundus

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
AXE = os.environ.get("VENULE_AXE", "")
SLOW_MS = 120_000


def _missing() -> str:
    try:
        import playwright.sync_api  # noqa: F401
    except ModuleNotFoundError:
        return "playwright is not installed: pip install playwright"
    if CHROMIUM is None:
        return "Chromium is not installed: apt-get install chromium"
    return ""


if _missing():
    if os.environ.get("VENULE_WEB") == "1":
        raise RuntimeError(_missing())
    pytest.skip(_missing(), allow_module_level=True)
if os.environ.get("VENULE_WEB") != "1":
    pytest.skip("the page in Chromium: VENULE_WEB=1, make test-web", allow_module_level=True)

from playwright.sync_api import Browser, Page, expect, sync_playwright  # noqa: E402

GRAPHICS = ["--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader"]
GRAPHICS += ["--enable-unsafe-swiftshader"]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    expect.set_options(timeout=SLOW_MS)
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=GRAPHICS)
        yield started
        started.close()


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("network")
    return write_network(folder / "tiny.onnx", ModelRecord(name="tiny", model="tiny"))


@pytest.fixture(scope="module")
def photographs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photographs")
    for seed in range(2):
        image = synthesize_fundus(seed, size_px=128).image
        Image.fromarray(image).save(folder / f"eye-{seed}.png")
    (folder / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n and nothing else")
    return folder


@pytest.fixture(scope="module")
def address(network: Path) -> Iterator[str]:
    with served("--model", network) as url:
        yield url


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1366, "height": 768})
    context.set_default_timeout(SLOW_MS)
    opened = context.new_page()
    problems: list[str] = []
    opened.on("pageerror", lambda error: problems.append(str(error)))
    opened.on(
        "console",
        lambda said: problems.append(said.text) if "Security Policy" in said.text else None,
    )
    yield opened
    context.close()
    assert problems == []


def _drop(page: Page, photograph: Path) -> None:
    """Drop a file onto the page, as from a folder of the desktop."""
    transfer = page.evaluate_handle(
        "([bytes, name]) => { const all = new DataTransfer();"
        " all.items.add(new File([new Uint8Array(bytes)], name)); return all; }",
        [list(photograph.read_bytes()), photograph.name],
    )
    page.dispatch_event("#stage", "drop", {"dataTransfer": transfer})


def _pixel(page: Page, x: float, y: float) -> list[int]:
    """The colour that is seen at a place of the photograph, 0..1 of its sides, all of it shown."""
    found: list[int] = page.evaluate(
        """async ([x, y]) => {
          await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
          const canvas = document.getElementById('canvas');
          const copy = new OffscreenCanvas(canvas.width, canvas.height), c = copy.getContext('2d');
          c.drawImage(canvas, 0, 0);
          const side = 0.98 * Math.min(canvas.width, canvas.height);
          const at = [canvas.width / 2 + (x - 0.5) * side, canvas.height / 2 + (y - 0.5) * side];
          return [...c.getImageData(Math.floor(at[0]), Math.floor(at[1]), 1, 1).data];
        }""",
        [x, y],
    )
    return found


def _places(network: Path, photograph: Path) -> tuple[tuple[float, float], tuple[float, float]]:
    """A place well inside vessels and one well outside of them."""
    import scipy.ndimage as ndi

    prediction = load(network).segment(photograph)
    inside = ndi.distance_transform_cdt(np.pad(prediction.vessels, 1))[1:-1, 1:-1]
    outside = ndi.distance_transform_cdt(~prediction.vessels) * prediction.fov.mask
    size = inside.shape[0]

    def middle(distance: Any) -> tuple[float, float]:
        row, column = np.unravel_index(int(distance.argmax()), distance.shape)
        return (float(column) + 0.5) / size, (float(row) + 0.5) / size

    return middle(inside), middle(outside)


def test_a_photograph_is_dropped_looked_at_downloaded_and_found_again(
    page: Page, address: str, network: Path, photographs: Path
) -> None:
    page.goto(address)
    expect(page.locator("#empty")).to_be_visible()
    # Arteries and veins would change colours whenever they are found.
    page.evaluate("import('/static/main.js').then((m) => { m.state.look.typed = false; })")
    _drop(page, photographs / "eye-0.png")
    expect(page.locator("#badge")).to_have_text("reject", timeout=SLOW_MS)
    expect(page.locator("#name")).to_have_text("eye-0.png")
    vessel, ground = _places(network, photographs / "eye-0.png")
    cyan = _pixel(page, *vessel)
    assert cyan[2] > cyan[0] + 40  # over a red fundus
    off = _pixel(page, *ground)
    assert off[0] > off[2]
    # Space hides the vessels and shows them again.
    page.locator("#stage").focus()
    page.keyboard.press("Space")
    plain = _pixel(page, *vessel)
    assert plain[0] > plain[2]
    page.keyboard.press("Space")
    assert _pixel(page, *vessel) == cyan
    # The slider: nothing is vessel at the highest threshold that the network does not reach.
    page.locator("#threshold").fill("0.99")
    assert _pixel(page, *vessel) == plain
    page.locator("#threshold").fill("0.5")
    assert _pixel(page, *vessel) == cyan
    # Compared with the plain photograph on the left of the line.
    page.locator("#stage").focus()
    page.keyboard.press("c")
    expect(page.locator("#curtain")).to_be_visible()
    split = page.evaluate("import('/static/main.js').then((m) => m.state.look.split)")
    assert split == 0.5
    assert (_pixel(page, *vessel) == plain) == (vessel[0] < 0.5)
    page.keyboard.press("c")
    # Measured, with definitions, and downloaded.
    expect(page.locator("#table tbody tr").first).to_be_visible(timeout=SLOW_MS)
    page.locator("#filter").fill("density")
    page.locator("#explain").check()
    expect(page.locator("#table small").nth(0)).to_contain_text("How much of the visible retina")
    expect(page.locator("#table small").nth(1)).to_contain_text("vessel pixels / field pixels")
    with page.expect_download() as waiting:
        page.locator("#mask").click()
    mask = np.asarray(Image.open(waiting.value.path())) > 0
    assert np.array_equal(mask, load(network).segment(photographs / "eye-0.png").vessels)
    with page.expect_download() as waiting:
        page.locator("#csv").click()
    assert "vessel_density" in Path(waiting.value.path()).read_text(encoding="utf-8")
    # The link reopens the same view.
    page.locator("#stage").focus()
    page.keyboard.press("n")
    expect(page.locator("#where")).to_contain_text("1 of")
    page.wait_for_timeout(400)
    zoom = page.locator("#zoom").text_content()
    assert "photo=" in page.url
    page.reload()
    expect(page.locator("#name")).to_have_text("eye-0.png")
    expect(page.locator("#zoom")).to_have_text(zoom or "")


def test_a_file_that_fails_says_why_and_the_next_one_works(
    page: Page, address: str, photographs: Path
) -> None:
    page.goto(address)
    _drop(page, photographs / "broken.png")
    expect(page.locator("#badge")).to_have_text("failed")
    expect(page.locator("#reasons")).not_to_be_empty()
    page.set_input_files("#files", photographs / "eye-1.png")
    expect(page.locator("#name")).to_have_text("eye-1.png")
    expect(page.locator("#badge")).to_have_text("reject")


def test_a_server_that_is_stopped_and_started_again_is_found_again(
    page: Page, network: Path, photographs: Path
) -> None:
    with served("--model", network, photographs) as url:
        port = urlsplit(url).port or 0
        page.goto(url)
        expect(page.locator("#rows .row")).to_have_count(3)
        page.get_by_text("eye-0").click()
        expect(page.locator("#name")).to_have_text("eye-0")
    page.get_by_text("eye-1").click()
    expect(page.locator("#gone")).to_be_visible()
    with served("--model", network, photographs, port=port) as link:
        expect(page.locator("#gone")).to_contain_text("Open the link")
        page.context.new_page().goto(link)
        expect(page.locator("#gone")).to_be_hidden()
        page.get_by_text("eye-1").click()
        expect(page.locator("#name")).to_have_text("eye-1")


def test_everything_can_be_done_by_keyboard(page: Page, network: Path, photographs: Path) -> None:
    with served("--model", network, photographs) as url:
        page.goto(url)
        expect(page.locator("#name")).to_have_text("broken")
        page.locator("#list").focus()
        page.keyboard.press("ArrowDown")
        expect(page.locator("#name")).to_have_text("eye-0")
        wanted = {"list", "zoom-in", "show", "compare", "stage", "view", "threshold", "opacity"}
        wanted |= {"csv", "link", "search", "files"}
        for _ in range(100):  # once around, whatever has been measured meanwhile
            page.keyboard.press("Tab")
            wanted.discard(page.evaluate("document.activeElement.id"))
        assert not wanted
        page.locator("#stage").focus()
        before = page.locator("#zoom").text_content()
        page.keyboard.press("+")
        expect(page.locator("#zoom")).not_to_have_text(before or "")


def test_a_range_of_a_long_list_is_selected_whole_and_its_table_saved(
    page: Page, network: Path, photographs: Path, tmp_path: Path
) -> None:
    for number in range(1250):
        (tmp_path / f"{number:04}.png").hardlink_to(photographs / "eye-0.png")
    with served("--model", network, tmp_path) as url:
        page.goto(url)
        expect(page.locator("#rows .row").first).to_be_visible()
        expect(page.locator("#table-button")).to_have_text("Table of all (CSV)")
        with page.expect_download() as waiting:
            page.locator("#table-button").click()
        assert len(Path(waiting.value.path()).read_text(encoding="utf-8").splitlines()) == 1251
        page.get_by_text("0001", exact=True).click(modifiers=["Control"])
        page.evaluate("document.getElementById('list').scrollTop = 1e9")
        page.get_by_text("1249", exact=True).click(modifiers=["Shift"])
        expect(page.locator("#table-button")).to_have_text("Table of 1249 (CSV)")
        with page.expect_download() as waiting:
            page.locator("#table-button").click()
        lines = Path(waiting.value.path()).read_text(encoding="utf-8").splitlines()
        assert [line.split(",")[0] for line in lines[1:]] == [f"{n:04}" for n in range(1, 1250)]
        assert waiting.value.suggested_filename == "measurements.csv"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_violation(
    browser: Browser, address: str, photographs: Path, scheme: Any
) -> None:
    if not AXE:
        if os.environ.get("VENULE_WEB") == "1":
            pytest.fail("VENULE_AXE: name the file axe.min.js of the npm package axe-core")
        pytest.skip("axe-core is not there")
    context = browser.new_context(color_scheme=scheme, bypass_csp=True)
    context.set_default_timeout(SLOW_MS)
    page = context.new_page()
    page.goto(address)
    _drop(page, photographs / "eye-0.png")
    expect(page.locator("#badge")).to_have_text("reject")
    expect(page.locator("#table tbody tr").first).to_be_visible()
    page.add_script_tag(content=Path(AXE).read_text(encoding="utf-8"))
    found = page.evaluate("axe.run()")
    told = [(one["id"], [node["html"] for node in one["nodes"]]) for one in found["violations"]]
    assert told == []
    context.close()


def test_without_webgl_the_same_is_seen(
    page: Page, address: str, network: Path, photographs: Path
) -> None:
    page.goto(f"{address}&flat")
    _drop(page, photographs / "eye-0.png")
    expect(page.locator("#badge")).to_have_text("reject")
    kind = page.evaluate("import('/static/main.js').then((m) => m.state.renderer.constructor.name)")
    assert kind == "Canvas2"
    vessel, ground = _places(network, photographs / "eye-0.png")
    cyan, off = _pixel(page, *vessel), _pixel(page, *ground)
    assert cyan[2] > cyan[0] + 40
    assert off[0] > off[2]


def _at(page: Page, x: float, y: float) -> tuple[float, float]:
    """The point of the window where a place of the photograph is, all of it shown."""
    box = page.locator("#stage").bounding_box()
    assert box is not None
    side = 0.98 * min(box["width"], box["height"])
    left = box["x"] + box["width"] / 2 + (x - 0.5) * side
    return left, box["y"] + box["height"] / 2 + (y - 0.5) * side


def _line(page: Page, start: tuple[float, float], end: tuple[float, float]) -> None:
    page.mouse.move(*_at(page, *start))
    page.mouse.down()
    page.mouse.move(*_at(page, *end), steps=4)
    page.mouse.up()


def _saved(page: Page) -> str:
    expect(page.locator("#saved")).to_contain_text("Saved as")
    return page.locator("#saved").text_content() or ""


def _settled(page: Page) -> None:
    """Wait until all that was drawn is saved; what follows each other quickly becomes one step."""
    for _ in range(600):
        if page.evaluate("import('/static/main.js').then((m) => m.editor.queue.length === 0)"):
            return
        page.wait_for_timeout(50)
    raise AssertionError("not saved")


def test_a_mask_is_drawn_erased_undone_saved_and_found_again(
    page: Page, network: Path, photographs: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    predict_folder(
        photographs / "eye-0.png",
        out,
        model=network,
        outputs=("prob", "mask"),
        engine="inline",
    )
    predicted = read_mask(out / "eye-0_mask.png")
    size = predicted.shape[0]
    corrected = out / "eye-0_mask.corrected.png"
    row = size // 2 + 0.5
    with served(out) as url:
        page.goto(url)
        expect(page.locator("#name")).to_have_text("eye-0")
        expect(page.locator("#paint")).to_be_enabled()
        page.locator("#stage").focus()
        # Everything is taken away, and comes back.
        page.keyboard.press("w")
        for _ in range(40):
            page.keyboard.press("]")
        expect(page.locator("#size-value")).to_have_text("52 px")
        for y in (0.15, 0.45, 0.75):
            _line(page, (0.02, y), (0.98, y))
        _settled(page)
        erased = read_mask(corrected)
        assert not erased[int(0.1 * size) : int(0.8 * size)].any()
        for _ in range(3):
            page.keyboard.press("Control+z")
        _settled(page)
        assert np.array_equal(read_mask(corrected), predicted)
        for _ in range(3):
            page.keyboard.press("Control+y")
        _settled(page)
        assert np.array_equal(read_mask(corrected), erased)
        # A line one pixel wide, in the middle of which the photograph is moved.
        page.keyboard.press("q")
        for _ in range(8):
            page.keyboard.press("[")
        expect(page.locator("#size-value")).to_have_text("1 px")
        _line(page, (0.3, row / size), (0.6, row / size))
        _settled(page)
        drawn = read_mask(corrected)
        new = np.argwhere(drawn & ~erased)
        assert set(new[:, 0]) == {size // 2}
        assert abs(new[:, 1].min() - 0.3 * size) <= 1
        assert abs(new[:, 1].max() - 0.6 * size) <= 1
        assert (np.diff(np.sort(new[:, 1])) == 1).all()
        # The right button erases what was drawn; Esc ends the tool.
        page.mouse.move(*_at(page, 0.45, row / size))
        page.mouse.click(*_at(page, 0.45, row / size), button="right")
        _settled(page)
        assert np.count_nonzero(drawn & ~read_mask(corrected)) == 1
        page.keyboard.press("Escape")
        assert page.locator("#paint").get_attribute("aria-pressed") == "false"
        assert _saved(page) == "Saved as eye-0_mask.corrected.png"
        expect(page.locator("#source")).to_contain_text("of the corrected mask")
        final = read_mask(corrected)
        assert np.array_equal(read_mask(out / "eye-0_mask.png"), predicted)
        # A second window on the same photograph is told.
        other = page.context.new_page()
        other.goto(url)
        expect(other.locator("#saved")).to_contain_text("Saved as")
        page.keyboard.press("q")
        _line(page, (0.3, 0.7), (0.4, 0.7))
        _settled(page)
        expect(other.locator("#status")).to_contain_text("another window")
        other.close()
        page.keyboard.press("Control+z")
        _settled(page)
        page.reload()
        expect(page.locator("#saved")).to_contain_text("Saved as")
        with page.expect_download() as waiting:
            page.locator("#mask").click()
        assert np.array_equal(np.asarray(Image.open(waiting.value.path())) > 0, final)


def test_strokes_drawn_while_the_server_is_stopped_are_saved_when_it_is_back(
    page: Page, network: Path, photographs: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    predict_folder(photographs / "eye-1.png", out, model=network, engine="inline")
    predicted = read_mask(out / "eye-1_mask.png")
    corrected = out / "eye-1_mask.corrected.png"
    with served(out) as url:
        port = urlsplit(url).port or 0
        page.goto(url)
        expect(page.locator("#paint")).to_be_enabled()
    page.locator("#stage").focus()
    page.keyboard.press("w")
    _line(page, (0.3, 0.5), (0.7, 0.5))
    expect(page.locator("#saved")).to_contain_text("not saved yet")
    assert not corrected.exists()
    page.evaluate("onbeforeunload = null")
    page.close(run_before_unload=False)  # the window is closed, too
    with served(out, port=port) as link:
        again = page.context.new_page()
        again.goto(link)
        expect(again.locator("#saved")).to_contain_text("Saved as")
        changed = predicted & ~read_mask(corrected)
        assert changed.any()
        assert not (read_mask(corrected) & ~predicted).any()
