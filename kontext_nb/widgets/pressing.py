"""What Run means: the edits that one sees described, as values."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from kontext_nb.session import settings
from kontext_nb.session.engines import provider_of
from kontext_nb.session.settings import Settings
from kontext_nb.widgets.asked import Asked
from kontext_nb.widgets.controls import Controls
from kontext_nb.widgets.preserving import Preserving
from kontext_nb.widgets.prompt import Asking
from kontext_nb.widgets.running import Begin
from kontext_nb.widgets.seen import NOW, Outdated, Seen
from kontext_nb.widgets.showing import Showing
from kontext_nb.widgets.supply import Supply

Meant = tuple[Asked, list[Begin]]
"""What is asked for, and what begins each of its edits."""


class Pressing:
    """Reads what is asked for from where one sees it.

    Args:
        prompt: Where the instruction is typed.
        controls: Say how it shall be made.
        preserving: Says what shall be kept.
        supply: Knows what the controls offer.
        showing: Shows where it starts.
    """

    def __init__(
        self,
        prompt: Asking,
        controls: Controls,
        *,
        preserving: Preserving,
        supply: Supply,
        showing: Showing,
    ) -> None:
        self._prompt, self._controls = prompt, controls
        self._preserving, self._supply, self._showing = preserving, supply, showing

    @property
    def maker(self) -> str:
        """What would make the next edit: a model's name, or "demo engine"."""
        return self._controls.maker

    def pressed(self, seen: Seen) -> Meant:
        """Return what somebody asks for who looks at it.

        Args:
            seen: What that one saw.

        Raises:
            InputRejected: Something that is typed or configured cannot be used.
            Outdated: What it costs, or what is kept of the picture, was not seen.
        """
        now = self._settings()
        self._supply.check(seen, now)
        self._preserving.check(seen)
        return self._meant(seen, now)

    def from_code(self) -> Meant:
        """Return what the widgets say now.

        Raises:
            InputRejected: Something that is set or configured cannot be used.
            Outdated: The selected step is none of the chain.
        """
        return self._meant(NOW, self._settings())

    @staticmethod
    def _settings() -> Settings:
        """Return those in force, with who makes it: a token may come at any time."""
        now = settings.current()
        return replace(now, provider=provider_of(now))

    def _meant(self, seen: Seen, now: Settings) -> Meant:
        chain, place, parent = self._showing.start_of(seen)
        wanted = self._controls.wanted(self._showing.last_seed, seen)
        preserve = self._preserving.meant(seen)
        prompt = self._prompt.take(seen)
        if chain.id != self._prompt.chain:  # another one is being opened
            raise Outdated
        begin = partial(
            chain.begin,
            prompt,
            parent=parent,
            now=replace(now, model=wanted.model),
            aspect_ratio=wanted.aspect_ratio,
            preserve=preserve,
        )

        def variant(seed: int | None) -> Begin:
            return lambda report, ended: begin(seed=seed, report=report, ended=ended)

        asked = Asked(chain=chain, place=place, prompt=prompt)
        return asked, [variant(seed) for seed in wanted.seeds]
