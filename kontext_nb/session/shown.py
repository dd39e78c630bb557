"""What a result leaves in a notebook: static first, small, and the same everywhere."""

from __future__ import annotations

import io
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from kontext_nb import parcel, pixels
from kontext_nb.errors import StoreError
from kontext_nb.grids import as_html, as_image, plan
from kontext_nb.model import Job

if TYPE_CHECKING:
    from PIL.Image import Image

    from kontext_nb.session.branches import Branches
    from kontext_nb.session.result import Result

# The pictures of a view: with their markup below 150 KB in the notebook file, where
# they stand as base64. The HTML is what JupyterLab and nbconvert show; the JPEG serves
# what shows no HTML, so it is the smaller: a lesson is to stay below 500 KB.
JPEG_BYTES = 30_000
HTML_BYTES = 62_000
# Of so many pictures each has so few bytes that more pixels would show no more.
MANY, SMALL_PX = 24, 160
_ALT_CHARS = 200  # it is read aloud in one go, and the caption has all of the prompt


def alt_text(prompt: str, size: tuple[int, int] | None) -> str:
    """Return what a result is, in words for those who cannot see it.

    Args:
        prompt: The instruction; "" where the model has none.
        size: (width, height) of the result in pixels; None if nobody looked.
    """
    words = " ".join(prompt.split()).removesuffix(".")
    if len(words) > _ALT_CHARS:
        words = words[: _ALT_CHARS - 1].rstrip() + "…"
    said = f"Result of: {words}" if words else "Result"
    return f"{said}, {pixels.shape_text(size)}" if size else said


def edits_text(number: int) -> str:
    """Return how many edits there are, as people read it."""
    return "1 edit" if number == 1 else f"{number} edits"


def bundle(sheet: plan.Sheet, text: str, *, cell_px: int = 480) -> dict[str, Any]:
    """Return the sheet in every form a notebook may need.

    Args:
        sheet: What is shown.
        text: One line for terminals and screen readers.
        cell_px: Longest side of a picture in the JPEG.
    """
    cells = len(sheet.rows) * sheet.columns
    drawn = as_image.draw(sheet, cell_px=cell_px)
    return {
        "text/plain": text,
        "text/html": as_html.fragment(
            sheet,
            picture_bytes=HTML_BYTES // cells,
            picture_px=SMALL_PX if cells > MANY else None,
        ),
        "image/jpeg": as_image.encode_within(drawn, JPEG_BYTES),
    }


def pair_of(edit: Result) -> plan.Sheet:
    """Return an edit's source and result as a sheet of two cells."""
    footer = " · ".join((edit.model, *edit.notices))
    return plan.pair(_source_cell(edit), result_cell(edit), footer=footer)


def _source_cell(edit: Result) -> plan.Cell:
    title = "Before" if edit.step.parent else "Source"
    try:
        before = edit.before
    except StoreError as error:
        return _missing(title, error)
    source = None if isinstance(before, str) else before.image
    return plan.Cell(
        source,
        title,
        _size_on_the_way(source, edit.step.job) if source else str(before),
        state="done" if source else "not loaded" if before else "from words alone",
        alt="The picture before the edit",
    )


def _missing(caption: str, error: StoreError, **facts: plan.Fact) -> plan.Cell:
    """Return what stands where the store lacks a picture: the others can be seen."""
    return plan.Cell(None, caption, str(error), state="missing", facts=facts)


def _size_on_the_way(source: Image, job: Job) -> str:
    """Return the size of a source, and at which it was sent where that is another."""
    own = pixels.size_text(source)
    sent = parcel.sent_size(job.notices, source.size)
    return f"{own} → sent {sent}" if sent else own


def result_cell(
    edit: Result,
    longest_px: int | None = None,
    *,
    priced: bool = False,
    brief: bool = False,
) -> plan.Cell:
    """Return a result as one cell; the picture before is not decoded for it.

    Args:
        edit: The result.
        longest_px: Show a preview of that size; left out, the result in full.
        priced: Whether to say what it cost.
        brief: Whether to say in a few words what changed, and not in a line.
    """
    marks, job = edit.step.marks, edit.step.job
    title = marks.name or edit.prompt
    title = f"★ {title}" if marks.starred else title
    try:
        picture = _preview(edit, longest_px) if longest_px else edit.after.image
    except StoreError as error:
        known = {"prompt": edit.prompt, "seed": edit.seed, "model": edit.model}
        return _missing(title, error, **known, **edit.change_columns)
    words = [pixels.shape_text(edit.size), job.request.seed_text]
    words += [job.cost_text] if priced and job.may_have_been_charged else []
    words += [edit.short_change if brief else edit.line_of_change]
    words += [edit.prompt if marks.name else "", marks.note]
    return plan.Cell(
        picture,
        title,
        " · ".join(filter(None, words)),
        alt=edit.alt,
        facts=edit.facts,
    )


def _origin(parent: Result | None, place: str | None) -> str:
    """Say what an edit was made from."""
    if place is None:
        return "from the source"
    return f"from: {parent.prompt}" if parent else "from an earlier step"


def strip_of(
    chain: Branches[Any],
    tree: Iterable[tuple[Result, str | None]],
    *,
    longest_px: int | None = None,
    priced: bool = False,
) -> plan.Sheet:
    """Return a chain's source and its edits as one row.

    Args:
        chain: Whose source it is.
        tree: Each edit with the id of the step it is shown after; None for the source.
        longest_px: Show previews of that size; left out, the results in full.
        priced: Whether to say what each cost.
    """
    row = [_start(chain)]
    known = {edit.step.id: (edit, parent) for edit, parent in tree}
    engines = dict.fromkeys(edit.model for edit, _ in known.values())
    before: str | None = None
    for place, (edit, parent) in known.items():
        cell = result_cell(edit, longest_px, priced=priced, brief=True)
        words = [cell.detail]
        if parent != before:  # a branch: it does not follow its neighbour
            words.append(_origin(known.get(parent or "", (None, None))[0], parent))
        if len(engines) > 1:  # the footer names them all, but not which made this
            words.append(edit.model)
        row.append(replace(cell, detail=" · ".join(words)))
        before = place
    return plan.strip(row, footer=" · ".join(engines))


def _start(chain: Branches[Any]) -> plan.Cell:
    try:
        source = chain.source
    except StoreError as error:
        return _missing("Source", error)
    image = source.image if isinstance(source, pixels.Picture) else None
    return plan.Cell(image, "Source", pixels.size_text(image) if image else "")


def _preview(edit: Result, longest_px: int) -> Image:
    from PIL import Image as PILImage

    return PILImage.open(io.BytesIO(edit.preview(longest_px)))
