"""What is known of a model: asked of the service, kept for a day, or else bundled.

An edit is never held up for it: the service has a few seconds, and whatever goes wrong,
the answer is what is known without it.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from kontext_nb import catalogue
from kontext_nb.catalogue import ROWS, Row
from kontext_nb.errors import KontextError, ServiceBusy
from kontext_nb.providers.runcomfy import RunComfy
from kontext_nb.providers.runcomfy_catalogue import (
    Catalogue,
    ModelRecord,
    Page,
    read_record,
)
from kontext_nb.schema import fields
from kontext_nb.session.engines import Engine, engine
from kontext_nb.session.settings import Settings, home_folder
from kontext_nb.store import patience
from kontext_nb.store.part import write_whole

T = TypeVar("T")

LIMIT_S = 4.0
MAX_AGE_S = 24 * 3600.0
# A service that did not answer is left alone this long: a sweep must not wait for each
# of its cells.
UNASKED_S = 60.0
_LATEST_S = 1e11  # in the year 5138; a date beyond it is damage
MAX_FILE_BYTES = 4 * 1024 * 1024
# Names that models have for how many results they make.
_COUNTS = ("num_images", "number_of_images", "num_outputs", "n")


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is known of one model.

    Args:
        model: Its id.
        schema: Its inputs (see `kontext_nb.schema`); None if nothing is known.
        assumed: Whether that is only what this version was made with.
        price_usd: What one `price_unit` costs; None if that is unknown.
        price_unit: "output" or "second", or what else the service says.
        fetched_at: Unix seconds when the service said so.
        record: All that is told of it; None if nothing is known.
        why: Why it is not what the service says today.
    """

    model: str
    schema: Mapping[str, Any] | None
    assumed: bool
    price_usd: float | None = None
    price_unit: str | None = None
    fetched_at: float | None = None
    record: ModelRecord | None = None
    why: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """A page of models.

    Args:
        records: The models.
        total: How many were found, on this page or not.
        payload: The service's own answer, or what stands in for it.
        why: Why it is only what this version was made with; None if it is not.
        free: Whether it is the demo engine's, where nothing costs anything.
    """

    records: tuple[ModelRecord, ...]
    total: int
    payload: Mapping[str, Any] = field(repr=False)
    why: str | None = None
    free: bool = False


# When a question was in vain, in monotonic seconds, and why.
_in_vain: dict[tuple[str, ...], tuple[float, str]] = {}


def known(settings: Settings, *, now: Callable[[], float] = time.time) -> Known:
    """Return what is known of the model in the settings.

    It takes a few seconds at most, and never fails. Call it where one may wait, never
    on the engine's own loop.

    Args:
        settings: Names the model and who is asked.
        now: Unix seconds.
    """
    model = settings.model
    try:
        asked = engine(settings)
        service = _service(asked)
        file = _file(settings, service, model)
        # What the demo engine says comes with this very version: there is no need to
        # keep it, and it must not be believed after an upgrade.
        kept = None if asked.free else _kept(file, model)
    except KontextError as error:
        return _bundled(model, error.problem)
    if kept and 0 <= now() - (kept.fetched_at or 0.0) < MAX_AGE_S:
        return kept
    # The better half of a short deadline is the edit's own.
    limit_s = min(LIMIT_S, patience.left_s() / 2)
    try:
        with _not_in_vain(service.name, service.base, model, fair=limit_s == LIMIT_S):
            record = asked.ask(
                Catalogue(service).one(model),
                lambda reply: Catalogue(service).read_one(reply, model),
                limit_s,
            )
    except KontextError as error:
        old = kept and replace(kept, why=error.problem)
        return old or _bundled(model, error.problem)
    found = _of_record(record, now())
    if not asked.free:
        _keep(file, found)
    return found


def recalled(settings: Settings) -> Known:
    """Return what is known of the model in the settings without asking anybody."""
    with contextlib.suppress(KontextError):
        file = _file(settings, _service(engine(settings)), settings.model)
        kept = _kept(file, settings.model)
        if kept:
            return kept
    return _bundled(settings.model, "It was not asked for.")


def estimate_usd(known: Known, inputs: Mapping[str, Any]) -> float | None:
    """Return what an edit should cost, or None if that cannot be said.

    Args:
        known: The model it is for.
        inputs: What is sent.
    """
    if known.price_usd is None or known.price_unit != "output":
        return None
    specs, number = fields(known.schema), 1
    for name in _COUNTS:
        told = inputs.get(name)
        if told is None:
            told = specs.get(name, {}).get("default")
        if told is None:
            continue
        if isinstance(told, bool) or not isinstance(told, int) or told < 1:
            return None
        number = max(number, told)
    return known.price_usd * number


