"""The rows: every job that was ever meant to be sent, and the steps made of them.

How the file is opened, and what if it is damaged, is told in `store.opening`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeVar

from kontext_nb.chain import Kept, Step
from kontext_nb.errors import StoreError
from kontext_nb.lifecycle import FINAL, TABLE, Event, State, after
from kontext_nb.model import Job, Limits
from kontext_nb.store import opening, patience, rebuild, rows, spending
from kontext_nb.store.lookup import STEPS_OF_JOB, Lookup, beside, blobs_of

T = TypeVar("T")

# What every kernel that waits for a job may see, and not only the one that sent it; and
# the answer that came when another had taken the sender for dead.
_SEEN_BY_ALL = frozenset(
    {Event.START, Event.FINISH, Event.FAIL, Event.CANCEL, Event.EXPIRE}
    | {Event.ACCEPT, Event.LOSE}
)


@dataclass(frozen=True, slots=True)
class Ledger(Lookup):
    """The rows, and all that is ever written into them."""

    def add(
        self,
        step: Step,
        *,
        adopt: Collection[State] = (),
        besides: Collection[str] = (),
    ) -> Step:
        """Write a step, and its job unless that has a row already.

        Args:
            step: What to write.
            adopt: Let the step show a job that is there for the same ask, if it is in
                one of these states; in the same transaction, so that two kernels that
                ask the same share one.
            besides: Ids of jobs that are not to be adopted.

        Returns:
            The step, with the job it shows.

        Raises:
            StoreError: It could not be written; nothing may be sent then.
        """

        def work(db: sqlite3.Connection) -> Step:
            # The fingerprint also finds a job whose seed was picked, not given.
            alike = db.execute(
                "SELECT * FROM jobs WHERE fingerprint = ? OR ask = ?"
                " ORDER BY state = 'done' DESC, created_at DESC",
                (step.job.ask, step.job.ask),
            )
            known = (rows.job(row) for row in alike)
            fitting = (j for j in known if j.state in adopt and j.id not in besides)
            shown = replace(step, job=next(fitting, step.job))
            # In one place of a chain a job stands once, however often it is asked for;
            # but as often as it is to show another picture.
            there = db.execute(
                rows.STEP
                + "WHERE job = ? AND chain = ? AND parent IS ? AND keeping = ?",
                (shown.job.id, step.chain, step.parent, rows.text_of(step.keeping)),
            ).fetchone()
            if there:
                return rows.step(there)
            rows.insert(db, shown)
            if shown.job.sends:
                with suppress(StoreError):
                    self._recorded_again(db, shown.job)
            return shown

        return self._written(work)

    def record(self, job: Job, event: Event, at: float, **facts: Any) -> Job:
        """Write what happened to a job and return its new row.

        The row changes only if it still stands where ``job`` stands, so two kernels
        can never both claim a job for sending.

        Args:
            job: The row as the caller knows it.
            event: What happened.
            at: Unix seconds.
            **facts: Fields of `Job` to set: request_id, results, engine, error.

        Raises:
            StoreError: Someone else moved the job, or the disk did not take it.
        """
        state = after(job.state, event)
        if event is Event.ACCEPT:
            facts["submitted_at"] = at
        if state in FINAL:
            facts["finished_at"] = at
        if event is Event.WITHDRAW or (event, job.state) == (Event.FAIL, State.SENDING):
            facts["sends"] = job.sends - 1  # certain that it was not taken
        if event is Event.MISS:
            facts["finished_at"] = None
        if event is Event.RESUBMIT:
            facts["consents"] = (*job.consents, at)

        def work(db: sqlite3.Connection) -> bool:
            changed = rows.update(db, job, state=state, **facts)
            if changed and event is not Event.START:
                # What the service said must get into the row, record or not.
                with suppress(StoreError):
                    self._recorded(db, job.id)
            return changed

        if not self._written(work):
            return self._overtaken(job, event, at, facts)
        return replace(job, state=state, **facts)

    def claim(
        self, job: Job, at: float, *, owner: str, limits: Limits, **facts: Any
    ) -> Job:
        """Claim a job for its one paid request, within the user's limits.

        The limits are checked in the transaction that claims, over every paid job of
        the store: no number of kernels, and no crash, gets past them.

        Args:
            job: In INTENT.
            at: Unix seconds.
            owner: The claiming process; see `store.owner`.
            limits: Caps over all paid jobs of the store; a free one passes none.
            **facts: Columns to set besides.

        Raises:
            LimitReached: It would pass a limit; the job stays in INTENT.
            StoreError: Another kernel claimed it, or the disk did not take it.
        """
        claimed: dict[str, Any] = {
            "owner": owner,
            "claimed_at": at,
            "sends": job.sends + 1,
        } | facts

        recorded = False

        def work(db: sqlite3.Connection) -> bool:
            nonlocal recorded
            spending.check(db, job, limits)
            state = after(job.state, Event.SEND)
            changed = rows.update(db, job, state=state, **claimed)
            if changed:
                recorded = True
                self._recorded(db, job.id)
            return changed

        try:
            won = self._written(work)
        except BaseException:
            # It is not claimed, so it is not sent, and no record may say it is.
            if recorded:
                self.records.remove(job.id)
            raise
        if not won:
            raise _working_elsewhere()
        return replace(job, state=State.SENDING, **claimed)

    def forget(self, job: Job) -> bool:
        """Remove a job that was never sent, and the step that shows it.

        Returns:
            Whether it is gone. One that was sent, if only once, stays for what it may
            have cost; one that several places show is not theirs alone to lose.
        """

        def work(db: sqlite3.Connection) -> bool:
            gone = db.execute(
                "DELETE FROM jobs WHERE id = ? AND state = ? AND sends = 0"
                " AND (SELECT count(*) FROM steps WHERE job = jobs.id) < 2",
                (job.id, State.INTENT),
            )
            if gone.rowcount:
                db.execute("DELETE FROM steps WHERE job = ?", (job.id,))
            return gone.rowcount == 1

        return self._written(work)

    def mark(self, step: Step, **marks: Any) -> Step:
        """Set some of a step's marks; what another kernel set meanwhile stays.

        Args:
            step: A step of this ledger.
            **marks: Fields of `Marks`.

        Raises:
            ParameterRejected: A text is too long.
            StoreError: The disk did not take it.
        """

        def work(db: sqlite3.Connection) -> Step:
            marked = rows.mark(db, step, **marks)
            if step.job.sends:
                with suppress(StoreError):  # stars are not worth a refusal
                    self._recorded_again(db, step.job)
            return marked

        return self._written(work)

    def keep(self, step: Step, kept: Kept) -> Step:
        """Write what a step shows in the place of the model's picture.

        Args:
            step: A step of this ledger, as it was read.
            kept: What it shows.

        Returns:
            The step as it stands: who wrote first is right, so that two kernels go on
            from the same picture.

        Raises:
            StoreError: The disk did not take it.
        """

        def work(db: sqlite3.Connection) -> Step:
            now = rows.keep(db, step, kept)
            if step.job.sends:
                # What is edited next hangs on it: it outlives the ledger.
                self._recorded_again(db, step.job)
            return now

        return self._written(work)

    def move(
        self,
        chains: Collection[str],
        moved: Callable[[Sequence[Step]], Iterable[Step]],
    ) -> None:
        """Let steps belong elsewhere, all of them or none.

        Args:
            chains: Ids of the chains they are in.
            moved: Given all steps of these, oldest first, deleted ones too; returns
                those that are to stand in another chain, place or call.

        Raises:
            StoreError: The disk did not take it; nothing was moved.
        """

        def work(db: sqlite3.Connection) -> None:
            marks = ",".join("?" * len(chains))
            query = f"WHERE chain IN ({marks}) ORDER BY stepped_at, steps.rowid"
            found = [rows.step(row) for row in db.execute(rows.STEP + query, [*chains])]
            jobs = {}
            for step in moved(found):
                rows.move(db, step)
                jobs[step.job.id] = step.job
            for job in jobs.values():
                if job.sends:
                    with suppress(StoreError):
                        self._recorded_again(db, job)

        self._written(work)

    def priced(self, job: Job, estimate_usd: float) -> Job:
        """Note what a job should cost by today's price, as long as it is not sent."""
        changed = self._written(
            lambda db: rows.update(db, job, estimate_usd=estimate_usd)
        )
        return replace(job, estimate_usd=estimate_usd) if changed else job

    def _overtaken(
        self, job: Job, event: Event, at: float, facts: dict[str, Any]
    ) -> Job:
        """Write down what two kernels saw that wait for the same job.

        What the other one wrote already stands; else it goes on from its row.
        """
        now = self.job(job.id)
        given = facts.get("request_id")
        if now and given and now.request_id == given:
            return now  # the id was filed by another, who may have gone on from there
        if now and event in _SEEN_BY_ALL:
            if now.state is after(job.state, event):
                return now
            if (now.state, event) in TABLE:
                return self.record(now, event, at, **facts)
        raise _working_elsewhere()

    @contextmanager
    def held(self) -> Iterator[frozenset[str]]:
        """Give the names of all blobs in use; nobody writes a row until the block ends.

        Raises:
            StoreError: Somebody else writes for too long, or it cannot be written.
        """
        with ExitStack() as stack:
            opened = partial(opening.opened, self.path, write=True)
            with patience.within(self.patience_s):
                db = patience.waiting(lambda: stack.enter_context(opened()))
            jobs = [rows.job(row) for row in db.execute("SELECT * FROM jobs")]
            further = (one.blob for one in beside(db))
            yield frozenset(further).union(*map(blobs_of, jobs))

    def restored(self, job: Job) -> Job:
        """Return a job with the files its record names, and let its row name them.

        For when a file is missing that the row names: its name may be what is damaged,
        and nothing in the ledger could tell. The record has a checksum.
        """
        record = self.records.read(job.id)
        if not record or record[0].state is not job.state:
            return job
        told = record[0]
        if (told.results, told.pictures) == (job.results, job.pictures):
            return job
        files = {"results": told.results, "pictures": dict(told.pictures)}
        with suppress(StoreError):  # where it may only be read, the record still tells
            self._written(lambda db: rows.update(db, job, **files))
        return replace(job, results=told.results, pictures=told.pictures)

    def _written(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Do all of ``work`` in one transaction, or nothing of it."""
        return self.worked(work, write=True)

    def _recorded_again(self, db: sqlite3.Connection, job: Job) -> None:
        """Add a job's new steps to its record.

        Nothing happened to the job, so of the job the record is right, whose checksum
        tells that it is whole; unless it is behind, because a disk did not take it.
        """
        told, _ = self.records.read(job.id) or (job, ())
        if rebuild.says_more(job, told):
            told = job
        steps = [rows.step(row) for row in db.execute(STEPS_OF_JOB, (job.id,))]
        self.records.write(told, steps)

    def _recorded(self, db: sqlite3.Connection, job_id: str) -> None:
        """Write the record of a job as its row stands in this transaction."""
        steps = [rows.step(row) for row in db.execute(STEPS_OF_JOB, (job_id,))]
        if steps:
            self.records.write(steps[0].job, steps)


def _working_elsewhere() -> StoreError:
    return StoreError(
        "Another kernel or program is working on the same edit.",
        "Wait for it, then re-run: its result will be here.",
    )
