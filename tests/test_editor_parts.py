"""The Editor's parts without a kernel: one rule each."""

import datetime as dt
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ipywidgets import Dropdown

import kontext_nb as kx
from kontext_nb.errors import (
    EditCancelled,
    EditFailed,
    ImageRejected,
    OutcomeUnknown,
    ParameterRejected,
    StillRunning,
)
from kontext_nb.lifecycle import State
from kontext_nb.model import SEED_MAX
from kontext_nb.pixels import MAX_FILE_BYTES
from kontext_nb.prompts import lint
from kontext_nb.session.offers import Offer
from kontext_nb.widgets import uploads as uploads_module
from kontext_nb.widgets.aside import Aside
from kontext_nb.widgets.controls import Controls, _fill
from kontext_nb.widgets.hints import hints
from kontext_nb.widgets.intake import Intake
from kontext_nb.widgets.plain_intake import PlainIntake
from kontext_nb.widgets.plain_prompt import PlainPrompt
from kontext_nb.widgets.plain_said import PlainStatus
from kontext_nb.widgets.prompt import PromptBox
from kontext_nb.widgets.remedies import alarm, decision
from kontext_nb.widgets.running import Running
from kontext_nb.widgets.said import Alarm, Choice, StatusLine
from kontext_nb.widgets.seen import NOW
from kontext_nb.widgets.uploads import Uploads
from kontext_nb.widgets.wanted import seeds

ALL = (0, SEED_MAX)
WHEN = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
PNG = b"\x89PNG not really"


# --- uploads


def parts(data, size, *, name="a.png", id_="1"):
    """Return the messages and buffers a browser sends for a file."""
    yield {"kind": "start", "id": id_, "name": name, "size": len(data)}, []
    for at in range(0, len(data), size):
        yield {"kind": "part", "id": id_, "at": at}, [memoryview(data)[at : at + size]]


@given(st.binary(min_size=1, max_size=64), st.integers(1, 64), st.data())
def test_a_file_is_put_together_from_its_parts(data, size, drawn):
    """However it is cut, and whichever comes first: whole, once, with the last one."""
    uploads = Uploads()
    sent = drawn.draw(st.permutations(list(parts(data, size))))
    *early, last = [uploads.take(*part) for part in sent]
    assert set(early) <= {None}
    assert (last.name, last.data) == ("a.png", data)
    assert {uploads.take(*part) for part in sent} == {None}


@pytest.mark.parametrize(
    "size", [0, -1, MAX_FILE_BYTES + 1, True, 1.0, "9", None], ids=str
)
def test_a_size_that_cannot_be_is_refused(size):
    """Before a byte is taken."""
    with pytest.raises(ImageRejected, match="empty, or has over 64 MiB"):
        Uploads().take({"kind": "start", "id": "1", "name": "x", "size": size}, [])


def part(at, *data):
    return {"kind": "part", "id": "1", "at": at}, list(data)


@pytest.mark.parametrize(
    "odd",
    [
        [part(0)],
        [part(0, b"more than was said")],
        [part(5, b"12345678"), part(0, b"1")],
        [part(0, b"1234"), part(0, b"1234")],
        [part(0, b"1234567"), part(4, b"12")],
        [part(-1, b"x")],
        [part("0", b"x")],
    ],
    ids=["empty", "too long", "a gap", "twice", "one over another", "before", "text"],
)
def test_parts_that_do_not_fit_end_the_upload(odd):
    """They are refused, and the rest is ignored."""
    uploads = Uploads()
    uploads.take({"kind": "start", "id": "1", "name": "x", "size": 9}, [])
    *fine, last = odd
    for message in fine:
        uploads.take(*message)
    with pytest.raises(ImageRejected, match="part of 'x' is missing"):
        uploads.take(*last)
    assert uploads.take(*part(0, b"123456789")) is None


def test_a_file_without_its_start_ends_at_the_cap(monkeypatch):
    """Nobody can fill the memory with what may never be whole."""
    monkeypatch.setattr(uploads_module, "MAX_FILE_BYTES", 8)
    uploads = Uploads()
    uploads.take(*part(0, b"12345678"))
    with pytest.raises(ImageRejected, match="is missing"):
        uploads.take(*part(8, b"9"))


def test_a_new_file_takes_the_place_of_one_under_way():
    """What still comes of the old one is ignored."""
    uploads = Uploads()
    first = list(parts(b"first", 3, id_="1"))
    for message in first[:-1]:
        uploads.take(*message)
    second = [uploads.take(*message) for message in parts(b"second", 9, id_="2")]
    assert uploads.take(*first[-1]) is None
    assert second[-1].data == b"second"


