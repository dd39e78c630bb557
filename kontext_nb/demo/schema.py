"""What the demo service offers and accepts: its catalogue, and the check of a body.

The schema that is published is the one that is checked, so the two cannot disagree.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kontext_nb.catalogue import ROWS, Row
from kontext_nb.errors import ImageRejected
from kontext_nb.model import KONTEXT_PRO, echo
from kontext_nb.pixels import load_rgb
from kontext_nb.schema import fields, picture_field, problems

if TYPE_CHECKING:
    from PIL import Image

ENGINE = "demo engine"


def _entry(row: Row) -> dict[str, Any]:
    return {
        "model_id": row.model_id,
        "display_name": f"{row.display_name} ({ENGINE})",
        "description": "A simulator that edits by rule, offline; no model runs.",
        "categories": [row.category],
        "kind": "model",
        "base_price_usd": 0.0,
        "price_unit": "output",
        "pricing_note": f"Free: this is the {ENGINE} of kontext_nb, not RunComfy.",
        "input_schema": row.input_schema,
    }


MODELS: Mapping[str, Mapping[str, Any]] = {
    model_id: _entry(row) for model_id, row in ROWS.items()
}
"""The catalogue entries, by model id."""

_NO_PICTURE = (
    "The demo engine cannot make a picture from words alone: it changes one by rule.",
    "Choose a model that edits, and give it a picture.",
)
_ELSEWHERE = (
    "The picture is on the web, where the demo engine cannot fetch it: it is offline.",
    "Give the picture itself, as a file or as a data URI.",
)
_CHOICES = ("seed", "aspect_ratio")  # what the engine has a use for
_RATIO = re.compile(r"[1-9]\d?:[1-9]\d?", re.ASCII)
_DATA_HEADS = frozenset(
    f"data:image/{kind};base64" for kind in ("png", "jpeg", "jpg", "webp")
)


@dataclass(frozen=True, slots=True, eq=False)
class Order:
    """A submit body that was checked.

    Args:
        source: The picture in RGB; None if there is none to be had.
        prompt: The instruction, not yet parsed.
        seed: 0 to 2**31 - 1, or None to have one drawn.
        aspect_ratio: "W:H", or None to follow the source.
        hindrance: Why it will fail although it is a good order: what, and what to do.
    """

    source: Image.Image | None
    prompt: str
    seed: int | None
    aspect_ratio: str | None
    hindrance: tuple[str, str] | None = None


class BodyRejected(ValueError):
    """The body does not fit the schema.

    Args:
        detail: One ``{"loc": ["body", field], "msg": sentence}`` a complaint.
    """

    def __init__(self, detail: list[dict[str, Any]]) -> None:
        where = ".".join(detail[0]["loc"])
        super().__init__(f"The request was not accepted: {where}: {detail[0]['msg']}")
        self.detail = detail


def read_order(raw: bytes, model: str = KONTEXT_PRO) -> Order:
    """Read and check a submit body, with the picture decoded.

    Fields the schema does not name are ignored. Takes a while for large pictures, so
    call it off the event loop.

    Args:
        raw: The body.
        model: Id of one of `MODELS`.

    Raises:
        BodyRejected: It is no JSON object, or a field is missing or unusable.
    """
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        raise BodyRejected([{"loc": ["body"], "msg": "Send one JSON object."}])
    schema = MODELS[model]["input_schema"]
    named = fields(schema).keys()
    complaints = {p.field: str(p) for p in problems(schema, body) if p.field in named}
    place, pictures = picture_field(schema), []
    if place and place.name not in complaints:
        given = body[place.name]
        try:
            pictures = [_source(url) for url in (given if place.many else [given])]
        except ImageRejected as error:
            complaints[place.name] = str(error)
    if complaints:
        raise BodyRejected(
            [{"loc": ["body", name], "msg": msg} for name, msg in complaints.items()]
        )
    seed, ratio = (body[n] if n in named & body.keys() else None for n in _CHOICES)
    missing = _ELSEWHERE if pictures else _NO_PICTURE
    return Order(
        # Of several pictures the first is edited: it is a demo.
        pictures[0] if pictures else None,
        body["prompt"],
        seed,
        ratio if ratio and _RATIO.fullmatch(ratio) else None,
        None if pictures and pictures[0] else missing,
    )


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
    return load_rgb(data)
