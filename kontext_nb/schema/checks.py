"""Whether inputs fit a model's schema, and what would fit where they do not."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from kontext_nb.errors import ParameterRejected
from kontext_nb.model import echo, picture_mark, unreadable
from kontext_nb.schema.dialect import (
    PICTURE_NAME,
    TYPES,
    bound,
    count,
    enum,
    fields,
    is_number,
    picture_kind,
    required,
    shown,
    types,
)

MAX_DEPTH = 64
EXAMPLE = 'Give names and values, for example {"prompt": "Make it sunset"}.'
_LISTED = 16  # values of an enum that are named one by one
_NEAREST = 3
_COMPARED = 500
_COMPARED_CHARS = 80  # difflib takes the square of the length
_WORDS = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "float": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "an object",
    "null": "null",
}
_FORMAT = re.compile(r"(image|video|audio)_uri(s?)")
# A picture of the store, before it is sent.
_PICTURE_KEPT = re.compile(re.escape(picture_mark("")) + "[0-9a-f]{64}")
_NUMBER = r"(\d{1,9}(?:\.\d{1,9})?)"
_RATIO = re.compile(rf"\s*{_NUMBER}\s*(?:[:/x\u00d7\uff1a]\s*{_NUMBER}\s*)?")


@dataclass(frozen=True, slots=True)
class Problem:
    """Why an input does not fit.

    Args:
        field: Its name; empty for the inputs as a whole.
        sentence: What is wrong.
        remedy: What to do, with the nearest values that fit.
    """

    field: str
    sentence: str
    remedy: str

    def __str__(self) -> str:
        """Say both."""
        return f"{self.sentence} {self.remedy}"


def refuse(found: Iterable[Problem]) -> None:
    """Refuse inputs for the first problem of theirs, if there is one.

    Raises:
        ParameterRejected: There is.
    """
    for problem in found:
        raise ParameterRejected(problem.sentence, problem.remedy)


def problems(schema: object, inputs: object) -> tuple[Problem, ...]:
    """Return all that keeps inputs from being sent, at most one problem a field.

    Fields that the schema does not name are only asked to be JSON.

    Args:
        schema: A model's input schema; None, or any nonsense, forbids nothing.
        inputs: What is to be sent, by name. A picture may stand as ``picture:<digest>``
            (64 hex digits), as an https address or as a data URI.
    """
    if not isinstance(inputs, Mapping):
        return (Problem("", "The inputs are no JSON object.", EXAMPLE),)
    specs, needed = fields(schema), required(schema)
    return tuple(
        problem
        for name in dict.fromkeys((*specs, *needed, *inputs))
        if (problem := _problem(name, specs.get(name, {}), inputs, needed))
    )


def described(spec: Mapping[str, Any]) -> str:
    """Say what one field takes, in the words of the problems it can have."""
    low, high = bound(spec, "minimum"), bound(spec, "maximum")
    least, most = count(spec, "minItems"), count(spec, "maxItems")
    kind, offered = picture_kind(spec), enum(spec)
    words = " or ".join(dict.fromkeys(_WORDS[name] for name in types(spec)))
    if offered:
        more = ", …" if len(offered) > _LISTED else ""
        words = f"one of {', '.join(map(shown, offered[:_LISTED]))}{more}"
    elif kind == "one":
        words = "a picture"
    elif kind == "many":
        span = "any number of" if least is most is None else _span(least, most)
        words = f"{span} pictures"
    elif low is not None or high is not None:
        words = f"{words or 'a number'} {_span(low, high)}"
    elif words and (longest := count(spec, "maxLength")) is not None:
        words = f"{words} of at most {longest} characters"
    default = spec.get("default")
    usual = "" if default is None else f"; default {shown(default)}"
    return f"{words or 'anything'}{usual}"


def _problem(
    name: object,
    spec: Mapping[str, Any],
    inputs: Mapping[Any, Any],
    needed: tuple[str, ...],
) -> Problem | None:
    """Return what is wrong with one field."""
    if not isinstance(name, str):
        return Problem(echo(name), "The name of an input is no text.", EXAMPLE)
    value, named = inputs.get(name), shown(name)
    nullable = "default" in spec and spec["default"] is None
    found: tuple[str, str] | None = None
    if value is None and name in needed and not (name in inputs and nullable):
        others = (n for n in inputs if PICTURE_NAME.fullmatch(str(n)))
        alias = next(others, None) if picture_kind(spec) else None
        misnamed = f"; the model reads {named}, not {shown(alias)}" if alias else ""
        found = f"{named} is required{misnamed}.", "Give it."
    elif name not in inputs or (value is None and nullable):
        pass
    elif bad := unsendable(name) or unsendable(value, depth=2):
        found = f"{named} {bad}.", "Change it, or leave it out."
    else:
        found = _value_problem(named, spec, value)
    return Problem(name, *found) if found else None


def _value_problem(
    name: str, spec: Mapping[str, Any], value: Any
) -> tuple[str, str] | None:
    found = (check(name, spec, value) for check in _CHECKS)
    return next(filter(None, found), None)


def _of_type(name: str, spec: Mapping[str, Any], value: Any) -> tuple[str, str] | None:
    allowed = types(spec)
    for kind in allowed:
        # In Python, but not in JSON, true is a number.
        truth = isinstance(value, bool) and kind != "boolean"
        if isinstance(value, TYPES[kind]) and not truth:
            return None
    if not allowed:
        return None
    wanted = " or ".join(dict.fromkeys(_WORDS[kind] for kind in allowed))
    given = "null" if value is None else echo(value)
    return f"{name} must be {wanted}, not {given}.", "Change it, or leave it out."


def _of_enum(name: str, spec: Mapping[str, Any], value: Any) -> tuple[str, str] | None:
    offered = enum(spec)
    same = (v for v in offered if isinstance(v, bool) == isinstance(value, bool))
    if not offered or any(v == value for v in same):
        return None
    near = ", ".join(map(shown, _nearest(value, offered)))
    if len(offered) > _LISTED:
        remedy = f"Nearest: {near}." if near else f"There are {len(offered)} others."
    else:
        nearest = f"; nearest: {near}" if near else ""
        remedy = f"Use one of {', '.join(map(shown, offered))}{nearest}."
    return f"{name} {echo(value)} is not offered.", remedy


def _of_size(name: str, spec: Mapping[str, Any], value: Any) -> tuple[str, str] | None:
    if isinstance(value, str):
        least, most, things = "minLength", "maxLength", "characters"
    elif isinstance(value, list | tuple):
        least, most = "minItems", "maxItems"
        things = "pictures" if picture_kind(spec) else "items"
    else:
        return None
    low, high = count(spec, least), count(spec, most)
    if (low or 0) <= len(value) <= (len(value) if high is None else high):
        return None
    if not value and low == 1:
        return f"{name} must not be empty.", "Give something, or leave it out."
    wanted = f"{_span(low, high)} {things}"
    return f"{name} must have {wanted}; it has {len(value)}.", "Change it."


def _of_range(name: str, spec: Mapping[str, Any], value: Any) -> tuple[str, str] | None:
    low, high = bound(spec, "minimum"), bound(spec, "maximum")
    if not is_number(value):
        return None
    if (low is None or low <= value) and (high is None or value <= high):
        return None
    return f"{name} must be {_span(low, high)}; it is {value}.", "Change it."


def _of_address(
    name: str, spec: Mapping[str, Any], value: Any
) -> tuple[str, str] | None:
    form = _FORMAT.fullmatch(str(spec.get("format")))
    if not form or not isinstance(value, str):
        return None
    kind = form[1]
    if value.startswith("https://") or value[:16].lower().startswith(f"data:{kind}/"):
        return None
    if kind == "image" and _PICTURE_KEPT.fullmatch(value):
        return None
    return (
        f"{name} is {echo(value)}, which is no {kind}'s address.",
        f"Give an https address or a data URI (data:{kind}/…).",
    )


def _of_items(name: str, spec: Mapping[str, Any], value: Any) -> tuple[str, str] | None:
    if not isinstance(value, list | tuple):
        return None
    items = spec.get("items")
    each: dict[str, Any] = dict(items) if isinstance(items, Mapping) else {}
    if form := _FORMAT.fullmatch(str(spec.get("format"))):
        each = {"type": "string", "format": f"{form[1]}_uri"} | each
    found = (_value_problem(f"{name}[{i}]", each, v) for i, v in enumerate(value))
    return next(filter(None, found), None)


_Check = Callable[[str, Mapping[str, Any], Any], tuple[str, str] | None]
_CHECKS: tuple[_Check, ...] = (
    _of_type,
    _of_enum,
    _of_size,
    _of_range,
    _of_address,
    _of_items,
)


def unsendable(value: object, depth: int = 1) -> str | None:
    """Return what in a value no JSON carries or no service reads, to end a sentence."""
    waiting: list[tuple[object, int]] = [(value, depth)]
    while waiting:  # not by recursion: the depth is what is to be found out
        item, level = waiting.pop()
        if level > MAX_DEPTH:
            return f"is nested more than {MAX_DEPTH} levels deep"
        if isinstance(item, Mapping):
            if not all(isinstance(name, str) for name in item):
                return "has a name that is no text"
            waiting += [(name, level) for name in item]
            waiting += [(inner, level + 1) for inner in item.values()]
        elif isinstance(item, list | tuple):
            waiting += [(inner, level + 1) for inner in item]
        elif bad := _unsendable_leaf(item):
            return bad
    return None


def _unsendable_leaf(item: object) -> str | None:
    if isinstance(item, str):
        return unreadable(item)
    if item is None or isinstance(item, bool):
        return None
    if isinstance(item, int):
        return None if -(2**63) <= item < 2**64 else "is a number too large to be sent"
    if isinstance(item, float):
        return None if math.isfinite(item) else f"is {item}, which is no number in JSON"
    return f"is of Python's type {type(item).__name__}, which JSON does not have"


def _nearest(value: Any, offered: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return the offered values that come closest: by size, else by spelling."""
    offered, size = offered[:_COMPARED], _size(value)
    sized = {i: s for i, v in enumerate(offered) if (s := _size(v)) is not None}
    if size is not None and sized:
        order = sorted(sized, key=lambda i: abs(math.log(sized[i]) - math.log(size)))
        return tuple(offered[i] for i in order[:_NEAREST])
    if not isinstance(value, str):
        return ()
    names = {v[:_COMPARED_CHARS].lower(): v for v in offered if isinstance(v, str)}
    typed = value[:_COMPARED_CHARS].strip().lower()
    return tuple(names[n] for n in get_close_matches(typed, list(names), _NEAREST, 0.4))


def _size(value: Any) -> float | None:
    """Return a number, or the W / H of a ratio, if it is more than 0."""
    found = _RATIO.fullmatch(value) if isinstance(value, str) else None
    size = 0.0
    if found and float(found[2] or 1):
        size = float(found[1]) / float(found[2] or 1)
    elif is_number(value):
        size = float(value)
    return size if size > 0 else None


def _span(low: float | None, high: float | None) -> str:
    if low is None:
        return f"at most {high}"
    return f"at least {low}" if high is None else f"from {low} to {high}"
