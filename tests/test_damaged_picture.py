"""A picture that is damaged on disk is missed where it stands, and not elsewhere."""

import shutil

import pytest
from PIL import Image

import kontext_nb as kx
from kontext_nb.errors import StoreError

WORDS = "is damaged on disk"


def edits():
    """Make a source and two edits, one of the other."""
    picture = Image.effect_noise((64, 48), 80).convert("RGB")
    return kx.edit(picture, "Make it sepia", seed=1).edit("Make it night", seed=2)


@pytest.fixture
def second(small_results, made_once):  # noqa: ARG001 - see there
    return made_once(edits)


def harmed(edit, blob):
    """Change one bit of a picture; return the edit as another kernel reads it."""
    path = edit.desk.blobs.path(blob)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    shutil.rmtree(edit.desk.home / "previews", ignore_errors=True)
    return edit.chain[1]


def shown(view):
    """Return how many pictures a view has, and whether it says what it misses."""
    html = view._repr_mimebundle_()["text/html"]
    return html.count("<img"), WORDS in html


def test_the_chain_shows_what_is_whole(second):
    """The first result is gone: the source and the second are seen as before."""
    edit = harmed(second, second.chain[0].step.result)
    assert shown(edit.chain) == (2, True)
    assert shown(edit.chain.grid()) == (2, True)
    assert shown(edit) == (1, True)


def test_the_list_of_chains_says_what_to_do(second):
    """It shows the source, and in the place of the result why it does not."""
    harmed(second, second.step.result)
    listed = kx.chains()[:1]
    assert shown(listed) == (1, True)
    html = listed._repr_mimebundle_()["text/html"]
    assert "Run its edit again" in html


def test_edits_of_a_damaged_source_go_on(second):
    """They are seen, and edited again; what is made of the source itself is not."""
    edit = harmed(second, second.chain[0].step.source)
    assert shown(edit.chain) == (2, True)
    assert shown(edit) == (2, False)
    assert edit.edit("Make it brighter", seed=3).image.size
    with pytest.raises(StoreError, match=WORDS):
        edit.chain[0].again()


def test_a_damaged_result_can_still_be_told_from_a_file(second):
    """A table of the chain has its row, without what only the picture could tell."""
    edit = harmed(second, second.step.result)
    row = edit.chain.grid().sheet.rows[0][-1]
    assert (row.picture, row.facts["prompt"], row.facts["seed"]) == (
        None,
        "Make it night",
        2,
    )
