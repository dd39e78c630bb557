"""What a model is sent, by its own names, checked by what it says of itself."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kontext_nb import schema
from kontext_nb.catalogue import respelt
from kontext_nb.errors import ImageRejected, ParameterRejected
from kontext_nb.model import checked_prompt, checked_seed, echo, picture_mark, texts
from kontext_nb.pixels import Picture
from kontext_nb.schema import Problem, shown
from kontext_nb.session.addresses import checked_address, has_scheme
from kontext_nb.session.keys import check_no_token
from kontext_nb.session.models import Known
from kontext_nb.session.orders import Order, source_of

# What Kontext calls it, for a model of which nothing is known.
_PICTURE_FIELD = "image_url"
_OWN = ("prompt", "seed", "aspect_ratio")
# Inputs that take an address: by what the schema says, else by what they are called.
_FORM = re.compile(r"\w+_uris?")
_PLACE = re.compile(r"(.*_)?(image|picture|mask|video|audio|ur[il])s?")
_FILES = (".png", ".jpg", ".jpeg", ".webp", ".gif", ".mp4", ".webm", ".mov", ".mp3")


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


def check(order: Order) -> None:
    """Refuse what no model is to be sent, before anybody is asked about this one.

    Raises:
        PromptRejected: The instruction cannot be used.
        ParameterRejected: The seed is none; or an input is no JSON, has an argument of
            its own, or holds the token, which is then in no message.
    """
    given = order.inputs
    schema.refuse(schema.problems(None, given))
    pictures = (order.source, *order.references)
    check_no_token(
        ("prompt", [order.prompt]),
        ("options", [order.seed, order.aspect_ratio, *pictures, *given]),
        *((f"input {shown(name)}", texts(value)) for name, value in given.items()),
    )
    if order.prompt is None:
        prompt = given.get("prompt")
        if isinstance(prompt, str) and not prompt.strip():
            checked_prompt(prompt)
        return
    checked_prompt(order.prompt)
    checked_seed(order.seed)
    for name in _OWN:
        if name in given:
            raise ParameterRejected(
                f"inputs= gives {name}, which has an argument of its own.",
                f"Give {name}={echo(given[name])} beside inputs=, not in it.",
            )


def inputs_of(order: Order, known: Known) -> Inputs:
    """Return an order, which was checked, as a model's inputs.

    Args:
        order: What the user wants.
        known: What is known of the model.

    Raises:
        ParameterRejected: Something does not fit the model, or there is none such.
        ImageRejected: A picture cannot be used.
    """
    meant = respelt(known.model) if known.record is None else None
    if meant:
        raise ParameterRejected(
            f"Nothing is known of {echo(known.model)}.", f"Did you mean {meant}?"
        )
    given_pictures = [p for p in (order.sent or order.source, *order.references) if p]
    digests = [digest_of(picture) for picture in given_pictures]
    pictures = dict(zip(digests, given_pictures, strict=True))
    given = dict(order.inputs)
    if order.prompt is not None:  # else everything stands in the inputs themselves
        own = (order.prompt, checked_seed(order.seed), order.aspect_ratio)
        given |= dict(zip(_OWN, own, strict=True))
    if digests:
        given |= _in_place(known, given, list(map(picture_mark, digests)))
    wanted = {name: value for name, value in given.items() if value is not None}
    values, notices = schema.adapted(known.schema, wanted)
    if order.prompt is None:
        pictures |= _marked(known, values)
    _check_places(known, values)
    schema.refuse(_problems(known, values, pictures))
    return Inputs(values, pictures, tuple(dict.fromkeys(notices)))


def _in_place(
    known: Known, given: Mapping[str, Any], marks: list[str]
) -> dict[str, Any]:
    """Return the pictures' marks by the name of the input they belong in."""
    place = schema.picture_field(known.schema)
    if place is None and known.schema is not None:
        raise ParameterRejected(
            f"{known.model} makes a picture from words and takes none.",
            "Choose a model that edits; or give None in the place of the picture, in a "
            "shell: kontext-nb run.",
        )
    name = place.name if place else _PICTURE_FIELD
    if name in given:
        raise ParameterRejected(
            f"inputs= gives {shown(name)}, which is the picture to edit.",
            "Give each picture once: the first as it is, further ones as references=.",
        )
    return {name: marks[0] if place is None and len(marks) == 1 else marks}


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
    pictures = {digest_of(p): p for p in map(source_of, listed)}
    marks = [picture_mark(digest) for digest in pictures]
    values[place.name] = marks if place.many else marks[0]
    return pictures


def _check_places(known: Known, values: Mapping[str, Any]) -> None:
    """Refuse addresses nobody can mean, and files of which only the name would be sent.

    Raises:
        ImageRejected: There is one.
    """
    specs = schema.fields(known.schema)
    for name, value in values.items():
        form = specs.get(name, {}).get("format")
        is_place = _FORM.fullmatch(str(form)) if form else _PLACE.fullmatch(name)
        for text in texts(value):
            if is_place and has_scheme(text):
                checked_address(text)
            if known.schema is None and _is_file(text):
                raise ImageRejected(
                    f"{shown(name)} names the file {echo(text)}, of which only the "
                    f"name would be sent: nothing is known of {known.model}.",
                    "Give the https address of the file, or a data URL.",
                )


def _is_file(text: str) -> bool:
    with suppress(OSError, ValueError, RuntimeError):  # no name of a file
        path = Path(text).expanduser()
        return path.suffix.lower() in _FILES and path.is_file()
    return False


def _problems(
    known: Known, values: Mapping[str, Any], pictures: Mapping[str, Picture | str]
) -> Iterator[Problem]:
    yield from schema.problems(known.schema, values)
    for picture in pictures.values():
        size = picture.image.size if isinstance(picture, Picture) else None
        if size and (problem := schema.misfit(known.schema, *size)):
            yield problem


def digest_of(source: Picture | str) -> str:
    """Return what stands for a picture, or for an address, in a request."""
    if isinstance(source, str):
        return hashlib.sha256(source.encode()).hexdigest()
    return source.digest
