"""What computed pictures are made of: noise, blur, colours. Values are of [0, 1].

Fields are (h, w) float32, pictures (h, w, 3) float32 in sRGB as it is shown.
"""

import numpy as np
from PIL import Image

_WHITE = np.array([0.95047, 1.0, 1.08883], np.float32)
_TO_XYZ = np.array(
    [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339, 0.1191920, 0.9503041],
    ],
    np.float32,
)
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)


def cloud(rng, h, w, slope=1.0):
    """Return noise with amplitudes of 1/f^slope; mean 0, deviation 1."""
    rows, columns = -(-(h + h // 4) // 64) * 64, -(-(w + w // 4) // 64) * 64
    spectrum = np.fft.rfft2(rng.standard_normal((rows, columns), dtype=np.float32))
    f = np.hypot(np.fft.fftfreq(rows)[:, None], np.fft.rfftfreq(columns)[None])
    f[0, 0] = 1
    field = np.fft.irfft2(spectrum * f**-slope, s=(rows, columns))[:h, :w]
    return ((field - field.mean()) / (field.std() + 1e-9)).astype(np.float32)


def smooth(rng, h, w, knots=4):
    """Return a slow field: random values at a few knots, bicubic between; mean ~0."""
    few = rng.standard_normal((knots + 1, knots + 1)).astype(np.float32)
    return resized(few, w, h)


def resized(picture, w, h, box=None, filter_=Image.Resampling.BICUBIC):
    """Resize a field or picture of floats, each channel by Pillow."""
    if picture.ndim == 3:
        planes = [resized(picture[..., c], w, h, box, filter_) for c in range(3)]
        return np.stack(planes, axis=-1)
    plane = Image.fromarray(np.ascontiguousarray(picture, np.float32))
    return np.asarray(plane.resize((w, h), filter_, box=box))


def blurred(picture, sigma):
    """Blur by a Gaussian; a wide one is done on a smaller copy."""
    h, w = picture.shape[:2]
    if sigma <= 0.05:
        return picture
    if sigma > 4 and min(h, w) > 32:
        factor = min(sigma / 2, min(h, w) / 16)
        small = resized(picture, round(w / factor), round(h / factor))
        return resized(blurred(small, sigma / factor), w, h)
    reach = max(1, int(np.ceil(3 * sigma)))
    taps = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    taps = (taps / taps.sum()).astype(np.float32)
    return _along(_along(picture, taps, 0), taps, 1)


def _along(picture, taps, axis):
    """Convolve along one axis; edges are repeated."""
    reach, n = len(taps) // 2, picture.shape[axis]
    pads = [(0, 0)] * picture.ndim
    pads[axis] = (reach, reach)
    wide = np.pad(picture, pads, mode="edge")
    total = np.zeros(picture.shape, np.float32)
    for k, tap in enumerate(taps):
        part = [slice(None)] * picture.ndim
        part[axis] = slice(k, k + n)
        total += tap * wide[tuple(part)]
    return total


def luma(picture):
    """Return the brightness of a picture as video weighs it."""
    return picture @ _LUMA


def lab(picture):
    """Return CIELAB of an sRGB picture."""
    linear = np.where(
        picture <= 0.04045,
        picture / 12.92,
        np.power((np.maximum(picture, 0) + 0.055) / 1.055, 2.4),
    ).astype(np.float32)
    t = linear @ (_TO_XYZ.T / _WHITE)
    f = np.where(t > 0.008856, np.cbrt(t), 7.787 * t + 16 / 116)
    x, y, z = f[..., 0], f[..., 1], f[..., 2]
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1)


def unlike(one, other):
    """Return the CIE76 difference of two pictures at each pixel."""
    return np.linalg.norm(lab(one) - lab(other), axis=-1)


def from_lab(values):
    """Return the sRGB colours of CIELAB ones, cut to what can be shown."""
    values = np.asarray(values, np.float64)
    y = (values[..., 0] + 16) / 116
    f = np.stack([y + values[..., 1] / 500, y, y - values[..., 2] / 200], axis=-1)
    t = np.where(f > 6 / 29, f**3, (f - 16 / 116) / 7.787) * _WHITE
    linear = np.clip(t @ np.linalg.inv(_TO_XYZ.astype(np.float64)).T, 0, 1)
    shown = np.where(
        linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055
    )
    return shown.astype(np.float32)


def colour(rng, light=(15, 90), chroma=(0, 45)):
    """Draw a colour; most of the world is not very colourful."""
    strength = chroma[0] + (chroma[1] - chroma[0]) * rng.random() ** 2
    hue = rng.normal(1.2, 1.2) if rng.random() < 0.6 else rng.uniform(0, 2 * np.pi)
    return from_lab(
        [rng.uniform(*light), strength * np.cos(hue), strength * np.sin(hue)]
    )


def palette(rng, n=6, **limits):
    """Draw the colours of one scene: a few that are spread around one light."""
    return np.stack([colour(rng, **limits) for _ in range(n)])


def coloured(field, colours):
    """Map a field of about [-2, 2] to a ramp through the colours."""
    stops = np.linspace(-2, 2, len(colours))
    planes = [np.interp(field, stops, colours[:, c]) for c in range(3)]
    return np.stack(planes, axis=-1).astype(np.float32)


def as_bytes(picture):
    """Return the picture in 8 bits."""
    return np.clip(np.rint(picture * 255), 0, 255).astype(np.uint8)


def filled(mask, largest):
    """Close the holes of a mask that have no more than ``largest`` pixels."""
    rows, starts, ends = _runs(~mask)
    if not len(rows):
        return mask.copy()
    part = _components(rows, starts, ends)
    small = np.bincount(part, ends - starts)[part] <= largest
    steps = np.zeros((mask.shape[0], mask.shape[1] + 1), np.int32)
    np.add.at(steps, (rows[small], starts[small]), 1)
    np.add.at(steps, (rows[small], ends[small]), -1)
    return mask | (np.cumsum(steps, axis=1)[:, :-1] > 0)


def _runs(mask):
    """Return row, begin and end of all horizontal runs."""
    edges = np.diff(np.pad(mask, ((0, 0), (1, 1))).astype(np.int8), axis=1)
    rows, starts = np.nonzero(edges == 1)
    return rows, starts, np.nonzero(edges == -1)[1]


def _components(rows, starts, ends):
    """Return a component's number for each run: runs that touch share it."""
    span = int(ends.max()) + 2
    # Runs of the row below that overlap a run: from the first that ends after its
    # begin to the last that begins before its end.
    first = np.searchsorted(rows * span + ends, (rows + 1) * span + starts, "right")
    last = np.searchsorted(rows * span + starts, (rows + 1) * span + ends, "left")
    counts = np.maximum(last - first, 0)
    upper = np.repeat(np.arange(len(rows)), counts)
    offsets = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    lower = np.repeat(first, counts) + offsets
    label = np.arange(len(rows))
    while True:
        low = np.minimum(label[upper], label[lower])
        before = label.copy()
        np.minimum.at(label, label[upper], low)
        np.minimum.at(label, label[lower], low)
        label = label[label]
        if np.array_equal(before, label):
            return label
