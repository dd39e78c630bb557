"""Whether a picture has the shape a model asks for: its schema's ``validations``."""

from __future__ import annotations

import operator
import re
from collections.abc import Mapping

from kontext_nb.schema.checks import Problem
from kontext_nb.schema.dialect import bound, fields, picture_field, shown

# What a file's size is held against (file_size_mb) is not known here: it is packed as
# it is sent.
_RULE = re.compile(r"(width_pixels|height_pixels|width/height)\s*(<|<=|>|>=)")
_CALLED = {
    "width_pixels": "a width in pixels",
    "height_pixels": "a height in pixels",
    "width/height": "a width divided by its height",
}
_HOLDS = {
    "<": (operator.lt, "below"),
    "<=": (operator.le, "of at most"),
    ">": (operator.gt, "above"),
    ">=": (operator.ge, "of at least"),
}


def misfit(schema: object, width: int, height: int) -> Problem | None:
    """Return why a picture of that many pixels is not what the model takes.

    Args:
        schema: The model's input schema; None, or any nonsense, forbids nothing.
        width: Of the picture, in pixels.
        height: The same.
    """
    place = picture_field(schema)
    if place is None:
        return None
    told = fields(schema)[place.name].get("validations")
    has = {
        "width_pixels": width,
        "height_pixels": height,
        "width/height": width / height,
    }
    for rule in told if isinstance(told, list | tuple) else ():
        named = rule.get("validation_rule") if isinstance(rule, Mapping) else None
        found = _RULE.fullmatch(str(named))
        limit = bound(rule, "validation_value") if found else None
        if found is None or limit is None:
            continue
        holds, words = _HOLDS[found[2]]
        if not holds(has[found[1]], limit):
            return Problem(
                place.name,
                f"{shown(place.name)} must have {_CALLED[found[1]]} {words} {limit:g}; "
                f"it is {has[found[1]]:.6g}.",
                "Give another picture, or choose another model.",
            )
    return None
