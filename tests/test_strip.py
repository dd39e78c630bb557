"""Both strips without a browser: what travels, what is heard, what is compared."""

import json

import ipywidgets
import pytest

from kontext_nb.widgets.plain_strip import PlainStrip
from kontext_nb.widgets.steps import act_of
from kontext_nb.widgets.strip import Strip
from kontext_nb.widgets.view import Act, ShownStep
from tests.test_widgets_views import below, words

JPEG = b"\xff\xd8\xff\xe0 a picture \xff\xd9"
BOTH = pytest.mark.parametrize("kind", [Strip, PlainStrip])


@pytest.fixture(autouse=True)
def _nothing_left_open():
    """Close what a test opened: ipywidgets keeps every widget until told."""
    yield
    ipywidgets.Widget.close_all()


def steps(count, **of_last):
    """Return the source and steps one after the other; the last has these fields."""
    later = (
        ShownStep(id=f"s{n}", title=f"prompt {n}", parent=f"s{n - 1}")
        for n in range(1, count + 1)
    )
    made = [ShownStep(id="s0", title="Source"), *later]
    made[-1].update(of_last)
    return made


class Line:
    """Stands in a comm's place and keeps what is sent over it."""

    comm_id = "line"

    def __init__(self):
        self.sent = []

    def send(self, data=None, buffers=None, **_):
        self.sent.append((data, list(buffers or ())))

    def on_msg(self, heed):
        """Take no notice: nothing comes back over this one."""

    def close(self, **_):
        """End as a real one does."""

    @property
    def size(self):
        return sum(len(json.dumps(d)) + sum(map(len, b)) for d, b in self.sent)


def press(strip, name):
    """Click the one button of that name."""
    (button,) = (b for b in below(strip, ipywidgets.Button) if b.description == name)
    button.click()


def test_only_new_thumbs_travel():
    """The 51st picture is sent alone, and a star sends no picture at all."""
    strip = Strip(steps=steps(49), thumbs={f"s{n}": JPEG * 300 for n in range(50)})
    assert len(strip.get_state()["thumb:s7"]) == len(JPEG) * 300
    strip.comm = line = Line()
    strip.thumbs = {**strip.thumbs, "s50": JPEG}
    (data, buffers), *more = line.sent
    assert (data["buffer_paths"], [bytes(b) for b in buffers]) == (
        [["thumb:s50"]],
        [JPEG],
    )
    assert not more
    strip.steps = steps(50, starred=True)
    assert [buffers for _, buffers in line.sent[1:]] == [[]]


def test_fifty_steps_are_less_than_a_megabyte():
    """Fifty pictures of 8 KB, their words and their places: all that is ever sent."""
    thumbs = {f"s{n}": JPEG[:4] + b"x" * 8000 for n in range(51)}
    strip = Strip(steps=steps(50), thumbs=thumbs)
    state, _, buffers = ipywidgets.widgets.widget._remove_buffers(strip.get_state())
    assert len(buffers) == 51
    assert len(json.dumps(state)) + sum(map(len, buffers)) < 500_000


@BOTH
def test_the_pair_is_the_selected_step_and_what_it_is_compared_with(kind):
    """By default that is its parent; a second choice takes the parent's place."""
    strip = kind(steps=steps(3), selected="s3")
    assert strip.pair == ("s2", "s3")
    strip.compared = "s1"
    assert strip.pair == ("s1", "s3")
    strip.compared = "s3"  # with itself there is nothing to see
    assert strip.pair == ("s2", "s3")
    strip.compared, strip.selected = "gone", "s1"
    assert strip.pair == ("s0", "s1")
    strip.selected = "s0"
    assert strip.pair is None


@pytest.mark.parametrize(
    "message",
    [
        None,
        "delete",
        {"kind": "delete"},
        {"kind": "delete", "step": "gone"},
        {"kind": "delete", "step": "s0"},
        {"kind": "rename", "step": "s0", "value": "x"},
        {"kind": "rename", "step": "s1", "value": None},
        {"kind": "rename", "step": "s1", "value": ["x"]},
        {"kind": "star", "step": "s1"},
        {"kind": "star", "step": "s1", "value": "yes"},
        {"kind": "undo", "step": "s1"},
        {"kind": "burn", "step": "s1"},
        {"kind": ["star"], "step": "s1", "value": True},
        {"kind": "star", "step": ["s1"], "value": True},
    ],
)
def test_what_is_no_act_is_not_heard(message):
    """A message of a wrong type, about an unknown step or the source does nothing."""
    assert act_of(message, steps(2)) is None


