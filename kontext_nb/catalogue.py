"""The models this version knows without asking: what it falls back on when it cannot.

A row repeats what a service published, and says what of it is only assumed. A model
that has no row can be used all the same. There is no price here: it is asked for, or it
is unknown.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from kontext_nb.model import ASPECT_RATIOS, KONTEXT_PRO, PROMPT_MAX_CHARS, SEED_MAX

KONTEXT_MAX = "blackforestlabs/flux-1-kontext/max/edit"

EDITS, MAKES = "image-to-image", "text-to-image"
_COMPARED_CHARS = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One model.

    Args:
        model_id: As it stands in the service's addresses.
        display_name: As people should read it.
        category: `EDITS`, or `MAKES` for a model that takes no picture.
        input_schema: Its inputs, in the dialect of `kontext_nb.schema`.
        assumed: What of this nobody published: names of inputs whose bounds are a
            guess, or "model id".
    """

    model_id: str
    display_name: str
    category: str
    input_schema: Mapping[str, Any]
    assumed: tuple[str, ...] = ()


def _inputs(*required: str, **properties: Mapping[str, Any]) -> Mapping[str, Any]:
    return {
        "type": "object",
        "required": list(required),
        "properties": {"prompt": _PROMPT, **properties},
    }


def _choice(title: str, values: str, default: str | None = None) -> Mapping[str, Any]:
    return {
        "type": "string",
        "title": title,
        "enum": values.split(),
        "default": default,
    }


def _whole(title: str, low: int, high: int, default: int | None) -> Mapping[str, Any]:
    bounds = {"minimum": low, "maximum": high, "default": default}
    return {"type": "integer", "title": title, **bounds}


def _pictures(most: int) -> Mapping[str, Any]:
    return {
        "type": "array",
        "title": "Images",
        "description": "The pictures to edit: https addresses or data URIs.",
        "items": {"type": "string", "format": "image_uri"},
        "minItems": 1,
        "maxItems": most,
    }


_PROMPT: Mapping[str, Any] = {
    "type": "string",
    "title": "Prompt",
    "description": "What to change or to make, as a sentence.",
    "minLength": 1,
    "maxLength": PROMPT_MAX_CHARS,  # this package's own bound, for every model
}
_IMAGE: Mapping[str, Any] = {
    "type": "string",
    "title": "Image",
    "description": "The picture to edit: an https address or a data URI.",
    "format": "image_uri",  # assumed for Kontext: it is what the siblings publish
    "minLength": 1,
}
_SEED: Mapping[str, Any] = {
    **_whole("Seed", 0, SEED_MAX, None),
    "description": "Equal seeds give equal results; left out, one is drawn.",
}
_KONTEXT: Mapping[str, Any] = {
    "aspect_ratio": {
        **_choice("Aspect ratio", " ".join(ASPECT_RATIOS)),
        "description": "Width to height; left out, an edit follows its picture.",
    },
    "seed": _SEED,
}
_KONTEXT_EDIT = _inputs("prompt", "image_url", image_url=_IMAGE, **_KONTEXT)
_KONTEXT_MAKE = _inputs("prompt", **_KONTEXT)
_FORMAT = _choice("File type", "png jpeg webp", "png")

