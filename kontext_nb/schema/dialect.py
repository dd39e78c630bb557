"""What a published schema says: the names of a model's inputs, and their bounds.

The dialect is that of the services' catalogues: JSON Schema with a ``float`` type,
nulls by ``default: null``, and formats such as ``image_uri``. A schema comes from a
stranger, so whatever in it makes no sense says nothing, and nothing here fails for it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kontext_nb.model import SEED_MAX, echo

TYPES: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "float": (int, float),
    "boolean": (bool,),
    "array": (list, tuple),
    "object": (Mapping,),
    "null": (type(None),),
}
# Not every published schema gives its pictures a format: then the name has to tell.
PICTURE_NAME = re.compile(r"(input_|source_|reference_|ref_)?images?(_ur[il]s?)?")
_SHOWN_CHARS = 80
_HUGE = 1e300


@dataclass(frozen=True, slots=True)
class PictureField:
    """Where a model takes its pictures.

    Args:
        name: What the model calls it.
        many: Whether its value is a list.
        least: How many it needs at least.
        most: How many it takes; None where the schema does not say.
    """

    name: str
    many: bool
    least: int
    most: int | None


def fields(schema: object) -> dict[str, Mapping[str, Any]]:
    """Return the inputs that a schema names, each with what it says of it.

    Pictures are given their format where the schema left it to the name.
    """
    named = schema.get("properties") if isinstance(schema, Mapping) else None
    if not isinstance(named, Mapping):
        return {}
    return {n: _spec(n, spec) for n, spec in named.items() if isinstance(n, str)}


def required(schema: object) -> tuple[str, ...]:
    """Return the names of the inputs that cannot be left out."""
    named = schema.get("required") if isinstance(schema, Mapping) else None
    if not isinstance(named, list | tuple):
        return ()
    return tuple(dict.fromkeys(name for name in named if isinstance(name, str)))


def picture_field(schema: object) -> PictureField | None:
    """Return where the picture to edit goes: the first field for it, needed ones first.

    Returns:
        None if the schema names no input for a picture.
    """
    needed = required(schema)
    kinds = {n: picture_kind(spec) for n, spec in fields(schema).items()}
    found = sorted((n for n in kinds if kinds[n]), key=lambda n: n not in needed)
    if not found:
        return None
    name, is_needed = found[0], found[0] in needed
    if kinds[name] == "one":
        return PictureField(name, many=False, least=int(is_needed), most=1)
    spec = fields(schema)[name]
    least, most = count(spec, "minItems"), count(spec, "maxItems")
    return PictureField(name, many=True, least=max(least or 0, is_needed), most=most)


def seed_range(schema: object) -> tuple[int, int] | None:
    """Return the lowest and the highest seed, or None if the model takes none.

    The lowest may be -1, which services use for "any". What the schema leaves open is
    0 and 2**31 - 1.
    """
    spec = fields(schema).get("seed")
    if spec is None:
        return None
    low, high = bound(spec, "minimum"), bound(spec, "maximum")
    lowest = 0 if low is None else math.ceil(low)
    highest = SEED_MAX if high is None else math.floor(high)
    return (lowest, highest) if lowest <= highest else (0, SEED_MAX)


def aspect_ratios(schema: object) -> tuple[str, ...]:
    """Return the aspect ratios that are listed; none if any may be tried, or none."""
    listed = enum(fields(schema).get("aspect_ratio", {}))
    return tuple(ratio for ratio in listed if isinstance(ratio, str))


def types(spec: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the names of the types a value may have; none means any."""
    told = spec.get("type")
    names = tuple(told) if isinstance(told, list | tuple) else (told,)
    known = all(isinstance(name, str) and name in TYPES for name in names)
    return names if known else ()


def enum(spec: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return the values that are allowed; none means any."""
    listed = spec.get("enum")
    return tuple(listed) if isinstance(listed, list | tuple) else ()


def bound(spec: Mapping[str, Any], key: str) -> float | None:
    """Return the number under ``key``, such as `minimum`, if it is one."""
    told: float | None = spec.get(key)
    return told if is_number(told) else None


def count(spec: Mapping[str, Any], key: str) -> int | None:
    """Return the whole number under ``key``, such as `maxItems`, if it is one."""
    told = bound(spec, key)
    return told if isinstance(told, int) else None


def is_number(value: object) -> bool:
    """Return whether it is a number that arithmetic cannot fail with."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return -_HUGE < value < _HUGE  # false for NaN as well


def shown(value: object) -> str:
    """Return a foreign name or value as it can be printed: bare where that is safe."""
    if isinstance(value, bool):
        return str(value).lower()  # as JSON has it
    if isinstance(value, str) and value.isprintable() and value.strip() == value:
        return value if 0 < len(value) <= _SHOWN_CHARS else echo(value)
    return echo(value)


def picture_kind(spec: Mapping[str, Any]) -> str | None:
    """Return "one" or "many" for a field of pictures, else None."""
    items = spec.get("items")
    of_each = items.get("format") if isinstance(items, Mapping) else None
    listed = spec.get("format") == "image_uris" or of_each == "image_uri"
    if not listed and spec.get("format") != "image_uri":
        return None
    told = types(spec)
    return "many" if "array" in told or (listed and not told) else "one"


def _spec(name: str, spec: object) -> Mapping[str, Any]:
    found = spec if isinstance(spec, Mapping) else {}
    if "format" in found or "enum" in found or not PICTURE_NAME.fullmatch(name):
        return found
    told = types(found) or (("array",) if name.endswith("s") else ("string",))
    if "array" in told:
        return {**found, "format": "image_uris"}
    return {**found, "format": "image_uri"} if "string" in told else found
