"""What a comparison is made of: pictures with their names, small now and full later."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass

from PIL import Image

from kontext_nb import pixels
from kontext_nb.grids.pictures import is_bare
from kontext_nb.session.edits import Edit
from kontext_nb.session.shown import pair_of

PREVIEW_PX = 1024


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
    """

    label: str
    size: str = ""
    alt: str = ""
    preview: bytes = b""
    width: int = 0
    height: int = 0
    full: Callable[[], bytes] = bytes
    picture: pixels.Picture | None = None

    @classmethod
    def of(
        cls, picture: pixels.Picture | str, label: str, *, size: str = "", alt: str = ""
    ) -> Shot:
        """Return the shot of a picture; it makes the preview, so not in a callback.

        Args:
            picture: Is kept for as long as the shot is. A text is the address of one
                whose pixels only the service has.
            label: See the class.
            size: See the class; else width and height, or the address.
            alt: See the class.
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


def of_edit(edit: Edit) -> tuple[Shot, Shot]:
    """Return the picture before an edit and the one after, worded as in its still."""
    before, after = pair_of(edit).rows[0]
    return (
        Shot.of(edit.before, before.caption, size=before.detail, alt=before.alt),
        Shot.of(edit.after, after.caption, size=after.detail, alt=after.alt),
    )
