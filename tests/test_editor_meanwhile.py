"""What the Editor does when something else happens just then."""

import os
import threading

import IPython.display
import pytest

import kontext_nb as kx
from kontext_nb import pixels
from kontext_nb.errors import StoreError
from kontext_nb.preservation.masks import mask_of
from kontext_nb.session import drifting, progress
from kontext_nb.session.edits import Chain
from kontext_nb.widgets import preserving, running, supply, wording
from kontext_nb.widgets.showing import SOURCE
from kontext_nb.widgets.uploads import Upload
from tests.editors import (
    act,
    choices,
    choose,
    opened,
    press,
    run,
    said,
    sight,
    start,
    two_lost,
)

LOCKED = StoreError("The store is locked.", "Close what holds it.")


@pytest.fixture
def picture(small_results):  # noqa: ARG001 - no rule of a size here
    return kx.samples.bottle().resize((96, 128))


@pytest.fixture
def editor(picture):
    return opened(picture)


@pytest.fixture
def gate(monkeypatch):
    """Hold what is run until this is set."""
    go, begin = threading.Event(), Chain.begin

    def held(*args, **options):
        assert go.wait(30)
        return begin(*args, **options)

    monkeypatch.setattr(Chain, "begin", held)
    return go


@pytest.fixture
def excuses(monkeypatch):
    """Return what threads said that nobody was told of."""
    told = []
    monkeypatch.setattr(threading, "excepthook", lambda args: told.append(args[1]))
    return told


def failing_once(function, when=lambda *_, **__: True):
    """Return the same function, of which one call fails."""
    left = [LOCKED]

    def tried(*args, **options):
        if left and when(*args, **options):
            raise left.pop()
        return function(*args, **options)

    return tried


def another(editor, picture):
    """Return a second picture of the Editor, which is not shown yet."""
    turned = pixels.encode_png(picture.rotate(180))
    return editor.pictures._workplace.add("b.png", turned)


def show(editor, place):
    editor.pictures._show(place)
    assert editor.settled()


def steps(editor):
    return [step["title"] for step in editor.strip.steps]


# --- while an edit is made


def test_what_is_prepared_meanwhile_stays_in_the_box(editor, gate):
    """The edit that ends was not of it, nor of its parts."""
    start(editor, "Make it sepia")
    editor.prompt.value, editor.prompt.following = "Make it night", ["Blur it"]
    gate.set()
    assert editor.settled()
    assert editor.prompt.value == "Make it night"
    assert editor.prompt.following == ["Blur it"]
    run(editor, "Make it night")
    assert editor.prompt.value == "Blur it"


def test_what_is_typed_for_another_picture_stays_in_the_box(editor, picture, gate):
    """The parts of an instruction follow on the picture that it was for."""
    editor.prompt.value, editor.prompt.following = "Make it sepia", ["Blur it"]
    press(editor, "run")
    editor.pictures._show(another(editor, picture))
    gate.set()
    assert editor.settled()
    assert editor.prompt.value == "Make it sepia"


def test_the_next_edit_waits_for_nothing_but_the_result(editor, monkeypatch):
    """What is brought up to date after it may take its time."""
    go = threading.Event()
    monkeypatch.setattr(editor.wording, "recall", lambda _: go.wait(30))
    for made, prompt in enumerate(("Make it sepia", "Make it night"), 1):
        start(editor, prompt)
        assert editor.work._running.settled(20)
        assert steps(editor)[made] == prompt
    go.set()
    assert editor.settled()


def test_what_is_measured_aside_says_nothing_in_the_cell_that_runs(
    picture, monkeypatch
):
    """That is another one's, which would keep the line for good."""
    kx.edit(picture, "Make it sepia", chain="one")
    told = []
    monkeypatch.setattr(drifting, "recalled", lambda *_: None)  # nothing is known yet
    monkeypatch.setattr(progress, "kernel", object)
    monkeypatch.setattr(IPython.display, "display", lambda data, **_: told.append(data))
    editor = kx.Editor(picture, chain="one")
    assert editor.settled()
    assert told == []


def test_a_result_does_not_take_the_user_away(editor, gate):
    """Who looks at another step when a result comes stays there."""
    gate.set()
    run(editor, "Make it sepia")
    gate.clear()
    press(editor, "run")
    editor.strip.selected = SOURCE
    gate.set()
    assert editor.settled()
    assert len(editor.strip.steps) == 3
    assert editor.strip.selected == SOURCE


