"""What a model is sent, by its own names, checked by what it says of itself."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kontext_nb import pixels, schema
from kontext_nb.errors import ImageRejected, ParameterRejected
from kontext_nb.model import checked_prompt, checked_seed, picture_mark
from kontext_nb.pixels import Picture
from kontext_nb.session.models import Known
from kontext_nb.session.orders import Order, source_of

# What Kontext calls it, for a model of which nothing is known.
_PICTURE_FIELD = "image_url"


@dataclass(frozen=True, slots=True)
class Inputs:
    """What is to be sent.

    Args:
        values: By the model's names, with marks in the place of pictures.
        pictures: Each picture, or https address, by the digest in its mark.
        notices: What the user should know of them.
    """

    values: Mapping[str, Any]
    pictures: Mapping[str, Picture | str]
    notices: tuple[str, ...] = ()


def inputs_of(order: Order, known: Known) -> Inputs:
    """Return an order as a model's inputs.

    Args:
        order: What the user wants.
        known: What is known of the model.

    Raises:
        PromptRejected: The instruction cannot be used.
        ParameterRejected: Something else does not fit the model.
    """
    given_pictures = [p for p in (order.sent or order.source, *order.references) if p]
    digests = [digest_of(picture) for picture in given_pictures]
    pictures = dict(zip(digests, given_pictures, strict=True))
    marks = list(map(picture_mark, digests))
    given = dict(order.inputs)
    if order.prompt is not None:  # else everything stands in the inputs themselves
        given |= {
            "prompt": checked_prompt(order.prompt),
            "seed": checked_seed(order.seed),
            "aspect_ratio": order.aspect_ratio,
        }
    if marks:
        place = schema.picture_field(known.schema)
        if place is None and known.schema is not None:
            raise ParameterRejected(
                f"{known.model} makes a picture from words and takes none.",
                "Give None in the place of the picture, or choose a model that edits.",
            )
        alone = place is None and len(marks) == 1
        given[place.name if place else _PICTURE_FIELD] = marks[0] if alone else marks
    wanted = {name: value for name, value in given.items() if value is not None}
    values, notices = schema.adapted(known.schema, wanted)
    if order.prompt is None:
        pictures |= _marked(known, values)
    for problem in schema.problems(known.schema, values):
        raise ParameterRejected(problem.sentence, problem.remedy)
    return Inputs(values, pictures, tuple(dict.fromkeys(notices)))


def _marked(known: Known, values: dict[str, Any]) -> dict[str, Picture | str]:
    """Put marks in the place of pictures that stand in the values as text.

    Returns:
        The pictures by their digests.
    """
    place = schema.picture_field(known.schema)
    given = values.get(place.name) if place else None
    if place is None or given is None:
        return {}
    listed = given if isinstance(given, list) else [given]
    pictures = {digest_of(p): p for p in map(_picture, listed)}
    marks = [picture_mark(digest) for digest in pictures]
    values[place.name] = marks if place.many else marks[0]
    return pictures


def _picture(given: Any) -> Picture | str:
    """Return a picture that stands in the inputs as text."""
    head, comma, payload = given.partition(",") if isinstance(given, str) else ("",) * 3
    if comma and head.startswith("data:") and head.endswith(";base64"):
        try:
            return pixels.load(base64.b64decode(payload, validate=True))
        except ValueError:
            raise ImageRejected(
                "The data URI is not valid base64.", "Encode the file's bytes again."
            ) from None
    return source_of(given)


def digest_of(source: Picture | str) -> str:
    """Return what stands for a picture, or for an address, in a request."""
    if isinstance(source, str):
        return hashlib.sha256(source.encode()).hexdigest()
    return source.digest
