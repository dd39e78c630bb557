"""The secondary choices of an edit, in one quiet row that wraps where it is narrow."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import ipywidgets

from kontext_nb.session.offers import Offer
from kontext_nb.widgets.captions import caption
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
        self.model = _choice("Model", [(model, model)], "300px")
        self.kind = _choice("Seed", _SEEDS, "150px")
        self.number = ipywidgets.Text(
            placeholder="a whole number", layout={"width": "130px"}, tooltip="Seed"
        )
        self.ratio = _choice("Aspect ratio", [(_AS_SOURCE, _NONE)], "220px")
        self.count = _choice("Variants", [1], "110px")
        self._cost = ipywidgets.HTML()
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
    def free(self) -> bool:
        """Whether the next edit costs nothing."""
        return self._offer.free

    def wanted(self, last_seed: int | None) -> Wanted:
        """Return what is chosen.

        Args:
            last_seed: That of the edit before; None if there is none.

        Raises:
            ParameterRejected: The seed is none.
        """
        count = self.count.value
        if self._offer.seeds is None:
            numbers: tuple[int | None, ...] = (None,) * count
        else:
            numbers = seeds(
                self.kind.value,
                self.number.value,
                count=count,
                last=last_seed,
                span=self._offer.seeds,
            )
        return Wanted(
            model=self.model.value, seeds=numbers, aspect_ratio=self.ratio.value or None
        )

    def list_models(self, models: Sequence[tuple[str, str]]) -> None:
        """Offer these models, as names and ids; the one chosen stays if it is there."""
        ids = [model for _, model in models]
        # The same models under other names are no reason to disturb who is choosing.
        if ids != [model for _, model in self.model.options]:
            _fill(self.model, models, ids[0])

    def offer(self, offer: Offer, *, left: int | None) -> None:
        """Show what the chosen model offers; what is chosen stays where it can.

        Args:
            offer: What is known of the model.
            left: How many edits the user's own limits allow; None for any number.
        """
        if offer.model != self.model.value:
            return  # another was chosen meanwhile
        self._offer, self._left = offer, left
        own = f"the model's own ({offer.own_ratio})" if offer.own_ratio else _AS_SOURCE
        _fill(self.ratio, [(own, _NONE), *((r, r) for r in offer.ratios)], _NONE)
        self.ratio.layout.display = "" if offer.ratios else "none"
        most = MOST_VARIANTS if left is None else max(1, min(MOST_VARIANTS, left))
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


def _fill(choice: Any, options: Any, default: Any) -> None:
    """Give a list other options without losing what is chosen."""
    options = tuple(options)
    if tuple(choice.options) == options:
        return
    values = [one[1] if isinstance(one, tuple) else one for one in options]
    chosen = choice.value if choice.value in values else default
    with choice.hold_trait_notifications():
        choice.options = options
        choice.value = chosen
