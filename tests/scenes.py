"""Pictures, their edits and what a service makes of both, with the truth known.

All is drawn from the seed and the number of the case, so a case is always the same.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count as numbers
from itertools import islice
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image, ImageOps

from tests import scene_camera, scene_refusals, simulated_services
from tests.scene_edits import EDITS, letter
from tests.scene_fields import as_bytes, filled, unlike
from tests.scene_pictures import FAMILIES
from tests.simulated_services import Geometry

Kind = Literal["distortion", "edit", "letter", "refuse", "chain"]
KINDS = ("distortion", "edit", "letter", "refuse", "chain")

RATIOS = ((4, 3), (16, 9), (3, 2), (1, 1), (3, 4), (9, 16), (2, 3), (4, 5))
SEEN = 3.0  # CIE76: what differs by less has not been changed
HOLE = 2e-4  # share of the picture: a smaller hole in a change is closed
LEAST, MOST = 0.005, 0.4  # share of the picture that an edit changes
READ = 25.0  # CIE76: a letter of this contrast is read easily
DARK = 0.12  # share of the scenes that are taken at night
STEPS = 20  # of a chain


@dataclass(frozen=True, slots=True)
class Case:
    """A picture, what came back for it, and what is true of the two.

    Pixel centres are at i + 0.5. Where no honest registration exists all is changed,
    and scale and shift are only those of the frame.
    """

    name: str  # "texture/edit/service"
    before: np.ndarray  # (h, w, 3) uint8 sRGB
    after: np.ndarray  # (h2, w2, 3) uint8
    truth: np.ndarray  # (h, w) bool: pixels that the edit changed
    scale: tuple[float, float]
    shift: tuple[float, float]  # x_after = scale * x_before + shift
    refuse: bool


def cases(
    seed: int,
    *,
    kind: Kind,
    count: int,
    megapixels: float = 1.0,
    first: int = 0,
    photographs: Sequence[Path] = (),
) -> Iterator[Case]:
    """Yield cases with known truth.

    Args:
        seed: Draws them all.
        kind: Of nothing but the service's distortion, of an edit, of a single letter,
            of what must be refused, or of chains: 20 cases each, of which the n-th is
            the first picture and what n services and edits made of it.
        count: How many.
        megapixels: Of the picture before; what comes back has about one.
        first: The number of the first one; of a chain's beginning, if of a chain.
        photographs: Files to take the pictures from, in place of computed scenes.
    """
    studio = Studio(megapixels, tuple(photographs))
    for n in range(first, first + count, STEPS if kind == "chain" else 1):
        rng = np.random.default_rng([seed, KINDS.index(kind), n])
        if kind == "chain":
            yield from islice(_chain(rng, studio), first + count - n)
        elif kind == "distortion":
            yield _unchanged(rng, studio)
        elif kind == "refuse":
            yield _refused(rng, studio)
        else:
            yield _edited(rng, studio, only=letter if kind == "letter" else None)


@dataclass(frozen=True, slots=True)
class Studio:
    """Where pictures come from."""

    megapixels: float
    photographs: tuple[Path, ...]

    def scene(self, rng):
        """Draw a picture; return its name, the clean picture and who takes it."""
        if self.photographs:
            path = self.photographs[int(rng.integers(len(self.photographs)))]
            return path.stem, self.opened(path), None
        ratio = RATIOS[int(rng.integers(len(RATIOS)))]
        unit = np.sqrt(self.megapixels * 1e6 / (ratio[0] * ratio[1]))
        w, h = round(ratio[0] * unit), round(ratio[1] * unit)
        family = str(rng.choice(list(FAMILIES)))
        dark = rng.random() < DARK
        camera = scene_camera.drawn(rng, dark=dark)
        name = f"{family}-dark" if dark else family
        return name, FAMILIES[family](rng, w, h).astype(np.float32), camera

    def opened(self, path):
        """Return a photograph, no larger than wanted."""
        with Image.open(path) as image:
            picture = ImageOps.exif_transpose(image).convert("RGB")
        shrink = np.sqrt(self.megapixels * 1e6 / (picture.width * picture.height))
        if shrink < 1:
            size = round(picture.width * shrink), round(picture.height * shrink)
            picture = picture.resize(size, Image.Resampling.LANCZOS)
        return np.asarray(picture, np.float32) / 255


def seen(camera, picture):
    """Return what the lens makes of a scene; a photograph stays what it is."""
    return scene_camera.seen(camera, picture) if camera else picture


def taken(camera, picture, seed):
    """Return the 8-bit picture."""
    if camera is None:
        return as_bytes(picture)
    return scene_camera.taken(camera, picture, seed)


def changed(before, after):
    """Return where two clean pictures differ visibly, and by how much.

    Small holes are closed. The difference is what the most changed third exceeds.
    """
    mask, contrast = np.zeros(before.shape[:2], bool), 0.0
    rows, columns = (np.nonzero((before != after).any((2, k)))[0] for k in (1, 0))
    if len(rows):
        part = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        apart = unlike(before[part], after[part])
        mask[part] = apart > SEEN
        if mask.any():
            contrast = float(np.quantile(apart[apart > SEEN], 2 / 3))
    return filled(mask, HOLE * mask.size), contrast


def _unchanged(rng, studio):
    """Return a picture that nothing was done to but by the service."""
    name, picture, camera = studio.scene(rng)
    before = taken(camera, seen(camera, picture), int(rng.integers(2**31)))
    return _case(rng, (name, "none"), before, before, np.zeros(before.shape[:2], bool))


def _edited(rng, studio, *, only=None):
    """Return a picture with one edit whose size, or contrast, is as it should be."""
    for attempt in numbers():
        if attempt % 8 == 0:
            name, picture, camera = studio.scene(rng)
        edit = only or EDITS[str(rng.choice(list(EDITS)))]
        area = float(np.exp(rng.uniform(np.log(LEAST), np.log(MOST))))
        clean = [seen(camera, p) for p in edit(rng, picture, area)]
        truth, contrast = changed(*clean)
        # Some edits come to nothing on some pictures: a smear of a wall, for one, or
        # a letter on a motley ground.
        if contrast >= READ if only else LEAST <= truth.mean() <= MOST:
            break
    seed = int(rng.integers(2**31))
    before, after = (taken(camera, p, seed) for p in clean)
    return _case(rng, (name, edit.__name__), before, after, truth)


def _refused(rng, studio):
    """Return a picture that was made anew: nothing of it can be laid on the old one."""
    name, picture, camera = studio.scene(rng)
    clean = seen(camera, picture)
    kind = str(rng.choice(list(scene_refusals.ALL)))
    after = scene_refusals.ALL[kind](rng, clean).astype(np.float32)
    seeds = rng.integers(2**31, size=2)
    before = taken(camera, clean, int(seeds[0]))
    after = taken(camera, after, int(seeds[1]))
    truth = np.ones(before.shape[:2], bool)
    return _case(rng, (name, kind), before, after, truth, refuse=True)


def _case(rng, names, before, edited, truth, *, refuse=False):
    """Send the edited picture through a service."""
    service = simulated_services.drawn(rng, back=before.size <= 3 * 4e6)
    after, way = simulated_services.served(service, edited)
    name = "/".join((*names, service.name))
    return Case(name, before, after, truth, way.scale, way.shift, refuse)


def _chain(rng, studio):
    """Yield the first picture with each of its successive edits, of 20."""
    name, picture, camera = studio.scene(rng)
    before = taken(camera, seen(camera, picture), int(rng.integers(2**31)))
    h, w = before.shape[:2]
    way = Geometry((w, h), (1.0, 1.0), (0.0, 0.0))
    truth, now = np.zeros((h, w), bool), before
    kinds = [e for e in EDITS if e not in ("text", "background")]
    for _ in range(STEPS):
        kind = str(rng.choice(kinds))
        area = float(np.exp(rng.uniform(np.log(0.003), np.log(0.02))))
        source = now.astype(np.float32) / 255
        edited = EDITS[kind](rng, source, area)[1]
        truth |= _fetched(changed(source, edited)[0], way, w, h)
        service = simulated_services.drawn(rng, back=False, calm=True)
        now, step = simulated_services.served(service, as_bytes(edited))
        way = way.then(step)
        names = f"{name}/{kind}/{service.name}"
        yield Case(names, before, now, truth.copy(), way.scale, way.shift, refuse=False)


def _fetched(mask, way, w, h):
    """Return a mask of a later frame in the first one."""
    columns = (np.arange(w) + 0.5) * way.scale[0] + way.shift[0]
    rows = (np.arange(h) + 0.5) * way.scale[1] + way.shift[1]
    high, wide = mask.shape
    inside = np.ix_((rows >= 0) & (rows < high), (columns >= 0) & (columns < wide))
    found = mask[
        np.ix_(
            np.clip(rows.astype(int), 0, high - 1),
            np.clip(columns.astype(int), 0, wide - 1),
        )
    ]
    seen = np.zeros((h, w), bool)
    seen[inside] = found[inside]
    return seen
