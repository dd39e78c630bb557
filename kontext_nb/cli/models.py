"""``kontext-nb models``: what can be asked for, how, and at what price."""

from __future__ import annotations

import textwrap
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from kontext_nb.catalogue import ROWS, nearest
from kontext_nb.cli.speech import answer, note
from kontext_nb.errors import ParameterRejected
from kontext_nb.model import checked_model, echo
from kontext_nb.schema import described, fields, required, shown
from kontext_nb.session.settings import by_deadline, current

if TYPE_CHECKING:
    from kontext_nb.providers.runcomfy_catalogue import ModelRecord
    from kontext_nb.session.models import Known

_WIDTH = 80
_ID_WIDTH, _NAME_WIDTH = 50, 17
_FRESH_S = 60.0


@click.group()
def models() -> None:
    """Show the models there are, their inputs and their prices."""


@models.command("list")
@click.option("--search", default="", help="Words of an id or a name.")
@click.option("--category", default="", help="One that `models categories` names.")
@click.option(
    "--limit",
    type=click.IntRange(1, 500),
    metavar="NUMBER",
    default=100,
    show_default=True,
    help="How many.",
)
@click.option(
    "--offset",
    type=click.IntRange(0),
    metavar="NUMBER",
    default=0,
    help="How many to skip.",
)
@by_deadline
def list_models(*, search: str, category: str, limit: int, offset: int) -> None:
    """List models, with their prices."""
    from kontext_nb.session.models import listed

    found = listed(
        current(), search=search, category=category, limit=limit, offset=offset
    )
    _note_why(found.why)
    if found.free:
        note("These are the demo engine's; with a RunComfy token it lists RunComfy's.")
    lines = [line for record in found.records for line in _lines(record)]
    answer(dict(found.payload), "\n".join(lines) if lines else "No model is like that.")
    end = offset + len(found.records)
    if found.records and end < found.total:
        note(f"{end} of {found.total}; for the next add --offset {end}")


@models.command("get")
@click.argument("model_id", metavar="ID")
@by_deadline
def get_model(model_id: str) -> None:
    """Show one model: its inputs, and its price."""
    from kontext_nb.session.models import known

    checked_model(model_id)
    found = known(replace(current(), model=model_id))
    if found.record is None:
        near = next(iter(nearest(model_id)), None)
        raise ParameterRejected(
            f"Nothing is known of {echo(model_id)}: {found.why}",
            f"Did you mean {near}?" if near else "See: kontext-nb models list",
        )
    _note_why(found.why, kept=not found.assumed)
    own = {"input_schema": found.schema, "assumed": found.assumed}
    facts = {**found.record.payload, **own, "fetched_at": found.fetched_at}
    answer(facts, "\n".join(_page(found, found.record)))


@models.command("categories")
@by_deadline
def list_categories() -> None:
    """List the categories of models."""
    from kontext_nb.session.models import categories

    names, why = categories(current())
    _note_why(why)
    answer({"categories": names}, "\n".join(names))


def _note_why(why: str | None, *, kept: bool = False) -> None:
    if why:
        where = "As it was kept." if kept else "From this version's own list."
        note(f"{where} {why}")


def _lines(record: ModelRecord) -> Iterator[str]:
    """Show a model in a list: id and price, then its name, then what is assumed."""
    yield f"{record.model_id:<{_ID_WIDTH}}  {_price(record)}"
    yield from _wrapped(" · ".join([record.display_name, *record.categories]), "  ")
    if parts := record.payload.get("assumed_parts"):
        yield from _wrapped(f"assumed: {', '.join(map(shown, parts))}", "  ")


def _price(record: ModelRecord) -> str:
    if record.price_usd is None:
        return "price unknown"
    units = {None: "", "output": " an output", "second": " a second"}
    unit = units.get(record.price_unit, f" per {record.price_unit}")
    return f"${record.price_usd:.6g}{unit}"


def _page(found: Known, record: ModelRecord) -> Iterator[str]:
    """Show one model: what it is, what it costs, what it takes."""
    yield record.display_name
    yield record.model_id
    yield _price(record)
    yield from _wrapped(record.pricing_note or "")
    if found.fetched_at and time.time() - found.fetched_at > _FRESH_S:
        when = datetime.fromtimestamp(found.fetched_at, UTC)
        yield f"As published on {when:%Y-%m-%d at %H:%M} UTC."
    yield ""
    row = ROWS.get(found.model)
    assumed = row.assumed if row and found.assumed else ()
    needed = required(found.schema)
    for name, spec in fields(found.schema).items():
        mark = "*" if name in needed else " "
        guess = " (assumed)" if name in assumed else ""
        first = f"{mark} {shown(name):<{_NAME_WIDTH}}  "
        yield from _wrapped(f"{described(spec)}{guess}", first)
        if isinstance(words := spec.get("description"), str):
            yield from _wrapped(shown(" ".join(words.split())), " " * len(first))
    yield ""
    yield "* cannot be left out"
    if assumed:
        yield "(assumed) is nowhere published, and checked as this version assumes it"
    if "model id" in assumed:
        yield "That there is this model is assumed, too."


def _wrapped(text: str, first: str = "") -> list[str]:
    return textwrap.wrap(
        text,
        _WIDTH,
        initial_indent=first,
        subsequent_indent=" " * len(first),
        break_on_hyphens=False,
    )