@given(
    st.dictionaries(st.sampled_from(["kind", "id", "at", "name", "size"]), st.text())
)
def test_no_message_breaks_the_intake(message):
    """Whatever a browser sends, it is taken, ignored or refused in words."""
    intake = Intake()
    for odd in (message, None, [message], "start"):
        intake._heed(intake, odd, None)
    intake.close()


def chosen(name, data):
    facts = {"type": "image/png", "size": len(data), "last_modified": WHEN}
    return {"name": name, "content": memoryview(data), **facts}


def test_a_plain_upload_is_checked_alike():
    """The button of ipywidgets hands over one file, and may be used again at once."""
    intake, came = PlainIntake(), []
    intake.on_file(came.append)
    for _ in range(2):
        intake.upload.value = (chosen("a.png", PNG),)
    assert [(one.name, one.data) for one in came] == [("a.png", PNG)] * 2
    intake.upload.value = (chosen("b.png", b""),)
    assert "'b.png' is empty" in intake.error


# --- seeds and controls


def test_seeds_of_variants():
    """Random ones are picked later, the others count on, and start over at the end."""
    assert seeds("random", "7", count=2, last=3, span=ALL) == (None, None)
    assert seeds("fixed", " 7 ", count=3, last=None, span=ALL) == (7, 8, 9)
    assert seeds("next", "", count=2, last=41, span=ALL) == (42, 43)
    assert seeds("next", "", count=2, last=None, span=ALL) == (None, None)
    assert seeds("next", "", count=1, last=9, span=(5, 9)) == (5,)
    assert seeds("fixed", "8", count=3, last=0, span=(5, 9)) == (8, 9, 5)


@given(st.text(max_size=6000))
def test_a_seed_is_a_number_or_refused_in_words(typed):
    """Whatever is typed."""
    try:
        (seed,) = seeds("fixed", typed, count=1, last=None, span=ALL)
    except ParameterRejected as error:
        assert "not a whole number" in str(error)  # noqa: PT017 - either is right
    else:
        assert seed >= 0
        assert str(seed) == typed.strip().lstrip("0") or seed == 0


def test_controls_show_what_a_model_has():
    """No seed, no ratio: no field for it; what was chosen stays where it can."""
    controls = Controls("a/b", changed=lambda _: None)
    full = Offer(model="a/b", maker="B", ratios=("16:9", "1:1"), seeds=ALL)
    controls.offer(full, left=None)
    controls.ratio.value = "16:9"
    controls.kind.value = "fixed"
    controls.number.value = "x"
    controls.offer(full, left=2)
    assert controls.ratio.value == "16:9"
    assert controls.count.options == (1, 2)
    bare = Offer(model="a/b", maker="B", own_ratio="1:1")
    controls.offer(bare, left=None)
    hidden = (controls.kind, controls.number, controls.ratio)
    assert {part.layout.display for part in hidden} == {"none"}
    assert controls.wanted(None, NOW).seeds == (None,)  # and the odd seed is not read


def test_a_late_answer_about_another_model_changes_nothing():
    """Who chose another meanwhile is not shown the first one's price."""
    controls = Controls("a/b", changed=lambda _: None)
    controls.list_models([("B", "a/b"), ("C", "a/c")])
    controls.model.value = "a/c"
    controls.offer(Offer(model="a/b", maker="B", price_usd=9.0), left=None)
    assert "9.00" not in controls._cost.value


@pytest.mark.parametrize(
    ("price", "free", "count", "words"),
    [
        (0.0, True, 4, "free (demo engine)"),
        (None, False, 2, "price not known"),
        (0.04, False, 1, "about $0.04"),
        (0.04, False, 3, "about $0.12 for 3"),
    ],
)
def test_the_cost_in_words(price, free, count, words):
    """Times the number of variants; unknown is never free."""
    offer = Offer(model="a/b", maker="B", price_usd=price, free=free)
    assert offer.cost_text(count) == words


@given(
    st.lists(st.integers(0, 9), min_size=1, unique=True),
    st.lists(st.integers(0, 9), min_size=1, unique=True),
    st.data(),
)
def test_a_list_that_is_filled_anew_keeps_its_choice(before, after, data):
    """Wherever that stands now; if it is gone, the one that is meant for that."""
    choice = Dropdown(options=before)
    choice.value = data.draw(st.sampled_from(before))
    default = data.draw(st.sampled_from(after))
    wanted = choice.value if choice.value in after else default
    _fill(choice, after, default)
    assert (choice.value, choice.index) == (wanted, after.index(wanted))
    choice.close()


def test_more_models_come_and_the_chosen_one_stays():
    """The live list is longer than what this version knows."""
    controls = Controls("b/one", changed=lambda _: None)
    controls.list_models([("One", "b/one"), ("Two", "b/two")])
    controls.model.value = "b/two"
    controls.list_models([("New", "b/new"), ("One", "b/one"), ("Two", "b/two")])
    assert controls.wanted(None, NOW).model == "b/two"