def listed(
    settings: Settings,
    *,
    search: str = "",
    category: str = "",
    limit: int = 100,
    offset: int = 0,
) -> Listing:
    """Return a page of the models there are; of the bundled ones if none can be asked.

    Args:
        settings: Names who is asked.
        search: Words of an id or a name; empty for all.
        category: One category; empty for all.
        limit: Models on the page, 1 to 500.
        offset: How many to pass over.
    """
    try:
        asked = engine(settings)
        service = Catalogue(_service(asked))
        call = service.many(
            search=search, category=category, limit=limit, offset=offset
        )
        page: Page = asked.ask(call, service.read_many, LIMIT_S)
    except KontextError as error:
        rows = catalogue.found(search, category or None)
        records = tuple(map(_of_row, rows[offset : offset + limit]))
        payload = {"models": [r.payload for r in records], "total": len(rows)}
        return Listing(
            records=records, total=len(rows), payload=payload, why=error.problem
        )
    return Listing(
        records=page.records,
        total=page.total,
        payload=page.payload,
        free=asked.free,
    )


def categories(settings: Settings) -> tuple[tuple[str, ...], str | None]:
    """Return the names of the categories, and why they are only the bundled ones."""
    try:
        asked = engine(settings)
        service = Catalogue(_service(asked))
        told = asked.ask(service.categories(), service.read_categories, LIMIT_S)
    except KontextError as error:
        return tuple(sorted({row.category for row in ROWS.values()})), error.problem
    return told, None


def _service(asked: Engine) -> RunComfy:
    provider = asked.provider
    assert isinstance(provider, RunComfy)  # noqa: S101 - the only vendor so far
    return provider


@contextlib.contextmanager
def _not_in_vain(*key: str, fair: bool) -> Iterator[None]:
    """Refuse to ask what was asked in vain a moment ago; remember if it is so again.

    Args:
        key: What is asked.
        fair: Whether there is time enough: else nobody is to blame for no answer.

    Raises:
        ServiceBusy: It was.
    """
    when, why = _in_vain.get(key, (-math.inf, ""))
    if time.monotonic() - when < UNASKED_S:
        raise ServiceBusy(why, "It is asked again in a minute.")
    try:
        yield
    except KontextError as error:
        if fair:
            _in_vain[key] = time.monotonic(), error.problem
        raise


def _bundled(model: str, why: str) -> Known:
    row = ROWS.get(model)
    return Known(
        model=model,
        schema=row.input_schema if row else None,
        assumed=True,
        record=_of_row(row) if row else None,
        why=why,
    )


def _of_record(record: ModelRecord, fetched_at: float) -> Known:
    told = record.input_schema is not None
    row = None if told else ROWS.get(record.model_id)
    return Known(
        model=record.model_id,
        schema=row.input_schema if row else record.input_schema,
        assumed=not told,
        price_usd=record.price_usd,
        price_unit=record.price_unit,
        fetched_at=fetched_at,
        record=record,
    )


def _of_row(row: Row) -> ModelRecord:
    payload = {
        "model_id": row.model_id,
        "display_name": row.display_name,
        "categories": [row.category],
        "base_price_usd": None,
        "price_unit": None,
        "assumed_parts": list(row.assumed),
    }
    return read_record(payload, row.model_id)


def _file(settings: Settings, service: RunComfy, model: str) -> Path:
    """Return where a record is kept: by who said it, and of what."""
    key = f"{service.name}\n{service.base}\n{model}"
    name = hashlib.sha256(key.encode()).hexdigest()[:32]
    return folder(settings) / f"{name}.json"


def folder(settings: Settings) -> Path:
    """Return where records are kept."""
    return (settings.home or home_folder()) / "models"


def _kept(file: Path, model: str) -> Known | None:
    """Return what was kept; None if there is nothing, or nothing that can be read."""
    # Whatever lies there, of whatever shape, is no worse than nothing.
    with contextlib.suppress(OSError, ValueError, RecursionError, KontextError):
        if not file.is_file() or file.stat().st_size > MAX_FILE_BYTES:
            return None  # to open a pipe would wait for ever
        found = json.loads(file.read_bytes())
        payload = found.get("record") if isinstance(found, dict) else None
        fetched_at = found.get("fetched_at") if payload else None
        if not isinstance(payload, dict) or not isinstance(fetched_at, float):
            return None
        if 0 <= fetched_at < _LATEST_S:
            return _of_record(read_record(payload, model), fetched_at)
    return None


def _keep(file: Path, found: Known) -> None:
    """Keep a record, whole or not at all; a store that takes none costs nothing."""
    record = found.record.payload if found.record else {}
    with contextlib.suppress(OSError, RecursionError):
        text = json.dumps({"fetched_at": found.fetched_at, "record": record})
        write_whole(file, text.encode())
