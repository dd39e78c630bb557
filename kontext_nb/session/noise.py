"""How far the results of one instruction differ by their seeds alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Unpack

from kontext_nb.errors import ParameterRejected
from kontext_nb.model import checked_seed
from kontext_nb.preservation import Drift, telling
from kontext_nb.session import cell as cells
from kontext_nb.session.asking import chain_of
from kontext_nb.session.edits import Edit
from kontext_nb.session.how import How
from kontext_nb.session.keeping import measured
from kontext_nb.session.settings import by_deadline


@dataclass(frozen=True, slots=True)
class Apart:
    """Two results of one instruction.

    Args:
        seeds: What each was made with.
        drift: From the one to the other.
    """

    seeds: tuple[int, int]
    drift: Drift


@dataclass(frozen=True, slots=True)
class SeedNoise:
    """The floor that a difference must exceed before it means something.

    Whoever compares two wordings, or two models, by one picture each sees at least what
    another seed would have done as well.

    Args:
        edits: One a seed.
        pairs: Each two of them.
    """

    edits: tuple[Edit, ...]
    pairs: tuple[Apart, ...]

    @property
    def changed(self) -> float:
        """The largest share of the picture in which two of them differ, 0 to 1."""
        return max(pair.drift.changed for pair in self.pairs)

    @property
    def delta_e(self) -> float:
        """The largest mean distance of the rest, in CIELAB."""
        return max(pair.drift.delta_e for pair in self.pairs)

    @property
    def psnr_db(self) -> float:
        """The least PSNR of the rest, in dB."""
        return min(pair.drift.psnr_db for pair in self.pairs)

    def __str__(self) -> str:
        """Return a line a pair, and the floor."""
        return "\n".join(_lines(self))

    __repr__ = __str__


def _lines(noise: SeedNoise) -> Iterator[str]:
    for pair in noise.pairs:
        yield f"seeds {pair.seeds[0]} and {pair.seeds[1]}: {pair.drift}"
    changed = telling.percent(noise.changed)
    yield (
        f"A difference means something above: changed {changed}, "
        f"outside ΔE {noise.delta_e:.1f}, PSNR below {noise.psnr_db:.1f} dB"
    )


@by_deadline
def seed_noise(
    source: Any, prompt: str, seeds: Iterable[int], **how: Unpack[How]
) -> SeedNoise:
    """Make one edit with several seeds, and measure how far the results are apart.

    What the store has is taken from there, and a pair is measured once.

    Args:
        source: A picture, as `edit` takes it.
        prompt: The instruction.
        seeds: Two or more.
        **how: Further options; see `edit`.

    Raises:
        InputRejected: Something given cannot be used; nothing was sent.
        KontextError: One of them could not be made; the others are in the store.
    """
    numbers = _checked(seeds)
    if "seed" in how:
        raise ParameterRejected(
            "The seeds are given twice.", "Give all of them as seeds=, and no seed=."
        )
    cell = cells.here()
    chain = chain_of(source, cell, asks=cell)
    hows: list[How] = [{**how, "seed": seed} for seed in numbers]
    edits = []
    for made in chain.several(prompt, hows):
        if isinstance(made, Exception):
            raise made
        edits.append(made)
    pairs = tuple(
        Apart(
            (numbers[a], numbers[b]),
            measured(chain.desk, edits[a].step.raw, edits[b].step.raw),
        )
        for a, b in combinations(range(len(edits)), 2)
    )
    return SeedNoise(tuple(edits), pairs)


def _checked(seeds: Iterable[int]) -> list[int]:
    """Return the seeds.

    Raises:
        ParameterRejected: They are no seeds, or fewer than two.
    """
    try:
        numbers = [checked_seed(seed) for seed in seeds]
    except TypeError:
        numbers = []
    known = list(dict.fromkeys(seed for seed in numbers if seed is not None))
    if len(known) < 2 or len(known) < len(numbers):  # noqa: PLR2004 - a pair
        raise ParameterRejected(
            "Noise is told by two or more different seeds.",
            "Give for example [1, 2, 3].",
        )
    return known
