"""What the controls offer: at once what is known, and soon what the service says."""

from __future__ import annotations

from dataclasses import replace

from kontext_nb.session import settings
from kontext_nb.session.desk import Desk
from kontext_nb.session.offers import editors, offer, paid_edits_left
from kontext_nb.widgets.aside import Aside
from kontext_nb.widgets.controls import Controls


class Supply:
    """Fills the controls with models, and with what the chosen one offers.

    Args:
        controls: What is filled.
    """

    def __init__(self, controls: Controls) -> None:
        self._controls = controls
        self._aside = Aside(latest_only=True)

    def refresh(self) -> None:
        """Show what is known now, then what the service says; return soon."""
        self._fill(ask=False)
        self._aside.do(lambda: self._fill(ask=True))

    def refresh_soon(self) -> None:
        """Do the same, and return at once."""
        self._aside.do(self._fill_twice)

    def settled(self, limit_s: float) -> bool:
        """Wait until the service was asked; False if that takes longer."""
        return self._aside.settled(limit_s)

    def _fill_twice(self) -> None:
        self._fill(ask=False)
        self._fill(ask=True)

    def _fill(self, *, ask: bool) -> None:
        now = settings.current()
        self._controls.list_models(editors(now, ask=ask))
        chosen = replace(now, model=self._controls.model.value)
        known = offer(chosen, ask=ask)
        left = paid_edits_left(Desk(chosen), known)
        self._controls.offer(known, left=left)
