"""What a camera does to a scene: lens, tone curve, sharpening, noise, JPEG."""

import io
from dataclasses import dataclass

import numpy as np
from PIL import Image

from tests.scene_fields import as_bytes, blurred, luma


@dataclass(frozen=True, slots=True)
class Camera:
    """One camera and its settings."""

    lens: float  # sigma of its blur, pixels
    halo: float  # share of the sharpening
    contrast: float  # of the tone curve, 0 is none
    exposure: float  # factor on linear light
    photons: float  # of full white; the fewer, the more noise
    read: float  # noise that is always there
    smear: float  # sigma of the noise, pixels: what demosaicing makes of it
    chroma: float  # colour noise, relative to that of light
    jpeg: int  # quality, or 0 for none


def drawn(rng, *, dark=False):
    """Draw a camera, at night or by day."""
    noisy = rng.random() < 0.3
    return Camera(
        lens=rng.uniform(0.3, 1.0),
        halo=float(rng.choice([0.0, rng.uniform(0.2, 0.9)])),
        contrast=rng.uniform(0.0, 0.5),
        exposure=2 ** (rng.uniform(-3.5, -2) if dark else rng.normal(0, 0.3)),
        photons=float(np.exp(rng.uniform(*((5.0, 6.5) if dark else (6.5, 10))))),
        read=rng.uniform(0.004, 0.012) if dark else rng.uniform(0.0, 0.003),
        smear=rng.uniform(0.4, 1.0) if noisy or dark else rng.uniform(0.3, 0.6),
        chroma=rng.uniform(0.5, 1.5) if dark else rng.uniform(0.1, 0.6),
        jpeg=int(rng.integers(75, 96)) if rng.random() < 0.5 else 0,
    )


def seen(camera, scene):
    """Return what the lens and the tone curve make of a scene; no noise yet."""
    light = np.clip(scene, 0, 1) ** 2.2 * camera.exposure
    # A shoulder, not a cut: highlights go to white slowly.
    light = light * (1 + light / 4) / (1 + light)
    light = light / (1.25 / 2)
    shown = np.clip(blurred(light, camera.lens), 0, 1) ** (1 / 2.2)
    curve = shown * shown * (3 - 2 * shown)
    shown = shown + camera.contrast * (curve - shown)
    if camera.halo:
        shown = shown + camera.halo * (shown - blurred(shown, 1.2))
    return np.clip(shown, 0, 1).astype(np.float32)


def taken(camera, shown, noise_seed):
    """Return the 8-bit photograph: noise of the sensor and perhaps JPEG."""
    rng = np.random.default_rng(noise_seed)
    h, w = shown.shape[:2]
    light = np.clip(shown, 0.004, 1) ** 2.2
    deviation = np.sqrt(light / camera.photons + camera.read**2)
    # Noise is of the linear light; the tone curve spreads it in the dark.
    slope = np.minimum((1 / 2.2) * light ** (1 / 2.2 - 1), 6)
    grain = rng.standard_normal((h, w, 1), dtype=np.float32)
    tint = rng.standard_normal((h, w, 3), dtype=np.float32)
    tint = blurred(tint, camera.smear * 1.6)
    tint = (tint - luma(tint)[..., None]) / (tint.std() + 1e-9)
    grain = blurred(grain, camera.smear)
    noise = grain / (grain.std() + 1e-9) + camera.chroma * tint
    picture = as_bytes(shown + np.minimum(deviation * slope, 0.08) * noise)
    return through_jpeg(picture, camera.jpeg) if camera.jpeg else picture


def through_jpeg(picture, quality):
    """Return what is left of an 8-bit picture after JPEG with halved colours."""
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "JPEG", quality=quality, subsampling=2)
    return np.asarray(Image.open(file).convert("RGB"))
