"""What a service does to a picture it was told not to change, with the exact truth."""

from dataclasses import dataclass

import numpy as np
from PIL import Image

from kontext_nb import sizes
from tests.scene_camera import through_jpeg
from tests.scene_fields import as_bytes, blurred, cloud, luma, resized, smooth

FILTERS = {
    "lanczos": Image.Resampling.LANCZOS,
    "bicubic": Image.Resampling.BICUBIC,
    "bilinear": Image.Resampling.BILINEAR,
    "area": Image.Resampling.BOX,
}


@dataclass(frozen=True, slots=True)
class Geometry:
    """Where pixels go: x_after = scale * x_before + shift, centres at i + 0.5."""

    size: tuple[int, int]  # (w, h) of what comes back
    scale: tuple[float, float]
    shift: tuple[float, float]

    def then(self, other):
        """Return this one followed by another."""
        return Geometry(
            other.size,
            tuple(a * b for a, b in zip(self.scale, other.scale, strict=True)),
            tuple(
                b * t + u
                for b, t, u in zip(other.scale, self.shift, other.shift, strict=True)
            ),
        )


@dataclass(frozen=True, slots=True)
class Service:
    """One service's treatment; all is drawn before any picture is seen."""

    fit: str  # stretch or crop
    filter: str
    zoom: tuple[float, float]
    drift: tuple[float, float]  # pixels of what comes back
    blur: float  # of the finest detail, sigma
    repaint: float  # share of the finest detail that is made anew
    noise: float  # levels
    tint: float  # sigma of the colours' blur
    gain: tuple[float, float, float]
    offset: tuple[float, float, float]  # levels
    gamma: float
    jpeg: int  # 0 is PNG
    back: bool  # resized to the size of the source at the end
    seed: int

    @property
    def name(self):
        """Say in short what it does."""
        file = f"jpeg{self.jpeg}" if self.jpeg else "png"
        return f"{self.fit}-{self.filter}-{file}" + "-back" * self.back


def drawn(rng, *, back=True, calm=False):
    """Draw a service; a calm one drifts by little."""
    still = rng.random()
    reach = 0.0 if still < 0.2 else 1.5 if still < 0.55 or calm else 8.0
    loose = rng.random()
    size = 0.0 if loose < 0.3 else 0.002 if calm else 0.01 if loose < 0.8 else 0.03
    zoom = 1 + rng.uniform(-size, size)
    apart = rng.uniform(-0.0015, 0.0015) if size and rng.random() < 0.3 else 0.0
    gain = rng.uniform(0.96, 1.04)
    offset = rng.uniform(-4, 4)
    return Service(
        fit=str(rng.choice(["stretch", "stretch", "crop"])),
        filter=str(rng.choice(list(FILTERS))),
        zoom=(zoom + apart, zoom - apart),
        drift=tuple(rng.uniform(-reach, reach, 2).tolist()),
        blur=rng.uniform(0.2, 0.8),
        repaint=float(rng.choice([0.0, rng.uniform(0.0, 0.6)])),
        noise=rng.uniform(0.2, 1.5),
        tint=rng.uniform(0.3, 2.0),
        gain=tuple(gain + rng.uniform(-0.008, 0.008, 3)),
        offset=tuple(offset + rng.uniform(-2, 2, 3)),
        gamma=float(np.exp(rng.normal(0, 0.02))),
        jpeg=int(rng.integers(75, 96)) if rng.random() < 0.5 else 0,
        back=bool(back and rng.random() < 0.2),
        seed=int(rng.integers(2**31)),
    )


def geometry(service, w, h):
    """Return the way to the model's size, with its drift: one resampling."""
    size = sizes.nearest(w, h)
    scale = [size[0] / w, size[1] / h]
    if service.fit == "crop":
        scale = [max(scale)] * 2
    # A centred fit, whether or not it cuts; then zoom about the centre, then drift.
    total = [s * z for s, z in zip(scale, service.zoom, strict=True)]
    shift = [
        out / 2 - s * source / 2 + d
        for out, s, source, d in zip(size, total, (w, h), service.drift, strict=True)
    ]
    return Geometry(size, tuple(total), tuple(shift))


def moved(picture, geometry, filter_):
    """Resample a float picture once; what lies outside of it repeats the edge."""
    h, w = picture.shape[:2]
    (out_w, out_h), (sx, sy), (tx, ty) = geometry.size, geometry.scale, geometry.shift
    box = (-tx / sx, -ty / sy, (out_w - tx) / sx, (out_h - ty) / sy)
    over = (-box[0], -box[1], box[2] - w, box[3] - h)
    pad = int(np.ceil(max(0, *over)))
    if pad:
        pads = [(pad, pad), (pad, pad), *[(0, 0)] * (picture.ndim - 2)]
        picture = np.pad(picture, pads, mode="edge")
    return resized(picture, out_w, out_h, tuple(b + pad for b in box), filter_)


def served(service, picture):
    """Return what comes back for an 8-bit picture, and the exact geometry."""
    h, w = picture.shape[:2]
    way = geometry(service, w, h)
    filter_ = FILTERS[service.filter]
    if filter_ == Image.Resampling.BOX and min(way.scale) > 0.5:
        # A box that is no wider than a pixel or two moves each pixel differently.
        filter_ = Image.Resampling.BILINEAR
    shown = moved(picture.astype(np.float32) / 255, way, filter_)
    shown = as_bytes(_toned(service, _redrawn(service, shown)))
    if service.jpeg:
        shown = through_jpeg(shown, service.jpeg)
    if service.back:
        out_w, out_h = way.size
        shown = np.asarray(Image.fromarray(shown).resize((w, h), FILTERS["lanczos"]))
        way = way.then(Geometry((w, h), (w / out_w, h / out_h), (0.0, 0.0)))
    return shown, way


def _redrawn(service, shown):
    """Lose detail as a model does that decodes the picture from a small grid."""
    rng = np.random.default_rng(service.seed)
    h, w = shown.shape[:2]
    soft = blurred(shown, service.blur)
    grey = luma(soft)[..., None]
    chroma = blurred(soft - grey, service.tint)
    detail = grey - blurred(grey, 1.5)
    # Where there is texture, part of it is texture of the same kind but not the same.
    energy = np.sqrt(np.maximum(blurred(detail**2, 4.0), 0))
    grain = cloud(rng, h, w, 0.5)[..., None]
    grain = grain - blurred(grain, 1.5)
    grain = grain / (grain.std() + 1e-9)
    share = service.repaint * np.clip(0.5 + smooth(rng, h, w, 6), 0, 1)[..., None]
    grey = grey + share * (energy * grain - detail)
    faint = cloud(rng, h, w, 0.8) + 0.5 * _lattice(rng, h, w)
    return grey + chroma + service.noise / 255 * faint[..., None]


def _lattice(rng, h, w):
    """Return the faint pattern of a decoder's grid of 8 or 16 pixels."""
    period = int(rng.choice([8, 16]))
    tile = rng.standard_normal((period, period)).astype(np.float32)
    tiled = np.tile(tile, (-(-h // period), -(-w // period)))[:h, :w]
    return tiled * smooth(rng, h, w, 8)


def _toned(service, shown):
    """Shift all tones by a little."""
    shown = np.clip(shown, 0, 1) ** service.gamma
    gain, offset = np.float32(service.gain), np.float32(service.offset)
    return shown * gain + offset / 255