def test_a_result_does_not_move_who_looks_at_another_picture(editor, picture, gate):
    """Its source is another one, though it stands at the same place."""
    first, other = editor._place, another(editor, picture)
    show(editor, other)
    gate.set()
    run(editor, "Make it sepia")
    show(editor, first)
    gate.clear()
    start(editor, "Make it night")
    editor.pictures._show(other)
    editor.strip.selected = SOURCE
    gate.set()
    assert editor.settled()
    assert editor.strip.selected == SOURCE
    assert (len(first.chain), len(other.chain)) == (1, 1)


def test_a_chain_that_is_opened_meanwhile_is_asked_about_later(picture, shop, gate):
    """What was left open in it waits until the edit of the other picture is made."""
    gate.set()
    with kx.configure(provider="runcomfy"):
        editor = kx.Editor(picture)
        first, other = editor._place, another(editor, picture)
        show(editor, other)
        shop.script(submit="lose")
        run(editor, "Make it night")
        shop.script()
        show(editor, first)
        gate.clear()
        start(editor, "Make it sepia")
        editor.pictures._show(other)
        assert choices(editor) == []
        gate.set()
        assert editor.settled()
        assert choices(editor) == KEYS
    assert len(shop.booked()) == 2


def test_the_parts_of_an_instruction_follow_a_decision_too(picture, shop):
    """The part in the box is made then, so the next one comes into it."""
    with kx.configure(provider="runcomfy"):
        editor = kx.Editor(picture)
        editor.prompt.following = ["Blur it"]
        shop.script(submit="lose")
        run(editor, "Make it night")
        assert editor.prompt.value == "Make it night"
        (booked,) = shop.booked()
        choose(editor, "accepted", booked["request_id"])
        assert editor.prompt.value == "Blur it"


def test_a_step_has_its_place_as_soon_as_it_is_known(picture, monkeypatch, shop):
    """Though it was placed only after the first word on it."""
    monkeypatch.setattr(running, "TICK_S", 0.0005)
    shop.script(status="in_queue")
    with kx.configure(provider="runcomfy", poll_s=0.01):
        editor = kx.Editor(picture)

        def go_on(change):
            if "running" in [step.get("state") for step in change.new]:
                shop.script()

        editor.strip.observe(go_on, "steps")
        run(editor, "Make it night")
    assert len(editor.chain) == 1


# --- what is to be decided


@pytest.fixture
def undecided(picture, shop):
    """An Editor with one edit, and another one whose fate nobody knows."""
    with kx.configure(provider="runcomfy"):
        made = kx.Editor(picture)
        run(made, "Make it sepia")
        shop.script(submit="lose")
        run(made, "Make it night")
        shop.script()
        assert choices(made) == KEYS
        assert said(made).startswith("“Make it night”: ")
        yield made


KEYS = ["accepted", "again", "give-up"]


def decide(editor, key):
    """Press a button of the alarm, and wait for nothing."""
    message = {"kind": "choose", "number": editor.status.alarm["number"], "key": key}
    editor.status._heed(None, message, [])


def test_what_is_to_be_decided_stays_while_others_are_made(undecided, shop):
    """The buttons stand until they are used, beside what is said of the next edit."""
    run(undecided, "Make it brighter")
    assert undecided.status.said == "Done."
    assert choices(undecided) == KEYS
    choose(undecided, "give-up")
    assert undecided.status.alarm == {}
    assert len(shop.booked()) == 3


def test_what_is_refused_or_fails_takes_no_buttons_away(undecided, shop):
    """It is said above them: a name, a seed, an edit that the service refuses."""
    act(undecided, "rename", undecided.chain[0].step.id, "x" * 200)
    assert "name" in undecided.status.said
    assert choices(undecided) == KEYS
    undecided.controls.kind.value, undecided.controls.number.value = "fixed", "x"
    run(undecided, "Make it brighter")
    assert "not a whole number" in undecided.status.said
    assert choices(undecided) == KEYS
    undecided.controls.kind.value = "random"
    shop.script(submit="refuse")
    run(undecided, "Make it brighter")
    assert "not today" in undecided.status.said
    assert choices(undecided) == KEYS


