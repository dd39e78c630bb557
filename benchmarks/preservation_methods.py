"""Ways to lay what a service returned on its source, and to tell what changed.

Each takes both as 8-bit sRGB arrays. Ours is measured beside what one would write with
NumPy, scikit-image or OpenCV; those that are not installed are left out.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Picture = NDArray[np.uint8]
Mask = NDArray[np.bool_]
Plane = NDArray[np.float32]

HALF = 127  # levels: where a soft edge is in the middle
VISIBLE = 24  # levels: less is taken for the loss of the service
UNLIKE = 0.5  # of the structural similarity, which is 1 for what is the same
SURE_ECC = 0.8  # correlation of the two when aligned
SURE_PHASE = 0.1  # height of the peak
WORKING = 1e6  # pixels: what is larger is aligned on a smaller copy


@dataclass(frozen=True, slots=True)
class Found:
    """What a method says of two pictures: x_after = scale * x_before + shift."""

    mask: Mask | None  # in the frame of the picture before
    scale: tuple[float, float]
    shift: tuple[float, float]
    confident: bool


Method = Callable[[Picture, Picture], Found]


def ours(before: Picture, after: Picture) -> Found:
    """Register the two and measure the drift, as the package does."""
    from kontext_nb.preservation import drift

    told = drift(before, after)
    h, w = before.shape[:2]
    mask = np.asarray(told.mask.resize((w, h))) > HALF
    way = told.registration.affine
    return Found(mask, way.scale, way.shift, told.registration.confident)


def difference(before: Picture, after: Picture) -> Found:
    """Stretch the one to the other's size and look at the difference of levels."""
    h, w = before.shape[:2]
    scale = after.shape[1] / w, after.shape[0] / h
    return Found(_differing(before, _resized(after, w, h)), scale, (0.0, 0.0), True)


def similarity(before: Picture, after: Picture) -> Found:
    """Stretch the one to the other's size and look at their structural similarity."""
    from skimage.metrics import structural_similarity

    h, w = before.shape[:2]
    one, other = _grey(before), _grey(_resized(after, w, h))
    _, alike = structural_similarity(
        one, other, data_range=255, gaussian_weights=True, full=True
    )
    scale = after.shape[1] / w, after.shape[0] / h
    return Found(alike < UNLIKE, scale, (0.0, 0.0), True)


def ecc(before: Picture, after: Picture) -> Found:
    """Let OpenCV maximise the correlation over affine maps."""
    import cv2

    one, other = _at_work(before, after)
    warp = np.eye(2, 3, dtype=np.float32)
    enough = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 60, 1e-6)
    try:
        reached, warp = cv2.findTransformECC(
            *(_grey(one), _grey(other), warp, cv2.MOTION_AFFINE, enough, None, 5)
        )
    except cv2.error:  # it did not converge
        return Found(None, _stretch(before, after), (0.0, 0.0), False)
    return _warped(before, after, (one, other), warp, reached >= SURE_ECC)


def phase(before: Picture, after: Picture) -> Found:
    """Let OpenCV find the one shift that correlates the phases."""
    import cv2

    one, other = _at_work(before, after)
    window = cv2.createHanningWindow(one.shape[1::-1], cv2.CV_32F)
    (dx, dy), height = cv2.phaseCorrelate(_grey(one), _grey(other), window)
    warp = np.array([[1, 0, dx], [0, 1, dy]], np.float32)
    return _warped(before, after, (one, other), warp, height >= SURE_PHASE)


def installed() -> tuple[dict[str, Method], list[str]]:
    """Return the methods that can run here, by name, and what is left out and why."""
    methods: dict[str, Method] = {}
    missing = []
    for name, method, module in (
        ("ours", ours, "kontext_nb.preservation"),
        ("difference", difference, "numpy"),
        ("ssim", similarity, "skimage"),
        ("opencv ecc", ecc, "cv2"),
        ("opencv phase", phase, "cv2"),
    ):
        if importlib.util.find_spec(module):
            methods[name] = method
        else:
            missing.append(f"{name}: {module} is not installed")
    return methods, missing


def _warped(
    before: Picture,
    after: Picture,
    pair: tuple[Picture, Picture],
    warp: Plane,
    confident: bool,  # noqa: FBT001 - what the method said
) -> Found:
    """Say in full pixels what was found on the working copies, and what differs."""
    import cv2

    one, other = pair
    size = one.shape[1], one.shape[0]
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    laid = cv2.warpAffine(other, warp, size, None, flags, cv2.BORDER_REPLICATE)
    h, w = before.shape[:2]
    mask = Image.fromarray(_differing(one, laid)).resize((w, h))
    scales, shifts = [], []
    for k, axis in ((0, 1), (1, 0)):
        working, grown = size[k] / before.shape[axis], after.shape[axis] / size[k]
        # OpenCV counts from the middle of the first pixel, we from its edge.
        start = warp[k, 2] + 0.5 - 0.5 * warp[k, k]
        scales.append(float(grown * warp[k, k] * working))
        shifts.append(float(grown * start))
    scale, shift = (scales[0], scales[1]), (shifts[0], shifts[1])
    return Found(np.asarray(mask), scale, shift, bool(confident))


def _at_work(before: Picture, after: Picture) -> tuple[Picture, Picture]:
    """Return both at the size of the first, or of a megapixel if that is less."""
    h, w = before.shape[:2]
    shrink = min(1.0, float(np.sqrt(WORKING / (w * h))))
    size = round(w * shrink), round(h * shrink)
    return _resized(before, *size), _resized(after, *size)


def _stretch(before: Picture, after: Picture) -> tuple[float, float]:
    """Return the scale of a plain stretch."""
    return after.shape[1] / before.shape[1], after.shape[0] / before.shape[0]


def _resized(picture: Picture, w: int, h: int) -> Picture:
    """Return a picture at another size."""
    image = Image.fromarray(picture).resize((w, h), Image.Resampling.LANCZOS)
    return np.asarray(image)


def _grey(picture: Picture) -> Plane:
    """Return how bright it is, in levels."""
    return np.asarray(Image.fromarray(picture).convert("L"), np.float32)


def _differing(one: Picture, other: Picture) -> Mask:
    """Return where any channel differs visibly."""
    apart = np.abs(one.astype(np.int16) - other.astype(np.int16)).max(axis=2)
    return np.asarray(apart > VISIBLE)
