"""The sample pictures."""

import numpy as np
import pytest

from kontext_nb.demo import samples
from kontext_nb.demo.reading import find


@pytest.mark.parametrize("name", samples.NAMES)
def test_a_sample_is_always_the_same_picture(name):
    """Painted twice it has equal RGB pixels, about 1024 on the long side."""
    first = getattr(samples, name)()
    samples._painted.cache_clear()
    second = getattr(samples, name)()
    assert first.mode == "RGB"
    assert max(first.size) == 1024
    assert first.tobytes() == second.tobytes()


def test_a_sample_is_the_callers_own():
    """Whatever is done to it, the next one is as it was."""
    samples.bottle().paste("red", (0, 0, 9, 9))
    assert samples.bottle().getpixel((0, 0)) != (255, 0, 0)


@pytest.mark.parametrize("name", samples.NAMES)
def test_a_sample_uses_the_whole_range_of_tones(name):
    """It is a picture with depth: darks, lights and colour, nothing blown out."""
    pixels = np.asarray(getattr(samples, name)(), np.float32)
    grey = pixels.mean(-1)
    assert np.percentile(grey, 2) < 60
    assert np.percentile(grey, 98) > 170
    assert (pixels.max(-1) - pixels.min(-1)).mean() > 20
    assert (grey > 253).mean() < 0.02


@pytest.mark.parametrize(("name", "word"), [("bottle", "ALPHA"), ("street", "BAKERY")])
def test_the_lettering_is_there_to_be_replaced(name, word):
    """The words that the documentation replaces can be found."""
    assert find(getattr(samples, name)(), word) is not None
