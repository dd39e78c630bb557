"""What the controls offer: at once what is known, and soon what the service says."""

from __future__ import annotations

from dataclasses import replace

from kontext_nb.errors import KontextError
from kontext_nb.session import settings
from kontext_nb.session.desk import Desk
from kontext_nb.session.engines import is_free
from kontext_nb.session.offers import editors, offer, paid_edits_left
from kontext_nb.session.settings import Settings
from kontext_nb.widgets.aside import Aside
from kontext_nb.widgets.controls import Controls
from kontext_nb.widgets.seen import Outdated, Seen


class Supply:
    """Fills the controls with models, and with what the chosen one offers.

    Args:
        controls: What is filled.
    """

    def __init__(self, controls: Controls) -> None:
        self._controls = controls
        self._aside = Aside(latest_only=True)
        self._error: KontextError | None = None

    def refresh(self) -> None:
        """Show what is known now, then what the service says; return soon."""
        self._controls.list_models(editors(settings.current(), ask=False))
        self._fill(ask=False)
        self._aside.do(lambda: self._fill(ask=True))

    def refresh_soon(self) -> None:
        """Do the same, and return at once."""
        self._aside.do(self._fill_twice)

    def check(self, seen: Seen, now: Settings) -> None:
        """Refuse a press if the seen cost is not that of the seen model.

        Then the right one is shown soon.

        Args:
            seen: Where one sees them.
            now: The settings that are to count.

        Raises:
            KontextError: What it costs could not be found out.
            Outdated: It is that of another model, or was free until another cell
                chose another engine.
        """
        self._controls.check_cost(seen)
        if not self._controls.shows(seen, free=is_free(now)):
            error = self._error  # before it is tried once more
            self.refresh_soon()
            raise error or Outdated

    def settled(self, limit_s: float) -> bool:
        """Wait until the service was asked; False if that takes longer."""
        return self._aside.settled(limit_s)

    def _fill_twice(self) -> None:
        self._fill(ask=False)
        self._fill(ask=True)

    def _fill(self, *, ask: bool) -> None:
        try:
            self._refill(ask=ask)
        except KontextError as error:
            self._error = error
            raise
        self._error = None

    def _refill(self, *, ask: bool) -> None:
        now = settings.current()
        if ask:
            self._controls.list_models(editors(now, ask=True))
        chosen = replace(now, model=self._controls.model.value)
        known = offer(chosen, ask=ask)
        left = paid_edits_left(Desk(chosen), known)
        self._controls.offer(known, left=left)
