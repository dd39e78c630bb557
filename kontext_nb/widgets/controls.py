"""The secondary choices of an edit, in one quiet row that wraps where it is narrow."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

import ipywidgets

from kontext_nb.session.offers import Offer
from kontext_nb.widgets.captions import caption
from kontext_nb.widgets.seen import Outdated, Seen, Shown
from kontext_nb.widgets.wanted import MOST_VARIANTS, Wanted, seeds

_WRAPS = {
    "flex_flow": "row wrap",
    "align_items": "center",
    "grid_gap": "4px 16px",
    "width": "100%",
}
_SEEDS = (("random", "random"), ("fixed", "fixed"), ("next", "next"))
_AS_SOURCE = "as the picture"
_NONE = ""  # ipywidgets takes None for no choice at all


class Controls(ipywidgets.HBox):
    """Model, seed, aspect ratio, number of variants, and what it should cost.

    Args:
        model: The model to begin with.
        changed: Is called when another model is chosen; it must return at once.
    """

    def __init__(self, model: str, *, changed: Callable[[str], object]) -> None:
        self._offer = Offer(model=model, maker=model)
        self._left: int | None = None
        self._lock = threading.RLock()  # a list that is filled has another choice
        self.model = _choice("Model", [(model, model)], "300px")
        self.kind = _choice("Seed", _SEEDS, "150px")
        self.number = ipywidgets.Text(
            placeholder="a whole number", layout={"width": "130px"}, tooltip="Seed"
        )
        self.ratio = _choice("Aspect ratio", [(_AS_SOURCE, _NONE)], "220px")
        self.count = _choice("Variants", [1], "110px")
        self._cost = ipywidgets.HTML()
        self._typed = Shown(self.number, ("value",))
        self._cost_shown = Shown(self._cost, (), ("value",))
        self._lists = (self.model, self.kind, self.ratio, self.count)
        parts = [self.model, self.kind, self.number, self.ratio, self.count, self._cost]
        super().__init__(parts, layout=_WRAPS)
        self.model.observe(lambda change: changed(change.new), "value")
        self.kind.observe(lambda _: self._draw(), "value")
        self.count.observe(lambda _: self._draw(), "value")
        self.offer(self._offer, left=None)

    @property
    def maker(self) -> str:
        """What would make the next edit: a model's name, or "demo engine"."""
        return self._offer.maker

    @property
    def shown(self) -> list[Shown]:
        """What one sees chosen."""
        lists = map(_of_list, self._lists)
        return [*lists, self._typed, self._cost_shown]

    @property
    def shape(self) -> Shown:
        """Where one sees the shape of the result."""
        return _of_list(self.ratio)

    def check_cost(self, seen: Seen) -> None:
        """Refuse a press if one does not see the cost of what one chose.

        Raises:
            Outdated: It is that of another model, or not of so many variants, unless
                they are free.
        """
        with self._lock:
            if self._offer.free:
                return
            seen.of(self._cost_shown)
            if not seen.is_now(_of_list(self.count)):
                raise Outdated

    def shows(self, seen: Seen, *, free: bool) -> bool:
        """Tell whether what is offered is of the model one sees, at a price or free.

        Raises:
            Outdated: The list of models is another one.
        """
        with self._lock:
            offered = (self._offer.model, self._offer.free)
            return offered == (_value(self.model, seen), free)

    @property
    def free(self) -> bool:
        """Whether the next edit costs nothing."""
        return self._offer.free

    def wanted(self, last_seed: int | None, seen: Seen) -> Wanted:
        """Return what is chosen.

        Args:
            last_seed: That of the edit before; None if there is none.
            seen: Where one sees it.

        Raises:
            Outdated: Other things are offered than one sees.
            ParameterRejected: The seed is none.
        """
        with self._lock:
            model, kind, ratio, count = (_value(one, seen) for one in self._lists)
            (typed,) = seen.of(self._typed)
            numbers: tuple[int | None, ...] = (None,) * count
            span = self._offer.seeds
            if span is not None:
                numbers = seeds(kind, typed, count=count, last=last_seed, span=span)
            return Wanted(model=model, seeds=numbers, aspect_ratio=ratio or None)

    def list_models(self, models: Sequence[tuple[str, str]]) -> None:
        """Offer these models, as names and ids, and the one that is chosen."""
        # The same models under other names are no reason to disturb who is choosing.
        with self._lock:
            kept = self.model.options[self.model.index]
            models = [*models, *([] if kept[1] in dict(models).values() else [kept])]
            ids = [model for _, model in models]
            if ids != [model for _, model in self.model.options]:
                _fill(self.model, models, ids[0])

    def offer(self, offer: Offer, *, left: int | None) -> None:
        """Show what the chosen model offers; what is chosen stays where it can.

        Args:
            offer: What is known of the model.
            left: How many edits the user's own limits allow; None for any number.
        """
        own = f"the model's own ({offer.own_ratio})" if offer.own_ratio else _AS_SOURCE
        most = MOST_VARIANTS if left is None else max(1, min(MOST_VARIANTS, left))
        with self._lock:
            if offer.model != self.model.value:
                return  # another was chosen meanwhile
            self._offer, self._left = offer, left
            _fill(self.ratio, [(own, _NONE), *((r, r) for r in offer.ratios)], _NONE)
            self.ratio.layout.display = "" if offer.ratios else "none"
            _fill(self.count, range(1, most + 1), 1)
            self._draw()

    def _draw(self) -> None:
        seeded = self._offer.seeds is not None
        self.kind.layout.display = "" if seeded else "none"
        typed = seeded and self.kind.value == "fixed"
        self.number.layout.display = "" if typed else "none"
        limit = {None: "", 0: " · your limit is reached"}.get(
            self._left, f" · your limit allows {self._left} more"
        )
        cost = f"Cost: {self._offer.cost_text(self.count.value)}{limit}"
        self._cost.value = caption("", cost)

    def __repr__(self) -> str:
        """Name the model."""
        return f"Controls({self.model.value!r})"


def _choice(label: str, options: Any, width: str) -> Any:
    return ipywidgets.Dropdown(
        description=label,
        options=options,
        style={"description_width": "initial"},
        layout={"width": width, "max_width": "100%"},
    )


def _of_list(choice: Any) -> Shown:
    return Shown(choice, ("index",), within=("_options_labels",))


def _value(choice: Any, seen: Seen) -> Any:
    """Return what one sees chosen in a list."""
    (index,) = seen.of(_of_list(choice))
    return _values(choice.options)[index]


def _values(options: Any) -> list[Any]:
    return [one[1] if isinstance(one, tuple) else one for one in options]


def _fill(choice: Any, options: Any, default: Any) -> None:
    """Give a list other options without losing what is chosen."""
    options = tuple(options)
    if tuple(choice.options) == options:
        return
    values = _values(options)
    chosen = choice.value if choice.value in values else default
    with choice.hold_sync():
        choice.options = options  # of which ipywidgets chooses the first
        choice.value = chosen
