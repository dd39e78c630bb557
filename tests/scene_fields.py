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
_STEEP = 1.2
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)


def cloud(rng, h, w, slope=1.0):
    """Return noise with amplitudes of 1/f^slope; mean 0, deviation 1."""
    if slope >= _STEEP and min(h, w) > 64:  # hardly anything of it is that fine
        return resized(cloud(rng, -(-h // 2), -(-w // 2), slope), w, h)
    # A little larger than asked for, so that opposite edges do not fit each other.
    rows, columns = (-(-(n + n // 8) // 64) * 64 for n in (h, w))
    spectrum = np.fft.rfft2(rng.standard_normal((rows, columns), dtype=np.float32))
    down, across = np.fft.fftfreq(rows)[:, None], np.fft.rfftfreq(columns)[None]
    power = (down**2 + across**2).astype(np.float32)
    power[0, 0] = 1
    spectrum *= power ** np.float32(-slope / 2)
    field = np.fft.irfft2(spectrum, s=(rows, columns))[:h, :w]
    return ((field - field.mean()) / (field.std() + 1e-9)).astype(np.float32)


def smooth(rng, h, w, knots=4):
    """Return a slow field: random values at a few knots, bicubic between; mean ~0."""
    few = rng.standard_normal((knots + 1, knots + 1)).astype(np.float32)
    return resized(few, w, h)


def resized(picture, w, h, box=None, filter_=Image.Resampling.BICUBIC):
    """Resize a field or picture of floats, each channel by Pillow."""
    if picture.ndim == 3:
        planes = np.moveaxis(picture, -1, 0)
        return np.stack([resized(p, w, h, box, filter_) for p in planes], axis=-1)
    plane = Image.fromarray(np.ascontiguousarray(picture, np.float32))
    return np.asarray(plane.resize((w, h), filter_, box=box))


def blurred(picture, sigma):
    """Blur by a Gaussian; a wide one is done on a smaller copy."""
    h, w = picture.shape[:2]
    if sigma <= 0.05:
        return picture
    if sigma > 2.4 and min(h, w) > 32:
        factor = min(sigma / 1.2, min(h, w) / 16)
        small = resized(picture, round(w / factor), round(h / factor))
        return resized(blurred(small, sigma / factor), w, h)
    reach = max(1, int(np.ceil(3 * sigma)))
    taps = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    taps = (taps / taps.sum()).astype(np.float32)
    return _along(_along(picture, taps, 0), taps, 1)


def _along(picture, taps, axis):
    """Convolve along one axis with symmetric taps; edges are repeated."""
    reach, n = len(taps) // 2, picture.shape[axis]
    pads = [(0, 0)] * picture.ndim
    pads[axis] = (reach, reach)
    wide = np.moveaxis(np.pad(picture, pads, mode="edge"), axis, 0)
    total = taps[reach] * wide[reach : reach + n]
    pair = np.empty_like(total)
    for k, tap in enumerate(taps[:reach]):
        np.add(wide[k : k + n], wide[2 * reach - k : 2 * reach - k + n], out=pair)
        pair *= tap
        total += pair
    return np.moveaxis(total, 0, axis)


def sampled(picture, rows, columns):
    """Return the picture at these places, linear between pixels."""
    h, w = picture.shape[:2]
    rows, columns = np.clip(rows, 0, h - 1.01), np.clip(columns, 0, w - 1.01)
    top, left = rows.astype(int), columns.astype(int)
    down, right = rows - top, columns - left
    if picture.ndim == 3:
        down, right = down[..., None], right[..., None]
    upper = picture[top, left] * (1 - right) + picture[top, left + 1] * right
    lower = picture[top + 1, left] * (1 - right) + picture[top + 1, left + 1] * right
    return upper * (1 - down) + lower * down


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
    hue = rng.normal(1.2, 0.7) if rng.random() < 0.7 else rng.uniform(0, 2 * np.pi)
    return from_lab(
        [rng.uniform(*light), strength * np.cos(hue), strength * np.sin(hue)]
    )


def palette(rng, n=6, light=(15, 85), chroma=(0, 25)):
    """Draw the colours of one surface: shades of one, seldom another among them."""
    first = lab(colour(rng, light=light, chroma=chroma))
    shades = first + rng.normal(0, 1, (n, 3)) * [14, 5, 7]
    for k in np.nonzero(rng.random(n) < 0.1)[0]:
        shades[k] = lab(colour(rng, light=light))
    shades[:, 0] = np.clip(shades[:, 0], light[0] * 0.6, min(96, light[1] * 1.1))
    return from_lab(shades)


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