def test_without_buttons_what_is_refused_is_an_alarm(editor):
    """Nothing else needs its place."""
    run(editor, "Make it sepia")
    act(editor, "rename", editor.chain[0].step.id, "x" * 200)
    assert "name" in editor.status.alarm["problem"]


def test_a_cancel_takes_no_buttons_away(undecided, gate):
    """What is cancelled is another edit."""
    start(undecided, "Make it brighter")
    press(undecided, "cancel")
    gate.set()
    assert undecided.settled()
    assert choices(undecided) == KEYS


@pytest.mark.parametrize("how", ["refuse", "login", "broke"])
def test_a_second_sending_that_is_refused_leaves_the_buttons(undecided, shop, how):
    """The first one may still have been taken."""
    shop.script(submit=how)
    choose(undecided, "again")
    assert "not today" in said(undecided)
    assert choices(undecided) == KEYS
    choose(undecided, "accepted", shop.booked()[-1]["request_id"])
    assert undecided.status.alarm == {}
    assert (len(undecided.chain), len(shop.booked())) == (2, 2)


def test_buttons_go_when_the_job_goes_on(undecided, shop):
    """It was sent again and a cancel left it running: there is nothing to decide."""
    shop.script(status="in_progress", cancel="not_cancellable")
    runs = threading.Event()
    undecided.status.observe(
        lambda change: runs.set() if "working" in change.new else None, "said"
    )
    with kx.configure(poll_s=0.01):
        decide(undecided, "again")
        assert runs.wait(30)
        press(undecided, "cancel")
        assert undecided.settled()
    assert choices(undecided) == []
    assert undecided.strip.steps[-1]["state"] == "running"


def test_an_error_is_told_of_its_own_job(undecided, shop, gate):
    """Not above the buttons of another one that was lost meanwhile."""
    shop.script(submit="lose")
    start(undecided, "Make it brighter")
    first = undecided.status.alarm["job"]
    decide(undecided, "again")
    gate.set()
    assert undecided.settled()
    assert choices(undecided) == KEYS
    jobs = [step.job for step in undecided.chain.open_steps]
    prompts = {job.id: job.request.prompt for job in jobs}
    assert set(prompts.values()) == {"Make it night", "Make it brighter"}
    assert prompts[first] == "Make it night"
    prompt = prompts[undecided.status.alarm["job"]]
    assert said(undecided).startswith(f"“{prompt}”: ")


def test_all_that_is_decided_meanwhile_is_done(undecided, shop, gate):
    """One after the other, each for its own job."""
    shop.script(submit="lose")
    gate.set()
    run(undecided, "Make it brighter")
    gate.clear()
    undecided.prompt.value = "Make it darker"
    shop.script()
    press(undecided, "run")
    jobs = [step.job.id for step in undecided.chain.open_steps]
    for job in jobs:
        undecided.work._decide(job, "give-up", "")
    gate.set()
    assert undecided.settled()
    assert undecided.status.alarm == {}
    assert undecided.chain.open_steps == ()


def test_a_cancel_that_comes_too_late_says_nothing(undecided, monkeypatch):
    """All is over by then, and what came of it stands."""
    over = undecided.work._running.over

    def pressed():
        over()
        press(undecided, "cancel")

    monkeypatch.setattr(undecided.work._running, "over", pressed)
    run(undecided, "Make it brighter")
    assert undecided.status.said == "Done."


def test_what_was_never_made_is_not_passed_over(undecided, shop):
    """A decision about another edit is no reason to go to the next part."""
    shop.script(submit="refuse")
    undecided.prompt.following = ["Blur it"]
    run(undecided, "Make it brighter")
    shop.script()
    choose(undecided, "accepted", shop.booked()[-1]["request_id"])
    assert undecided.status.alarm == {}
    assert undecided.prompt.value == "Make it brighter"


def test_buttons_go_when_another_cell_decided(undecided):
    """They are looked after at the end of the next edit."""
    kx.resume(undecided.status.alarm["job"], abandon=True)
    run(undecided, "Make it brighter")
    assert undecided.status.alarm == {}


