"""Time corrections of a photograph of 3504 x 2336 pixels in Chromium, without a graphics card.

Chromium renders in software, with SwiftShader. Measured are the times from a pointer event to the
frame that shows its stroke, from a key to the frame that shows the undo, and from the end of a
stroke to its being saved, and the page's memory before and after many strokes. Besides elapsed
milliseconds, which every other process on the computer lengthens, the CPU time of Chromium and of
the server is given, over all of their threads.

    python benchmarks/correct.py [--strokes 500] [--rest S] [--json FILE]
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from playwright.sync_api import Page

sys.path.insert(0, str(Path(__file__).parents[1] / "tools"))

from venule.synth.fundus import synthesize_fundus
from web_page import cpu_ms, open_page, summary

WIDTH, HEIGHT = 3504, 2336
GOALS = {"stroke_ms": 50, "undo_ms": 100, "save_ms": 1000}

# Event to frame: the promise resolves when the frame after the drawing one has begun and rendering
# has finished. Drawings are passed to the compositor at the end of their frame.
SHOWN = """
async ([type, options]) => {
  const { editor, state } = await import('/static/main.js');
  const frame = () => new Promise((done) => requestAnimationFrame(done));
  const began = performance.now();
  if (type.startsWith('pointer')) editor.stage.dispatchEvent(new PointerEvent(type, options));
  else editor[type]();
  await frame();  // draws it
  await frame();
  state.renderer.gl?.finish();
  return performance.now() - began;
}
"""


def main() -> None:
    """Measure, print and save."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--strokes", type=int, default=500)
    parser.add_argument("--points", type=int, default=40, help="of strokes, at each of two zooms")
    parser.add_argument("--rest", type=float, default=20, help="seconds before the first stroke")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--folder", type=Path, help="folder of the photograph; reused if it exists")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = _measure(given.folder or Path(folder), given)
    sys.stdout.write(json.dumps(found, indent=2) + "\n")
    if given.json is not None:
        given.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


def _measure(folder: Path, given: argparse.Namespace) -> dict[str, Any]:
    out = folder / "out"
    command = [sys.executable, "-m", "venule"]
    if not out.is_dir():
        predict = [*command, "predict", str(_draw(folder / "eye.jpg")), "-o", str(out)]
        predict += ["--save", "prob,mask"]
        subprocess.run(predict, check=True, stdout=subprocess.DEVNULL)
    with open_page(out) as page:
        page.wait_for_selector("#paint:not([disabled])")
        page.wait_for_timeout(1000 * given.rest)  # until the tasks started by opening it are done
        return _of_page(page, given.points, given.strokes, out)


