"""What every comparison view has in common: its pictures, and how one looks."""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Iterator, Sequence
from itertools import combinations, count
from pathlib import Path
from typing import Any

import ipywidgets
import traitlets

from kontext_nb.errors import ParameterRejected
from kontext_nb.model import echo
from kontext_nb.widgets import page
from kontext_nb.widgets.aside import Aside
from kontext_nb.widgets.mapping import known, mapped
from kontext_nb.widgets.shots import Shot
from kontext_nb.widgets.view import Still

MODES = ("side", "slider", "blink", "onion", "difference", "change")
FEWEST, MOST = 2, 4
MAX_ZOOM = 32.0  # beyond, a pixel is a tile

_keys = count(1)


class Comparison(Still, ipywidgets.DOMWidget):
    """The traits of a comparison, which Python may set and observe at any time.

    The modes other than "side" show two pictures, one over the other: the `pair`.

    Attributes:
        pictures: What `show` was given, as it travels: dicts of key, label, size, alt,
            preview, width and height.
        previous: One more, which the key "p" puts in the place of the right picture;
            empty if there is none.
        swapped: Whether it stands there now.
        footer: Stands below, for example "demo engine".
        mode: One of `MODES`.
        pair: Which two are compared, by their places from 0: left, then right.
        position: 0 to 1: of the slider's handle, or how much of the right picture
            shines through in "onion".
        gain: 1 to 16: how far differences are amplified.
        maps: What changed between two of them, as `kontext_nb.widgets.mapping.Mapped`
            by both their keys ("3-4"): at once what the store knows, and what is to be
            measured when "change" is first chosen.
        zoom: Screen pixels for a pixel of the first picture, 1 to 1 is 1.0; 0 shows it
            whole.
        center: The point in the middle of the view, as parts of width and height.
        fit: Where shapes differ, "fit" shows the others whole, and "fill" cuts them.
        blinking: Whether "blink" goes by itself; never where motion is unwanted.
    """

    pictures = traitlets.List(traitlets.Dict())
    previous = traitlets.Dict()
    swapped = traitlets.Bool()
    footer = traitlets.Unicode()
    mode = traitlets.Enum(MODES, "side")
    pair = traitlets.List(traitlets.Int(), [0, 1])
    position = traitlets.Float(0.5)
    gain = traitlets.Float(4.0)
    maps = traitlets.Dict()
    zoom = traitlets.Float(0.0)
    center = traitlets.List(traitlets.Float(), [0.5, 0.5])
    fit = traitlets.Enum(("fit", "fill"), "fit")
    blinking = traitlets.Bool()

    def __init__(self, *args: Any, **traits: Any) -> None:
        self._shots: dict[str, Shot] = {}  # by key; replaced as a whole
        self._measuring = Aside(latest_only=True)
        self._mapping = threading.RLock()  # what is told may show others
        super().__init__(*args, **traits)
        chosen = ["mode", "pair", "pictures", "swapped"]
        self.observe(lambda _: self._measure_soon(), chosen)
        self._measure_soon()

    def show(
        self, shots: Sequence[Shot], *, previous: Shot | None = None, footer: str = ""
    ) -> None:
        """Show other pictures; mode and zoom stay as they are.

        Args:
            shots: Two to four; one without a preview says that there is no picture
                yet.
            previous: What the key "p" puts in the place of the right one.
            footer: Stands below.

        Raises:
            ParameterRejected: They are too few or too many.
        """
        if not FEWEST <= len(shots) <= MOST:
            raise ParameterRejected(
                f"A comparison has {FEWEST} to {MOST} pictures, not {len(shots)}.",
                "Show more of them with sweep(), as a grid.",
            )
        named = [(str(next(_keys)), shot) for shot in (*shots, previous) if shot]
        told = [_told(key, shot) for key, shot in named]
        with self._mapping, self.hold_sync(), self.hold_trait_notifications():
            self._shots = dict(named)
            self.maps = {
                f"{one}-{other}": dict(line)
                for (one, before), (other, after) in combinations(named, FEWEST)
                if (line := known(before, after))
            }
            self.swapped = False
            self.previous = told.pop() if previous else {}
            self.pictures = told
            self.pair = self.pair if max(self.pair) < len(told) else [0, 1]
            self.footer = footer

    def full(self, key: str) -> bytes:
        """Return a shown picture in full, encoded; empty if it is shown no more."""
        shot = self._shots.get(key)
        return shot.full() if shot else b""

    def settled(self, limit_s: float) -> bool:
        """Wait until nothing is being measured; False if that takes longer."""
        return self._measuring.settled(limit_s)

    def measure(self) -> None:
        """Find out what changed between the two that are compared; return at once."""
        self._measuring.do(lambda: self._measure(*self._chosen()))

    def _measure_soon(self) -> None:
        if self.mode == "change":
            self.measure()

    def _chosen(self) -> tuple[str, ...]:
        """Return the keys of the two that are compared, the older one's first."""
        places = [place for place in self.pair if place < len(self.pictures)]
        if self.swapped and self.previous and len(places) == FEWEST:
            return self.pictures[places[0]]["key"], self.previous["key"]
        return tuple(self.pictures[place]["key"] for place in sorted(places))

    def _measure(self, *two: str) -> None:
        """Find out what changed between two pictures, unless that is known."""
        shots = [self._shots[key] for key in two if key in self._shots]
        key = "-".join(two)
        if len(shots) != FEWEST or "overlay" in self.maps.get(key, {}):
            return
        found = mapped(*shots)
        with self._mapping:
            if set(two) <= set(self._shots):
                self.maps = {**self.maps, key: dict(found)}

    def _pairs(self) -> Iterator[tuple[str, str]]:
        """Go through all the pairs that a view of these pictures can ask for."""
        keys = [picture["key"] for picture in self.pictures]
        yield from combinations(keys, FEWEST)
        if self.previous:
            yield from ((key, self.previous["key"]) for key in keys)

    def to_html(self, path: str | os.PathLike[str]) -> Path:
        """Write one offline .html file that compares as the view does; return its path.

        It holds the full pictures and what changed from each to each, and works by
        itself in any browser.

        Raises:
            ParameterRejected: Another suffix, or no such folder.
            NotSaved: Nothing can be written there.
        """
        for two in self._pairs():
            self._measure(*two)
        state = {name: getattr(self, name) for name in Comparison.class_own_traits()}
        shown = [*self.pictures, self.previous] if self.previous else self.pictures
        full = {picture["key"]: self.full(picture["key"]) for picture in shown}
        still = self.static() if self.static is not None else {}
        return page.write(path, state, full, still.get("text/html", ""))

    @traitlets.validate("position", "gain", "zoom", "center")
    def _within(self, proposal: Any) -> Any:
        """Bring a number to where it makes sense, as the view does by itself."""
        low, high = {"gain": (1, 16), "zoom": (0, MAX_ZOOM)}.get(
            proposal.trait.name, (0, 1)
        )
        value = proposal.value
        if isinstance(value, list):
            here = [_between(low, part, high) for part in value]
            return here if len(here) == len(("x", "y")) else [0.5, 0.5]
        return _between(low, value, high)

    @traitlets.validate("pair")
    def _two(self, proposal: Any) -> Any:
        two = proposal.value
        if len(set(two)) == len(two) == FEWEST and set(two) <= set(range(MOST)):
            return two
        raise ParameterRejected(
            f"{echo(two)} are no two pictures.",
            "Give their two places, counted from 0, such as [0, 2].",
        )

    def __repr__(self) -> str:
        """Name the pictures, without their bytes."""
        labels = ", ".join(repr(one["label"]) for one in self.pictures)
        return f"{type(self).__name__}({labels})"


def _between(low: float, value: float, high: float) -> float:
    return float(min(max(value, low), high) if math.isfinite(value) else low)


def _told(key: str, shot: Shot) -> dict[str, Any]:
    """Return a shot as it travels; the full picture stays until it is asked for."""
    return {
        "key": key,
        "label": shot.label,
        "size": shot.size,
        "alt": shot.alt or shot.label,
        "preview": shot.preview,
        "width": shot.width,
        "height": shot.height,
    }
