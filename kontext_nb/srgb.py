"""What a file says of its turn, depth and colours, done: upright 8-bit sRGB is left."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image, ImageCms, ImageOps

from kontext_nb.errors import ImageRejected


def upright(image: Image.Image) -> Image.Image:
    """Return a copy turned as its EXIF says, in sRGB, 8 bits, RGB or RGBA.

    Raises:
        ImageRejected: Its values are of no known scale.
    """
    alpha = image.has_transparency_data
    turned = ImageOps.exif_transpose(image)
    profile = image.info.get("icc_profile")
    if turned.mode[0] in "IF":
        turned = _in_8_bits(turned)
    wanted = "RGBA" if alpha else "RGB"
    converted = _to_srgb(turned, profile) if profile else None
    if converted and alpha:
        converted.putalpha(turned.convert("RGBA").getchannel("A"))
    result = (converted or turned).convert(wanted)
    result.info.clear()
    return result


def _in_8_bits(image: Image.Image) -> Image.Image:
    """Scale greys of more bits, which Pillow's own conversion would clip."""
    values = np.asarray(image)
    low, high = values.min(), values.max()
    if image.mode == "F" and low >= 0 and high <= 1:
        values = np.rint(values * 255)
    # Of 32 bits, 0..65535 is a 16-bit picture, but 0..255 may be one of 8.
    elif image.mode.startswith("I;16") or (
        image.mode == "I" and low >= 0 and (high == 0 or 2**8 <= high < 2**16)
    ):
        values = values >> 8
    else:
        raise ImageRejected(
            f"A picture of mode {image.mode} with values of {low} to {high} has no "
            "known scale.",
            'Scale the values to 0..255 and convert it to mode "L".',
        )
    return Image.fromarray(values.astype(np.uint8))


def _to_srgb(image: Image.Image, profile: bytes) -> Image.Image | None:
    """Convert by the embedded profile; None if that is broken or does not fit.

    A picture with a damaged profile is still a picture: every viewer shows it as if
    the profile were not there, and so do we.
    """
    if image.mode in ("RGBA", "P", "PA"):
        image = image.convert("RGBA").convert("RGB")
    elif image.mode == "LA":
        image = image.getchannel("L")
    if image.mode not in ("RGB", "CMYK", "L"):
        return None
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        return ImageCms.profileToProfile(
            image, source, ImageCms.createProfile("sRGB"), outputMode="RGB"
        )
    except (ImageCms.PyCMSError, OSError, ValueError):
        return None
