"""Inputs as a user gives them: read strictly, and called what the model calls them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from kontext_nb.errors import ParameterRejected
from kontext_nb.model import echo
from kontext_nb.schema.checks import EXAMPLE, problems, refuse
from kontext_nb.schema.dialect import (
    PICTURE_NAME,
    PictureField,
    fields,
    picture_field,
    shown,
)

MAX_BODY_BYTES = 1024 * 1024
_COMPARED_CHARS = 80


def read_inputs(text: str | bytes) -> dict[str, Any]:
    """Read inputs that a user wrote as JSON, strictly.

    Args:
        text: One JSON object of at most 1 MiB, 64 levels deep; a byte order mark before
            it does no harm.

    Raises:
        ParameterRejected: It is anything else, names a field twice, or has a number
            that JSON does not have.
    """
    fault, remedy = "", "Make it simpler."
    try:
        raw = text.encode() if isinstance(text, str) else text
        found = _parsed(raw)
    except ParameterRejected:
        raise
    except UnicodeError:
        fault, remedy = "are not UTF-8", "Save the file as UTF-8."
    except RecursionError:
        fault = "are nested too deeply"
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        fault, remedy = f"are no JSON: {error.msg} at {where}", EXAMPLE
    except ValueError:  # Python's own limit on the digits of a number
        fault = "have a number too large to be sent"
    else:
        if isinstance(found, dict):
            refuse(problems(None, found))
            return found
        fault, remedy = "are no JSON object", EXAMPLE
    raise ParameterRejected(f"The inputs {fault}.", remedy)


def _parsed(raw: bytes) -> Any:
    if len(raw) > MAX_BODY_BYTES:
        raise ParameterRejected(
            f"The inputs have {len(raw)} bytes, more than {MAX_BODY_BYTES}.",
            "Give pictures as files or https addresses instead of writing them in.",
        )
    return json.loads(
        raw.decode("utf-8-sig"),
        object_pairs_hook=_without_doubles,
        parse_constant=_no_constant,
    )


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise ParameterRejected(
                f"The inputs name {echo(name)} twice.", "Give it once."
            )
        found[name] = value
    return found


def _no_constant(name: str) -> float:
    raise ParameterRejected(
        f"The inputs hold {name}, which is no number in JSON.",
        "Give a number, or leave the field out.",
    )


def adapted(
    schema: object, inputs: Mapping[str, Any]
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Call a picture what the model calls it.

    Args:
        schema: The model's input schema, or None.
        inputs: As given, perhaps with `image` where the model says `image_url`.

    Returns:
        The inputs as they are to be sent, and what to tell the user about them.

    Raises:
        ParameterRejected: Two names for one picture, more pictures than it takes, or a
            picture for a model that takes none.
    """
    if not isinstance(inputs, Mapping):
        raise ParameterRejected("The inputs are no JSON object.", EXAMPLE)
    specs, place = fields(schema), picture_field(schema)
    given = [n for n in inputs if isinstance(n, str) and inputs[n] is not None]
    others = [n for n in given if n not in specs]
    aliases = [n for n in others if PICTURE_NAME.fullmatch(n)]
    if not specs or (not aliases and not place):
        return dict(inputs), tuple(_strange(n, specs) for n in others if specs)
    if place is None:
        raise ParameterRejected(
            f"The model takes no picture, and {shown(aliases[0])} gives it one.",
            "Choose a model that edits pictures, or leave it out.",
        )
    named = [*aliases, *(n for n in given if n == place.name)]
    if len(named) > 1:
        raise ParameterRejected(
            f"{' and '.join(map(shown, named))} both give the picture to edit.",
            f"Give {shown(place.name)} only.",
        )
    sent = dict(inputs)
    notices = [_strange(n, specs) for n in others if n not in aliases]
    if aliases:
        sent[place.name] = sent.pop(aliases[0])
        notices.append(
            f"{shown(aliases[0])} is sent as {shown(place.name)}, which is what the "
            "model calls it."
        )
    if named:
        sent[place.name] = _as_taken(place, sent[place.name])
    return sent, tuple(notices)


def _as_taken(place: PictureField, value: Any) -> Any:
    """Return the pictures as a list or alone, as the model takes them."""
    if not isinstance(value, list | tuple):
        return [value] if place.many else value
    if place.many or (len(value) == 1 and isinstance(value[0], list | tuple)):
        return value  # the latter is nonsense, and left for the check to say so
    if len(value) != 1:
        raise ParameterRejected(
            f"The model takes one picture, and {shown(place.name)} gives {len(value)}.",
            "Give the one to edit.",
        )
    return value[0]


def _strange(name: str, specs: Mapping[str, Any]) -> str:
    near = get_close_matches(name[:_COMPARED_CHARS], list(specs), 1)
    meant = f" (did you mean {shown(near[0])}?)" if near else ""
    return f"The model's schema has no {shown(name)}{meant}; it is sent as it is."
