"""From Run to a result: how it goes, what came of it, what is to be decided.

Nothing here waits on the thread that calls: what takes time goes on in `Running`.
"""

from __future__ import annotations

import textwrap
import threading
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial

from kontext_nb.chain import Step
from kontext_nb.engine.bridge import Task
from kontext_nb.errors import EditCancelled, KontextError, StoreError
from kontext_nb.lifecycle import State
from kontext_nb.session.edits import Chain, Edit, Ended, Report
from kontext_nb.session.reopening import reopened
from kontext_nb.widgets.aside import Aside
from kontext_nb.widgets.asked import Asked
from kontext_nb.widgets.pressing import Meant, Pressing
from kontext_nb.widgets.prompt import Asking, Wish
from kontext_nb.widgets.remedies import Decision, alarm, decision, waits_for
from kontext_nb.widgets.running import Begin, Outcome, Running, Stand
from kontext_nb.widgets.said import Alarm, Saying
from kontext_nb.widgets.seen import Outdated, Seen
from kontext_nb.widgets.showing import Showing

_ALL = frozenset(State)
_UNKNOWN = frozenset({State.UNKNOWN})


class Work:
    """Makes edits of one chain after the other.

    Args:
        prompt: Where the instruction is typed.
        pressing: Knows what is asked for.
        status: Says how it goes.
        showing: Shows the chain.
        made: Is called after each run, on a thread that may take its time: the next
            one need not wait for it.
    """

    def __init__(
        self,
        prompt: Asking,
        pressing: Pressing,
        *,
        status: Saying,
        showing: Showing,
        made: Callable[[], object],
    ) -> None:
        self._prompt, self._pressing = prompt, pressing
        self._status, self._showing, self._made = status, showing, made
        self._afterwards = Aside(latest_only=True)
        self._chain: Chain | None = None
        self._last: Asked | None = None  # what runs, or ran last
        self._undecided: Alarm | None = None  # shown, and still to be decided
        self._decided: deque[Meant] = deque()  # while something else ran
        self._left: frozenset[State] = frozenset()  # of jobs to be looked at then
        self._lock = threading.Lock()
        self._running = Running(
            tell=self._tell, arrived=self._arrived, over=self._over, free=self._free
        )
        prompt.on_wish(self._heed)
        status.on_choice(self._decide)

    def open(self, chain: Chain) -> None:
        """Work on another chain; go on with what was left open in it."""
        self._chain, self._prompt.chain = chain, chain.id
        self._warn(None)
        if not self._running.busy:
            self._status.say("")
        self._resume(_ALL)

    def run(self) -> None:
        """Start the edit that the instruction describes, from the selected step."""
        self._run(self._pressing.from_code)

    def cancel(self) -> None:
        """Ask the running edit to stop; what became of it is said when it is known."""
        with self._lock:
            taken_back = bool(self._decided)
            self._decided.clear()
        if taken_back:
            self._warn(self._undecided)  # to be decided anew
        if self._running.cancel():
            self._status.say("Cancelling…")

    def settled(self, limit_s: float) -> bool:
        """Wait until nothing runs and `made` is over; False if that takes longer."""
        return self._running.settled(limit_s) and self._afterwards.settled(limit_s)

    def _heed(self, wish: Wish, seen: Seen) -> None:
        if wish == "cancel":
            self.cancel()
        elif not self._running.busy:
            self._run(partial(self._pressing.pressed, seen))

    def _run(self, ask: Callable[[], Meant]) -> None:
        try:
            meant = ask()
        except Outdated:
            self._prompt.show_again()
            self._status.say("This has just changed: look once more, then press Run.")
        except KontextError as error:
            self._status.complain(alarm(error))
        else:
            self._start(meant, said="Starting…")

    def _start(self, meant: Meant, *, said: str = "") -> None:
        """Start it; of what comes while something runs, a press is late."""
        asked, begins = meant
        with self._lock:
            if self._running.busy:
                if asked.decided:
                    self._decided.append(meant)
                self._left |= asked.picks
                return
            self._last = asked  # before it starts: it may be over at once
            self._prompt.busy = True
            if not self._undecided:
                self._status.warn(None)
            if said:
                self._status.say(said)
            self._running.start(self._pressing.maker, begins)

    def _warn(self, told: Alarm | None) -> None:
        self._undecided = told if told and told.choices else None
        self._status.warn(told)

    @property
    def _now(self) -> Asked:
        """What runs."""
        assert self._last is not None  # noqa: S101 - for the type checker
        return self._last

    def _is_shown(self, asked: Asked) -> bool:
        return self._chain is not None and self._chain.id == asked.chain.id

    def _tell(self, stand: Stand) -> None:
        asked = self._now
        if asked.doing != stand.said:
            asked.doing = stand.said
            self._showing.refresh()  # it may have a place by now
        self._status.say(stand.said, stand.ticking, stand.share)

    def _arrived(self, outcome: Outcome) -> None:
        asked = self._now
        asked.came.append(outcome)
        if isinstance(outcome, Edit):
            asked.unshown = outcome
            self._show(asked)

    def _show(self, asked: Asked) -> None:
        """Read the chain again; go to what came, unless one looks elsewhere."""
        edit, here = asked.unshown, self._showing.place == asked.place
        select = edit.step.id if edit and here and self._is_shown(asked) else None
        self._showing.refresh(select=select)
        asked.unshown = None

    def _over(self) -> None:
        """Say what came of all of it."""
        asked = self._now
        wrong = [one for one in asked.errors if not isinstance(one, EditCancelled)]
        if asked.unshown or len(asked.edits) < len(asked.came):
            try:
                self._show(asked)  # what was shown as running is so no more
            except StoreError as error:
                wrong.append(error)
        said = asked.sentences
        if asked.edits and not asked.errors and self._next_pass(asked):
            said.append("The next part of the instruction is in the box.")
        said += self._blame(asked, wrong)
        if not asked.picks and not wrong:
            with self._lock:  # there may be another one to decide about
                self._left |= _ALL if asked.decided and not asked.errors else _UNKNOWN
        self._status.say(" ".join(said) or asked.before)
        self._afterwards.do(self._made)

    def _next_pass(self, asked: Asked) -> bool:
        """Put the next part of the instruction where the one that was made still is."""
        same = self._is_shown(asked) and self._prompt.value == asked.prompt
        return same and self._prompt.next_pass()

    def _blame(self, asked: Asked, wrong: Sequence[Exception]) -> list[str]:
        """Show what went wrong, if anything did; return what there is no place for."""
        alarms = [_naming(asked.chain, alarm(error)) for error in wrong]
        if not self._is_shown(asked):  # its own chain asks, when that is shown
            alarms = [replace(one, choices=(), job="") for one in alarms]
        told = next((one for one in alarms if one.choices), next(iter(alarms), None))
        before = self._still_undecided()
        if before is None or (told and told.choices):
            self._warn(told)
        elif asked.decided == before.job:  # decide again, or otherwise
            told = told or before
            self._warn(replace(told, choices=before.choices, job=before.job))
        elif told:
            return [told.text]
        return []

    def _still_undecided(self) -> Alarm | None:
        """Return the alarm that waits for a decision, unless there is none to make."""
        told = self._undecided
        if told is None or self._chain is None:
            return None
        with suppress(StoreError):  # else it stays, for nobody knows
            states = {one.job.id: one.job.state for one in self._chain.open_steps}
            state = states.get(told.job)
            if waits_for(state) != told.choices:
                return None
        return told

    def _free(self) -> None:
        """Let the next run begin."""
        with self._lock:  # it may have begun already
            self._prompt.busy = self._running.busy
            decided = self._decided.popleft() if self._decided else None
            if not decided:  # else it may end what is left
                left, self._left = self._left, frozenset()
        if decided:
            self._start(decided, said="Asking…")
        elif left:
            self._resume(left)

    def _resume(self, picks: frozenset[State]) -> None:
        """Go on waiting for what was sent and not yet collected.

        Args:
            picks: Of the jobs that are meant; one of unknown fate only asks.
        """
        chain = self._chain
        if chain is None:
            return
        try:
            steps = [one for one in chain.open_steps if one.job.state in picks]
        except StoreError as error:
            self._warn(alarm(error))
            return
        if not steps or (picks == _UNKNOWN and self._undecided):
            return  # one after the other is asked about
        place, before = self._showing.place, self._status.said
        asked = Asked(chain=chain, place=place, picks=picks, before=before)
        self._start((asked, [_going_on(chain, step) for step in steps]))

    def _decide(self, job: str, key: str, typed: str) -> None:
        """Do what a button of the alarm says."""
        chain, last = self._chain, self._last
        if chain is None or not job:
            return
        # Then what comes after this instruction is next.
        prompt = last.prompt if last and last.failed_of(job) else None
        asked = Asked(
            chain=chain, place=self._showing.place, prompt=prompt, decided=job
        )
        begin = _reopen(chain, job, decision(key, typed))
        self._start((asked, [begin]), said="Asking…")


def _naming(chain: Chain, told: Alarm) -> Alarm:
    """Have an alarm say which edit it is about: it stays while others are made."""
    with suppress(StoreError):
        for step in chain.open_steps if told.job else ():
            if step.job.id == told.job:
                prompt = textwrap.shorten(step.job.request.prompt, 60, placeholder="…")
                return replace(told, problem=f"“{prompt}”: {told.problem}")
    return told


def _going_on(chain: Chain, step: Step) -> Begin:
    return lambda report, ended: chain.go_on(step, report=report, ended=ended)


def _reopen(chain: Chain, job: str, decided: Decision) -> Begin:
    def begin(report: Report, ended: Ended) -> Task[Edit] | None:
        return reopened(chain, job, report=report, ended=ended, **decided)

    return begin
