"""The Editor without a browser: what its buttons do, its chain, its honesty."""

import re
import threading
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image, ImageChops, ImageDraw

import kontext_nb as kx
from kontext_nb import pixels
from kontext_nb.errors import ParameterRejected
from kontext_nb.preservation.masks import mask_of
from kontext_nb.session import keeping
from kontext_nb.widgets.plain_compare import PlainCompare
from kontext_nb.widgets.plain_prompt import PlainPrompt
from kontext_nb.widgets.showing import SOURCE
from tests.editors import act, choices, choose, labels, press, run, said, two_lost


@pytest.fixture
def picture(small_results):  # noqa: ARG001 - no rule of a size here
    return kx.samples.bottle().resize((96, 128))


@pytest.fixture
def editor(picture):
    return kx.Editor(picture)


def test_run_makes_the_next_link(editor):
    """Run edits from the selected step, shows before and after, and selects the new."""
    run(editor, "Make it sepia")
    run(editor, "Make it darker")
    first, second = editor.chain
    assert second.step.parent == first.step.id
    assert editor.strip.selected == second.step.id
    titles = [step["title"] for step in editor.strip.steps]
    assert titles == ["Source", "Make it sepia", "Make it darker"]
    labels = [picture["label"] for picture in editor.view.pictures]
    assert labels == ["Before", "Make it darker"]
    assert "demo engine" in editor.view.footer


def test_a_press_brings_what_was_seen(editor):
    """The text, number and area of that moment, whatever the widgets say by now."""
    count, area = editor.controls.count, editor.preserving.area
    editor.preserving.wanted = (10, 10, 50, 50)
    assert editor.settled()
    editor.prompt.value, count.value = "Make it brighter", 4
    mask = pixels.encode_png(mask_of((20, 20, 60, 60), (96, 128)))
    seen = {
        "": {"value": "Make it sepia", "chain": editor.chain.id, "turn": 0},
        count.model_id: {"index": 1, "_options_labels": labels(count)},
        area.model_id: {
            "box": [],
            "painted": {"buffer": 0},
            "turn": area.turn,
        },
        "of another page": {"index": 0},
    }
    message = {"kind": "run", "seen": seen}
    editor.prompt._heed(None, message, [memoryview(mask)])
    assert editor.settled()
    assert [edit.prompt for edit in editor.chain] == ["Make it sepia"] * 2
    edit = editor.chain[0]
    assert edit.desk.blobs.get(edit.step.keeping.mask) == mask
    assert (editor.prompt.value, count.value) == ("Make it brighter", 4)


@pytest.mark.parametrize("gone", ["picture", "press", "models", "step"])
def test_a_press_for_what_is_not_there_any_more_runs_nothing(editor, gone):
    """Another picture, a run since then, other models, no such step: look again."""
    editor.prompt.value = "Make it sepia"
    own = {"value": "Make it night", "chain": editor.chain.id, "turn": 0}
    model = editor.controls.model.model_id
    seen = {
        "picture": {"": own | {"chain": "of the other"}},
        "press": {"": own | {"turn": -1}},
        "models": {model: {"index": 0, "_options_labels": ["another model"]}},
        "step": {editor.strip.model_id: {"selected": "of a step that is gone"}},
    }
    editor.prompt._heed(None, {"kind": "run", "seen": seen[gone]}, [])
    assert editor.settled()
    assert said(editor) == "This has just changed: look once more, then press Run."
    assert (len(editor.chain), editor.prompt.value) == (0, "Make it sepia")


@pytest.mark.parametrize("choice", ["shape", "place", "model"])
def test_a_choice_that_the_editor_has_not_answered_runs_nothing(editor, choice):
    """Its price, and what can be kept of it, were not seen yet."""
    run(editor, "Make it sepia")
    editor.preserving.wanted = True
    ratio, model = editor.controls.ratio, editor.controls.model
    seen = {
        "shape": {ratio.model_id: {"index": 1, "_options_labels": labels(ratio)}},
        "place": {editor.strip.model_id: {"selected": SOURCE}},
        "model": {model.model_id: {"index": 1, "_options_labels": labels(model)}},
    }
    editor.prompt._heed(None, {"kind": "run", "seen": seen[choice]}, [])
    assert editor.settled()
    assert "look once more" in said(editor)
    assert len(editor.chain) == 1


