"""A padded picture is sent, and the user sees neither padding nor another shape."""

import numpy as np
import pytest
from PIL import Image

import kontext_nb as kx
from kontext_nb import sizes
from kontext_nb.errors import ParameterRejected
from kontext_nb.pixels import digest, load
from kontext_nb.preservation import prefit
from kontext_nb.session.settings import current
from kontext_nb.store.ledger import Ledger

pytestmark = pytest.mark.usefixtures("small_results")

STAR = "Add a red star"


@pytest.fixture(scope="module")
def picture():
    """A shape that no size of the service has."""
    return kx.samples.bottle().crop((150, 300, 550, 620))


def jobs():
    return Ledger(current().home / "ledger.sqlite3").jobs()


def test_what_is_sent_is_padded_and_what_is_shown_is_not(picture):
    """The request has the fitted picture; source and result have the user's shape."""
    edit = kx.edit(picture, STAR, seed=1, prefit=True)
    sent = prefit(picture).image
    assert sent.size in sizes.SAFE
    assert edit.step.job.request.pictures == (digest(sent),)
    assert edit.source.tobytes() == picture.tobytes()
    assert edit.raw.size == sent.size
    ratio = edit.image.width / edit.image.height
    assert ratio == pytest.approx(picture.width / picture.height, abs=0.005)
    assert max(map(abs, edit.drift.registration.zoom)) < 0.005
    assert edit.size == edit.image.size


def test_a_padded_edit_is_made_once(shop, picture):
    """By what is sent: asked again it is free, as is another wish for the result."""
    how = {"seed": 1, "chain": "lesson"}
    for reused in (False, True):
        edit = kx.edit(picture, STAR, prefit=True, **how)
        after = edit.edit("Make it night", seed=2, prefit=True)
        assert edit.reused is after.reused is reused
    assert kx.edit(picture, STAR, prefit=True, preserve=(5, 5, 99, 99), **how).reused
    assert shop.bills() == {1: 1, 2: 1}
    assert not kx.edit(picture, STAR, **how).reused  # it sends another picture
    assert shop.bills() == {1: 2, 2: 1}


def test_the_next_edit_is_of_the_cut_picture(picture):
    """Its own margins are its own affair, wherever the chain is looked at."""
    first = kx.edit(picture, STAR, seed=1, prefit=True)
    second = first.edit("Make it darker", seed=2)
    assert second.source.tobytes() == first.image.tobytes()
    chain = kx.chains(all=True)[0].chain
    assert load(chain.source).digest == digest(picture)
    assert [e.step.result for e in chain] == [first.step.result, second.step.result]


def test_what_is_not_changed_is_kept_as_well(picture):
    """The cut picture is set into the source in full size."""
    edit = kx.edit(picture, STAR, seed=1, prefit=True, preserve=True)
    assert edit.is_preserved
    assert edit.image.size == picture.size
    off = np.asarray(edit.image).astype(int) != np.asarray(picture)
    assert 0 < off.any(axis=2).mean() < 0.3


def test_again_adopting_and_the_code_pad_as_well(picture):
    """A chain is known by the user's picture, not by what was sent of it."""
    edit = kx.edit(picture, STAR, seed=1, prefit=True, chain="old")
    other = edit.again(seed=2)
    assert other.step.keeping == edit.step.keeping
    assert edit.chain.code().count("prefit=True") == 2
    before = jobs()
    kx.adopt("old", "new")
    again = kx.edit(picture, STAR, seed=1, prefit=True, chain="new")
    assert again.step.id == edit.step.id
    assert jobs() == before


def test_a_transparent_picture_is_sent_on_white(picture):
    """As every picture that a model without alpha gets."""
    clear = picture.convert("RGBA")
    clear.putalpha(Image.linear_gradient("L").resize(picture.size))
    edit = kx.edit(clear, STAR, seed=1, prefit=True, preserve=True)
    assert edit.is_preserved
    assert (edit.image.mode, edit.image.size) == ("RGBA", clear.size)


@pytest.mark.parametrize(
    ("source", "how"),
    [
        ("https://example.com/a.png", {}),
        (None, {}),
        (Image.new("RGB", (64, 48)), {"aspect_ratio": "16:9"}),
    ],
)
def test_what_cannot_be_padded_is_refused(shop, source, how):
    """Before it costs anything."""
    with pytest.raises(ParameterRejected):
        kx.edit(source, STAR, prefit=True, **how)
    assert shop.booked() == []


def test_a_saved_padded_edit_names_the_users_picture(picture, tmp_path):
    """The file's facts are about what the user gave."""
    edit = kx.edit(picture, STAR, seed=1, prefit=True)
    saved = Image.open(edit.save(tmp_path / "a.png"))
    assert digest(picture) in saved.text["kontext_nb"]