def test_an_act_reaches_the_owner_until_it_is_taken_off():
    """Each message is one act, and takes away the sentence about the last delete."""
    strip, seen = Strip(steps=steps(2), removed="Step 3 is deleted."), []
    forget = strip.on_act(seen.append)
    strip._handle_custom_msg({"kind": "star", "step": "s1", "value": True}, [])
    strip._handle_custom_msg({"kind": "undo", "step": ""}, [])
    assert seen == [Act("star", "s1", True), Act("undo", "")]
    assert strip.removed == ""
    forget()
    strip._handle_custom_msg({"kind": "delete", "step": "s1"}, [])
    assert len(seen) == 2


def test_plain_strip_acts_like_the_other():
    """Star, name, note, delete and undo by ipywidgets' own buttons and fields."""
    strip, seen = PlainStrip(steps=steps(3, starred=True), selected="s3"), []
    strip.on_act(seen.append)
    press(strip, "Remove the star")
    fields = {field.description: field for field in below(strip, ipywidgets.Text)}
    fields["Name"].value = " The best "
    fields["Note"].value = "for the poster"
    press(strip, "Delete")
    strip.removed = "Step 3 is deleted."
    assert "Step 3 is deleted." in "".join(words(strip))
    press(strip, "Undo")
    assert seen == [
        Act("star", "s3", False),
        Act("rename", "s3", "The best"),
        Act("note", "s3", "for the poster"),
        Act("delete", "s3"),
        Act("undo", ""),
    ]
    strip.selected = "s1"
    assert len(seen) == 5  # the fields follow the selection, and nobody typed that


def test_plain_strip_picks_the_pair():
    """A click selects, the list under the steps compares; neither asks for an act."""
    strip = PlainStrip(steps=steps(3), selected="s3", removed="Step 4 is deleted.")
    (other,) = below(strip, ipywidgets.Dropdown)
    other.value = "s1"
    assert (strip.compared, strip.removed) == ("s1", "")
    assert "⇄ Compared" in "".join(words(strip))
    chosen = [b for b in below(strip, ipywidgets.Button) if b.description[:4] == "Edit"]
    chosen[1].click()
    assert (strip.selected, strip.pair) == ("s1", ("s0", "s1"))


def test_plain_strip_shows_branches_and_states():
    """A branch stands below its origin in words; what failed cannot be edited from."""
    branch = ShownStep(id="s9", title="again", parent="s1", state="failed", note="dull")
    strip = PlainStrip(steps=[*steps(3), branch], selected="s3")
    said = "".join(words(strip))
    assert "↳ from step 1" in said
    assert "Failed" in said
    assert "Note: dull" in said
    *_, last = (b for b in below(strip, ipywidgets.Button) if "here" in b.description)
    assert last.disabled


def test_plain_strip_shows_the_starred_only():
    """With more than eight steps there is a filter for the starred ones."""
    strip = PlainStrip(steps=steps(9, starred=True), selected="s9")
    (only,) = below(strip, ipywidgets.Checkbox)
    only.value = True
    assert len([w for w in words(strip) if "prompt" in w]) == 1
    strip.steps = steps(3)
    assert only.layout.display == "none"
    assert len([w for w in words(strip) if "prompt" in w]) == 3


def test_plain_strip_selects_by_click():
    """A click sets `selected`, and exactly that step says that it is edited from."""
    strip = PlainStrip(steps=steps(1), selected="s0")
    seen = []
    strip.observe(lambda change: seen.append(change.new), "selected")
    buttons = [b for b in below(strip, ipywidgets.Button) if "here" in b.description]
    buttons[1].click()
    assert seen == ["s1"]
    assert [button.description for button in buttons] == [
        "Edit from here",
        "Editing from here",
    ]


def test_plain_strip_gives_back_old_steps():
    """New steps replace the old ones, whose widgets are closed."""
    strip = PlainStrip(steps=steps(49))
    old = [b for b in below(strip, ipywidgets.Button) if "here" in b.description]
    strip.steps = steps(0)
    assert (
        len([b for b in below(strip, ipywidgets.Button) if "here" in b.description])
        == 1
    )
    assert {button.comm for button in old} == {None}
