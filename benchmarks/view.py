"""Time the viewer in Chromium without a graphics card: until photographs appear, and per frame.

Chromium renders in software, with SwiftShader. For each photograph: seconds from its being dropped
to the frame that shows its vessels; then it is dragged, one to one, and zoomed from fit to single
pixels. A frame's script is everything that ran between two frames, as reported by the browser; a
gap is the time from one frame to the next.

    python benchmarks/view.py PHOTOGRAPH... [--json FILE]
"""

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import CDPSession, Page

sys.path.insert(0, str(Path(__file__).parents[1] / "tools"))

from web_page import cpu_ms, open_page, summary

GOALS = {"script_ms": 4, "gap_ms": 100}

BEGIN = """
(name) => {
  const began = performance.now();
  window.first = new Promise((done) => addEventListener('opened', function shown({ detail }) {
    if (detail.name !== name) return;
    removeEventListener('opened', shown);
    requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now() - began)));
  }));
}
"""

# One frame: something moves, and rendering has finished when the next frame begins.
MOVE = """
async ([type, options]) => {
  const { editor } = await import('/static/main.js');
  const Kind = type === 'wheel' ? WheelEvent : PointerEvent;
  const began = performance.now();
  editor.stage.dispatchEvent(new Kind(type, options));
  await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
  return performance.now() - began;
}
"""

GAPS = """
() => {
  window.gaps = [];
  window.counting = true;
  let last = performance.now();
  const next = (now) => {
    window.gaps.push(now - last);
    last = now;
    if (window.counting) requestAnimationFrame(next);
  };
  requestAnimationFrame(next);
}
"""


def main() -> None:
    """Measure, print and save."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photographs", type=Path, nargs="+")
    parser.add_argument("--frames", type=int, default=60)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    with open_page() as page:
        found = [_of(page, photograph, given.frames) for photograph in given.photographs]
    text = json.dumps({"goals": GOALS, "photographs": found}, indent=2) + "\n"
    sys.stdout.write(text)
    if given.json is not None:
        given.json.write_text(text, encoding="utf-8")


def _of(page: Page, photograph: Path, frames: int) -> dict[str, Any]:
    found: dict[str, Any] = {"name": photograph.name, "load": os.getloadavg()[0]}
    with Image.open(photograph) as opened:
        found["size"] = list(opened.size)
    began = cpu_ms("python")
    page.evaluate(BEGIN, photograph.name)
    page.set_input_files("#files", photograph)
    found["first_overlay_s"] = round(page.evaluate("window.first") / 1000, 2)
    found["first_overlay_cpu_s"] = round((cpu_ms("python") - began) / 1000, 2)
    page.wait_for_selector("#table tbody tr")
    page.wait_for_timeout(1500)
    found["drag"] = _drag(page, frames)
    found["zoom"] = _zoom(page, frames)
    sys.stderr.write(f"{json.dumps(found)}\n")
    return found


def _drag(page: Page, frames: int) -> dict[str, Any]:
    page.focus("#stage")
    page.keyboard.press("1")
    page.wait_for_timeout(1000)
    x, y = _middle(page)
    page.mouse.move(x, y)
    page.mouse.down()
    places = [(x + n % 20 * 8 - 80, y + n % 15 * 6 - 40) for n in range(frames)]
    found = _frames(page, [("pointermove", _at(*place)) for place in places])
    page.mouse.up()
    return found


def _zoom(page: Page, frames: int) -> dict[str, Any]:
    page.keyboard.press("0")
    page.wait_for_timeout(1000)
    x, y = _middle(page)
    turn = {"clientX": x, "clientY": y, "deltaY": -2400 / frames, "bubbles": True}
    return _frames(page, [("wheel", turn | {"cancelable": True})] * frames)


def _frames(page: Page, events: list[tuple[str, dict[str, Any]]]) -> dict[str, Any]:
    """Scripts and gaps of frames, in each of which one event moves the photograph."""
    page.evaluate("import('/static/main.js').then(({ state }) => { state.frames.length = 0; })")
    browser = page.context.new_cdp_session(page)
    browser.send("Performance.enable")
    page.evaluate(GAPS)
    began, script = cpu_ms("chrom"), []
    for event in events:
        before = _script_ms(browser)
        page.evaluate(MOVE, list(event))
        script.append(_script_ms(browser) - before)
    gaps = page.evaluate("() => { window.counting = false; return window.gaps; }")
    drawn = page.evaluate("import('/static/main.js').then(({ state }) => state.frames)")
    browser.detach()
    return {
        "script_ms": summary(script),
        "draw_ms": summary(drawn),
        "gap_ms": summary(gaps),
        "browser_cpu_ms": round((cpu_ms("chrom") - began) / len(events), 1),
    }


def _script_ms(browser: CDPSession) -> float:
    metrics = browser.send("Performance.getMetrics")["metrics"]
    seconds: float = next(one["value"] for one in metrics if one["name"] == "ScriptDuration")
    return 1000 * seconds


def _middle(page: Page) -> tuple[float, float]:
    box = page.locator("#stage").bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def _at(x: float, y: float) -> dict[str, Any]:
    # Playwright's pressed mouse pointer has the id 1.
    return {"clientX": x, "clientY": y, "pointerId": 1, "bubbles": True, "isPrimary": True}


if __name__ == "__main__":
    main()
