"""The options of an edit, and the order that they make."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches
from typing import Any, TypedDict

from kontext_nb.chain import Step
from kontext_nb.errors import ParameterRejected
from kontext_nb.model import echo
from kontext_nb.pixels import Picture, encode_png, load, on_white
from kontext_nb.preservation import prefit
from kontext_nb.preservation.masks import mask_of
from kontext_nb.session import cell as cells
from kontext_nb.session.desk import Desk
from kontext_nb.session.orders import Order, is_address, source_of
from kontext_nb.session.settings import Settings


class How(TypedDict, total=False):
    """The options of an edit; `edit` says what they mean."""

    seed: int | None
    aspect_ratio: str | None
    model: str | None
    references: Sequence[Any]
    inputs: Mapping[str, Any]
    refresh: bool
    preserve: Any
    prefit: bool


def check_options(how: Mapping[str, Any], *besides: str) -> None:
    """Refuse an option that there is not: what was meant by it would be left out.

    Args:
        how: As it was given.
        besides: What else may be given there, to be told.

    Raises:
        ParameterRejected: It is misspelt, or belongs elsewhere.
    """
    known = [*How.__annotations__, *besides]
    for name in how:
        if name not in How.__annotations__:
            near = get_close_matches(name, known, 1)
            raise ParameterRejected(
                f"There is no option {echo(name)}.",
                f"Did you mean {near[0]}?" if near else f"Use {', '.join(known)}.",
            )


def ordered(
    now: Settings,
    prompt: str,
    how: How,
    *,
    source: Picture | str,
    chain: str,
    parent: str | None,
    cell: cells.Cell | None,
    place: str | None,
) -> tuple[Desk, Order]:
    """Return an edit's order, and the desk it goes to.

    Args:
        now: The settings, but for the model of its own options.
        prompt: The instruction.
        how: Its options.
        source: See `Order`, as all that follows.
        chain: Id of the chain.
        parent: Id of the step the source came from.
        cell: The cell that asks.
        place: Where the chain belongs.

    Raises:
        ImageRejected: A picture among them cannot be read.
        ParameterRejected: There is no such option; or what is to be preserved or padded
            is not here, or the mask is none.
    """
    check_options(how, "wait")
    preserve, mask = _wish(how.get("preserve"), source)
    order = Order(
        source=source,
        prompt=prompt,
        chain=chain,
        parent=parent,
        cell=cell,
        place=place,
        seed=how.get("seed"),
        aspect_ratio=how.get("aspect_ratio"),
        references=_references(how.get("references")),
        inputs=_inputs(how.get("inputs")),
        refresh=how.get("refresh", False),
        preserve=preserve,
        mask=mask,
        sent=_fitted(source, how) if how.get("prefit") else None,
    )
    return Desk(replace(now, model=how.get("model") or now.model)), order


def _references(given: object) -> tuple[Picture | str, ...]:
    """Return further pictures; a text or an array alone would be taken to pieces."""
    if given is not None and not isinstance(given, list | tuple):
        raise ParameterRejected(
            f"references={echo(given)} is no list.", "Give a list of pictures."
        )
    return tuple(map(source_of, given or ()))


def _inputs(given: object) -> Mapping[str, Any]:
    if given is not None and not isinstance(given, Mapping):
        raise ParameterRejected(
            f"inputs={echo(given)} is no dict.",
            'Give names and values, for example inputs={"output_format": "png"}.',
        )
    return given or {}


def _wish(preserve: Any, source: Picture | str) -> tuple[bool, bytes]:
    """Return whether to preserve what did not change, and a mask as a PNG, or none."""
    if preserve is None or preserve is False:
        return False, b""
    if isinstance(source, str):
        raise ParameterRejected(
            "What is not changed cannot be kept of a picture that is not here.",
            "Give the picture itself, or leave preserve= out.",
        )
    if preserve is True:
        return True, b""
    return True, encode_png(mask_of(preserve, source.image.size))


def _fitted(source: Picture | str, how: How) -> Picture:
    """Return what is sent instead of a picture, so that nothing stretches it.

    Raises:
        ParameterRejected: It is not here, or is to get another shape.
    """
    if isinstance(source, str):
        raise ParameterRejected(
            "A picture that is not here cannot be padded.",
            "Give the picture itself, or leave prefit= out.",
        )
    if how.get("aspect_ratio") is not None:
        raise ParameterRejected(
            "With prefit=True the picture keeps its shape, and aspect_ratio= asks for "
            "another.",
            "Give one of the two.",
        )
    return load(prefit(on_white(source.image)).image)


def how_of(desk: Desk, step: Step) -> How:
    """Return the options that a step was made with.

    Args:
        desk: Where it is kept.
        step: Its seed is the one it got, where none was given.
    """
    asked, kept = step.job.request, step.job.pictures
    mask = step.keeping.mask
    further = (kept[digest] for digest in asked.pictures[1:])
    return {
        "seed": asked.seed,
        "aspect_ratio": asked.aspect_ratio,
        "model": asked.model,
        "references": [p if is_address(p) else desk.blobs.get(p) for p in further],
        "inputs": asked.options,
        "preserve": desk.blobs.get(mask) if mask else step.keeping.preserve,
        "prefit": bool(step.keeping.source),
    }