# --- hints


@settings(deadline=None)
@given(st.text(max_size=400))
def test_hints_never_fail_and_point_into_the_text(prompt):
    """Whatever is typed, each hint has a severity, a message and words of the text."""
    for hint in hints(prompt, None):
        assert hint["severity"] in ("info", "warning", "error")
        assert hint["message"]
        whole = " ".join(prompt.split())
        assert hint["words"].removesuffix("…") in whole or not hint["words"]


def test_the_gravest_hint_comes_first():
    """However late its words stand."""
    weak = "make it nicer, give her a coat as in image 2"
    ranks = [finding.severity.rank for finding in lint(weak)]
    shown = [hint["severity"] for hint in hints(weak, None)]
    order = ["info", "warning", "error"]
    assert [order.index(one) for one in shown] == sorted(ranks, reverse=True)


def test_a_plain_box_fixes_and_takes_it_back():
    """One click for the better wording, one for one's own; typing ends the offer."""
    box = PlainPrompt()
    box.findings = [{"severity": "info", "words": "a", "message": "m", "better": "B"}]
    box.field.value = "A"
    box.fix.click()
    assert (box.value, box.field.value) == ("B", "B")
    box.undo.click()
    assert box.value == "A"
    box.fix.click()
    box.field.value = "B and more"
    assert box.undo.layout.display == "none"


@pytest.mark.parametrize("box", [PromptBox, PlainPrompt])
def test_a_box_hands_on_the_next_part(box):
    """Each part once, then none."""
    made = box(following=["b", "c"])
    assert [made.next_pass(), made.value, made.following] == [True, "b", ["c"]]
    assert [made.next_pass(), made.value, made.following] == [True, "c", []]
    assert not made.next_pass()


# --- what went wrong


def test_what_can_be_decided_has_buttons():
    """A fate nobody knows, and a wait that ended too early; nothing else."""
    lost = OutcomeUnknown("Lost.", "Long words.", job="j", state=State.UNKNOWN)
    late = StillRunning("Late.", "Re-run.", job="j", state=State.RUNNING)
    other = EditFailed("Failed.", "Do it.", job="j", state=State.FAILED)
    keys = [[c.key for c in alarm(error).choices] for error in (lost, late, other)]
    assert keys == [["accepted", "again", "give-up"], ["wait"], []]
    assert (alarm(lost).job, alarm(late).job) == ("j", "j")
    assert alarm(other) == Alarm("Failed.", "Do it.")
    assert alarm(ValueError()).problem == "ValueError"


def test_each_button_is_one_decision():
    """In the words of `kx.resume`."""
    assert decision("accepted", "id-1") == {"request_id": "id-1"}
    assert decision("again", "") == {"resubmit": True}
    assert decision("give-up", "") == {"abandon": True}
    assert decision("wait", "") == {}


@pytest.mark.parametrize("line", [StatusLine, PlainStatus])
def test_only_a_button_that_is_shown_counts(line):
    """A message about another one, or one of an alarm before, does nothing."""
    status, chosen = line(), []
    status.on_choice(lambda *choice: chosen.append(choice))
    shown = Alarm("<b>no</b>", "Do.", [Choice("a", "A", asks="id")], job="j")
    status.warn(shown)
    first = status.alarm["number"]
    status._choose(first, "b", "")
    status._choose(first, "a", "x")
    status._choose(first, "a", "too late")
    status.warn(shown)
    status._choose(first, "a", "y")
    status.warn(None)
    status._choose(first + 1, "a", "z")
    assert chosen == [("j", "a", "x")]


def test_plain_buttons_and_words():
    """The plain line shows an alarm as text, with a field and a button."""
    status, chosen = PlainStatus(), []
    status.on_choice(lambda *choice: chosen.append(choice))
    status.warn(Alarm("<b>no</b>", "Do.", [Choice("a", "A", asks="id")], job="j"))
    field, button = status.choices.children
    field.value = " x "
    button.click()
    assert chosen == [("j", "a", "x")]
    assert "<b>" not in status._alarm.value
    assert 'role="alert"' in status._alarm.value


# --- running


def running(log, told=None):
    return Running(
        tell=lambda _: told and told.set(),
        arrived=log.append,
        over=lambda: log.append("over"),
        free=lambda: log.append("free"),
    )


def test_one_run_at_a_time():
    """A second one is refused until the first has answered for all its edits."""
    log, told = [], threading.Event()
    work = running(log, told)
    ends = []
    assert work.start("x", [lambda _, ended: ends.append(ended) or Task()] * 2)
    assert told.wait(30)
    assert not work.start("x", [])
    ends[0](ValueError("a"))
    ends[1](None)
    assert work.settled(30)
    assert [str(one) for one in log] == ["a", "None", "over", "free"]
    assert work.start("x", [])
    assert work.settled(30)


