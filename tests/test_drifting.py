"""How a chain drifts is told from numbers, in a table and in a curve."""

import io
import math
from dataclasses import replace

import pytest
from PIL import Image, ImageEnhance, ImageFilter

import kontext_nb as kx
from kontext_nb.errors import ParameterRejected
from kontext_nb.grids.as_curve import Mark, figure
from kontext_nb.session import drifting, keeping
from kontext_nb.session.drifting import DriftCurve, Drifted

pytestmark = pytest.mark.usefixtures("small_results")

STARS = ("Add a red star", "Add a yellow star", "Add a blue star")


@pytest.fixture(scope="module")
def picture():
    return kx.samples.bottle().resize((288, 384))


@pytest.fixture(scope="module")
def edits(picture):
    """Return what makes them."""

    def make():
        edit = kx.edit(picture, STARS[0], seed=1)
        for seed, prompt in enumerate(STARS[1:]):
            edit = edit.edit(prompt, seed=seed)
        return edit

    return make


@pytest.fixture
def last(made_once, edits):
    return made_once(edits)


def faded(monkeypatch, at):
    """Let whatever is measured from the chain's source be worse from a call on."""
    measure, calls = keeping.drift, []

    def measured(before, after):
        seen = measure(before, after)
        if before.size != (288, 384):  # of a step alone
            return seen
        calls.append(after)
        return replace(seen, toned_psnr_db=29.0 if len(calls) >= at else 35.0)

    monkeypatch.setattr(keeping, "drift", measured)


def test_each_step_is_told_alone_and_in_all(last, picture):
    """From the picture before it, and from the chain's source."""
    curve = last.chain.drifts()
    assert [one.prompt for one in curve.steps] == list(STARS)
    first, *_, third = curve.steps
    assert first.step.changed == first.total.changed == last.chain[0].drift.changed
    assert third.total.changed > third.step.changed
    assert third.total.toned_psnr_db < third.step.toned_psnr_db
    assert curve.falls_at is None
    assert third.total.boxes == kx.drift(picture, last.image).boxes


def test_what_was_measured_when_it_was_made_is_not_measured_again(last, monkeypatch):
    """The table and the curve of a chain that was made here ask the store."""
    monkeypatch.setattr(keeping, "drift", None)
    curve = last.chain.drifts()
    assert len(str(curve).splitlines()) == 5
    assert len(last.chain[0].line()) == 1


def test_a_branch_is_told_from_its_own_line(last):
    """The line goes from the source to the edit that is asked for."""
    first = last.chain[0]
    branch = first.edit("Make it darker", seed=9)
    told = last.chain.drifts(to=branch).steps
    assert [one.prompt for one in told] == [STARS[0], "Make it darker"]
    assert [one.prompt for one in last.chain.drifts(to=first).steps] == [STARS[0]]


def test_preserved_steps_do_not_drift(picture):
    """Whatever the model did, what no step changed is the source's, but for seams."""
    edit = kx.edit(picture, STARS[0], seed=1, preserve=True)
    edit = edit.edit(STARS[1], seed=1, preserve=True)
    curve = edit.chain.drifts()
    assert all(one.total.psnr_db > 50 > one.step.psnr_db for one in curve.steps)
    assert all(one.preserved for one in curve.steps)


def test_the_step_where_quality_falls_is_warned_of(picture, monkeypatch):
    """Where it first is below what most people see, in the table and at the edit."""
    faded(monkeypatch, at=2)
    edits = [kx.edit(picture, STARS[0], seed=1)]
    for seed, prompt in enumerate(STARS[1:]):
        edits.append(edits[-1].edit(prompt, seed=seed))
    warned = [any("Quality falls here" in n for n in e.notices) for e in edits]
    assert warned == [False, True, False]
    curve = edits[0].chain.drifts()
    assert curve.falls_at == 2
    assert "← quality falls" in str(curve).splitlines()[2]
    assert "Quality falls here" in edits[1]._repr_mimebundle_()["text/html"]


def test_no_quality_falls_where_nothing_can_be_compared(picture):
    """Another scene, or one that was changed all over, is no drift."""
    seen = kx.drift(picture, picture.filter(ImageFilter.GaussianBlur(3)))
    bad = replace(seen, toned_psnr_db=20.0, everywhere=False)
    assert drifting.has_fallen(bad)
    for other in (
        replace(bad, everywhere=True),
        replace(bad, toned_psnr_db=math.nan),
        replace(bad, registration=replace(bad.registration, confident=False)),
    ):
        assert not drifting.has_fallen(other)


def test_a_chain_of_nothing_has_no_curve(shop):
    """No edits are no steps; of an address nobody can tell."""
    assert str(DriftCurve(())) == "No edits yet."
    assert set(DriftCurve(())._repr_mimebundle_()) == {"text/plain"}
    edit = kx.edit("https://example.com/a.png", STARS[0], seed=1)
    assert shop.bills() == {1: 1}
    for asked in (edit.chain.drifts, lambda: edit.drift, lambda: edit.total_drift):
        with pytest.raises(ParameterRejected):
            asked()
    assert edit.line_of_change == ""
    edit._repr_mimebundle_()


def test_the_curve_is_narrow_and_on_its_own_ground(last):
    """It reads the same in a light and in a dark notebook, whatever style is set."""
    from matplotlib import style

    with style.context("dark_background"):
        shown = last.chain.drifts()._repr_mimebundle_()
    assert len(shown["image/png"]) < 60_000
    image = Image.open(io.BytesIO(shown["image/png"])).convert("RGB")
    assert image.width < 640
    edge = {image.getpixel(at) for at in ((1, 1), (image.width - 2, 1), (1, 200))}
    assert edge == {(255, 255, 255)}
    assert shown["text/plain"] == str(last.chain.drifts())


@pytest.mark.parametrize("odd", [math.nan, math.inf])
def test_a_curve_is_drawn_of_whatever_was_measured(odd):
    """The same pixels, or what cannot be compared, have a place or none."""
    marks = [Mark(1, odd, 35.0, 0.1), Mark(2, 28.0, odd, 1.0), Mark(3, odd, odd, 0.0)]
    for falls_at in (None, 2):
        drawn = figure(marks, seen_db=30, falls_at=falls_at)
        drawn.savefig(io.BytesIO(), format="png")
    assert len(drawn.axes) == 2


def test_a_table_has_a_line_a_step(picture):
    """A long or broken prompt stays on its line."""
    seen = kx.drift(picture, ImageEnhance.Brightness(picture).enhance(0.99))
    one = Drifted(1, "two\nlines " * 20, preserved=False, step=seen, total=seen)
    assert len(str(DriftCurve((one,))).splitlines()) == 3
