"""RunComfy's catalogue: what models there are, what they take, and what they cost.

Every text of it may be shown in a terminal and kept on disk, so it is made plain first,
and a price is only what is certainly one: what cannot be read is unknown, never free.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlencode

from kontext_nb.catalogue import nearest
from kontext_nb.errors import BadReply, RequestRefused, ResultLost
from kontext_nb.model import checked_model, echo
from kontext_nb.providers.base import Call, Reply, plain
from kontext_nb.providers.runcomfy import MAX_NAME_CHARS, RunComfy, usd

TIMEOUT_S = 5.0
MAX_NOTE_CHARS = 300
MAX_PRICE_USD = 1e6  # more than this is no price of a picture but a broken record
_NO_SUCH_MODEL = frozenset({400, 404, 410, 422})
_MANGLED = "Try again in a little while."


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRecord:
    """One model, as the service publishes it.

    Args:
        model_id: As it stands in addresses.
        display_name: As people should read it; the id if it has no name.
        categories: Such as "image-to-image".
        input_schema: See `kontext_nb.schema`; None where it is not told.
        price_usd: From 0 on; None if it is unknown. Parameters may change the charge.
        price_unit: What the price is for, "output" or "second"; None if not told.
        pricing_note: What the service says about the price.
        payload: The record as it was sent.
    """

    model_id: str
    display_name: str
    categories: tuple[str, ...] = ()
    input_schema: Mapping[str, Any] | None = None
    price_usd: float | None = None
    price_unit: str | None = None
    pricing_note: str | None = None
    payload: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Some of the models, and how many there are.

    Args:
        records: In the service's order, without their schemas.
        total: How many were found, on this page or not.
        payload: The page as it was sent.
    """

    records: tuple[ModelRecord, ...]
    total: int
    payload: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The catalogue of a service that speaks RunComfy's contract.

    Args:
        service: Knows the address and the token, and reads errors.
    """

    service: RunComfy

    def one(self, model_id: str) -> Call:
        """Describe the question for one model.

        Raises:
            ParameterRejected: It is no model's id.
        """
        checked_model(model_id)
        return self._get(f"models/{model_id}")

    def read_one(self, reply: Reply, model_id: str) -> ModelRecord:
        """Return the model's record.

        Raises:
            RequestRefused: There is no such model.
            BadReply: It is another model's record, or none.
            ServiceError: Another one of the tree.
        """
        try:
            body = self._read(reply)
        except (BadReply, ResultLost) as error:
            if reply.status not in _NO_SUCH_MODEL:
                raise
            near = next(iter(nearest(model_id)), None)
            remedy = f"Did you mean {near}?" if near else "Choose one that is listed."
            raise RequestRefused(error.problem, remedy) from None
        return read_record(body, model_id)

    def many(
        self, *, search: str = "", category: str = "", limit: int = 100, offset: int = 0
    ) -> Call:
        """Describe the question for a page of models.

        Args:
            search: Words of an id or a name; empty for all.
            category: One of `categories`; empty for all.
            limit: Models on the page, 1 to 500.
            offset: How many to pass over.
        """
        asked = {"search": search, "category": category}
        query = {key: text for key, text in asked.items() if text}
        page = {"limit": limit, "offset": offset}
        return self._get(f"models?{urlencode(query | page)}")

    def read_many(self, reply: Reply) -> Page:
        """Return the page; an entry that names no model is passed over.

        Raises:
            BadReply: It is no page.
            ServiceError: Another one of the tree.
        """
        body = self._read(reply)
        listed = body.get("models")
        if not isinstance(listed, list):
            raise BadReply("The answer lists no models.", _MANGLED)
        records = tuple(
            read_record(entry, entry["model_id"])
            for entry in listed
            if isinstance(entry, dict) and isinstance(entry.get("model_id"), str)
        )
        told = body.get("total")
        total = max(told if isinstance(told, int) else 0, len(records))
        return Page(records=records, total=total, payload=body)

    def categories(self) -> Call:
        """Describe the question for the categories."""
        return self._get("models/categories")

    def read_categories(self, reply: Reply) -> tuple[str, ...]:
        """Return their names.

        Raises:
            BadReply: It is no list of names.
            ServiceError: Another one of the tree.
        """
        listed = self._read(reply).get("categories")
        if not isinstance(listed, list):
            raise BadReply("The answer lists no categories.", _MANGLED)
        return _names(listed)

    def _get(self, path: str) -> Call:
        call = self.service._get(path)  # noqa: SLF001 - one vendor, two files
        return replace(call, timeout_s=TIMEOUT_S)

    def _read(self, reply: Reply) -> Mapping[str, Any]:
        return self.service._checked(reply)  # noqa: SLF001 - one vendor, two files


def read_record(payload: Mapping[str, Any], model_id: str) -> ModelRecord:
    """Return a model's record, from the service or from where it was kept.

    Args:
        payload: As it was sent.
        model_id: What was asked for.

    Raises:
        BadReply: It is another model's.
    """
    if payload.get("model_id") != model_id:
        raise BadReply(f"The answer is no record of {echo(model_id)}.", _MANGLED)
    schema, categories = payload.get("input_schema"), payload.get("categories")
    plain_id = plain(model_id, MAX_NAME_CHARS) or echo(model_id)
    return ModelRecord(
        model_id=plain_id,
        display_name=plain(payload.get("display_name"), MAX_NAME_CHARS) or plain_id,
        categories=_names(categories if isinstance(categories, list) else []),
        input_schema=schema if isinstance(schema, dict) else None,
        price_usd=_price(payload.get("base_price_usd")),
        price_unit=plain(payload.get("price_unit"), MAX_NAME_CHARS),
        pricing_note=plain(payload.get("pricing_note"), MAX_NOTE_CHARS),
        payload=payload,
    )


def _price(value: Any) -> float | None:
    """Return a price, or None for what is not certainly one.

    A published 0 is a price like any other: the demo engine has it, and to read it as
    unknown would hide the one model that is free. What is left out, null, text, a bool,
    negative or no finite number says nothing about the charge.
    """
    in_reach = isinstance(value, int | float) and value <= MAX_PRICE_USD
    price = usd(value) if in_reach else None
    return None if price is None else price + 0.0  # so that -0.0 is 0


def _names(listed: list[Any]) -> tuple[str, ...]:
    names = (plain(name, MAX_NAME_CHARS) for name in listed)
    return tuple(dict.fromkeys(name for name in names if name))