class Task:
    """What an edit under way can be asked to do."""

    def __init__(self):
        self.cancelled = threading.Event()

    def cancel(self):
        self.cancelled.set()


def test_cancel_reaches_what_is_about_to_start():
    """Pressed while an edit is being placed, it ends that one and sends no other."""
    log, placing, go = [], threading.Event(), threading.Event()
    work, task, ends = running(log), Task(), []

    def slow(_, ended):
        placing.set()
        go.wait(30)
        ends.append(ended)
        return task

    work.start("x", [slow, lambda *_: pytest.fail("it was started")])
    assert placing.wait(30)
    assert work.cancel()
    go.set()
    assert task.cancelled.wait(30)
    ends[0](EditCancelled("Stopped.", ""))
    assert work.settled(30)
    assert [type(one) for one in log[:2]] == [EditCancelled, EditCancelled]
    assert not work.cancel()


def test_an_edit_that_cannot_start_is_answered_for():
    """Whatever goes wrong there is an outcome, and the next run may begin."""
    log = []
    work = running(log)
    work.start("x", [lambda *_: 1 / 0])
    assert work.settled(30)
    assert isinstance(log[0], ZeroDivisionError)


def test_whoever_is_told_may_fail(monkeypatch):
    """The edits go on, each is answered for, and the next run may begin."""
    failed, told = [], threading.Event()
    monkeypatch.setattr(threading, "excepthook", lambda args: failed.append(args[1]))
    ends = []

    def tell(_):
        told.set()
        raise KeyError

    def fail(*_):
        raise KeyError

    work = Running(tell=tell, arrived=fail, over=fail, free=fail)
    assert work.start("x", [lambda _, ended: ends.append(ended) or Task()] * 2)
    assert told.wait(30)
    for end in ends:
        end(None)
    assert work.settled(30)
    assert len(failed) >= 5  # one at least while they went on, and each of the others
    assert not work.busy


def test_of_many_clicks_the_last_counts():
    """What comes while something is drawn waits, and only the latest of it is done."""
    latest, done, begun, go = (
        Aside(latest_only=True),
        [],
        threading.Event(),
        threading.Event(),
    )
    latest.do(lambda: (begun.set(), go.wait(30), done.append(0)))
    assert begun.wait(30)
    for n in (1, 2, 3):
        latest.do(lambda n=n: done.append(n))
    go.set()
    assert latest.settled(30)
    assert done == [0, 3]


# --- pictures that come in by hand


def give(editor, data, name="new.png"):
    for message, buffers in parts(data, 1 << 20, name=name):
        editor.pictures.intake._heed(None, message, buffers)
    assert editor.settled()


def bytes_of(picture):
    from kontext_nb.pixels import encode_png

    return encode_png(picture)


def test_an_editor_without_a_picture_offers_to_open_one():
    """First there is only the intake; a picture that comes in opens a chain."""
    editor = kx.Editor(chain="hand")
    assert editor.children == (editor.pictures,)
    assert editor.chain is None
    with pytest.raises(ParameterRejected, match="no picture yet"):
        editor.run()
    data, _ = editor._repr_mimebundle_()
    assert data["text/plain"] == "Editor without a picture"
    give(editor, bytes_of(kx.samples.room().resize((96, 64))))
    assert editor.prompt in editor.children
    assert editor.strip.steps[0]["title"] == "new.png"
    assert kx.Editor(chain="hand").strip.steps[0]["title"] == "new.png"


def test_a_new_picture_opens_its_own_chain():
    """The old one is kept, is said to be, and is a choice away; so after a re-run."""
    bottle = kx.samples.bottle().resize((96, 128))
    editor = kx.Editor(bottle, chain="both")
    editor.prompt.value = "Make it night"
    editor.run()
    assert editor.settled()
    first = editor.chain
    give(editor, bytes_of(kx.samples.room().resize((96, 64))))
    assert editor.chain.id != first.id
    assert "The chain of Source is kept" in editor.pictures.intake.note
    again = kx.Editor(bottle, chain="both")
    assert again.settled()
    assert [step["title"] for step in again.strip.steps] == ["Source", "Make it night"]
    names = [name for name, _ in again.pictures.choice.options]
    assert names == ["1. Source", "2. new.png"]


def test_what_is_no_picture_is_refused_beside_the_intake():
    """The Editor stays as it was."""
    editor = kx.Editor(kx.samples.bottle().resize((96, 128)))
    chain = editor.chain
    give(editor, b"GIF89a", name="<b>x</b>.png")
    assert editor.pictures.intake.error.startswith("<b>x</b>.png: ")
    assert editor.chain is chain
