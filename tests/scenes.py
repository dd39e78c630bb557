"""Pictures, their edits and what a service makes of both, with the truth known.

All is drawn from the seed and the number of the case, so a case is always the same.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from tests import scene_camera, scene_refusals, simulated_services
from tests.scene_edits import EDITS, letter
from tests.scene_fields import filled, unlike
from tests.scene_pictures import FAMILIES
from tests.simulated_services import Geometry

Kind = Literal["distortion", "edit", "letter", "refuse", "chain"]
KINDS = ("distortion", "edit", "letter", "refuse", "chain")

RATIOS = ((4, 3), (16, 9), (3, 2), (1, 1), (3, 4), (9, 16), (2, 3), (4, 5))
SEEN = 3.0  # CIE76: what differs by less has not been changed
HOLE = 2e-4  # share of the picture: a smaller hole in a change is closed
LEAST, MOST = 0.005, 0.4  # share of the picture that an edit changes
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
    seed: int, *, kind: Kind, count: int, megapixels: float = 1.0
) -> Iterator[Case]:
    """Yield ``count`` cases; of a chain, as many as there are in chains of 20 steps."""
    if kind == "chain":
        for n in range(count):
            rng = np.random.default_rng([seed, KINDS.index(kind), n // STEPS])
            if n % STEPS == 0:
                chain = _chain(rng, megapixels)
            yield next(chain)
        return
    make = {"distortion": _unchanged, "refuse": _refused}.get(kind, _edited)
    for n in range(count):
        rng = np.random.default_rng([seed, KINDS.index(kind), n])
        only = letter if kind == "letter" else None
        yield make(rng, megapixels, **({"only": only} if make is _edited else {}))


def scene(rng, megapixels):
    """Draw a scene and the camera that takes it."""
    ratio = RATIOS[int(rng.integers(len(RATIOS)))]
    unit = np.sqrt(megapixels * 1e6 / (ratio[0] * ratio[1]))
    w, h = round(ratio[0] * unit), round(ratio[1] * unit)
    family = str(rng.choice(list(FAMILIES)))
    dark = rng.random() < 0.12
    camera = scene_camera.drawn(rng, dark=dark)
    name = f"{family}-dark" if dark else family
    return name, FAMILIES[family](rng, w, h).astype(np.float32), camera


def changed(before, after):
    """Return where two clean pictures differ visibly, small holes closed."""
    mask = np.zeros(before.shape[:2], bool)
    rows, columns = (np.nonzero((before != after).any((2, k)))[0] for k in (1, 0))
    if len(rows):
        part = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        mask[part] = unlike(before[part], after[part]) > SEEN
    return filled(mask, HOLE * mask.size)


def _unchanged(rng, megapixels):
    """Return a picture that nothing was done to but by the service."""
    name, picture, camera = scene(rng, megapixels)
    seed = int(rng.integers(2**31))
    before = scene_camera.taken(camera, scene_camera.seen(camera, picture), seed)
    return _case(rng, (name, "none"), before, before, np.zeros(before.shape[:2], bool))


def _edited(rng, megapixels, *, only=None):
    """Return a picture with one edit whose size is in range."""
    name, picture, camera = scene(rng, megapixels)
    seed = int(rng.integers(2**31))
    while True:
        edit = only or EDITS[str(rng.choice(list(EDITS)))]
        area = float(np.exp(rng.uniform(np.log(LEAST), np.log(MOST))))
        pair = edit(rng, picture, area)
        clean = [scene_camera.seen(camera, p) for p in pair]
        truth = changed(*clean)
        # Some edits come to nothing on some pictures: a smear of a wall, for one.
        if LEAST <= truth.mean() <= MOST or (only and truth.any()):
            break
    before, after = (scene_camera.taken(camera, p, seed) for p in clean)
    return _case(rng, (name, edit.__name__), before, after, truth)


def _refused(rng, megapixels):
    """Return a picture that was made anew: nothing of it can be laid on the old one."""
    name, picture, camera = scene(rng, megapixels)
    clean = scene_camera.seen(camera, picture)
    kind = str(rng.choice(list(scene_refusals.ALL)))
    after = scene_refusals.ALL[kind](rng, clean)
    seeds = rng.integers(2**31, size=2)
    before = scene_camera.taken(camera, clean, int(seeds[0]))
    after = scene_camera.taken(camera, after.astype(np.float32), int(seeds[1]))
    truth = np.ones(before.shape[:2], bool)
    return _case(rng, (name, kind), before, after, truth, refuse=True)


def _case(rng, names, before, edited, truth, *, refuse=False):
    """Send the edited picture through a service."""
    service = simulated_services.drawn(rng, back=before.size <= 3 * 4e6)
    after, way = simulated_services.served(service, edited)
    name = "/".join((*names, service.name))
    return Case(name, before, after, truth, way.scale, way.shift, refuse)


def _chain(rng, megapixels):
    """Yield the first picture with each of its successive edits, of 20."""
    name, picture, camera = scene(rng, megapixels)
    clean = scene_camera.seen(camera, picture)
    before = scene_camera.taken(camera, clean, int(rng.integers(2**31)))
    h, w = before.shape[:2]
    way = Geometry((w, h), (1.0, 1.0), (0.0, 0.0))
    truth, now = np.zeros((h, w), bool), before
    kinds = [e for e in EDITS if e not in ("text", "background")]
    for _ in range(STEPS):
        kind = str(rng.choice(kinds))
        area = float(np.exp(rng.uniform(np.log(0.003), np.log(0.02))))
        source = now.astype(np.float32) / 255
        edited = EDITS[kind](rng, source, area)[1]
        truth |= _fetched(changed(source, edited), way, w, h)
        service = simulated_services.drawn(rng, back=False, calm=True)
        now, step = simulated_services.served(
            service, np.rint(edited * 255).astype(np.uint8)
        )
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
