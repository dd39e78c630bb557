"""The front door of the session: ask for an edit, open a chain, go back to a job."""

from __future__ import annotations

from typing import Any, Literal, Unpack, overload

from kontext_nb.engine.bridge import Task
from kontext_nb.lifecycle import State
from kontext_nb.session import cell as cells
from kontext_nb.session import settings
from kontext_nb.session.desk import Desk
from kontext_nb.session.edits import Chain, Edit
from kontext_nb.session.how import How, check_options
from kontext_nb.session.making import finished
from kontext_nb.session.orders import chain_id, source_of
from kontext_nb.session.resolving import found, resolved
from kontext_nb.store.patience import within


@overload
def edit(
    source: Any,
    prompt: str,
    *,
    chain: str | None = ...,
    wait: Literal[True] = ...,
    **how: Unpack[How],
) -> Edit: ...
@overload
def edit(
    source: Any,
    prompt: str,
    *,
    chain: str | None = ...,
    wait: Literal[False],
    **how: Unpack[How],
) -> Task[Edit]: ...
def edit(
    source: Any,
    prompt: str,
    *,
    chain: str | None = None,
    wait: bool = True,
    **how: Unpack[How],
) -> Edit | Task[Edit]:
    """Edit a picture by one instruction, and wait for the result.

    The same request is never paid twice: with a ``seed`` given, the store answers for
    it wherever it was asked; without one, a re-run of the same cell gets the same edit.

    Args:
        source: A path, bytes, a file object, a Pillow image, a NumPy array, or an https
            address, which the service fetches itself, or a data URL; None for a model
            that makes a picture from words alone.
        prompt: The change, as one short instruction.
        chain: A name for the chain, which then is the same in whatever cell or script
            it is asked for; left out, the chain is the cell's own.
        wait: False to return at once with something to await.
        **how: Options:

            - ``seed``: 0 to 2**31 - 1, or what the model's own schema says; left out,
              one is picked and recorded.
            - ``aspect_ratio``: Such as "16:9"; left out, the source's is kept.
            - ``model``: Another model's id, for this edit.
            - ``references``: Further pictures, for a model that takes several.
            - ``inputs``: Further inputs by the model's own names; none that has an
              argument of its own.
            - ``refresh``: True to have it made anew even if the store has it.
            - ``preserve``: True to take only the change over into the source, so that
              every other pixel stays as it is; or where it may show: a picture (white
              is changed), an array, or a box (left, top, right, bottom).
            - ``prefit``: True to send it padded to a size that the service leaves as it
              is, so that nothing is stretched or cropped; the result is cut back.

    Returns:
        The edit; with ``wait=False`` a task: ``await`` it, or call ``.result()``.

    Raises:
        InputRejected: Something given cannot be used; nothing was sent.
        NotAuthorised: The provider needs a token.
        ServiceError: The service could not do it.
        StoreError: The store cannot be used; nothing was sent.
    """
    check_options(how, "chain", "wait")
    cell = cells.here(chain)
    return chain_of(source, cell, asks=cell).add(prompt, wait=wait, **how)


def open_chain(
    source: Any, *, name: str | None = None, cell: cells.Cell | None = None
) -> Chain:
    """Return the chain of a picture in this cell, with what it already holds.

    Args:
        source: As `edit` takes it.
        name: See ``chain`` of `edit`.
        cell: Another cell than the running one, in the place of a name.

    Raises:
        ImageRejected: The source is no usable picture.
        ParameterRejected: The name cannot be used.
    """
    return chain_of(source, cell or cells.here(name))


def chain_of(
    source: Any, cell: cells.Cell | None, *, asks: cells.Cell | None = None
) -> Chain:
    """Return the chain of a picture in a cell.

    Args:
        source: As `edit` takes it.
        cell: Where it belongs; None for a chain of its own.
        asks: What asks for its edits; left out, the cell that runs then.
    """
    picture, desk = source_of(source), Desk(settings.current())
    place = cell.key if cell else None
    return Chain(desk, chain_id(picture, cell), picture, place, asks)


@overload
def resume(job: str, *, abandon: Literal[True]) -> None: ...
@overload
def resume(
    job: str,
    *,
    request_id: str | None = ...,
    resubmit: bool = ...,
    abandon: Literal[False] = ...,
) -> Edit: ...
def resume(
    job: str,
    *,
    request_id: str | None = None,
    resubmit: bool = False,
    abandon: bool = False,
) -> Edit | None:
    """Go back to a job after a crash or a stop, and wait for its result.

    A job that was sent and whose answer was lost is never sent again by itself: say
    what is to become of it.

    Args:
        job: Its id, as errors and ``Edit.job`` give it, or the service's.
        request_id: What the service calls a job whose answer was lost, as its history
            shows: its result is collected, and nothing is sent.
        resubmit: True to consent to its being sent, and perhaps charged, again.
        abandon: True to give it up; what it may have cost stays counted.

    Returns:
        The edit; None for a job that was given up.

    Raises:
        ParameterRejected: The store has no such job, or there is nothing to decide.
        ServiceError: See `edit`.
    """
    desk = Desk(settings.current())
    with within(desk.settings.deadline_s):
        kept = found(desk, job)
        resolved(desk, kept, request_id=request_id, resubmit=resubmit, abandon=abandon)
        step = desk.ledger.step_of_job(kept.id)
        if abandon or step is None:
            return None
        return Edit(desk, finished(desk, step), reused=step.job.state is State.DONE)