def test_a_place_counts_as_it_was_seen(editor):
    """Also if the kernel hears only later that another one was chosen."""
    run(editor, "Make it sepia")
    editor.prompt.value = "Make it night"
    seen = {editor.strip.model_id: {"selected": SOURCE}}
    editor.prompt._heed(None, {"kind": "run", "seen": seen}, [])
    assert editor.settled()
    assert [edit.step.parent for edit in editor.chain.edits] == [None, None]


def test_two_presses_for_the_same_are_one_edit(editor):
    """The second one came before a busy kernel had said that it runs."""
    own = {"value": "Make it sepia", "chain": editor.chain.id}
    message = {"kind": "run", "seen": {"": own | {"turn": 0}}}
    for _ in range(2):
        editor.prompt._heed(None, message, [])
        assert editor.settled()
    assert len(editor.chain) == 1


def test_a_step_that_was_deleted_is_no_start(editor):
    """Not even for the picture that it was made of."""
    run(editor, "Make it sepia")
    editor.strip.selected = "of a step that is gone"
    run(editor, "Make it night")
    assert "look once more" in said(editor)
    assert len(editor.chain) == 1


def test_an_area_of_the_picture_before_is_not_used(editor, monkeypatch):
    """Where one draws, Run waits to be pressed on the picture that it is of."""
    editor.preserving.wanted = (10, 10, 50, 50)
    assert editor.settled()
    shown, go = threading.Event(), threading.Event()
    start = editor.preserving._start

    def slow():
        shown.set()
        assert go.wait(30)
        return start()

    monkeypatch.setattr(editor.preserving, "_start", slow)
    editor.preserving.refresh()
    assert shown.wait(30)
    editor.prompt.value = "Make it sepia"
    press(editor, "run")
    assert "look once more" in said(editor)
    go.set()
    assert editor.settled()
    run(editor, "Make it sepia")
    assert len(editor.chain) == 1


def test_the_result_before_is_a_key_away(editor):
    """The comparison holds the result that was shown last."""
    run(editor, "Make it sepia")
    run(editor, "Make it darker")
    assert editor.view.previous["label"] == "Make it sepia"


def test_a_selected_step_is_where_the_next_edit_starts(editor):
    """Selecting an earlier step branches there."""
    run(editor, "Make it sepia")
    editor.strip.selected = SOURCE
    assert editor.settled()
    assert editor.view.pictures[1]["preview"] == b""
    run(editor, "Make it night")
    assert [edit.step.parent for edit in editor.chain] == [None, None]


def test_two_chosen_steps_are_compared(editor):
    """The older one stands left, and what they have apart is said."""
    run(editor, "Make it sepia")
    editor.strip.selected = SOURCE
    run(editor, "Make it night")
    editor.strip.compared = editor.chain[0].step.id
    assert editor.settled()
    labels = [picture["label"] for picture in editor.view.pictures]
    assert labels == ["Make it sepia", "Make it night"]
    assert "sepia" in editor.changes.value
    assert "night" in editor.changes.value
    editor.strip.compared = ""
    assert editor.settled()
    assert editor.changes.value == ""


def test_variants_are_siblings_with_seeds_of_their_own(editor):
    """Three variants of one instruction stand side by side in the chain."""
    editor.controls.count.value = 3
    editor.controls.kind.value = "fixed"
    editor.controls.number.value = "7"
    run(editor, "Add a red star")
    assert [edit.seed for edit in editor.chain] == [7, 8, 9]
    assert {edit.step.parent for edit in editor.chain} == {None}
    assert editor.status.said == "3 of 3 done."
    editor.controls.count.value = 1
    editor.controls.kind.value = "next"
    run(editor, "Add a red star")
    assert editor.chain[-1].seed == 10


def test_model_and_aspect_ratio_are_sent(editor):
    """What the controls say is what is asked for."""
    editor.controls.model.value = "blackforestlabs/flux-1-kontext/max/edit"
    assert editor.settled()
    editor.controls.ratio.value = "16:9"
    run(editor, "Make it night")
    asked = editor.chain[0].step.job.request
    assert (asked.model.split("/")[2], asked.aspect_ratio) == ("max", "16:9")


