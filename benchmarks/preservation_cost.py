"""What registering, measuring and setting back costs, in time and in memory.

Run it on a quiet machine: ``python benchmarks/preservation_cost.py``. The promise, on
two cores: all three for a pair of one megapixel in 0.4 s, for a 12-megapixel original
with a result of one megapixel in 1.5 s, and 12 bytes for each of the original's pixels
at the peak. OpenCV's ECC and scikit-image's SSIM, where installed, take their turns
between: each does a part of the work only.
"""

from __future__ import annotations

import argparse
import importlib.util
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from kontext_nb import pixels
from kontext_nb.demo import samples
from kontext_nb.preservation import drift, preserve, register

SIZES = {"1 megapixel": (1155, 866), "12 megapixels": (4000, 3000)}
RESULT = (1184, 880)
_STATM = Path("/proc/self/statm")


def pair(size: tuple[int, int]) -> tuple[pixels.Picture, pixels.Picture]:
    """Return an original with the noise of a camera, and what a service made of it."""
    clean = np.asarray(samples.street().convert("RGB").resize(size), np.int16)
    grain = np.random.default_rng(0).integers(-6, 7, clean.shape, np.int16)
    before = Image.fromarray(np.clip(clean + grain, 0, 255).astype(np.uint8))
    after = before.resize(RESULT, Image.Resampling.LANCZOS)
    ImageDraw.Draw(after).rectangle((400, 300, 560, 440), fill=(180, 40, 40))
    return pixels.load(before), pixels.load(after)


def grey(picture: pixels.Picture) -> np.ndarray:
    """Return a picture as the peers take it: grey, and of the result's size."""
    return np.asarray(picture.image.convert("L").resize(RESULT))


def ecc(before: pixels.Picture, after: pixels.Picture) -> None:
    """Register by OpenCV's ECC, which gives the map and no more."""
    import cv2

    stop = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 50, 1e-4)
    start = np.eye(2, 3, dtype=np.float32)
    cv2.findTransformECC(grey(before), grey(after), start, cv2.MOTION_AFFINE, stop)


def ssim_map(before: pixels.Picture, after: pixels.Picture) -> None:
    """Compare by scikit-image's SSIM, which takes it that both lie the same."""
    from skimage.metrics import structural_similarity

    structural_similarity(grey(before), grey(after), full=True)


def methods() -> dict[str, Callable[[Any, Any], object]]:
    """Return what takes turns, by name."""
    own: dict[str, Callable[[Any, Any], object]] = {
        "register": register,
        "drift": drift,
        "preserve": preserve,
    }
    if importlib.util.find_spec("cv2"):
        own["OpenCV ECC"] = ecc
    if importlib.util.find_spec("skimage"):
        own["scikit-image SSIM"] = ssim_map
    return own


def timed(size: tuple[int, int], rounds: int) -> dict[str, list[float]]:
    """Return the seconds each method took, in turns."""
    before, after = pair(size)
    seconds: dict[str, list[float]] = {name: [] for name in methods()}
    for _ in range(rounds + 1):
        for name, method in methods().items():
            begun = time.perf_counter()
            method(before, after)
            seconds[name].append(time.perf_counter() - begun)
    return {name: taken[1:] for name, taken in seconds.items()}


def peak(size: tuple[int, int]) -> float:
    """Return the most memory that `preserve` adds, in bytes for each pixel."""
    before, after = pair(size)
    small, also_small = pair((300, 220))
    preserve(small, also_small)  # loads what is loaded once
    page = 4096

    def resident() -> int:
        return int(_STATM.read_text().split()[1]) * page

    begun = highest = resident()
    done = threading.Event()

    def watch() -> None:
        nonlocal highest
        while not done.wait(0.0005):
            highest = max(highest, resident())

    watcher = threading.Thread(target=watch)
    watcher.start()
    preserve(before, after)
    done.set()
    watcher.join()
    return (highest - begun) / (size[0] * size[1])


def main() -> None:
    """Print both."""
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    asked.add_argument("--rounds", type=int, default=7)
    asked.add_argument("--peak", choices=SIZES, help=argparse.SUPPRESS)
    options = asked.parse_args()
    if options.peak:
        print(peak(SIZES[options.peak]))
        return
    for name, size in SIZES.items():
        for method, taken in timed(size, options.rounds).items():
            low, mid = min(taken), median(taken)
            print(f"{name:14} {method:18} {mid:6.3f} s   (least {low:.3f})")
    if _STATM.exists():
        name = "12 megapixels"
        told = subprocess.run(  # noqa: S603 - this file, in a process of its own
            [sys.executable, __file__, "--peak", name],
            capture_output=True,
            check=True,
            text=True,
        )
        print(f"{name:14} preserve, at its peak {float(told.stdout):.1f} bytes a pixel")


if __name__ == "__main__":
    main()
