"""Requests as tests write them: by the names a user knows."""

from kontext_nb.model import Request, picture_mark


def asked(*, source="0" * 64, prompt="Make it night", seed=None, **more):
    """Return a Kontext request; ``more`` is aspect_ratio, model or provider."""
    inputs = {
        "image_url": picture_mark(source),
        "prompt": prompt,
        "seed": seed,
        "aspect_ratio": more.pop("aspect_ratio", None),
    }
    given = {name: value for name, value in inputs.items() if value is not None}
    return Request.of(given, **more)
