"""What the demo service offers and accepts: its catalogue, and the check of a body.

The schema that is published is the one that is checked, so the two cannot disagree.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kontext_nb.errors import ImageRejected
from kontext_nb.model import (
    ASPECT_RATIOS,
    KONTEXT_PRO,
    PROMPT_MAX_CHARS,
    SEED_MAX,
    echo,
)
from kontext_nb.pixels import load, on_white

if TYPE_CHECKING:
    from PIL import Image

ENGINE = "demo engine"

INPUT_SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "required": ["prompt", "image_url"],
    "properties": {
        "prompt": {
            "type": "string",
            "title": "Prompt",
            "description": "The one change to make, as a sentence.",
            "minLength": 1,
            "maxLength": PROMPT_MAX_CHARS,
        },
        "image_url": {
            "type": "string",
            "title": "Image",
            "description": "The picture to edit: a PNG, JPEG or WebP data URI.",
            "format": "image_uri",
            "minLength": 1,
        },
        "aspect_ratio": {
            "type": "string",
            "title": "Aspect ratio",
            "description": "Width to height; left out, it follows the picture.",
            "enum": list(ASPECT_RATIOS),
            "default": None,
        },
        "seed": {
            "type": "integer",
            "title": "Seed",
            "description": "Equal seeds give equal results; left out, one is drawn.",
            "minimum": 0,
            "maximum": SEED_MAX,
            "default": None,
        },
    },
}


def _entry(model_id: str, tier: str) -> dict[str, Any]:
    return {
        "model_id": model_id,
        "display_name": f"FLUX.1 Kontext [{tier}] edit ({ENGINE})",
        "description": "A simulator that edits by rule, offline; no FLUX model runs.",
        "categories": ["image-to-image"],
        "kind": "model",
        "base_price_usd": 0.0,
        "price_unit": "output",
        "pricing_note": f"Free: this is the {ENGINE} of kontext_nb, not RunComfy.",
        "input_schema": INPUT_SCHEMA,
    }


MODELS: Mapping[str, Mapping[str, Any]] = {
    KONTEXT_PRO: _entry(KONTEXT_PRO, "pro"),
    (_MAX := "blackforestlabs/flux-1-kontext/max/edit"): _entry(_MAX, "max"),
}
"""The catalogue entries, by model id."""

_TYPES = {"string": str, "integer": int}
_DATA_HEADS = frozenset(
    f"data:image/{kind};base64" for kind in ("png", "jpeg", "jpg", "webp")
)


@dataclass(frozen=True, slots=True, eq=False)
class Order:
    """A submit body that was checked.

    Args:
        source: The picture in RGB; None if it is somewhere on the web.
        prompt: The instruction, not yet parsed.
        seed: 0 to 2**31 - 1, or None to have one drawn.
        aspect_ratio: One of the schema's, or None to follow the source.
    """

    source: Image.Image | None
    prompt: str
    seed: int | None
    aspect_ratio: str | None


class BodyRejected(ValueError):
    """The body does not fit the schema.

    Args:
        detail: One ``{"loc": ["body", field], "msg": sentence}`` a complaint.
    """

    def __init__(self, detail: list[dict[str, Any]]) -> None:
        where = ".".join(detail[0]["loc"])
        super().__init__(f"The request was not accepted: {where}: {detail[0]['msg']}")
        self.detail = detail


def read_order(raw: bytes) -> Order:
    """Read and check a submit body, with the picture decoded.

    Fields the schema does not name are ignored. Takes a while for large pictures, so
    call it off the event loop.

    Raises:
        BodyRejected: It is no JSON object, or a field is missing or unusable.
    """
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        raise BodyRejected([{"loc": ["body"], "msg": "Send one JSON object."}])
    detail = [
        {"loc": ["body", name], "msg": problem}
        for name, spec in INPUT_SCHEMA["properties"].items()
        if (problem := _problem(name, spec, body))
    ]
    source = None
    if not any("image_url" in complaint["loc"] for complaint in detail):
        try:
            source = _source(body["image_url"])
        except ImageRejected as error:
            detail.append({"loc": ["body", "image_url"], "msg": str(error)})
    if detail:
        raise BodyRejected(detail)
    return Order(source, body["prompt"], body.get("seed"), body.get("aspect_ratio"))


def _problem(name: str, spec: Mapping[str, Any], body: Mapping[str, Any]) -> str | None:
    """Return what is wrong with one field, as a sentence."""
    if name in body:
        return _value_problem(spec, body[name])
    if name not in INPUT_SCHEMA["required"]:
        return None
    if name == "image_url" and "image" in body:
        return "This field is required; the model reads image_url, not image."
    return "This field is required."


def _value_problem(spec: Mapping[str, Any], value: Any) -> str | None:
    problem = None
    if value is None and spec.get("default", ...) is None:
        pass
    elif not isinstance(value, _TYPES[spec["type"]]) or isinstance(value, bool):
        problem = f"This must be of type {spec['type']}."
    elif isinstance(value, str):
        problem = _text_problem(spec, value)
    elif not spec["minimum"] <= value <= spec["maximum"]:
        problem = f"This must be from {spec['minimum']} to {spec['maximum']}."
    return problem


def _text_problem(spec: Mapping[str, Any], value: str) -> str | None:
    if "enum" in spec and value not in spec["enum"]:
        return f"{echo(value)} is none of {', '.join(spec['enum'])}."
    if len(value) < spec.get("minLength", 0):
        return "This must not be empty."
    if len(value) > spec.get("maxLength", len(value)):
        return f"This must have at most {spec['maxLength']} characters."
    try:
        value.encode()
    except UnicodeEncodeError:
        # JSON can escape half of a pair; no answer of ours could ever quote it.
        return "This holds half of a surrogate pair, which is not a character."
    return None


def _source(image_url: str) -> Image.Image | None:
    """Decode a data URI into RGB pixels; None for an address on the web.

    Raises:
        ImageRejected: It is neither, or no picture that can be used.
    """
    if image_url.startswith("https://"):
        return None
    head, comma, payload = image_url.partition(",")
    if not comma or head.lower() not in _DATA_HEADS:
        raise ImageRejected(
            f"{echo(image_url)} is neither a picture's data URI nor an https address.",
            "Send data:image/png;base64,… (or jpeg, or webp).",
        )
    try:
        data = base64.b64decode(payload, validate=True)
    except ValueError:
        raise ImageRejected(
            "The data URI is not valid base64.", "Encode the file's bytes once more."
        ) from None
    return on_white(load(data).image)