def test_a_decision_waits_for_the_edit_that_is_made(undecided, gate, shop):
    """It is not lost, and a cancel takes it back too."""
    shop.script()
    for cancelled in (True, False):
        gate.clear()
        start(undecided, "Make it brighter")
        decide(undecided, "give-up")
        if cancelled:
            press(undecided, "cancel")
        assert choices(undecided) == KEYS
        gate.set()
        assert undecided.settled()
        assert choices(undecided) == (KEYS if cancelled else [])


def test_two_presses_are_one_decision(undecided, gate, shop):
    """Though both came while another edit was made, and the job is lost again."""
    start(undecided, "Make it brighter")
    shop.script(submit="lose")
    decide(undecided, "again")
    decide(undecided, "again")
    gate.set()
    assert undecided.settled()
    assert choices(undecided) == KEYS
    assert len(shop.booked()) == 4  # of which two are of that job


def test_one_decision_after_the_other_is_asked_for(picture, shop):
    """Of two that nobody knows about, the second when the first is decided."""
    with kx.configure(provider="runcomfy"):
        editor = two_lost(picture, shop)
        first = editor.status.alarm["job"]
        choose(editor, "give-up")
        assert choices(editor) == KEYS
        assert editor.status.alarm["job"] != first
        choose(editor, "give-up")
        assert editor.status.alarm == {}


def test_what_is_to_be_decided_of_one_picture_is_not_asked_at_another(
    picture, shop, gate
):
    """Each chain asks for itself, when it is shown."""
    with kx.configure(provider="runcomfy"):
        editor = kx.Editor(picture)
        first, other = editor._place, another(editor, picture)
        shop.script(submit="lose")
        start(editor, "Make it night")
        editor.pictures._show(other)
        gate.set()
        assert editor.settled()
        assert choices(editor) == []
        show(editor, first)
        assert choices(editor) == KEYS


# --- what is shown of the cost


def test_what_is_shown_as_free_is_not_paid(picture, shop):
    """Another cell chose another engine since: its price is shown first."""
    with kx.configure(provider="demo"):
        editor = opened(picture)
    editor.prompt.value = "Make it night"
    free = sight(editor)
    with kx.configure(provider="runcomfy"):
        for _ in range(2):  # the second one was pressed before the price was there
            press(editor, "run", free)
            assert editor.settled()
            assert "look once more" in said(editor)
        assert shop.booked() == []
        assert "free" not in editor.controls._cost.value
        run(editor, "Make it night")
        assert len(shop.booked()) == 1


def test_another_engine_counts_from_the_next_press_on(picture, shop, gate):
    """Not for what was pressed before, though it begins only now."""
    with kx.configure(provider="demo"):
        editor = opened(picture)
        start(editor, "Make it sepia")
    with kx.configure(provider="runcomfy"):
        gate.set()
        assert editor.settled()
    assert (len(editor.chain), shop.booked()) == (1, [])


def test_a_token_that_comes_just_then_makes_nothing_paid(
    picture, shop, gate, monkeypatch
):
    """Without a provider by name it decides who makes the next edit, not this one."""
    named = {name: os.environ[name] for name in os.environ if "RUNCOMFY" in name}
    with monkeypatch.context() as without:
        for name in named:
            without.delenv(name)
        editor = opened(picture)
        start(editor, "Make it sepia")
    gate.set()
    assert editor.settled()
    assert (len(editor.chain), shop.booked()) == (1, [])


def test_variants_are_not_paid_before_their_price_is_shown(picture, shop):
    """Four are chosen, and the cost still is that of one."""
    with kx.configure(provider="runcomfy"):
        editor = opened(picture)
        editor.prompt.value = "Make it sepia"
        seen = sight(editor)
        seen[editor.controls.count.model_id]["index"] = 3
        press(editor, "run", seen)
        assert "look once more" in said(editor)
        editor.controls.count.value = 4
        seen[""] = sight(editor)[""]
        press(editor, "run", seen)  # it was heard, but the page does not show its cost
        assert "look once more" in said(editor)
        assert editor.settled()
    assert shop.booked() == []


