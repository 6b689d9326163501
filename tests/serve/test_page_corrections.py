"""Corrections in Chromium, made as a person would make them."""

import os
import resource
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import onnx
import pytest
import scipy.ndimage as ndi
from onnx import numpy_helper
from PIL import Image, ImageDraw

from serve.served import served, served_process
from support.networks import write_network
from venule.batch.predict import predict_folder
from venule.image.io import read_mask
from venule.models.record import ModelRecord
from venule.vessels.path import follow_vessel

pages = pytest.importorskip("serve.test_page")
from playwright.sync_api import Page, expect  # noqa: E402

browser, page = pages.browser, pages.page

SIZE = 128
SHOTS = os.environ.get("VENULE_SHOTS", "")


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twice as steep as that of other tests, and background is far from its threshold."""
    path = tmp_path_factory.mktemp("network") / "tiny.onnx"
    write_network(path, ModelRecord(name="tiny", model="tiny"))
    model = onnx.load(path)
    (weight,) = model.graph.initializer
    weight.CopyFrom(numpy_helper.from_array(2 * numpy_helper.to_array(weight), "weight"))
    bias = numpy_helper.from_array(np.array([-1.5], np.float32), "bias")
    model.graph.initializer.append(bias)
    model.graph.node[0].input.append("bias")
    onnx.save(model, path)
    return path


@pytest.fixture(scope="module")
def photographs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A drawn eye: bright background, dark vessels that the network of the tests finds.

    A vessel from the left that forks, its lower branch faint in a gap of 6 pixels, and a vessel
    from above that crosses the upper branch.
    """
    folder = tmp_path_factory.mktemp("photographs")
    rows, columns = np.mgrid[:SIZE, :SIZE]
    inside = np.hypot(rows - 63.5, columns - 63.5) < 60
    pixels = np.zeros((SIZE, SIZE, 3), np.uint8)
    pixels[inside] = (200, 120, 60)
    drawn = Image.fromarray(pixels)
    pen = ImageDraw.Draw(drawn)
    dark = (120, 20, 20)
    pen.line([(20, 64), (55, 64)], dark, 5)
    pen.line([(55, 64), (105, 40)], dark, 5)
    pen.line([(55, 64), (105, 90)], dark, 5)
    pen.line([(85, 20), (85, 72)], dark, 4)
    pen.line([(74, 74), (81, 77)], (180, 102, 50), 6)
    found = np.asarray(drawn).copy()
    found[~inside] = 0
    for number in range(2):
        Image.fromarray(found).save(folder / f"eye-{number}.png")
    return folder


