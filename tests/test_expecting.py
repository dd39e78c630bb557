"""What a lesson expects of an edit holds, or one sentence says why it does not."""

import numpy as np
import pytest
from PIL import Image, ImageDraw

import kontext_nb as kx
from kontext_nb.errors import EditFailed, ImageRejected, ParameterRejected
from kontext_nb.session import keeping, ranking
from kontext_nb.session.settings import current
from kontext_nb.store.ledger import Ledger

pytestmark = pytest.mark.usefixtures("small_results")

STAR = "Add a red star"
BOX = (60, 60, 150, 160)


def bottle():
    return kx.samples.bottle().resize((384, 512))


def starred():
    """The same edit for all tests that go on from it."""
    return kx.edit(bottle(), STAR, seed=1)


def starred_in_a_box():
    return kx.edit(bottle(), STAR, seed=1, preserve=(9, 9, 99, 99))


@pytest.fixture(scope="module")
def picture():
    return bottle()


@pytest.fixture(scope="module")
def marked(picture):
    """The same picture, with a square in the box."""
    other = picture.copy()
    ImageDraw.Draw(other).rectangle((70, 70, 139, 149), fill=(200, 20, 20))
    return other


@pytest.fixture(scope="module")
def told(picture, marked):
    """What can be expected of the two."""
    return kx.expect(picture, marked)


def jobs():
    return Ledger(current().home / "ledger.sqlite3").jobs()


def test_what_holds_can_be_said_in_one_line(picture, marked):
    """Each returns what the next is asked of."""
    told = kx.expect(picture, marked)
    assert told.changed(box=BOX, at_least=0.5).changed(at_least=0.02).kept() is told
    told.kept("outside", max_delta_e=0.5).kept((200, 300, 380, 500), max_delta_e=0.5)
    kx.expect((picture, marked)).changed()


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (lambda e: e.changed(box=(250, 300, 380, 500)), "but nothing changed there"),
        (lambda e: e.changed(at_least=0.5), r"at least 50\.0 % of the picture"),
        (
            lambda e: e.changed(box=BOX, at_least=0.99),
            r"of the box \(60, 60, 150, 160\)",
        ),
        (
            lambda e: e.kept(BOX),
            r"the box \(60, .* at most 2 ΔE .* but it is \d+\.\d ΔE",
        ),
    ],
)
def test_what_does_not_hold_is_one_sentence(told, asked, said):
    """What was expected, and what was measured."""
    with pytest.raises(AssertionError, match=said) as caught:
        asked(told)
    assert "\n" not in str(caught.value)


def test_drift_outside_is_told(picture, marked):
    """What was not to change is compared as well."""
    noise = np.random.default_rng(1).integers(-60, 60, (512, 384, 3))
    noisy = np.clip(np.asarray(marked).astype(int) + noise, 0, 255).astype(np.uint8)
    with pytest.raises(AssertionError, match="what was not to change to be at most 2"):
        kx.expect(picture, noisy).kept()


def test_what_cannot_be_compared_is_not_kept(picture):
    """Another picture has changed, and nobody can say that something was kept."""
    other = kx.samples.street()
    told = kx.expect(picture, other)
    with pytest.raises(AssertionError, match="the pictures cannot be compared"):
        told.kept()


@pytest.mark.parametrize(
    ("before", "after", "error"),
    [
        (7, None, ParameterRejected),
        (("one",), None, ParameterRejected),
        ("no.png", "no.png", ImageRejected),
    ],
)
def test_nothing_can_be_expected_of_what_is_no_picture(before, after, error):
    """It is told like any other wrong argument, and is no failed assertion."""
    with pytest.raises(error):
        kx.expect(before, after)


@pytest.mark.parametrize("where", ["inside", (5, 5, 1, 1), (9000, 9000, 9001, 9001)])
def test_a_place_that_is_none_is_refused(told, where):
    """A typing error must not pass a test."""
    with pytest.raises(ParameterRejected):
        told.kept(where)


def test_an_edit_is_measured_as_it_is_shown(picture):
    """From the store; what is preserved is kept to the last digit."""
    edit = kx.edit(picture, STAR, seed=1)
    told = kx.expect(edit).changed().kept(max_delta_e=2)
    assert told.drift.boxes == edit.drift.boxes
    kept = kx.edit(picture, STAR, seed=1, preserve=True)
    assert kx.expect(kept).kept(max_delta_e=0.5).drift.delta_e < edit.drift.delta_e


def test_the_best_of_several_comes_first(picture):
    """The same change with the seeds that follow; asked again it costs nothing."""
    first = kx.edit(picture, STAR, seed=7)
    made = first.best_of(3)
    assert {edit.seed for edit in made} == {7, 8, 9}
    assert all(edit.step.parent is None for edit in made)
    before = jobs()
    again = first.best_of(3)
    assert [edit.seed for edit in again] == [edit.seed for edit in made]
    assert all(edit.reused for edit in again if edit.seed != 7)
    assert jobs() == before


def test_a_link_has_its_best_among_its_siblings(picture):
    """They are made of the same picture, and preserved as it is."""
    link = kx.edit(picture, STAR, seed=1).edit("Add a blue star", seed=3, preserve=True)
    other = next(edit for edit in link.best_of(2) if edit.seed == 4)
    assert other.step.parent == link.step.parent
    assert other.step.keeping == link.step.keeping


