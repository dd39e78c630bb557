"""The demo engine's picture side: do to the pixels what an instruction asks.

It simulates the model's habits too: the 17 output sizes it stretches every picture to,
a slight drift of tone, and the softness that each pass adds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kontext_nb import sizes
from kontext_nb.demo.grammar import (
    Add,
    Instruction,
    Look,
    Operation,
    Recolour,
    ReplaceText,
    Tone,
)
from kontext_nb.demo.keeping import Kept, kept_things, put_back
from kontext_nb.demo.refusals import DemoRefusal, quoted, readable

if TYPE_CHECKING:
    import numpy as np
    from PIL.Image import Image

_VISIBLE = 5  # levels of 255: a smaller change is not seen ...
_SEEN_SHARE = 3e-4  # ... nor is one on a smaller share of the picture


class NothingToChange(DemoRefusal):
    """The edit would leave the picture as it is."""

    def __init__(self, operation: Operation) -> None:
        """Say which edit it is."""
        super().__init__(
            f"There is nothing to change in this picture: {_said(operation)}.",
            "Name a colour or a thing that is in it, or ask for another change.",
        )


def apply(
    image: Image, instruction: Instruction, seed: int, aspect_ratio: str | None = None
) -> Image:
    """Return the edited picture.

    Args:
        image: RGB, any size.
        instruction: From `grammar.parse`.
        seed: Changes placement and tone a little, and nothing else; the same seed
            gives the same bytes.
        aspect_ratio: "W:H" of the result; None follows the picture.

    Returns:
        RGB, one of `sizes.SIZES`.

    Raises:
        NothingToChange: An operation would not change anything that can be seen.
        DemoRefusal: Another reason why an operation cannot be done on this picture.
    """
    import numpy as np
    from PIL import Image as Pillow

    ratio = aspect_ratio.split(":") if aspect_ratio else image.size
    size = sizes.nearest(int(ratio[0]), int(ratio[1]))
    # Stretched, not cropped: this is what the model's own code does.
    out = image.resize(size, Pillow.Resampling.BICUBIC, reducing_gap=2.0)
    rng = np.random.default_rng(seed)
    whole = [o for o in instruction.operations if isinstance(o, Tone | Look)]
    kept = kept_things(instruction.keep, whole)
    # What is found by its colour comes first: after nightfall there is none to go by.
    for operation in instruction.operations:
        if not isinstance(operation, Tone | Look):
            out = _changed(out, operation, rng)
    original = out
    for operation in sorted(whole, key=_is_look):
        out = _changed(out, operation, rng)
    if kept:
        out = _put_back(original, out, kept)
    return _worn(out, rng)


def _is_look(operation: Operation) -> bool:
    """Say whether an operation changes the look of everything."""
    return isinstance(operation, Look)


def _changed(image: Image, operation: Operation, rng: np.random.Generator) -> Image:
    """Return the picture after one operation, which has to be visible."""
    after = _applied(image, operation, rng)
    if not _visibly_different(image, after):
        raise NothingToChange(operation)
    return after


def _put_back(original: Image, after: Image, kept: tuple[Kept, ...]) -> Image:
    """Return the picture with the kept things as they were."""
    import numpy as np
    from PIL import Image as Pillow

    from kontext_nb.demo.regions import to_bytes

    before, now = (
        np.asarray(i, np.float32) / np.float32(255) for i in (original, after)
    )
    out = Pillow.fromarray(to_bytes(put_back(before, now, kept)))
    if not _visibly_different(original, out):
        raise DemoRefusal(
            "What is to be kept is the whole picture.",
            "Leave the keep clause out, or name a smaller part by its colour.",
        )
    return out


def _applied(image: Image, operation: Operation, rng: np.random.Generator) -> Image:
    """Return the picture after one operation."""
    import numpy as np
    from PIL import Image as Pillow

    from kontext_nb.demo import drawing, recolour, relettering, tone
    from kontext_nb.demo.regions import to_bytes

    if isinstance(operation, ReplaceText):
        return relettering.relettered(image, operation)
    if isinstance(operation, Add):
        return drawing.added(image, operation, rng)
    pixels = np.asarray(image, np.float32) / np.float32(255)
    if isinstance(operation, Recolour):
        pixels = recolour.recoloured(pixels, operation)
    elif isinstance(operation, Look):
        pixels = tone.look(pixels, operation, rng)
    else:
        pixels = tone.toned(pixels, operation)
    return Pillow.fromarray(to_bytes(pixels))


def _visibly_different(before: Image, after: Image) -> bool:
    """Say whether enough pixels differ by enough to be seen."""
    from PIL import ImageChops

    red, green, blue = ImageChops.difference(before, after).split()
    largest = ImageChops.lighter(ImageChops.lighter(red, green), blue)
    seen = sum(largest.histogram()[_VISIBLE:])
    return seen > _SEEN_SHARE * before.width * before.height


def _worn(image: Image, rng: np.random.Generator) -> Image:
    """Add what every pass of the model adds: a drift of tone, a loss of sharpness."""
    from PIL import Image as Pillow

    gains = rng.uniform(-0.006, 0.006, 3) + rng.uniform(-0.004, 0.004)
    lifts = rng.uniform(-0.8, 0.8, 3)
    curve = [
        min(255, max(0, round(level * (1 + gain) + lift)))
        for gain, lift in zip(gains, lifts, strict=True)
        for level in range(256)
    ]
    x, y = rng.uniform(0.05, 0.2, 2) * rng.choice([-1, 1], 2)
    shift = (1, 0, float(x), 0, 1, float(y))
    moved = image.transform(
        image.size, Pillow.Transform.AFFINE, shift, Pillow.Resampling.BILINEAR
    )
    # The transform leaves a line of black where it looks past the edge.
    box = (1, 1, image.width - 1, image.height - 1)
    out = image.copy()
    out.paste(moved.crop(box), box[:2])
    return out.point(curve)


def _said(operation: Operation) -> str:
    """Say in words why an operation found nothing to do."""
    match operation:
        case Recolour():
            named = operation.source.name if operation.source else ""
            thing = readable(f"{named} {operation.subject}".strip())
            why = f"no {thing} is found to turn {operation.target.name}"
        case ReplaceText():
            why = f"the text would stay {quoted(operation.new)}"
        case Look():
            why = f"the look {operation.name!r} would leave it as it is"
        case Tone():
            why = f"its {operation.axis} is at the end of the scale"
        case Add():
            why = f"{readable(operation.thing)} would not be seen"
    return why