def test_only_models_that_edit_are_offered(editor):
    """A model that takes no picture is not in the list; the one in use is first."""
    assert editor.settled()
    ids = [model for _, model in editor.controls.model.options]
    assert ids[0] == "blackforestlabs/flux-1-kontext/pro/edit"
    assert len(ids) > 2
    assert not [model for model in ids if "text-to-image" in model]


def test_what_is_wrong_is_said_and_nothing_is_sent(editor):
    """An empty instruction and a seed that is none are refused in words."""
    run(editor, "  ")
    assert "The prompt is empty." in said(editor)
    editor.controls.kind.value = "fixed"
    for odd in ("<b>many</b>", "9" * 5000, "\N{ARABIC-INDIC DIGIT SEVEN}", "-1", "1e3"):
        editor.controls.number.value = odd
        run(editor, "Make it night")
        assert "not a whole number" in said(editor)
    assert len(editor.chain) == 0


def test_a_failed_edit_leaves_the_editor_usable(editor):
    """What the engine cannot do is said; the next edit works and takes it away."""
    run(editor, "Remove the bottle")
    assert "can do" in said(editor)
    run(editor, "Make it night")
    assert editor.status.alarm == {}
    assert len(editor.chain) == 1


def test_cancel_says_what_became_of_it(picture):
    """A queued job is cancelled, and the Editor is free again at once."""
    with kx.configure(demo_s=90):
        editor = kx.Editor(picture)
        queued = threading.Event()
        editor.status.observe(
            lambda change: queued.set() if "queued" in change["new"] else None, "said"
        )
        editor.prompt.value = "Make it night"
        press(editor, "run")
        assert queued.wait(30)
        assert editor.strip.steps[1]["state"] == "running"
        press(editor, "run")  # a second press starts nothing
        press(editor, "cancel")
        assert editor.settled()
    assert "still queued and is cancelled" in said(editor)
    assert len(editor.chain) == 0
    assert len(editor.strip.steps) == 1
    assert not editor.prompt.busy


def test_steps_are_starred_named_noted_deleted_and_brought_back(editor):
    """What is done in the strip is done in the chain, and undone."""
    run(editor, "Make it sepia")
    run(editor, "Make it darker")
    first, second = (edit.step.id for edit in editor.chain)
    act(editor, "star", first, True)
    act(editor, "rename", first, "old")
    act(editor, "note", first, "like a photo of 1900")
    shown = editor.strip.steps[1]
    assert (shown["starred"], shown["name"]) == (True, "old")
    assert editor.chain[0].note == "like a photo of 1900"
    act(editor, "delete", first)
    assert [step["id"] for step in editor.strip.steps] == [SOURCE, second]
    assert editor.strip.steps[1]["parent"] == SOURCE
    assert editor.strip.removed == "Step 1, old, is deleted."
    act(editor, "undo")
    assert [step["id"] for step in editor.strip.steps] == [SOURCE, first, second]
    act(editor, "delete", second)
    assert editor.strip.selected == first


def test_a_split_instruction_is_run_part_by_part(editor):
    """After each result the next part is in the box; a failure keeps it waiting."""
    editor.prompt.following = ["Make it darker", "Make it sepia"]
    run(editor, "Make it night")
    assert editor.prompt.value == "Make it darker"
    assert editor.prompt.following == ["Make it sepia"]
    run(editor, "Remove the bottle")
    assert editor.prompt.following == ["Make it sepia"]


def test_hints_follow_the_wording(editor):
    """What is typed is read at once; the gravest comes first, with a better wording."""
    editor.prompt.value = "Give her a red coat"
    (hint,) = (h for h in editor.prompt.findings if h["severity"] == "warning")
    assert "her" in hint["message"]
    editor.prompt.value = ""
    assert editor.prompt.findings == []


def test_earlier_instructions_come_back(editor, picture):
    """The chain's own first, the newest first, then those of the whole store."""
    run(editor, "Make it sepia")
    run(editor, "Make it night")
    other = kx.Editor(picture.transpose(0))
    run(other, "Make it darker")
    assert other.prompt.history == ["Make it darker", "Make it night", "Make it sepia"]


@pytest.mark.usefixtures("shop")
def test_the_cost_is_said_and_unknown_is_not_free(picture):
    """The demo is free, another service's price is not known until it tells."""
    with kx.configure(provider="demo"):
        assert "free (demo engine)" in kx.Editor(picture).controls._cost.value
    with kx.configure(provider="runcomfy"):
        paid = kx.Editor(picture)
        assert paid.settled()
    assert "free" not in paid.controls._cost.value
    assert "$" in paid.controls._cost.value or "not known" in paid.controls._cost.value