def test_a_model_that_only_the_service_lists_can_be_chosen(editor, monkeypatch):
    """It stays, though this version does not know it."""
    live = (*editor.controls.model.options, ("Newest", "lab/newest/edit"))
    bundled = supply.editors

    def editors(now, *, ask):
        return live if ask else bundled(now, ask=False)

    monkeypatch.setattr(supply, "editors", editors)
    editor.supply.refresh()
    assert editor.settled()
    editor.controls.model.value = "lab/newest/edit"
    assert editor.settled()
    assert editor.controls.model.value == "lab/newest/edit"
    monkeypatch.setattr(supply, "editors", bundled)  # the service does not answer
    editor.supply.refresh_soon()
    assert editor.settled()
    assert editor.controls.model.label == "Newest"


def test_what_could_not_be_read_of_a_model_is_said_and_read_again(
    editor, monkeypatch, excuses
):
    """One failure does not ask to look again for ever."""
    left = failing_once(supply.paid_edits_left)
    monkeypatch.setattr(supply, "paid_edits_left", left)
    editor.controls.model.index = 1
    assert editor.settled()
    assert excuses == [LOCKED]
    run(editor, "Make it sepia")
    assert said(editor) == str(LOCKED)
    run(editor, "Make it sepia")
    assert len(editor.chain) == 1


# --- what is kept of the picture


def test_what_was_to_be_kept_is_not_dropped_in_silence(editor):
    """A ratio that forbids it was heard, but not answered before the press."""
    editor.preserving.wanted = True
    assert editor.settled()
    editor.prompt.value = "Make it sepia"
    seen, ratio = sight(editor), editor.controls.ratio
    ratio.index = 2
    seen[ratio.model_id]["index"] = 2
    press(editor, "run", seen)
    assert "look once more" in said(editor)
    assert len(editor.chain) == 0


@pytest.mark.parametrize("answered", [True, False])
def test_an_area_counts_only_where_it_is_seen(editor, answered):
    """Another step has the same size; a tick that is not answered shows none yet."""
    run(editor, "Make it sepia")
    editor.preserving.wanted = (10, 10, 50, 50)
    assert editor.settled()
    seen = sight(editor)
    editor.preserving.drawing.value = answered
    editor.strip.selected = SOURCE
    assert editor.settled()
    seen[editor.strip.model_id]["selected"] = SOURCE
    press(editor, "run", seen)
    assert editor.settled()
    assert "look once more" in said(editor)
    assert len(editor.chain) == 1


def test_an_area_that_is_seen_past_the_edge_ends_there(editor):
    """As the same area does that was told before."""
    editor.preserving.wanted = (10, 10, 50, 50)
    assert editor.settled()
    editor.prompt.value = "Make it sepia"
    seen = sight(editor)
    seen[editor.preserving.area.model_id]["box"] = [-5, 100, 50, 200]
    press(editor, "run", seen)
    assert editor.settled()
    edit = editor.chain[0]
    mask = pixels.encode_png(mask_of((0, 100, 50, 128), (96, 128)))
    assert edit.desk.blobs.get(edit.step.keeping.mask) == mask


def test_an_area_that_is_drawn_just_then_stays(editor, monkeypatch):
    """The one that a step has comes only where nothing new is."""
    for box in ((10, 10, 40, 40), (50, 60, 90, 90)):
        editor.preserving.wanted = box
        run(editor, "Make it sepia")
    area, real = editor.preserving.area, preserving._png

    def drawn_meanwhile(*args):
        try:
            return real(*args)
        finally:
            area.chosen = (1, 2, 30, 40)

    monkeypatch.setattr(preserving, "_png", drawn_meanwhile)
    editor.strip.selected = editor.chain[0].step.id
    assert editor.settled()
    assert area.chosen == (1, 2, 30, 40)


# --- a store that does not answer


def test_a_result_is_shown_though_the_chain_could_not_be_read_at_first(
    editor, monkeypatch, excuses
):
    """It is read once more at the end, and the Editor is free."""
    refresh = failing_once(editor.showing.refresh, lambda select=None: select)
    monkeypatch.setattr(editor.showing, "refresh", refresh)
    run(editor, "Make it sepia")
    assert excuses == [LOCKED]
    assert (said(editor), editor.prompt.busy) == ("Done.", False)
    assert steps(editor) == ["Source", "Make it sepia"]
    assert editor.strip.selected == editor.chain[0].step.id


