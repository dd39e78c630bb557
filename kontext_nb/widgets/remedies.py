"""What can be done about an error, as the Editor's buttons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypedDict

from kontext_nb.errors import (
    BadReply,
    KontextError,
    OutcomeUnknown,
    ServiceBusy,
    StillRunning,
)
from kontext_nb.lifecycle import UNDER_WAY, State
from kontext_nb.widgets.said import Alarm, Choice


class Decision(TypedDict, total=False):
    """What the user decided about a job; see `kontext_nb.resume`."""

    request_id: str
    resubmit: bool
    abandon: bool


_UNKNOWN = (
    Choice("accepted", "It was accepted", asks="Its request id"),
    Choice("again", "Send again", title="It may be charged a second time."),
    Choice("give-up", "Give up", title="What it may have cost stays counted."),
)
_LOOK = "Look in the service's history, then choose; it is never sent again by itself."
_WAIT = (Choice("wait", "Go on waiting", title="Nothing is sent again."),)
_DECIDED: Mapping[str, Decision] = {
    "again": {"resubmit": True},
    "give-up": {"abandon": True},
    "wait": {},
}


def alarm(error: Exception) -> Alarm:
    """Return an error as it is shown: two sentences, and buttons where those help."""
    if not isinstance(error, KontextError):
        return Alarm(str(error) or type(error).__name__)
    offered = waits_for(error.state)
    if error.job and (isinstance(error, OutcomeUnknown) or offered is _UNKNOWN):
        return Alarm(error.problem, _LOOK, _UNKNOWN, error.job)
    if error.job and offered and isinstance(error, _GOES_ON):
        return Alarm(error.problem, "Nothing is sent again.", _WAIT, error.job)
    return Alarm(error.problem, error.remedy)


_GOES_ON = (StillRunning, BadReply, ServiceBusy)


def waits_for(state: str | None) -> Sequence[Choice]:
    """Return what can be decided about a job in this state; None is in none."""
    if state is State.UNKNOWN:
        return _UNKNOWN
    return _WAIT if state in UNDER_WAY - {State.INTENT} else ()


def decision(key: str, typed: str) -> Decision:
    """Return what a button of an alarm decides.

    Args:
        key: The button's.
        typed: What stood in the field beside it.
    """
    if key == "accepted":
        return {"request_id": typed}
    return _DECIDED[key]
