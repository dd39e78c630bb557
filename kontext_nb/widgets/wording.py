"""What helps to word an instruction: hints, earlier ones, and what can be asked for."""

from __future__ import annotations

from contextlib import suppress

from kontext_nb.errors import KontextError
from kontext_nb.session.history import prompts
from kontext_nb.session.starters import abilities, example
from kontext_nb.widgets.controls import Controls
from kontext_nb.widgets.hints import hints
from kontext_nb.widgets.prompt import TIP, Asking
from kontext_nb.widgets.workplace import Place


class Wording:
    """Fills a prompt box with all that stands around the instruction itself.

    Args:
        prompt: The box.
        controls: Say for which model it is.
    """

    def __init__(self, prompt: Asking, controls: Controls) -> None:
        self._prompt, self._controls = prompt, controls
        prompt.observe(lambda _: self.hint(), "value")  # type: ignore[attr-defined]

    def open(self, place: Place) -> None:
        """Suggest what fits another picture."""
        self._prompt.placeholder = (
            f"Say what to change, for example: {example(place.name)}"
        )
        self.recall(place)

    def hint(self) -> None:
        """Say what could be worded better; it takes a millisecond or two."""
        self._prompt.findings = hints(self._prompt.value, self._controls.model.value)

    def recall(self, place: Place) -> None:
        """Read earlier instructions, and say what can be done."""
        with suppress(KontextError):  # a help; what cannot be read is said elsewhere
            self._prompt.history = prompts(place.chain.desk, place.chain.id)
        can = f"{abilities()} " if self._controls.free else ""
        self._prompt.tip = can + TIP