@pytest.fixture
def out(photographs: Path, network: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "out"
    predict_folder(photographs, folder, model=network, outputs=("prob", "mask"), engine="inline")
    return folder


def _at(page: Page, x: float, y: float) -> tuple[float, float]:
    """The point of the window where a place of the photograph is, in its pixels."""
    found: list[float] = page.evaluate(
        """async ([x, y]) => {
          const { editor } = await import('/static/main.js');
          const { camera } = editor, box = camera.stage.getBoundingClientRect();
          return [box.left + box.width / 2 + ((x - camera.x) * camera.zoom) / camera.scale,
                  box.top + box.height / 2 + ((y - camera.y) * camera.zoom) / camera.scale];
        }""",
        [x, y],
    )
    return found[0], found[1]


def _drag(page: Page, *places: tuple[float, float], button: Any = "left") -> None:
    points = [_at(page, *place) for place in places]
    page.mouse.move(*points[0])
    page.mouse.down(button=button)
    for point in points[1:]:
        page.mouse.move(*point, steps=4)
    page.mouse.up(button=button)


def _click(page: Page, x: float, y: float, button: Any = "left") -> None:
    page.mouse.click(*_at(page, x, y), button=button)


def _open(page: Page, url: str, name: str = "eye-0") -> None:
    page.goto(url)  # the first photograph is opened
    expect(page.locator("#name")).to_have_text(name)
    expect(page.locator("#paint")).to_be_enabled()
    page.locator("#stage").focus()


def _wait(page: Page, what: str) -> None:
    """Wait until an expression of the page's editor `e` and state `s` is true."""
    for _ in range(600):
        if page.evaluate(
            f"import('/static/main.js').then(({{ editor: e, state: s }}) => Boolean({what}))"
        ):
            return
        page.wait_for_timeout(100)
    raise AssertionError(what)


def _saved(page: Page, revision: int) -> None:
    """Wait until everything is saved, at a revision."""
    _wait(page, f"e.revision === {revision} && e.queue.length === 0")


def _shot(page: Page, name: str) -> None:
    if SHOTS:
        page.screenshot(path=Path(SHOTS) / f"{name}.png")


def _types(out: Path) -> tuple[Any, Any]:
    with Image.open(out / "eye-0_av.corrected.png") as opened:
        red, green, blue = np.asarray(opened.convert("RGB")).transpose(2, 0, 1) > 0
    return red | green, blue | green


def test_a_gap_is_closed_by_the_path_tool_and_a_component_filled_and_taken_away(
    page: Page, out: Path
) -> None:
    predicted = read_mask(out / "eye-0_mask.png")
    corrected = out / "eye-0_mask.corrected.png"
    # The lower branch is broken.
    labels, _ = ndi.label(predicted, np.ones((3, 3)))
    assert labels[69, 65] != labels[85, 95] > 0
    assert labels[69, 65] > 0
    with served(out) as url:
        _open(page, url)
        page.keyboard.press("e")
        _click(page, 65.5, 69.5)
        expect(page.locator("#status")).to_contain_text("Now click")
        _click(page, 95.5, 85.5)
        _saved(page, 1)
        _shot(page, "path")
        closed = read_mask(corrected)
        labels, _ = ndi.label(closed, np.ones((3, 3)))
        assert labels[69, 65] == labels[85, 95] > 0
        # It is the minimal path, three pixels wide.
        with Image.open(out / "eye-0_prob.png") as opened:
            probability = (np.asarray(opened) / 65535).astype(np.float32)
        path = follow_vessel(probability, (69, 65), (85, 95), threshold=0.5)
        line = np.zeros_like(predicted)
        line[tuple(path.T)] = True
        assert closed[line].all()
        assert (ndi.distance_transform_edt(~line)[closed & ~predicted] <= 2).all()
        page.keyboard.press("Escape")
        # The fill tool: the right button takes a component away, undo brings it back.
        page.keyboard.press("f")
        _click(page, 40.5, 64.5, button="right")
        _saved(page, 2)
        gone = read_mask(corrected)
        assert not gone[labels == labels[64, 40]].any()
        page.keyboard.press("Control+z")
        _saved(page, 3)
        assert np.array_equal(read_mask(corrected), closed)
        # And what is likely enough becomes vessel where it is clicked on.
        page.keyboard.press("Control+z")
        _saved(page, 4)
        assert np.array_equal(read_mask(corrected), predicted)
        gap = np.argwhere((probability > 0.21) & (probability < 0.49))
        row, column = gap[np.argmin(np.hypot(*(gap - (75, 78)).T))]
        _click(page, column + 0.5, row + 0.5)
        _saved(page, 5)
        filled = read_mask(corrected)
        assert filled[row, column]
        likely, _ = ndi.label(probability >= 0.2, np.ones((3, 3)))
        assert np.array_equal(filled, predicted | (likely == likely[row, column]))


def test_an_artery_becomes_a_vein_along_its_tree_and_the_disc_is_dragged(
    page: Page, out: Path
) -> None:
    with served(out) as url:
        _open(page, url)
        # The disc first: it says where vessels come from.
        page.keyboard.press("d")
        _drag(page, (10, 52), (30, 76))
        _saved(page, 1)
        disc = read_mask(out / "eye-0_disc.corrected.png")
        rows, columns = np.mgrid[:SIZE, :SIZE] + 0.5
        assert np.array_equal(disc, np.hypot((columns - 20) / 10, (rows - 64) / 12) <= 1)
        # Moved by its middle, then stretched by the upper end of its longer axis.
        _drag(page, (20, 64), (23, 66))
        _saved(page, 2)
        _drag(page, (23, 54), (23, 50))
        _saved(page, 3)
        found = page.evaluate("import('/static/main.js').then((m) => m.state.open.found.disc)")
        assert found["x"] == pytest.approx(22.5, abs=0.2)
        assert found["y"] == pytest.approx(65.5, abs=0.2)
        assert found["major_px"] == pytest.approx(16, abs=0.3)
        assert found["minor_px"] == pytest.approx(10, abs=0.2)
        assert abs(found["angle"]) == pytest.approx(np.pi / 2, abs=0.02)
        _shot(page, "disc")
        page.keyboard.press("Control+z")
        _saved(page, 4)
        page.keyboard.press("Control+y")
        _saved(page, 5)
        # All that comes from the disc is an artery.
        page.keyboard.press("a")
        _click(page, 40.5, 64.5)
        _saved(page, 6)
        artery, vein = _types(out)
        assert artery[64, 45]
        assert artery[44, 97]  # the upper branch, beyond the crossing
        assert not artery[25, 85]  # the vessel that crosses it
        assert not vein.any()
        # Its upper branch is a vein.
        page.keyboard.press("s")
        _click(page, 68.5, 58)
        _saved(page, 7)
        artery, vein = _types(out)
        assert vein[58, 68]
        assert vein[44, 97]
        assert artery[64, 45]
        assert not vein[64, 45]
        _shot(page, "types")
        page.keyboard.press("Control+z")
        _saved(page, 8)
        assert not _types(out)[1].any()
        page.keyboard.press("Control+y")
        _saved(page, 9)
        # The segment alone.
        page.locator("#tree").uncheck()
        page.locator("#stage").focus()
        _click(page, 40.5, 64.5)
        _saved(page, 10)
        artery, vein = _types(out)
        assert vein[64, 45]
        assert artery[70, 66]
        # Measured, of the corrected mask, in zones about the disc.
        expect(page.locator("#source")).to_contain_text("of the corrected mask; optic disc")
        page.locator("#filter").fill("artery area")
        expect(page.locator("#table")).to_contain_text("Artery area")
        page.reload()
        expect(page.locator("#saved")).to_contain_text("Saved as")
        _wait(page, "s.open?.found.has_types && e.types?.values[64 * 128 + 45] === 2")


def test_a_brush_makes_vessels_likelier_and_less_likely(page: Page, out: Path) -> None:
    predicted = read_mask(out / "eye-0_mask.png")
    with Image.open(out / "eye-0_prob.png") as opened:
        before = np.asarray(opened).astype(float) / 65535
    with served(out) as url:
        _open(page, url)
        page.keyboard.press("r")
        expect(page.locator("#size-value")).to_have_text("16 px")
        row, column = 75, 78
        _click(page, column + 0.5, row + 0.5)
        _saved(page, 1)
        with Image.open(out / "eye-0_prob.corrected.png") as opened:
            after = np.asarray(opened).astype(float) / 65535
        odds = before[row, column] / (1 - before[row, column])
        # Four times the odds in the middle, less towards the rim, nothing beyond.
        assert after[row, column] == pytest.approx(4 * odds / (1 + 4 * odds), abs=1e-3)
        rows, columns = np.mgrid[:SIZE, :SIZE]
        beyond = np.hypot(rows - row, columns - column) > 8.5
        assert np.array_equal(after[beyond], before[beyond])
        assert (after >= before - 1e-9).all()
        assert np.array_equal(read_mask(out / "eye-0_mask.corrected.png"), after >= 0.5)
        page.keyboard.press("Control+z")
        _saved(page, 2)
        assert np.array_equal(read_mask(out / "eye-0_mask.corrected.png"), predicted)
        for number in range(12):
            _click(page, 40.5, 64.5, button="right")
            _saved(page, 3 + number)
        assert not read_mask(out / "eye-0_mask.corrected.png")[64, 40]


def test_a_mask_is_brought_from_a_file_and_undone(page: Page, out: Path, tmp_path: Path) -> None:
    predicted = read_mask(out / "eye-0_mask.png")
    other = np.zeros((SIZE, SIZE, 3), np.uint8)
    other[60:64, 40:80], other[64:68, 40:80] = (255, 0, 0), (0, 0, 255)
    Image.fromarray(other).save(tmp_path / "other.png")
    with served(out) as url:
        _open(page, url)
        page.set_input_files("#import", tmp_path / "other.png")
        _saved(page, 1)
        expect(page.locator("#status")).to_contain_text("other.png")
        assert np.array_equal(read_mask(out / "eye-0_mask.corrected.png"), other.any(axis=2))
        _shot(page, "import")
        page.keyboard.press("Control+z")
        _saved(page, 3)  # the mask, and the types
        assert np.array_equal(read_mask(out / "eye-0_mask.corrected.png"), predicted)
        page.set_input_files("#import", out / "eye-0_prob.png")
        expect(page.locator("#status")).to_contain_text("not a two-valued mask")
        for link in ("nifti", "geojson", "types-picture"):
            with page.expect_download() as waiting:
                page.locator(f"#{link}").click()
            assert Path(waiting.value.path()).stat().st_size > 100
        assert page.locator("#seg").is_hidden()


def test_a_pen_and_a_finger_draw_as_a_mouse_does_however_hard_they_press(
    page: Page, out: Path
) -> None:
    with served(out) as url:
        _open(page, url)
        before = read_mask(out / "eye-0_mask.png")
        page.keyboard.press("q")
        browser = page.context.new_cdp_session(page)
        _drag(page, (40, 30), (60, 30))
        _saved(page, 1)
        pen = {"button": "left", "pointerType": "pen", "force": 0.1}
        for kind, x in (("mousePressed", 45), ("mouseMoved", 60), ("mouseReleased", 60)):
            left, top = _at(page, x, 100)
            given = {"type": kind, "x": left, "y": top, "buttons": 1, "clickCount": 1}
            browser.send("Input.dispatchMouseEvent", given | pen)
        _saved(page, 2)
        for kind, x in (("touchStart", 45), ("touchMove", 60), ("touchEnd", 60)):
            left, top = _at(page, x, 110)
            points = [] if kind == "touchEnd" else [{"x": left, "y": top, "force": 0.9}]
            browser.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
        _saved(page, 3)
        drawn = read_mask(out / "eye-0_mask.corrected.png") & ~before
        # Six pixels wide, or seven where the middle is between two.
        assert {
            int(drawn[slice(*rows), 50].sum()) for rows in ((22, 38), (92, 104), (105, 118))
        } <= {6, 7}


def test_shift_moves_the_photograph_in_the_middle_of_a_stroke_which_is_undone_as_one(
    page: Page, out: Path
) -> None:
    corrected = out / "eye-0_mask.corrected.png"
    with served(out) as url:
        _open(page, url)
        page.keyboard.press("q")
        place = "import('/static/main.js').then(({ editor: { camera: c } }) => [c.x, c.y, c.zoom])"
        page.mouse.move(*_at(page, 40, 30))
        page.mouse.down()
        page.mouse.move(*_at(page, 48, 30), steps=3)
        page.keyboard.down("Shift")
        x, y, zoom = page.evaluate(place)
        left, top = _at(page, 48, 30)
        page.mouse.move(left, top - zoom)  # begins to move
        page.mouse.move(left, top - 21 * zoom, steps=4)
        page.keyboard.up("Shift")
        assert page.evaluate(place) == [x, pytest.approx(y + 20, abs=0.5), zoom]
        page.mouse.move(*_at(page, 60, 100), steps=2)
        page.mouse.move(*_at(page, 70, 100), steps=3)
        page.mouse.up()
        _saved(page, 1)
        drawn = read_mask(corrected) & ~read_mask(out / "eye-0_mask.png")
        assert drawn[30, 40:48].all()
        assert drawn[100, 60:70].all()
        page.keyboard.press("Control+z")
        _saved(page, 2)
        assert np.array_equal(read_mask(corrected), read_mask(out / "eye-0_mask.png"))
        # Esc ends a stroke, and the tool.
        page.mouse.move(*_at(page, 40, 30))
        page.mouse.down()
        page.mouse.move(*_at(page, 48, 30), steps=3)
        page.keyboard.press("Escape")
        page.mouse.move(*_at(page, 60, 30), steps=3)
        page.mouse.up()
        _saved(page, 3)
        mask = read_mask(corrected)
        assert mask[30, 44]
        assert not mask[30, 56]
        expect(page.locator("#paint")).to_have_attribute("aria-pressed", "false")


def test_what_can_be_undone_takes_no_more_than_its_share_of_memory(page: Page, out: Path) -> None:
    with served(out) as url:
        _open(page, url)
        strokes, most = page.evaluate(
            """import('/static/main.js').then(({ editor: e }) => {
              const size = 2 ** 18;  // pixels of a stroke: 2 MiB with what was there before
              for (let number = 0; number < 100; number++)
                e.history.remember([{ layer: 'mask', at: new Uint32Array(size), before: new Uint16Array(size), after: new Uint16Array(size) }]);
              return [e.done.length, e.done.reduce((sum, one) => sum + one.bytes, 0)];
            })"""  # noqa: E501
        )
        assert strokes == 64
        assert most == 128 * 2**20


def test_two_tabs_draw_on_one_photograph_and_no_stroke_is_lost(page: Page, out: Path) -> None:
    corrected = out / "eye-0_mask.corrected.png"
    with served(out) as url:
        _open(page, url)
        other = page.context.new_page()
        _open(other, url)
        page.bring_to_front()
        page.keyboard.press("q")
        _drag(page, (40, 30), (60, 30))
        _saved(page, 1)
        first = read_mask(corrected)
        expect(other.locator("#status")).to_contain_text("another window")
        expect(other.locator("#paint")).to_be_disabled()
        # It goes on when it is opened again.
        other.bring_to_front()
        other.get_by_text("eye-0", exact=True).first.click()
        expect(other.locator("#paint")).to_be_enabled()
        other.locator("#stage").focus()
        other.keyboard.press("q")
        _drag(other, (40, 100), (60, 100))
        _saved(other, 2)
        both = read_mask(corrected)
        assert (both & first).sum() == first.sum()
        assert both[100, 50]


def test_a_server_that_is_started_again_saves_what_was_drawn_meanwhile(
    page: Page, out: Path
) -> None:
    corrected = out / "eye-0_mask.corrected.png"
    with served(out) as url:
        port = urlsplit(url).port or 0
        _open(page, url)
        page.keyboard.press("q")
        _drag(page, (40, 30), (60, 30))
        _saved(page, 1)
    for row in (95, 100, 105):
        _drag(page, (45, row), (60, row))
    expect(page.locator("#saved")).to_contain_text("not saved yet")
    assert not read_mask(corrected)[100, 50]
    with served(out, port=port) as link:  # the page is still open
        page.context.new_page().goto(link)
        page.bring_to_front()
        expect(page.locator("#saved")).to_contain_text("Saved as")
        _wait(page, "e.queue.length === 0")
        mask = read_mask(corrected)
        assert mask[[30, 95, 100, 105], 50].all()


def test_strokes_of_one_folder_never_reach_another_and_are_kept_until_it_is_back(
    page: Page, out: Path
) -> None:
    other = shutil.copytree(out, out.parent / "other")
    with served(out) as url:
        port = urlsplit(url).port or 0
        _open(page, url)
    page.keyboard.press("q")
    _drag(page, (45, 100), (60, 100))
    expect(page.locator("#saved")).to_contain_text("not saved yet")
    with served(other, port=port) as link:  # the page is still open
        second = page.context.new_page()
        second.goto(link)
        expect(second.locator("#paint")).to_be_enabled()
        page.bring_to_front()
        expect(page.locator("#status")).to_contain_text("does not have this photograph")
        expect(page.locator("#saved")).to_contain_text("not saved yet")
        page.close(run_before_unload=False)
        second.reload()
        expect(second.locator("#paint")).to_be_enabled()
        assert second.evaluate("import('/static/main.js').then((m) => m.editor.queue.length)") == 0
    assert not list(other.glob("*.corrected.*"))
    with served(out, port=port) as link:
        second.goto(link)
        expect(second.locator("#saved")).to_contain_text("Saved as")
    assert read_mask(out / "eye-0_mask.corrected.png")[100, 50]


def test_strokes_on_a_photograph_that_was_predicted_again_are_kept_and_not_applied(
    page: Page, out: Path
) -> None:
    with served(out) as url:
        port = urlsplit(url).port or 0
        _open(page, url)
    page.keyboard.press("q")
    _drag(page, (45, 100), (60, 100))
    expect(page.locator("#saved")).to_contain_text("not saved yet")
    predicted = read_mask(out / "eye-0_mask.png").copy()
    predicted[:64] = False
    Image.fromarray(predicted.astype(np.uint8) * 255).save(out / "eye-0_mask.png")
    with served(out, port=port) as link:
        second = page.context.new_page()
        second.goto(link)
        expect(second.locator("#status")).to_contain_text("drawn on another prediction")
        page.bring_to_front()
        expect(page.locator("#status")).to_contain_text("kept by the browser")
        _open(page, link)
        expect(page.locator("#status")).to_contain_text("drawn on another prediction")
        assert (
            page.evaluate("Object.keys(localStorage).filter((k) => k.startsWith('stroke ')).length")
            == 1
        )
        page.keyboard.press("q")
        _drag(page, (45, 110), (60, 110))
        _saved(page, 1)
        assert (
            page.evaluate("Object.keys(localStorage).filter((k) => k.startsWith('stroke ')).length")
            == 1
        )
    mask = read_mask(out / "eye-0_mask.corrected.png")
    assert mask[110, 50]
    assert not mask[100, 50]


def test_a_full_disk_is_told_and_strokes_are_saved_when_there_is_room(
    page: Page, out: Path
) -> None:
    corrected = out / "eye-0_mask.corrected.png"
    with served_process(out) as (url, process):
        _open(page, url)
        page.keyboard.press("q")
        _drag(page, (40, 30), (60, 30))
        _saved(page, 1)
        before = corrected.read_bytes()
        with _no_room(process.pid):
            _drag(page, (40, 100), (60, 100))
            expect(page.locator("#saved")).to_contain_text("not saved yet")
            expect(page.locator("#status")).to_contain_text("cannot be written")
            assert corrected.read_bytes() == before
            _shot(page, "full")
        _saved(page, 2)
        assert read_mask(corrected)[100, 50]


@contextmanager
def _no_room(process: int) -> Iterator[None]:
    """The system refuses to make files of that process longer than 100 bytes, as a full disk."""
    kept = resource.prlimit(process, resource.RLIMIT_FSIZE)
    resource.prlimit(process, resource.RLIMIT_FSIZE, (100, kept[1]))
    try:
        yield
    finally:
        resource.prlimit(process, resource.RLIMIT_FSIZE, kept)


@pytest.mark.parametrize("button", ["accept", "aside"])
def test_a_correction_of_another_prediction_is_offered_and_not_applied(
    page: Page, out: Path, button: str
) -> None:
    corrected = out / "eye-0_mask.corrected.png"
    with served(out) as url:
        _open(page, url)
        page.keyboard.press("q")
        _drag(page, (40, 30), (60, 30))
        _saved(page, 1)
    drawn = read_mask(corrected)
    predicted = read_mask(out / "eye-0_mask.png").copy()
    predicted[:64] = False
    Image.fromarray(predicted.astype(np.uint8) * 255).save(out / "eye-0_mask.png")
    (out / "eye-0_prob.png").unlink()  # as other weights would have predicted it
    with served(out) as url:
        page.goto(url)
        expect(page.locator("#saved")).to_have_text("There is a correction of another prediction.")
        expect(page.locator("#paint")).to_be_disabled()
        _shot(page, "offered")
        value = "import('/static/main.js').then((m) => m.state.map.values[30 * 128 + 50])"
        assert page.evaluate(value) == 0
        page.locator(f"#{button}").click()
        expect(page.locator("#paint")).to_be_enabled()
        if button == "accept":
            expect(page.locator("#saved")).to_contain_text("Saved as")
            assert np.array_equal(read_mask(corrected), drawn)
        else:
            assert not corrected.exists()
            assert np.array_equal(read_mask(out / "eye-0_mask.corrected.png.old"), drawn)
