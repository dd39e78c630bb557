"""A picture as it travels to a service: pixels and nothing else, and not too many."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from PIL import Image

from kontext_nb import pixels

# What RunComfy's own clients keep to, so that the request stays under its limit.
MAX_SENT_BYTES = 6 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Parcel:
    """A picture as it travels to a service.

    Args:
        png: At most `MAX_SENT_BYTES`; holds pixels and nothing else of the source.
        size: (width, height) that was sent.
        notice: What the user should know, if it had to be made smaller.
    """

    png: bytes
    size: tuple[int, int]
    notice: str | None = None


def pack(picture: pixels.Picture) -> Parcel:
    """Encode for sending, scaled down only as far as the limit demands."""
    image = picture.image
    while len(png := pixels.encode_png(image)) > MAX_SENT_BYTES:
        # PNG size grows about with the area; 0.95 keeps the number of rounds near one.
        scale = 0.95 * (MAX_SENT_BYTES / len(png)) ** 0.5
        size = (max(1, int(image.width * scale)), max(1, int(image.height * scale)))
        image = picture.image.resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0)
    if image is picture.image:
        return Parcel(png, image.size)
    notice = (
        f"Sent at {image.width}x{image.height}{_instead_of(picture.image.size)} to stay"
        f" under {MAX_SENT_BYTES // 2**20} MiB."
    )
    return Parcel(png, image.size, notice)


def _instead_of(size: tuple[int, int]) -> str:
    return f" instead of {size[0]}x{size[1]}"


def sent_size(notices: Iterable[str], size: tuple[int, int]) -> str | None:
    """Return the size at which a picture was sent, as people write it, if `pack` said.

    Args:
        notices: Of a job: what `pack` had to say is kept only there.
        size: (width, height) of the picture.
    """
    for notice in notices:
        sent, found, _ = notice.removeprefix("Sent at ").partition(_instead_of(size))
        if found:
            return sent.replace("x", pixels.TIMES)
    return None
