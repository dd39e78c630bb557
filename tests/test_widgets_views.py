"""The views without a kernel: their traits, their scripts, what they leave behind."""

import html
import re
from pathlib import Path

import ipywidgets
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import kontext_nb
from kontext_nb.widgets.area import AreaPicker
from kontext_nb.widgets.compare import Compare
from kontext_nb.widgets.intake import Intake
from kontext_nb.widgets.plain_compare import PlainCompare
from kontext_nb.widgets.plain_strip import PlainStrip
from kontext_nb.widgets.prompt import PromptBox
from kontext_nb.widgets.said import StatusLine
from kontext_nb.widgets.shots import Shot
from kontext_nb.widgets.strip import Strip
from kontext_nb.widgets.view import ShownStep, asset

ROOT = Path(kontext_nb.__file__).parent
LIVE = "application/vnd.jupyter.widget-view+json"
JPEG = b"\xff\xd8\xff\xe0 a picture \xff\xd9"
SHOT = Shot("a", preview=JPEG, width=4, height=3)
ALL = (Compare, PlainCompare, Strip, PlainStrip)
# What a view's script may weigh, in KB: every instance on a page carries it.
SCRIPTS = {
    Compare: 15,
    Strip: 12,
    PromptBox: 6,
    AreaPicker: 12,
    StatusLine: 3,
    Intake: 5,
}


@pytest.fixture(autouse=True)
def _nothing_left_open():
    """Close what a test opened: ipywidgets keeps every widget until told."""
    yield
    ipywidgets.Widget.close_all()


def words(widget):
    """Return all HTML that a tree of ipywidgets shows."""
    own = [widget.value] if isinstance(widget, ipywidgets.HTML) else []
    return own + [w for child in getattr(widget, "children", ()) for w in words(child)]


def below(widget, kind):
    """Return the widgets of one kind in a tree of ipywidgets."""
    found = [widget] if isinstance(widget, kind) else []
    return found + [w for c in getattr(widget, "children", ()) for w in below(c, kind)]


def test_plain_views_have_the_traits_of_the_rich_ones():
    """Whoever fills a view need not know which of the two kinds it is."""
    own = {n: t for n, t in Strip.class_own_traits().items() if not n.startswith("_")}
    same = PlainStrip.class_traits()
    assert {n: type(t) for n, t in own.items()} == {n: type(same[n]) for n in own}
    assert all(same[n].default_value == own[n].default_value for n in own)


@pytest.mark.parametrize("view", SCRIPTS)
def test_scripts_are_small_and_alone(view):
    """A view's script is small, loads nothing and never writes markup."""
    assert len(view._esm.encode()) <= SCRIPTS[view] * 1024
    banned = r"\bimport\b|https?:|innerHTML|outerHTML|insertAdjacent|\beval\b|fetch\("
    assert not re.findall(banned, view._esm)
    assert not re.findall(r"@import|url\(|https?:", view._css)


def test_only_comments_and_indents_stay_behind():
    """What a view carries is its script as it is written, line by line."""
    written = (ROOT / "static" / "compare.js").read_text("utf-8").splitlines()
    carried = asset("compare.js").splitlines()
    assert 250 < len(carried) < len(written)
    left = iter(line.strip() for line in written)
    assert all(any(line.startswith(one) for line in left) for one in carried)


@pytest.mark.parametrize("view", ALL)
def test_one_line_names_a_view_without_its_bytes(view):
    """Where nothing else can be shown, a view is one short line of text."""
    shown = view()
    data, _ = shown._repr_mimebundle_()
    assert data["text/plain"] == repr(shown)
    assert re.fullmatch(rf"{view.__name__}\(.{{0,60}}\)", repr(shown))


STILL = {"text/plain": "two", "text/html": "<b>2</b>", "image/jpeg": "aGk="}


@pytest.mark.parametrize("view", ALL)
def test_the_still_picture_comes_first(view):
    """What the owner gives for a dead notebook stands before the live view."""
    shown = view()
    shown.static = STILL.copy
    data, metadata = shown._repr_mimebundle_()
    assert list(data) == [*STILL, LIVE]
    assert data["text/plain"] == "two"
    assert data[LIVE]["model_id"] == shown.model_id
    assert isinstance(metadata, dict)


def test_the_still_figure_needs_no_script():
    """It names its view, hides by a style while that is live, and tells what it is."""
    view = Compare()
    view.static = STILL.copy
    figure = view._figure()
    assert figure["image/jpeg"] == "aGk="
    page = figure["text/html"]
    assert page.startswith(f'<figure class="kx-static" data-kx="{view.model_id}"')
    assert "<b>2</b>" in page
    assert f"body:has(.kx-live-{view.model_id})" in page
    assert not re.findall("<script| on[a-z]+=|https?:", page)


def test_pictures_travel_as_binary():
    """Preview bytes are binary traits, so ipywidgets never turns them into text."""
    compare = Compare()
    compare.show([SHOT, SHOT])
    state = compare.get_state()
    _, paths, buffers = ipywidgets.widgets.widget._remove_buffers(state)
    assert paths == [["pictures", 0, "preview"], ["pictures", 1, "preview"]]
    assert [bytes(b) for b in buffers] == [JPEG, JPEG]


def test_plain_compare_says_that_a_picture_is_missing():
    """An empty side is words, not an empty frame."""
    compare = PlainCompare()
    compare.show([SHOT, Shot("b")], footer="demo engine")
    assert "No picture yet" in " ".join(words(compare))
    compare.show([SHOT, SHOT])
    assert "No picture yet" not in " ".join(words(compare))
    assert [image.value for image in below(compare, ipywidgets.Image)] == [JPEG, JPEG]


@settings(max_examples=30)
@given(st.text(min_size=1))
def test_plain_text_is_never_markup(text):
    """Any prompt, label or footer is shown as it is."""
    strip = PlainStrip(steps=[ShownStep(id="s", title=text, note=text, detail=text)])
    compare = PlainCompare()
    compare.show([Shot(text), Shot("", alt=text, preview=JPEG)], footer=text)
    shown = [value for value in words(strip) + words(compare) if value]
    for value in shown:
        ours = r'</?(div|b|br)( (dir|role|style|title)="[^"<>]*")*>'
        rest = re.sub(ours, "", value).replace("No picture yet", "")
        assert html.escape(text) in rest or not rest
        assert not set("<>\"'") & set(rest)
    ipywidgets.Widget.close_all()