def test_a_chain_that_cannot_be_read_is_said_and_the_editor_is_free(
    editor, monkeypatch, excuses
):
    """The result is in the store, and shown by the next edit."""

    def refused(**_):
        raise LOCKED

    with monkeypatch.context() as patch:
        patch.setattr(editor.showing, "refresh", refused)
        run(editor, "Make it sepia")
        assert said(editor) == f"Done. {LOCKED}"
    assert set(excuses) == {LOCKED}
    run(editor, "Make it night")
    assert steps(editor) == ["Source", "Make it sepia", "Make it night"]


def test_a_picture_whose_chain_cannot_be_read_is_not_shown(
    editor, picture, monkeypatch
):
    """Picture, chain, list and what Run works on stay those of the one before."""
    first, other = editor._place, another(editor, picture)
    tree = failing_once(Chain.tree, lambda chain: chain.id == other.chain.id)
    monkeypatch.setattr(Chain, "tree", tree)
    editor.pictures._list(first)
    editor.pictures.choice.value = other
    assert editor.settled()
    assert str(LOCKED) in editor.pictures.intake.error
    assert editor.pictures.choice.value is first
    assert editor.chain is first.chain
    run(editor, "Make it sepia")
    assert (len(first.chain), len(other.chain)) == (1, 0)
    editor.pictures.choice.value = other
    assert editor.settled()
    assert editor.chain is other.chain


def test_without_earlier_instructions_a_picture_opens_all_the_same(
    editor, picture, monkeypatch
):
    """They are a help, and no reason to show one picture and edit another."""
    monkeypatch.setattr(wording, "prompts", failing_once(wording.prompts))
    other = another(editor, picture)
    show(editor, other)
    run(editor, "Make it sepia")
    assert len(other.chain) == 1


# --- another picture


def test_a_press_while_another_picture_opens_runs_nothing(editor, picture, monkeypatch):
    """Neither on the one that was there nor on the one that comes."""
    first, other = editor._place, another(editor, picture)
    there, go, recall = threading.Event(), threading.Event(), editor.wording.recall

    def slow(place):
        there.set()
        assert go.wait(30)
        recall(place)

    monkeypatch.setattr(editor.wording, "recall", slow)
    editor.pictures._aside.do(lambda: editor.pictures._show(other))
    assert there.wait(30)
    start(editor, "Make it sepia")
    assert "look once more" in said(editor)
    go.set()
    assert editor.settled()
    assert (len(first.chain), len(other.chain)) == (0, 0)


def test_the_list_names_the_picture_that_is_shown(editor, picture, monkeypatch):
    """Also if one was chosen while another came in."""
    first, workplace = editor._place, editor.pictures._workplace
    another(editor, picture)
    show(editor, first)
    there, go, add = threading.Event(), threading.Event(), workplace.add

    def slow(*args):
        there.set()
        assert go.wait(30)
        return add(*args)

    monkeypatch.setattr(workplace, "add", slow)
    file = Upload("c.png", pixels.encode_png(picture.rotate(90, expand=True)))
    editor.pictures._soon(file)
    assert there.wait(30)
    editor.pictures.choice.index = 1
    go.set()
    assert editor.settled()
    assert editor.pictures.choice.value is editor._place
    assert (editor._place.name, editor.pictures.intake.note) == ("b.png", "")


def test_what_arrives_while_another_picture_opens_is_shown(editor, monkeypatch):
    """A chain is read and shown in one go; what comes meanwhile waits."""
    free, tree = [], Chain.tree

    def reading(chain):
        lock = editor.showing._lock
        asking = threading.Thread(target=lambda: free.append(lock.acquire(False)))
        asking.start()
        asking.join()
        return tree(chain)

    monkeypatch.setattr(Chain, "tree", reading)
    editor.showing.open(editor.chain, "again")
    assert free == [False]


def test_a_page_that_missed_something_is_told_again(editor, monkeypatch):
    """Else it would be asked to look at what it does not show, for ever."""
    editor.prompt.value = "Make it sepia"
    seen = sight(editor)
    seen[editor.controls.model.model_id]["_options_labels"] = ["another model"]
    sent = []
    model = editor.controls.model
    monkeypatch.setattr(model, "send_state", sent.append)
    press(editor, "run", seen)
    assert sent == [["_options_labels"]]


def test_a_way_back_of_another_picture_goes_nowhere(editor):
    """A place of its chain is none of the one that is shown."""
    editor._go("a step of another chain")
    assert editor.strip.selected == SOURCE