def test_variants_stay_within_the_limit(picture, shop):
    """No more variants are offered than the user's own cap still allows."""
    with kx.configure(provider="runcomfy", max_edits=2):
        editor = kx.Editor(picture)
        assert editor.settled()
        assert editor.controls.count.options == (1, 2)
        run(editor, "Make it night")
        assert editor.controls.count.options == (1,)
        run(editor, "Make it sepia")
        assert "your limit is reached" in editor.controls._cost.value
    assert len(shop.booked()) == 2


def test_an_unknown_fate_is_decided_with_buttons(picture, shop):
    """It is never sent again by itself; an id, a second sending and an end are open."""
    with kx.configure(provider="runcomfy"):
        editor = kx.Editor(picture)
        shop.script(submit="lose")
        run(editor, "Make it night")
        assert choices(editor) == ["accepted", "again", "give-up"]
        assert editor.strip.steps[1]["state"] == "unknown"
        choose(editor, "accepted", "no id of theirs!")
        assert "is no request id" in said(editor)
        assert choices(editor) == ["accepted", "again", "give-up"]
        (booked,) = shop.booked()
        choose(editor, "accepted", booked["request_id"])
    assert editor.status.alarm == {}
    assert len(editor.chain) == 1
    assert len(shop.booked()) == 1


def test_a_second_press_sends_nothing_more(picture, shop):
    """Not the same job, lost again, nor the other one that nobody knows about."""
    with kx.configure(provider="runcomfy"):
        editor = two_lost(picture, shop)
        assert len(shop.booked()) == 2
        number = editor.status.alarm["number"]
        for _ in range(2):
            choose(editor, "again", number=number)
            assert len(shop.booked()) == 3
        assert choices(editor) == ["accepted", "again", "give-up"]


def test_an_unknown_fate_is_asked_about_again_after_a_restart(picture, shop):
    """Another Editor of the chain shows it with its buttons, and sends nothing."""
    with kx.configure(provider="runcomfy"):
        editor = kx.Editor(picture, chain="hero")
        shop.script(submit="lose")
        run(editor, "Make it night")
        shop.script()
        again = kx.Editor(picture, chain="hero")
        assert again.settled()
        assert choices(again) == ["accepted", "again", "give-up"]
        assert len(shop.booked()) == 1
        choose(again, "give-up")
        assert again.status.alarm == {}
        assert len(again.strip.steps) == 1
        assert len(shop.booked()) == 1


def test_a_named_chain_is_found_again(picture):
    """The same name and picture open the same chain, with all its steps, for free."""
    run(kx.Editor(picture, chain="hero"), "Make it night")
    again = kx.Editor(picture, chain="hero")
    assert [edit.prompt for edit in again.chain] == ["Make it night"]
    assert len(again.strip.steps) == 2
    assert len(kx.Editor(picture, chain="other").chain) == 0


def test_what_a_dead_notebook_shows(editor):
    """Beside the live view there is a JPEG and text, small and without the widget."""
    run(editor, "Make it night")
    data, _ = editor._repr_mimebundle_()
    assert set(data) >= {"image/jpeg", "text/html", "text/plain"}
    assert "demo engine" in data["text/html"]
    assert len(data["image/jpeg"]) < 50_000


def test_plain_widgets_do_the_same(picture):
    """KONTEXT_NB_WIDGETS=plain builds the Editor of ipywidgets alone."""
    with kx.configure(widgets="plain"):
        editor = kx.Editor(picture)
    assert isinstance(editor.view, PlainCompare)
    assert isinstance(editor.prompt, PlainPrompt)
    editor.prompt.field.value = "Make it night"
    editor.prompt.run.click()
    assert editor.settled()
    assert len(editor.chain) == 1
    assert editor.prompt.earlier.options[1][1] == "Make it night"
    editor.prompt.field.value = "Remove the bottle"
    editor.prompt.run.click()
    assert editor.settled()
    assert "can do" in editor.status._alarm.value


@pytest.fixture
def photo(small_results):  # noqa: ARG001 - no rule of a size here
    """One that is large enough to be told apart and set in, in a tenth of the time."""
    return kx.samples.bottle().resize((288, 384))