def _draw(photograph: Path) -> Path:
    drawn = synthesize_fundus(1, size_px=WIDTH).image
    pixels = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    rows = min(HEIGHT, drawn.shape[0])
    pixels[:rows] = drawn[(drawn.shape[0] - rows) // 2 :][:rows]
    Image.fromarray(pixels).save(photograph, quality=92)
    return photograph


def _of_page(page: Page, points: int, strokes: int, out: Path) -> dict[str, Any]:
    found: dict[str, Any] = {"size": [WIDTH, HEIGHT], "load": os.getloadavg()[0]}
    page.keyboard.press("q")
    found |= _strokes(page, points)
    sys.stderr.write(f"{json.dumps(found)}\n")
    page.wait_for_timeout(3000)  # measuring starts meanwhile
    began = cpu_ms("python")
    saved = [_saved(page, number) for number in range(6)]
    cpu = (cpu_ms("python") - began) / len(saved)
    found["save_ms"] = summary(saved) | {"cpu_server": cpu}
    sys.stderr.write(f"{json.dumps(found)}\n")
    found["memory_mb"] = _memory(page, strokes)
    found["load_after"] = os.getloadavg()[0]
    found["goals"] = GOALS
    found["mask_bytes"] = (out / "eye_mask.corrected.png").stat().st_size
    return found


def _strokes(page: Page, count: int) -> dict[str, Any]:
    """Times of stroke points, and of undoing, zoomed to fit and one to one."""
    found = {}
    for name, key in (("all", "0"), ("one", "1")):
        page.keyboard.press(key)
        points, undone, cpu = [], [], {"points": 0.0, "undone": 0.0}
        for number in range(count // 5):
            y = 330 + 6 * number
            began = cpu_ms("chrom")
            points.append(page.evaluate(SHOWN, ["pointerdown", _at(500, y)]))
            for step in range(1, 5):
                points.append(page.evaluate(SHOWN, ["pointermove", _at(500 + 25 * step, y)]))
            cpu["points"] += cpu_ms("chrom") - began
            page.evaluate(SHOWN, ["pointerup", _at(600, y)])
            _idle(page)
            began = cpu_ms("chrom")
            undone.append(page.evaluate(SHOWN, ["undo", None]))
            cpu["undone"] += cpu_ms("chrom") - began
            _idle(page)
        found[f"stroke_ms_{name}"] = summary(points) | {"cpu": cpu["points"] / len(points)}
        found[f"undo_ms_{name}"] = summary(undone) | {"cpu": cpu["undone"] / len(undone)}
    return found


def _idle(page: Page) -> None:
    """Wait until everything is saved."""
    page.evaluate(
        """async () => {
          const { editor } = await import('/static/main.js');
          while (editor.queue.length) await new Promise((done) => setTimeout(done, 20));
        }"""
    )


def _saved(page: Page, number: int) -> float:
    """Milliseconds from the end of a stroke until the server has saved it to disk."""
    took: float = page.evaluate(
        """async ([down, move, up]) => {
          const { editor } = await import('/static/main.js');
          const wait = () => new Promise((done) => setTimeout(done, 5));
          while (editor.queue.length) await wait();
          for (const [type, at] of [['pointerdown', down], ['pointermove', move]])
            editor.stage.dispatchEvent(new PointerEvent(type, at));
          const began = performance.now();
          editor.stage.dispatchEvent(new PointerEvent('pointerup', up));
          while (editor.queue.length) await wait();
          return performance.now() - began;
        }""",
        [_at(450, 320 + 20 * number), _at(650, 330 + 20 * number), _at(650, 330 + 20 * number)],
    )
    page.wait_for_timeout(200)
    return took


def _memory(page: Page, strokes: int) -> dict[str, Any]:
    """Megabytes of the page's heap and buffers before and after many long strokes."""
    read = """async () => {
      const { editor } = await import('/static/main.js');
      const kept = editor.done.reduce((sum, one) => sum + one.bytes, 0);
      return [performance.memory.usedJSHeapSize / 2 ** 20, kept / 2 ** 20, editor.done.length];
    }"""
    before = page.evaluate(read)
    page.keyboard.press("0")
    for _ in range(26):
        page.keyboard.press("]")
    page.evaluate(
        """async ([count, top]) => {
          const { editor } = await import('/static/main.js');
          const fire = (type, x, y) => editor.stage.dispatchEvent(new PointerEvent(type, {
            clientX: x, clientY: y, pointerId: 1, bubbles: true, isPrimary: true, button: 0 }));
          for (let i = 0; i < count; i++) {
            editor.tool = i % 2 ? 'erase' : 'paint';
            const y = top + (i % 40) * 10;
            fire('pointerdown', 480, y);
            fire('pointermove', 900, y + 5);
            fire('pointerup', 900, y + 5);
            if (i % 20 === 19) await new Promise((done) => setTimeout(done));
          }
          while (editor.queue.length) await new Promise((done) => setTimeout(done, 20));
        }""",
        [strokes, 260],
    )
    after = page.evaluate(read)
    names = ("heap", "undo", "strokes_kept")
    return {
        "strokes": strokes,
        "before": dict(zip(names, before, strict=True)),
        "after": dict(zip(names, after, strict=True)),
    }


def _at(x: float, y: float) -> dict[str, Any]:
    return {"clientX": x, "clientY": y, "pointerId": 1, "bubbles": True, "button": 0}


if __name__ == "__main__":
    main()
