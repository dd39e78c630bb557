"""From Run to a result: what is asked for, how it goes, what came of it.

Nothing here waits on the thread that calls: what takes time goes on in `Running`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from kontext_nb.chain import Step
from kontext_nb.engine.bridge import Task
from kontext_nb.errors import EditCancelled, KontextError
from kontext_nb.session.edits import Chain, Edit, Ended, Report
from kontext_nb.session.reopening import reopened
from kontext_nb.widgets.controls import Controls
from kontext_nb.widgets.preserving import Preserving
from kontext_nb.widgets.prompt import Asking, Wish
from kontext_nb.widgets.remedies import Decision, alarm, decision
from kontext_nb.widgets.running import Begin, Outcome, Running, Stand
from kontext_nb.widgets.said import Alarm, Saying
from kontext_nb.widgets.showing import SOURCE, Showing


class Work:
    """Makes edits of one chain after the other.

    Args:
        prompt: Where the instruction is typed.
        controls: Say how it shall be made.
        preserving: Says what shall be kept.
        status: Says how it goes.
        showing: Shows the chain.
        made: Is called after each run, on a thread that may take its time.
    """

    def __init__(
        self,
        prompt: Asking,
        controls: Controls,
        *,
        preserving: Preserving,
        status: Saying,
        showing: Showing,
        made: Callable[[], object],
    ) -> None:
        self._prompt, self._controls = prompt, controls
        self._preserving = preserving
        self._status, self._showing, self._made = status, showing, made
        self._chain: Chain | None = None
        self._from = SOURCE  # the place that the run started at
        self._came: list[Outcome] = []
        self._asked = ""  # the job that the alarm is about
        self._alarm: Alarm | None = None
        self._deciding = self._decided = self._placed = False
        self._lock = threading.Lock()
        self._running = Running(
            tell=self._tell, arrived=self._arrived, over=self._over, free=self._free
        )
        prompt.on_wish(self._heed)
        status.on_choice(self._decide)

    def open(self, chain: Chain) -> None:
        """Work on another chain; go on with what was left open in it."""
        self._chain = chain
        if not self._running.busy:
            self._warn(None)
            self._status.say("")
        self._pick_up()

    def run(self) -> None:
        """Start the edit that the instruction describes, from the selected step."""
        chain = self._chain
        if chain is None:
            return
        try:
            wanted = self._controls.wanted(self._showing.last_seed)
        except KontextError as error:
            self._warn(alarm(error))
            return
        begin = partial(
            chain.begin,
            self._prompt.value,
            parent=self._showing.selected,
            aspect_ratio=wanted.aspect_ratio,
            model=wanted.model,
            preserve=self._preserving.wanted,
        )

        def variant(seed: int | None) -> Begin:
            return lambda report, ended: begin(seed=seed, report=report, ended=ended)

        if not self._running.busy:
            self._warn(None)
        self._start([variant(seed) for seed in wanted.seeds], said="Starting…")

    def cancel(self) -> None:
        """Ask the running edit to stop; what became of it is said when it is known."""
        if self._running.cancel():
            self._status.say("Cancelling…")

    def settled(self, limit_s: float) -> bool:
        """Wait until nothing runs; False if that takes longer."""
        return self._running.settled(limit_s)

    def _heed(self, wish: Wish) -> None:
        self.run() if wish == "run" else self.cancel()

    def _start(
        self, begins: Sequence[Begin], *, said: str, deciding: bool = False
    ) -> None:
        place = self._showing.place
        with self._lock:
            if self._running.busy:
                return
            # Before it starts: it may be over at once.
            self._from, self._placed, self._deciding = place, False, deciding
            self._prompt.busy = True
            if said:
                self._status.say(said)
            self._running.start(self._controls.maker, begins)

    def _warn(self, told: Alarm | None) -> None:
        self._alarm = told
        self._status.warn(told)

    def _tell(self, stand: Stand) -> None:
        if not self._placed:  # an edit of a moment needs no place of its own
            self._placed = True
            self._showing.refresh()
        self._status.say(stand.said, stand.ticking, stand.share)

    def _arrived(self, outcome: Outcome) -> None:
        """Show what came of one edit, unless the user looks at something else."""
        self._came.append(outcome)
        if isinstance(outcome, Edit):
            here = self._showing.place == self._from
            self._showing.refresh(select=outcome.step.id if here else None)

    def _over(self) -> None:
        """Say what came of all of it."""
        came, self._came = self._came, []
        edits = [one for one in came if isinstance(one, Edit)]
        errors = [one for one in came if isinstance(one, Exception)]
        stops = [one for one in errors if isinstance(one, EditCancelled)]
        wrong = [one for one in errors if one not in stops]
        notices = dict.fromkeys(notice for edit in edits for notice in edit.notices)
        said = [_count(len(edits), len(came)) if edits else "", *notices]
        said += [str(stop) for stop in stops[:1]]
        if edits and not errors and self._prompt.next_pass():
            said.append("The next part of the instruction is in the box.")
        self._blame(wrong[0] if wrong else None)
        if len(edits) < len(came):
            self._showing.refresh()  # what was shown as running is so no more
        self._status.say(" ".join(filter(None, said)))
        self._decided = self._deciding and not errors
        self._made()

    def _free(self) -> None:
        """Let the next run begin."""
        with self._lock:  # it may have begun already
            self._prompt.busy = self._running.busy
        decided, self._decided = self._decided, False
        if decided:
            self._pick_up()  # there may be another one to decide about

    def _blame(self, error: Exception | None) -> None:
        """Show what went wrong, if anything did."""
        told = alarm(error) if error else None
        before = self._alarm
        if told and self._deciding and not told.choices and before:
            told = replace(told, choices=before.choices)  # decide again, or otherwise
        elif error:
            self._asked = getattr(error, "job", None) or ""
        self._warn(told)

    def _pick_up(self) -> None:
        """Go on waiting for what was sent and not yet collected."""
        chain = self._chain
        # Without a finished edit a chain is empty, and so false.
        if chain is not None and (steps := chain.open_steps):
            self._start([_going_on(chain, step) for step in steps], said="")

    def _decide(self, key: str, typed: str) -> None:
        """Do what a button of the alarm says."""
        chain, job = self._chain, self._asked
        if chain is None or not job:
            return
        begin = _reopen(chain, job, decision(key, typed))
        self._start([begin], said="Asking…", deciding=True)


def _going_on(chain: Chain, step: Step) -> Begin:
    return lambda report, ended: chain.go_on(step, report=report, ended=ended)


def _reopen(chain: Chain, job: str, decided: Decision) -> Begin:
    def begin(report: Report, ended: Ended) -> Task[Edit] | None:
        return reopened(chain, job, report=report, ended=ended, **decided)

    return begin


def _count(done: int, all_of_them: int) -> str:
    return "Done." if all_of_them == 1 else f"{done} of {all_of_them} done."
