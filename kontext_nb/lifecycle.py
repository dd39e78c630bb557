"""The life of a paid job, as one table.

A job is written down as INTENT before anything is sent, claimed as SENDING for the
one POST, and ends in exactly one final state. UNKNOWN is left only by an answer, or by
the user's own decision. What is not in the table cannot happen.
"""

from __future__ import annotations

from enum import StrEnum


class State(StrEnum):
    """Where a job stands."""

    INTENT = "intent"  # written down, nothing sent
    SENDING = "sending"  # the one POST may be on its way
    SUBMITTED = "submitted"  # the service gave an id
    RUNNING = "running"  # it left the queue: it can no longer be cancelled
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"  # sent, no usable answer: perhaps charged, never resent
    EXPIRED = "expired"  # given up, or the service no longer has the result


class Event(StrEnum):
    """What can happen to a job."""

    SEND = "send"
    WITHDRAW = "withdraw"  # certain that the service did not take it
    ACCEPT = "accept"
    LOSE = "lose"  # sent, and the answer is missing or unreadable
    START = "start"
    FINISH = "finish"
    FAIL = "fail"
    CANCEL = "cancel"
    EXPIRE = "expire"
    RESUBMIT = "resubmit"  # the user consents to a second sending
    REVERT = "revert"  # that one came to nothing: the first is as unknown as before
    ABANDON = "abandon"  # the user gives it up
    MISS = "miss"  # what was kept of it is gone from this disk


_S, _E = State, Event

TABLE: dict[tuple[State, Event], State] = {
    (_S.INTENT, _E.SEND): _S.SENDING,
    (_S.INTENT, _E.REVERT): _S.UNKNOWN,
    (_S.INTENT, _E.ABANDON): _S.CANCELLED,
    (_S.SENDING, _E.WITHDRAW): _S.INTENT,
    (_S.SENDING, _E.FAIL): _S.FAILED,
    (_S.SENDING, _E.ACCEPT): _S.SUBMITTED,
    (_S.SENDING, _E.LOSE): _S.UNKNOWN,
    # An answer that came late after all, or an id the user found at the service.
    (_S.UNKNOWN, _E.ACCEPT): _S.SUBMITTED,
    (_S.UNKNOWN, _E.RESUBMIT): _S.INTENT,
    (_S.UNKNOWN, _E.ABANDON): _S.EXPIRED,
    (_S.SUBMITTED, _E.START): _S.RUNNING,
    (_S.SUBMITTED, _E.FINISH): _S.DONE,
    (_S.SUBMITTED, _E.FAIL): _S.FAILED,
    (_S.SUBMITTED, _E.CANCEL): _S.CANCELLED,
    (_S.SUBMITTED, _E.EXPIRE): _S.EXPIRED,
    (_S.RUNNING, _E.FINISH): _S.DONE,
    # It was paid for: the service is asked for it once more, which is free.
    (_S.DONE, _E.MISS): _S.SUBMITTED,
    (_S.RUNNING, _E.FAIL): _S.FAILED,
    (_S.RUNNING, _E.CANCEL): _S.CANCELLED,
    (_S.RUNNING, _E.EXPIRE): _S.EXPIRED,
}

FINAL = frozenset({_S.DONE, _S.FAILED, _S.CANCELLED, _S.EXPIRED})
# Written down or on its way: waiting for it costs nothing more.
UNDER_WAY = frozenset({_S.INTENT, _S.SENDING, _S.SUBMITTED, _S.RUNNING})
OPEN = UNDER_WAY | {_S.UNKNOWN}
CAME_TO_NOTHING = frozenset({_S.FAILED, _S.CANCELLED, _S.EXPIRED})


def diagram() -> str:
    """Return the table as a Mermaid state diagram, for the documentation."""
    arrows = [f"{state} --> {to}: {event}" for (state, event), to in TABLE.items()]
    ends = [f"{state} --> [*]" for state in State if state in FINAL]
    lines = ("stateDiagram-v2", f"[*] --> {State.INTENT}", *arrows, *ends)
    return "\n    ".join(lines)


def after(state: State, event: Event) -> State:
    """Return the state that follows.

    Raises:
        ValueError: The event cannot happen in this state.
    """
    try:
        return TABLE[state, event]
    except KeyError:
        allowed = ", ".join(e for s, e in TABLE if s is state) or "nothing: it is final"
        raise ValueError(
            f"a job that is {state} cannot {event}; it allows {allowed}"
        ) from None