# Newest first would be a matter of taste: Kontext, which this package is for, leads.
_ROWS = (
    Row(
        model_id=KONTEXT_PRO,
        display_name="FLUX.1 Kontext [pro] edit",
        category=EDITS,
        input_schema=_KONTEXT_EDIT,
        assumed=("aspect_ratio", "seed"),
    ),
    Row(
        model_id=KONTEXT_MAX,
        display_name="FLUX.1 Kontext [max] edit",
        category=EDITS,
        input_schema=_KONTEXT_EDIT,
        assumed=("aspect_ratio", "seed"),
    ),
    Row(
        model_id="blackforestlabs/flux-1-kontext/max/text-to-image",
        display_name="FLUX.1 Kontext [max] text to image",
        category=MAKES,
        input_schema=_KONTEXT_MAKE,
        assumed=("aspect_ratio", "seed"),
    ),
    Row(
        model_id="blackforestlabs/flux-1-kontext/pro/text-to-image",
        display_name="FLUX.1 Kontext [pro] text to image",
        category=MAKES,
        input_schema=_KONTEXT_MAKE,
        # Nobody documents it; it would be the fourth of two tiers and two tasks.
        assumed=("model id", "prompt", "aspect_ratio", "seed"),
    ),
    Row(
        model_id="google/nano-banana-2/edit",
        display_name="Nano Banana 2 edit",
        category=EDITS,
        input_schema=_inputs(
            "prompt",
            "image_urls",
            image_urls=_pictures(20),
            number_of_images=_whole("Number of results", 1, 4, 1),
            seed=_SEED,
            # The list of ratios is not known; "auto" is one of them.
            aspect_ratio={
                "type": "string",
                "title": "Aspect ratio",
                "default": "auto",
            },
            resolution=_choice("Resolution", "0.5K 1K 2K 4K", "1K"),
            output_format=_FORMAT,
            safety_tolerance=_whole("Safety tolerance", 1, 6, 4),
            limit_generations={"type": "boolean", "title": "Limit generations"},
            enable_web_search={
                "type": "boolean",
                "title": "Web search",
                "default": False,
            },
        ),
        # From a description of the model that was older than its catalogue.
        assumed=(
            "image_urls",
            "number_of_images",
            "seed",
            "aspect_ratio",
            "resolution",
            "output_format",
            "safety_tolerance",
            "limit_generations",
            "enable_web_search",
        ),
    ),
    Row(
        model_id="google/nano-banana-2-lite/edit",
        display_name="Nano Banana 2 Lite edit",
        category=EDITS,
        input_schema=_inputs(
            "prompt",
            "image_urls",
            image_urls=_pictures(10),
            aspect_ratio=_choice(
                "Aspect ratio",
                "auto 21:9 16:9 3:2 4:3 5:4 1:1 4:5 3:4 2:3 9:16 4:1 1:4 8:1 1:8",
                "auto",
            ),
        ),
    ),
    Row(
        model_id="openai/gpt-image-2/edit",
        display_name="GPT Image 2 edit",
        category=EDITS,
        input_schema=_inputs(
            "prompt",
            "images",
            images=_pictures(10),
            aspect_ratio=_choice(
                "Aspect ratio", "1:1 3:2 2:3 3:4 4:3 4:5 5:4 9:16 16:9 21:9", "1:1"
            ),
            resolution=_choice("Resolution", "1k 2k 4k", "1k"),
            quality=_choice("Quality", "low medium high", "medium"),
            output_format=_FORMAT,
        ),
    ),
    Row(
        model_id="blackforestlabs/flux-2-klein/9b/text-to-image",
        display_name="FLUX.2 [klein] 9B text to image",
        category=MAKES,
        input_schema=_inputs(
            "prompt",
            steps=_whole("Steps", 1, 100, 25),
            width=_whole("Width", 512, 1536, 1024),
            height=_whole("Height", 512, 1536, 1024),
        ),
    ),
    Row(
        model_id="blackforestlabs/flux-2-klein/4b/text-to-image",
        display_name="FLUX.2 [klein] 4B text to image",
        category=MAKES,
        input_schema=_inputs(
            "prompt",
            width=_whole("Width", 64, 2048, 1024),
            height=_whole("Height", 64, 2048, 1024),
        ),
    ),
)

ROWS: Mapping[str, Row] = {row.model_id: row for row in _ROWS}
"""Every row, by model id."""


def found(search: str = "", category: str | None = None) -> tuple[Row, ...]:
    """Return the rows whose id or name has ``search`` in it, of one category or any."""
    word = search.lower()
    return tuple(
        row
        for row in _ROWS
        if word in f"{row.model_id} {row.display_name}".lower()
        and category in (None, row.category)
    )


def nearest(model_id: object) -> tuple[str, ...]:
    """Return up to three known ids that are spelled like this one."""
    if not isinstance(model_id, str):
        return ()
    typed = model_id[:_COMPARED_CHARS].lower()
    return tuple(get_close_matches(typed, list(ROWS), 3, 0.6))


def respelt(model_id: str) -> str | None:
    """Return the known id that this one is but for how its words are joined.

    So the service's own pages are called, and no other model is.
    """
    letters = _letters(model_id)
    return next((known for known in ROWS if _letters(known) == letters), None)


def _letters(model_id: str) -> str:
    return re.sub(r"[^a-z0-9]", "", model_id.replace(EDITS, "edit"))
