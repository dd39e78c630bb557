"""How soon a comparison is painted: from Python, and under the pointer.

Run it on a quiet machine: ``python -m benchmarks.compare_paint``. It needs Chromium,
Playwright and JupyterLab, as the browser tests do. "From Python" is real JupyterLab:
from the call of `show` in the kernel to a frame with the new pixels, for a pair of
1024-pixel previews. "Under the pointer" is the slider over two pictures of 12
megapixels: what a move costs the page until it is laid out, and how long a frame takes
while the pointer moves in each.
"""

from __future__ import annotations

import io
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
from nbformat.v4 import new_code_cell, new_notebook
from PIL import Image
from playwright.sync_api import Browser, sync_playwright

import kontext_nb as kx
from tests import browsers
from tests.browser.conftest import FLAGS, Lab, Server

ROUNDS = 15
SETUP = """
import time
import numpy as np
from PIL import Image
from kontext_nb import pixels
from kontext_nb.widgets.compare import Compare
from kontext_nb.widgets.shots import Shot

def noisy(red):
    data = np.random.default_rng(red).integers(0, 12, (1024, 1024, 3), np.uint8)
    data[:, :, 0] = red
    return Shot.of(pixels.load(Image.fromarray(data)), str(red))

shots = [noisy(40), noisy(220)]
print(*(len(shot.preview) // 1024 for shot in shots), "KB a preview")
view = Compare()
view.show([shots[0], shots[0]])
view
"""
SHOW = f"""
for turn in range({ROUNDS}):
    time.sleep(0.5)
    print(time.time())
    view.show([shots[(turn + 1) % 2]] * 2)
"""
WATCH = """() => {
  window.painted = [];
  const context = document.createElement('canvas').getContext('2d');
  let last = 40;
  const look = () => {
    const images = [...document.querySelectorAll('.kx-preview')];
    const reds = images.map(it => {
      context.drawImage(it, 0, 0, 1, 1, 0, 0, 1, 1);
      return context.getImageData(0, 0, 1, 1).data[0];
    });
    if (reds.length && reds.every(red => Math.abs(red - last) > 90)) {
      last = reds[0];
      // What this frame shows is on the screen when the next one begins.
      requestAnimationFrame(() => painted.push(Date.now() / 1000));
    }
    requestAnimationFrame(look);
  };
  look();
}"""
MOVES = """async () => {
  const frame = () => new Promise(done => requestAnimationFrame(done));
  const pane = document.querySelector('.kx-pane');
  const box = pane.getBoundingClientRect();
  const at = (type, part) => pane.dispatchEvent(new PointerEvent(type, {
    pointerId: 1, bubbles: true, clientX: box.left + part * box.width,
    clientY: box.top + box.height / 2 }));
  pane.setPointerCapture = () => {};
  const handle = document.querySelector('.kx-handle');
  handle.setPointerCapture = () => {};
  const grip = handle.getBoundingClientRect();
  handle.dispatchEvent(new PointerEvent('pointerdown', { pointerId: 1, bubbles: true,
    clientX: grip.left + grip.width / 2, clientY: grip.top + grip.height / 2 }));
  const works = [], frames = [];
  let last = await frame();
  for (let n = 0; n < 90; n += 1) {
    const begun = performance.now();
    at('pointermove', 0.2 + 0.6 * Math.abs(Math.sin(n / 10)));
    const now = await frame(); // the view draws in this frame, before us
    pane.offsetHeight;
    works.push(performance.now() - Math.max(begun, now));
    frames.push(now - last);
    last = now;
  }
  at('pointerup', 0.5);
  return [works, frames];
}"""


def from_python(chromium: Browser) -> list[float]:
    """Return the milliseconds from `show` to painted pixels, in JupyterLab."""
    with tempfile.TemporaryDirectory() as home:
        server = Server(Path(home))
        try:
            page = chromium.new_page(viewport={"width": 1280, "height": 900})
            lab = Lab(page, server)
            cells = [new_code_cell(SETUP), new_code_cell(SHOW)]
            lab.open(new_notebook(cells=cells)).run(0)
            lab.show(0)
            page.wait_for_function(
                "[...document.querySelectorAll('.kx-preview')].some(it => it.complete)"
            )
            page.evaluate(WATCH)
            lab.run(1)
            page.wait_for_function(f"painted.length === {ROUNDS}")
            set_at = map(float, lab.text(1).split())
            painted = page.evaluate("painted")
            return [1000 * (b - a) for a, b in zip(set_at, painted, strict=True)]
        finally:
            server.close()


def large(seed: int) -> bytes:
    """Return a JPEG of 12 megapixels with the grain of a photograph."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 256, (30, 40, 3), np.uint8))
    grain = Image.effect_noise((4000, 3000), 12).convert("RGB")
    buffer = io.BytesIO()
    Image.blend(coarse.resize(grain.size), grain, 0.3).save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def under_the_pointer(chromium: Browser) -> dict[str, tuple[list[float], list[float]]]:
    """Return, by zoom, the milliseconds a move costs and those between frames."""
    with tempfile.TemporaryDirectory() as folder:
        view = kx.compare(large(1), large(2), mode="slider")
        page = chromium.new_page(viewport={"width": 1280, "height": 900})
        page.goto(view.to_html(Path(folder) / "pair.html").as_uri())
        found = {}
        for name, zoom in (("whole", 0), ("one to one", 1)):
            begun = time.perf_counter()
            page.evaluate("zoom => comparison.set('zoom', zoom)", zoom)
            if zoom:
                page.locator("canvas.kx-full").nth(1).wait_for()
                took = 1000 * (time.perf_counter() - begun)
                print(f"  both full pictures shown after {took:.0f} ms")
            found[name] = page.evaluate(MOVES)
        return found


def main() -> None:
    """Print the medians."""
    with sync_playwright() as playwright:
        path = (
            browsers.installed(*browsers.WHOLE) or playwright.chromium.executable_path
        )
        with playwright.chromium.launch(executable_path=path, args=FLAGS) as chromium:
            print("Slider over two pictures of 12 megapixels")
            for name, (works, frames) in under_the_pointer(chromium).items():
                print(
                    f"  {name:<12} a move {statistics.median(works):5.1f} ms,"
                    f" a frame {statistics.median(frames):5.1f} ms"
                )
            painted = sorted(from_python(chromium))
            print(
                f"From Python: median {statistics.median(painted):.0f} ms,"
                f" of {len(painted)} from {painted[0]:.0f} to {painted[-1]:.0f} ms"
            )


if __name__ == "__main__":
    main()