RECOLOUR = "Change the green bottle to dark blue"


def test_the_rest_of_the_picture_is_kept_on_request(photo):
    """The toggle makes chains run on preserved pictures, and says what changed."""
    editor = kx.Editor(photo)
    editor.preserving.toggle.value = True
    run(editor, RECOLOUR)
    (edit,) = editor.chain
    assert edit.image.size == photo.size
    assert edit.image.getpixel((9, 9)) == photo.getpixel((9, 9))
    (told,) = editor.view.maps.values()
    assert told["said"].lower() == edit.line_of_change.lower()
    assert kx.Editor(photo).preserving.toggle.value is False  # a picture of its own
    editor._open(editor._place)
    assert editor.preserving.toggle.value is True
    assert editor.settled()


def test_the_models_own_picture_is_a_choice_away(photo):
    """Beside the one before, or beside what is shown; where there is no other, no."""
    editor = kx.Editor(photo)
    run(editor, "Make it sepia")
    assert editor.sides.layout.display == "none"
    editor.strip.selected = SOURCE
    editor.preserving.toggle.value = True
    run(editor, RECOLOUR)
    assert editor.sides.layout.display == ""
    edit = editor.chain[-1]
    for chosen, sizes in (
        ("raw", [photo.size, edit.raw.size]),
        ("both", [edit.raw.size, photo.size]),
        ("shown", [photo.size, photo.size]),
    ):
        editor.sides.value = chosen
        assert editor.settled()
        shown = [(one["width"], one["height"]) for one in editor.view.pictures]
        assert shown == sizes
    editor.strip.selected = SOURCE
    assert editor.settled()
    assert editor.sides.layout.display == "none"


def test_why_the_models_picture_is_shown_all_the_same_is_said(photo):
    """Where nothing of the source is left to be kept."""
    editor = kx.Editor(photo)
    editor.preserving.toggle.value = True
    run(editor, "Make it a pencil sketch")
    (edit,) = editor.chain
    assert edit.kept
    assert edit.kept in editor.status.said
    assert f"not preserved: {edit.kept}" in editor.view.footer


def test_keeping_is_not_offered_where_it_cannot_work(editor):
    """With another aspect ratio, and of a picture that is only an address."""
    editor.preserving.toggle.value = True
    editor.controls.ratio.value = "16:9"
    assert editor.preserving.toggle.disabled
    assert "aspect ratio" in editor.preserving._why.value
    assert editor.preserving.wanted is False
    editor.controls.ratio.value = ""
    assert not editor.preserving.toggle.disabled
    assert editor.preserving.wanted is True
    far = kx.Editor("https://example.com/a.png")
    assert far.preserving.toggle.disabled
    assert "only the service has" in far.preserving._why.value


@pytest.mark.parametrize("kind", ["live", "plain"])
def test_a_change_shows_only_in_the_area_that_was_drawn(photo, kind):
    """Outside of it every pixel is the source's, whatever the model did there."""
    with kx.configure(widgets=kind):
        editor = kx.Editor(photo)
    editor.preserving.toggle.value = True
    editor.preserving.drawing.value = True
    assert editor.settled()
    editor.preserving.area.box = [112, 188, 158, 225]
    editor.prompt.value = "Make it sepia"
    editor.run()
    assert editor.settled()
    (edit,) = editor.chain
    differs = ImageChops.difference(edit.image, photo.convert("RGB")).getbbox()
    left, top, right, bottom = differs
    assert (left, top) >= (112, 188)
    assert (right, bottom) <= (158, 225)
    assert editor.preserving.area.box == [112, 188, 158, 225]
    (told,) = editor.view.maps.values()  # of what was taken over, not of the model's
    assert re.match(r"Changed [01]\.\d %", told["said"])
    editor.preserving.drawing.value = False
    assert editor.preserving.wanted is True


