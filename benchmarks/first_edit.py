"""How long the first minutes take: importing, and one demo edit from call to shown.

Run it on a quiet machine: ``python benchmarks/first_edit.py``. The variants take turns,
so that a busy moment hits all of them, and medians are printed.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict

import numpy as np
from PIL import Image

import kontext_nb as kx

IMPORTS = {
    "bare Python": "pass",
    "import kontext_nb": "import kontext_nb",
    "import PIL.Image": "import PIL.Image",
    "import httpx": "import httpx",
}
PROMPTS = (
    "Make it night",
    "Make it warmer",
    "Add a red umbrella",
    "Blur the background",
)


def photo(side_px: int = 1024) -> Image.Image:
    """Return a picture with the grain of a photograph."""
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (32, 32, 3), np.uint8)
    smooth = np.asarray(Image.fromarray(coarse).resize((side_px, side_px)), float)
    noisy = smooth + rng.normal(0, 6, smooth.shape)
    return Image.fromarray(noisy.clip(0, 255).astype(np.uint8))


def import_times(rounds: int = 15) -> dict[str, list[float]]:
    """Time whole interpreters, in turn."""
    found = defaultdict(list)
    for _ in range(rounds):
        for name, code in IMPORTS.items():
            begun = time.perf_counter()
            subprocess.run([sys.executable, "-c", code], check=True)  # noqa: S603
            found[name].append(1000 * (time.perf_counter() - begun))
    return found


def edit_times(rounds: int = 5) -> dict[str, list[float]]:
    """Time an edit and the picture a notebook would show of it, in turn."""
    found = defaultdict(list)
    picture = photo()
    with tempfile.TemporaryDirectory() as home:
        kx.configure(provider="demo", home=home)
        kx.edit(picture, "Make it sepia")._repr_mimebundle_()  # loads what is lazy
        for _ in range(rounds):
            for prompt in PROMPTS:
                begun = time.perf_counter()
                kx.edit(picture, prompt)._repr_mimebundle_()
                found[prompt].append(1000 * (time.perf_counter() - begun))
    return found


def main() -> None:
    """Print the medians."""
    for title, times in (("Imports", import_times()), ("Edits", edit_times())):
        print(title)
        for name, taken in times.items():
            print(f"  {name:<24}{statistics.median(taken):8.0f} ms")


if __name__ == "__main__":
    main()
