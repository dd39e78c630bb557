"""What a comparison is made of: pictures with their names, small now and full later."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from PIL import Image

from kontext_nb import pixels
from kontext_nb.grids.pictures import is_bare
from kontext_nb.preservation import Drift
from kontext_nb.session.edits import Edit
from kontext_nb.session.shown import pair_of

PREVIEW_PX = 1024
MODELS_OWN = "The model's own picture"

# Which two pictures of a preserved edit: the one before with what is shown of the edit,
# with the model's own, or both of the latter.
Sides = Literal["shown", "raw", "both"]


@dataclass(frozen=True, slots=True, eq=False)
class Change:
    """What the store knows of how a picture came to differ from the one before.

    Args:
        since: Digest of the picture before.
        line: All of it in one line; "" while it is not measured.
        drift: Returns it with its map; it may take a second, and raise.
    """

    since: str
    line: str
    drift: Callable[[], Drift]


@dataclass(frozen=True, slots=True, eq=False)
class Shot:
    """One picture of a comparison. All its words are text, never markup.

    Args:
        label: The name people see.
        size: Its size in words, with what became of it on the way: "4000x3000 → sent
            1448x1086"; the preview does not know it.
        alt: What it shows, for those who cannot see it; else the label.
        preview: An encoded picture of at most `PREVIEW_PX` a side; empty if there is
            no picture (yet).
        width: Of the full picture, in pixels.
        height: Of the full picture, in pixels.
        full: Returns the full picture, encoded, upright and in sRGB. It is called when
            someone looks closer than the preview can show, on a thread of its own.
        picture: The full picture, to be measured; None if there is none here.
        change: How it differs from the picture it was made from, if the store knows.
    """

    label: str
    size: str = ""
    alt: str = ""
    preview: bytes = b""
    width: int = 0
    height: int = 0
    full: Callable[[], bytes] = bytes
    picture: pixels.Picture | None = None
    change: Change | None = None

    @classmethod
    def of(
        cls,
        picture: pixels.Picture | str,
        label: str,
        *,
        size: str = "",
        alt: str = "",
        change: Change | None = None,
    ) -> Shot:
        """Return the shot of a picture; it makes the preview, so not in a callback.

        Args:
            picture: Is kept for as long as the shot is. A text is the address of one
                whose pixels only the service has.
            label: See the class.
            size: See the class; else width and height, or the address.
            alt: See the class.
            change: See the class.
        """
        if isinstance(picture, str):
            return cls(label, size or picture, alt)
        return cls(
            label,
            size or pixels.size_text(picture.image),
            alt,
            pixels.preview(picture.image, longest_px=PREVIEW_PX),
            *picture.image.size,
            lambda: in_full(picture),
            picture,
            change,
        )


def in_full(picture: pixels.Picture) -> bytes:
    """Return a picture's own bytes if any browser reads them as we do, else a PNG.

    A camera's turn or a colour profile may be read in another way there, and what else
    a file tells does not belong in a page that is passed on.
    """
    with Image.open(io.BytesIO(picture.encoded)) as opened:
        opened.load()
        if is_bare(opened):
            return picture.encoded
    return pixels.encode_png(picture.image)


def of_edit(edit: Edit, sides: Sides = "shown") -> tuple[Shot, Shot]:
    """Return two pictures of an edit, worded as in its still.

    Args:
        edit: The edit.
        sides: Which two.
    """
    before, after = pair_of(edit).rows[0]
    first = Shot.of(edit.before, before.caption, size=before.detail, alt=before.alt)
    if sides == "shown":
        return first, result_of(edit, after.caption, alt=after.alt)
    raw = pixels.load(edit.raw)
    seed = edit.step.job.request.seed_text
    size = " · ".join(filter(None, (pixels.size_text(raw.image), seed)))
    own = Shot.of(raw, MODELS_OWN, size=size, change=_change(edit, raw=True))
    return (own, result_of(edit, after.caption)) if sides == "both" else (first, own)


def result_of(edit: Edit, label: str, *, alt: str = "") -> Shot:
    """Return what is shown of an edit.

    The caption does not say what changed: the view says it in a line of its own.

    Args:
        edit: The edit.
        label: See `Shot`.
        alt: See `Shot`; left out, the edit's.
    """
    seed, own_name = edit.step.job.request.seed_text, edit.name and edit.prompt
    words = (pixels.shape_text(edit.size), seed, own_name, edit.note)
    return Shot.of(
        edit.after,
        label,
        size=" · ".join(filter(None, words)),
        alt=alt or edit.alt,
        change=_change(edit, raw=False),
    )


def _change(edit: Edit, *, raw: bool) -> Change | None:
    """Return what the store knows of an edit's change.

    Where somebody drew a mask it knows what the model changed, and not what of it was
    taken over.
    """
    if isinstance(edit.before, str) or (edit.step.keeping.mask and not raw):
        return None
    line = "" if raw and edit.is_preserved else edit.line_of_change
    return Change(edit.before.digest, line, lambda: edit.drift)