def disc(size):
    """Return a mask: a disc in the upper half."""
    mask = Image.new("L", size)
    width, height = size
    ImageDraw.Draw(mask).ellipse((0, 0, width, height // 2), fill=255)
    return mask


def test_a_mask_is_set_from_python_as_edit_takes_it(photo):
    """It ticks what it needs; True and False are without one."""
    preserving = kx.Editor(photo).preserving
    for form in (disc(photo.size), np.asarray(disc(photo.size)) > 0):
        preserving.wanted = form
        mask = np.asarray(mask_of(preserving.wanted, photo.size))
        assert (mask != np.asarray(disc(photo.size))).mean() < 0.01
    preserving.wanted = (112, 188, 158, 225)
    assert preserving.wanted == (112, 188, 158, 225)
    for form in (True, False):
        preserving.wanted = form
        assert preserving.wanted is form
    for wrong in ((5, 5, 5, 9), disc((50, 50))):
        with pytest.raises(ParameterRejected):
            preserving.wanted = wrong
    assert preserving.wanted is False
    far = kx.Editor("https://example.com/a.png")
    with pytest.raises(ParameterRejected, match="only the service has"):
        far.preserving.wanted = (0, 0, 9, 9)


@pytest.mark.parametrize("kind", ["live", "plain"])
def test_a_painted_area_comes_back_with_its_chain(photo, kind):
    """Run again it is the same edit, and so does the code that repeats the chain."""
    with kx.configure(widgets=kind):
        editor = kx.Editor(photo, chain="lesson")
        editor.preserving.wanted = disc(photo.size)
        editor.prompt.value = "Make it sepia"
        editor.run()
        assert editor.settled()
        (edit,) = editor.chain
        again = kx.Editor(photo, chain="lesson")
    assert again.settled()
    assert again.preserving.wanted == editor.preserving.wanted
    mask = np.asarray(mask_of(editor.preserving.wanted, photo.size))
    off = np.asarray(edit.image) != np.asarray(photo.convert("RGB"))
    assert off[mask == 255].any()
    assert not off[mask == 0].any()
    repeated = {}
    with kx.configure(home=None, provider=None):  # the code sets both
        exec(edit.chain.code(), repeated)  # noqa: S102 - it is ours
    assert repeated["step_1"].reused
    assert repeated["step_1"].step.result == edit.step.result


def test_a_step_shows_its_area_unless_another_was_drawn_since(photo):
    """A click on a step brings its own; what is not used yet is never lost."""
    editor = kx.Editor(photo)
    areas = [(40, 40, 112, 112), (112, 188, 158, 225)]
    for box in areas:
        editor.preserving.wanted = box
        run(editor, "Make it sepia")
    first, second = (edit.step.id for edit in editor.chain)

    def at(place):
        editor.strip.selected = place
        assert editor.settled()
        return editor.preserving.wanted

    assert [at(first), at(second)] == areas
    assert at(SOURCE) == areas[1]  # it was made with none, so one stays
    editor.preserving.wanted = (1, 2, 112, 150)
    assert at(first) == (1, 2, 112, 150)


def test_how_far_a_line_of_edits_drifts_is_shown(photo):
    """From the second edit on: a curve whose words are its numbers, and a table."""
    editor = kx.Editor(photo)
    words = editor.drift._words
    run(editor, "Add a red star")
    assert words.value == ""
    run(editor, "Add a yellow star")
    last = editor.chain.drifts().steps[-1].total.toned_psnr_db
    assert '<svg role="img" aria-label="' in words.value
    assert f"step 2: {last:.1f} dB" in words.value.split("aria-label")[1].split(">")[0]
    assert words.value.count("<tr") == 3
    assert editor.drift._back.layout.display == "none"
    editor.strip.selected = editor.chain[0].step.id
    assert editor.settled()
    assert words.value == ""


def test_from_where_quality_falls_one_click_goes_back(photo, monkeypatch):
    """It is warned at that step, in its number, and the step before is at hand."""
    measure = keeping.drift

    def measured(before, after):
        from_source = before.size == (288, 384)
        worse = from_source and editor.prompt.value == "Add a yellow star"
        return replace(measure(before, after), toned_psnr_db=20.0 if worse else 40.0)

    monkeypatch.setattr(keeping, "drift", measured)
    editor = kx.Editor(photo)
    run(editor, "Add a blue star")
    editor.strip.selected = SOURCE
    for prompt in ("Add a red star", "Add a yellow star"):
        run(editor, prompt)
    assert "Quality falls here" in editor.status.said
    assert "Quality falls at step 3: 20.0 dB" in editor.drift._words.value
    back = editor.drift._back
    assert back.description == "Edit again from step 2"
    back.click()
    assert editor.settled()
    assert editor.strip.selected == editor.chain[1].step.id
    assert editor.drift._words.value == ""
    assert back.layout.display == "none"
