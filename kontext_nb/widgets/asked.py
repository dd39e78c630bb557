"""Edits that were asked for together: what was meant, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass, field

from kontext_nb.errors import EditCancelled
from kontext_nb.lifecycle import State
from kontext_nb.session.edits import Chain, Edit
from kontext_nb.widgets.running import Outcome


@dataclass(slots=True, kw_only=True)
class Asked:
    """Edits that were asked for together.

    Args:
        chain: What they belong to.
        place: The place in the strip where one was then.
        prompt: The instruction; None where there was none.
        decided: The job that one decided about; "" for none.
        picks: Which of what was left open it goes on with.
        came: What each edit came to, so far.
        before: What was said before, and stands if there is nothing to say.
        doing: What was last told of how far it is.
        unshown: An edit that came and is not shown yet.
    """

    chain: Chain
    place: str
    prompt: str | None = None
    decided: str = ""
    picks: frozenset[State] = frozenset()
    came: list[Outcome] = field(default_factory=list)
    before: str = ""
    doing: str = ""
    unshown: Edit | None = None

    @property
    def edits(self) -> list[Edit]:
        """The edits that were made."""
        return [one for one in self.came if isinstance(one, Edit)]

    @property
    def errors(self) -> list[Exception]:
        """What ended the others, a cancel among them."""
        return [one for one in self.came if isinstance(one, Exception)]

    def failed_of(self, job: str) -> bool:
        """Tell whether one of these edits was that job, which came to an error."""
        return job in [getattr(error, "job", None) for error in self.errors]

    @property
    def sentences(self) -> list[str]:
        """What came of all of it; of what ended edits, only the first cancel."""
        made, all_of_them = len(self.edits), len(self.came)
        count = "Done." if all_of_them == 1 else f"{made} of {all_of_them} done."
        notices = dict.fromkeys(said for edit in self.edits for said in edit.notices)
        stops = [str(one) for one in self.errors if isinstance(one, EditCancelled)]
        return [*([count] if made else []), *notices, *stops[:1]]
