"""How a chain whose cell was merged, copied or renamed is given to another cell."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace

from kontext_nb.chain import Step
from kontext_nb.errors import ParameterRejected
from kontext_nb.model import echo
from kontext_nb.session import cell as cells
from kontext_nb.session.cell import Cell
from kontext_nb.session.edits import Chain
from kontext_nb.session.orders import chain_id
from kontext_nb.session.places import Entry, chains

_SHORTEST = 8  # of an id's beginning, as it is listed


def adopt(old: Entry | str, new: str | None = None) -> Chain:
    """Let a chain belong to this cell, with all that was made in it.

    For a cell that was merged, copied to another notebook, or renamed with it: put it
    above the cell's edits, which then cost nothing. A second time it changes nothing.

    Args:
        old: What `chains` lists, or its id, or the name the chain has.
        new: A name it should have instead of belonging to this cell.

    Raises:
        ParameterRejected: There is no such chain, or more than one, or no cell.
        StoreError: The store did not take it.
    """
    to = cells.here(new)
    if to is None:
        raise ParameterRejected(
            "There is no cell here that a chain could belong to.",
            "Run it in the cell, or give the chain a name: adopt(old, 'name').",
        )
    entry = old if isinstance(old, Entry) else _found(old)
    first, source = entry.steps[0], entry.chain.source
    chain = chain_id(source, to)
    if chain != first.chain:

        def moved(steps: Sequence[Step]) -> Iterator[Step]:
            return _moved(steps, chain, first.place, to)

        entry.desk.ledger.move({first.chain, chain}, moved)
    return Chain(entry.desk, chain, source, to.key)


def _moved(
    steps: Sequence[Step], chain: str, place: str | None, to: Cell
) -> Iterator[Step]:
    """Go through the steps that come to a chain, with the calls they have there.

    The calls of the cell that is left become calls of the new one. Where two cells
    become one, each had a first call: equal asks are counted on. A chain has steps from
    other cells as well, and those keep theirs.

    Args:
        steps: All steps of both chains.
        chain: The one they come to.
        place: The one they leave.
        to: Where the chain belongs then.
    """
    taken: dict[str, set[str]] = defaultdict(set)
    for step in steps:
        if step.chain == chain and step.call:
            taken[step.job.ask].add(step.call)
    for step in sorted(steps, key=_order):
        if step.chain == chain:
            continue
        key, _, number = (step.call or "").rpartition(":")
        text_call = step.text_call
        if step.call is None or key == place:
            count, calls = 1, taken[step.job.ask]
            while f"{to.key}:{count}" in calls:
                count += 1
            call, text_call = f"{to.key}:{count}", f"{to.text}:{count}"
            calls.add(call)
        else:
            call = f"{_renamed(key, place, to.key)}:{number}"
        yield replace(step, chain=chain, place=to.key, call=call, text_call=text_call)


def _order(step: Step) -> tuple[int, float]:
    """Return what sorts steps as they were asked for in one run of a cell."""
    number = (step.call or "").rpartition(":")[2]
    return int(number) if number.isdecimal() else 0, step.created_at


def _renamed(key: str, old: str | None, new: str) -> str:
    """Return another cell's key, whose notebook goes the way of the chain's."""
    before, after = cells.parts(old or "")[0], cells.parts(new)[0]
    notebook = cells.parts(key)[0]
    is_renamed = before and after and notebook == before
    return after + key.removeprefix(before) if is_renamed else key


def _found(old: str) -> Entry:
    known = list(chains(all=True))
    fitting = [entry for entry in known if _is_called(entry, old)]
    if len(fitting) == 1:
        return fitting[0]
    listed = "\n".join(entry.words for entry in fitting or known)
    raise ParameterRejected(
        f"{'More than one chain is' if fitting else 'No chain is'} {echo(old)}.",
        f"Give one of these by its id:\n{listed}" if listed else "Make an edit first.",
    )


def _is_called(entry: Entry, old: str) -> bool:
    """Tell whether a chain has that name, or a step whose id begins so.

    Any step will do: one chain may have come to another, and is asked for again by the
    id it had, when its cell is run again.
    """
    by_id = isinstance(old, str) and len(old) >= _SHORTEST
    if by_id and any(step.id.startswith(old) for step in entry.steps):
        return True
    _, name, is_named = cells.parts(entry.steps[0].place or "")
    return is_named and name == old
