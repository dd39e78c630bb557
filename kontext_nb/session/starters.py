"""What to begin with: the sample pictures, and words that work on them."""

from __future__ import annotations

from collections.abc import Mapping

from kontext_nb import pixels
from kontext_nb.demo import samples
from kontext_nb.demo.refusals import ABILITIES
from kontext_nb.pixels import Picture

NAMES: tuple[str, ...] = samples.NAMES
"""The samples there are."""

_ANY = "Make it sunset"
_EXAMPLES: Mapping[str, str] = {
    "bottle": "Replace 'ALPHA' with 'AURA' on the label",
    "portrait": "Make the picture black and white",
    "street": "Change the red car to dark blue",
    "room": "Change the blue wall to light green",
}


def sample(name: str) -> Picture:
    """Return a sample, painted; it takes a fraction of a second.

    Args:
        name: One of `NAMES`.
    """
    return pixels.load(getattr(samples, name)())


def example(name: str) -> str:
    """Return an instruction that works on a picture; ``name`` is what it is called."""
    return _EXAMPLES.get(name, _ANY)


def abilities() -> str:
    """Say what the demo engine can do, in one sentence."""
    kinds = [ability.partition(":")[0] for ability in ABILITIES]
    return f"The demo engine can do {', '.join(kinds[:-1])} and {kinds[-1]}."