def test_good_is_changed_inside_and_quiet_outside(picture):
    """A change elsewhere, none at all and another picture come after it."""
    tries = []
    for at in ((70, 70, 139, 149), (250, 300, 320, 380), (60, 60, 150, 160)):
        other = picture.copy()
        ImageDraw.Draw(other).rectangle(at, fill=(200, 20, 20))
        tries.append(kx.drift(picture, other))
    tries += [
        kx.drift(picture, picture),
        kx.drift(picture, Image.new("RGB", (384, 512))),
    ]
    box = Image.new("L", picture.size)
    ImageDraw.Draw(box).rectangle((60, 60, 149, 159), fill=255)
    good, aside, best, nothing, all_of_it = ranking._scores(tries, box)
    assert best > good > aside > nothing == all_of_it
    common = ranking._scores(tries[:1] * 2 + tries[1:2], None)
    assert common[0] == common[1] > common[2]


@pytest.mark.parametrize("n", [1, 0, 17, True, 2.0, "3"])
def test_so_many_tries_are_refused(made_once, n):
    """Before anything is sent."""
    edit = made_once(starred)
    with pytest.raises(ParameterRejected):
        edit.best_of(n)
    with pytest.raises(ParameterRejected):
        edit.best_of(3, box=(5, 5, 1, 1))
    assert len(jobs()) == 1


def test_a_try_that_the_service_cannot_do_is_left_out(made_once, monkeypatch):
    """The others are ranked all the same; another error is raised."""
    from kontext_nb.session import edits

    edit = made_once(starred)
    for error, left in ((EditFailed("No.", "Try."), 1), (KeyError("odd"), None)):
        monkeypatch.setattr(edits, "all_finished", lambda *_, e=error: [e])
        if left:
            assert len(edit.best_of(2)) == left
        else:
            with pytest.raises(KeyError):
                edit.best_of(2)


def test_seeds_alone_make_a_difference(picture, monkeypatch):
    """Each two results are compared, once, and the worst is the floor."""
    noise = kx.seed_noise(picture, STAR, [1, 2, 3])
    assert [pair.seeds for pair in noise.pairs] == [(1, 2), (1, 3), (2, 3)]
    assert noise.changed == max(pair.drift.changed for pair in noise.pairs)
    assert noise.psnr_db == min(pair.drift.psnr_db for pair in noise.pairs)
    assert len(str(noise).splitlines()) == 4
    monkeypatch.setattr(keeping, "drift", None)
    before = jobs()
    assert str(kx.seed_noise(picture, STAR, (1, 2, 3))) == str(noise)
    assert jobs() == before


@pytest.mark.parametrize(
    "seeds", [[1], [], [1, 1], 7, ["a", "b"], [None, None], [1, None]]
)
def test_noise_needs_different_seeds(picture, seeds):
    """Before anything is sent."""
    with pytest.raises(ParameterRejected):
        kx.seed_noise(picture, STAR, seeds)
    with pytest.raises(ParameterRejected):
        kx.seed_noise(picture, STAR, [1, 2], aspect_ratio="1:99")


def test_a_recipe_is_made_of_another_picture(made_once):
    """The same words, seeds and wishes, each of the one before; twice costs nothing."""
    edit = made_once(starred)
    edit.edit("Make it darker", seed=2)
    last = edit.edit("Add a blue star", seed=3, preserve=(9, 9, 99, 99))
    other = kx.samples.bottle().resize((300, 400))
    made = edit.chain.replay(other)
    assert [(e.prompt, e.seed) for e in made] == [(STAR, 1), ("Add a blue star", 3)]
    assert made[1].step.parent == made[0].step.id
    assert made[1].is_preserved
    assert made[0].source.tobytes() == other.tobytes()
    before = jobs()
    assert all(e.reused for e in last.chain.replay(other))
    assert jobs() == before
    assert len(edit.chain.replay(other, to=edit)) == 1


def test_a_replay_stops_where_it_drifts(made_once):
    """The step is kept, the rest is not made, and it is said."""
    edit = made_once(starred)
    edit.edit("Add a blue star", seed=3)
    other = kx.samples.bottle().resize((300, 400))
    with pytest.warns(UserWarning, match="Stopped after step 1 of 2"):
        made = edit.chain.replay(other, until_delta_e=1e-6)
    assert len(made) == 1
    assert len(edit.chain.replay(other, until_delta_e=90)) == 2


@pytest.mark.parametrize("limit", [0, -1, True, "2", float("nan")])
def test_a_limit_that_is_none_is_refused(made_once, picture, limit):
    """Before anything is sent, as a mask that does not fit the other picture."""
    edit = made_once(starred_in_a_box)
    with pytest.raises(ParameterRejected):
        edit.chain.replay(picture, until_delta_e=limit)
    with pytest.raises(ParameterRejected):
        edit.chain.replay(picture.resize((512, 384)))
    with pytest.raises(ParameterRejected):
        edit.chain.replay("https://example.com/a.png", until_delta_e=2)
    assert len(jobs()) == 1
