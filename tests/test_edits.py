"""What the user holds: edits, chains, sweeps and settings, with the demo engine."""

import io
import json
import shutil

import pytest
from PIL import Image

import kontext_nb as kx
from kontext_nb.errors import (
    EditFailed,
    ImageRejected,
    ParameterRejected,
    PromptRejected,
    StoreError,
)
from kontext_nb.session import together
from kontext_nb.session.settings import current
from kontext_nb.sizes import nearest


@pytest.fixture
def picture(small_results):  # noqa: ARG001 - no rule of a size here, but for one
    return kx.samples.bottle().resize((96, 128))


def test_an_edit_knows_how_it_was_made(picture):
    """Prompt, picked seed, maker, both pictures."""
    edit = kx.edit(picture, "Make it sepia")
    assert edit.prompt == "Make it sepia"
    assert 0 <= edit.seed < 2**31
    assert edit.model == "demo engine"
    assert edit.source.size == (96, 128)
    assert edit.image.size == nearest(96, 128)
    assert edit.notices == ()


def test_a_given_seed_is_made_once(picture):
    """The identical request is served from the store and says so; refresh asks anew."""
    first = kx.edit(picture, "Make it sepia", seed=1)
    second = kx.edit(picture.copy(), "Make it sepia", seed=1)
    assert (first.reused, second.reused) == (False, True)
    assert first.job == second.job
    assert "nothing was sent" in second.notices[0]
    fresh = kx.edit(picture, "Make it sepia", seed=1, refresh=True)
    assert fresh.job != first.job
    assert not fresh.reused


def test_a_picked_seed_can_be_given_later(picture):
    """What a seed was picked for is the same request as giving that seed."""
    first = kx.edit(picture, "Make it sepia")
    assert kx.edit(picture, "Make it sepia", seed=first.seed).reused


def test_a_chain_is_a_tree(picture):
    """Edits of edits are links, a second edit of the same step is a branch."""
    root = kx.edit(picture, "Make it sepia", seed=1)
    left = root.edit("Make it darker", seed=1)
    right = root.edit("Make it brighter", seed=1)
    assert [e.step.parent for e in root.chain] == [None, root.step.id, root.step.id]
    assert left.source.tobytes() == root.image.tobytes()
    assert len(right.chain) == 3
    assert right.chain[0].prompt == "Make it sepia"
    assert "Make it sepia → Make it darker" in repr(left.chain)


def test_again_is_a_sibling_with_another_seed(picture):
    """The same change of the same picture, made anew."""
    root = kx.edit(picture, "Make it sepia", seed=1)
    link = root.edit("Add a red star", seed=1)
    other = link.again(seed=2)
    assert other.prompt == link.prompt
    assert other.step.parent == root.step.id
    assert other.seed == 2
    assert other.image.tobytes() != link.image.tobytes()
    assert root.again().step.parent is None


def test_a_saved_result_names_its_parents(picture, tmp_path):
    """The file alone tells what was done, in which order, and by what."""
    edit = kx.edit(picture, "Make it sepia", seed=1).edit("Make it darker", seed=2)
    facts = json.loads(Image.open(edit.save(tmp_path / "a.png")).text["kontext_nb"])
    assert facts["prompt"] == "Make it darker"
    assert facts["seed"] == 2
    assert facts["model"] == "demo engine"
    assert facts["parents"] == [
        {"prompt": "Make it sepia", "seed": 1, "model": "demo engine"}
    ]


def test_a_result_shows_itself_without_a_kernel():
    """HTML, JPEG and text, small together, escaped, and named for what made it."""
    edit = kx.edit(kx.samples.bottle(), "Replace 'ALPHA' with 'AURA'", seed=1)
    data = edit._repr_mimebundle_()
    assert set(data) == {"text/plain", "text/html", "image/jpeg"}
    assert "demo engine" in data["text/html"]
    assert "Replace &#x27;ALPHA&#x27;" in data["text/html"]
    base64 = 4 * len(data["image/jpeg"]) / 3 + len(data["text/html"])
    assert base64 < 150_000
    assert Image.open(io.BytesIO(data["image/jpeg"])).width > 600


def test_resume_goes_back_to_a_job(picture):
    """A job's id is enough to get the edit again; an unknown one is refused."""
    edit = kx.edit(picture, "Make it sepia")
    again = kx.resume(edit.job)
    assert again.reused
    assert again.image.tobytes() == edit.image.tobytes()
    with pytest.raises(ParameterRejected, match="no job"):
        kx.resume("0" * 32)


def test_a_task_can_be_waited_for_later(picture):
    """`wait=False` returns at once; `.result()` gives the edit."""
    task = kx.edit(picture, "Make it sepia", wait=False)
    assert task.result().prompt == "Make it sepia"


def test_an_address_is_not_fetched_by_us():
    """An https address goes to the service, which says what it cannot do with it."""
    with pytest.raises(EditFailed, match="offline"):
        kx.edit("https://example.com/cat.png", "Make it sepia")
    for address in ("http://example.com/a.png", "file:///etc/passwd", "ftp://x/y"):
        with pytest.raises(ImageRejected):
            kx.edit(address, "Make it sepia")


def test_bad_input_leaves_no_trace(picture, tmp_path):
    """What is refused before sending writes no row and no file."""
    for prompt, how, error in (
        ("", {}, PromptRejected),
        ("Make it sepia", {"seed": True}, ParameterRejected),
        ("Make it sepia", {"aspect_ratio": "1:7"}, ParameterRejected),
    ):
        with pytest.raises(error):
            kx.edit(picture, prompt, **how)
    assert not (tmp_path / "store").exists()


def test_a_sweep_is_one_row_a_prompt_and_one_column_a_seed(picture, tmp_path):
    """Every pair is made once; what fails is a cell that says why."""
    grid = kx.sweep(picture, ["Make it sepia", "Remove it"], seeds=[1, 2])
    assert grid.sheet.row_labels == ("Make it sepia", "Remove it")
    assert grid.sheet.column_labels == ("Source", "seed 1", "seed 2")
    states = [[cell.state for cell in row] for row in grid.sheet.rows]
    assert states == [["done"] * 3, ["done", "failed", "failed"]]
    assert grid.sheet.footer == "demo engine"
    for name in ("g.png", "g.jpg", "g.html", "g.pdf"):
        assert grid.save(tmp_path / name).stat().st_size > 2000
    assert grid.figure().get_size_inches()[0] > 4


def test_one_seed_makes_one_row(picture):
    """Prompts side by side read better than a column of one."""
    grid = kx.sweep(picture, ["Make it sepia", "Make it night"])
    assert grid.sheet.column_labels == ("Source", "Make it sepia", "Make it night")
    assert len(grid.sheet.rows) == 1


def test_a_refusal_says_what_to_do_once(picture):
    """The demo engine's own words do; nothing vague comes after them."""
    with pytest.raises(EditFailed) as caught:
        kx.edit(picture, "Remove the bottle")
    assert "It can do: " in str(caught.value)
    assert "Change the prompt" not in str(caught.value)


def test_a_sweep_that_makes_nothing_is_an_error(picture):
    """No grid of failures alone, no sweep over nothing, no half-checked input."""
    with pytest.raises(EditFailed):
        kx.sweep(picture, ["Remove it"], seeds=[1, 2])
    with pytest.raises(ParameterRejected):
        kx.sweep(picture, [])
    with pytest.raises(ParameterRejected):
        kx.sweep(picture, "Make it sepia")
    with pytest.raises(PromptRejected):
        kx.sweep(picture, ["Make it sepia", ""])


def test_many_prompts_with_one_seed_stay_legible(picture):
    """More than a few pictures are not pressed into one row; any iterable will do."""
    words = ("sepia", "night", "darker", "brighter", "warmer", "cooler")
    grid = kx.sweep(picture, (f"Make it {word}" for word in words))
    assert len(grid.sheet.rows) == len(words)
    assert grid.sheet.columns == 2


def test_what_a_user_does_to_a_picture_stays_theirs(picture):
    """`image` and `source` are copies: changing one changes no edit."""
    edit = kx.edit(picture, "Make it sepia")
    edit.image.paste("black", (0, 0, *edit.image.size))
    edit.source.thumbnail((8, 8))
    assert edit.image.getbbox() == (0, 0, *nearest(96, 128))
    assert edit.source.size == (96, 128)


def test_a_store_that_is_gone_is_told(picture, tmp_path):
    """An edit whose store was deleted still has a name, and says what is wrong."""
    edit = kx.edit(picture, "Make it sepia")
    shutil.rmtree(tmp_path / "store")
    assert "Make it sepia" in repr(edit)
    for use in (edit.save, lambda _: edit.chain):
        with pytest.raises(StoreError):
            use(tmp_path / "a.png")


def test_a_branch_is_marked_in_the_chain(picture):
    """A step that does not follow its neighbour says where it came from."""
    root = kx.edit(picture, "Make it sepia", seed=1)
    root.edit("Make it darker", seed=1)
    root.edit("Make it brighter", seed=1)
    details = [cell.detail for cell in root.chain.grid().sheet.rows[0]]
    assert [("from" in detail) for detail in details] == [False, False, False, True]
    assert details[3].endswith("from: Make it sepia")


def test_a_relative_home_stays_where_it_was(picture, tmp_path, monkeypatch):
    """The store does not follow when the working folder changes."""
    monkeypatch.setenv("KONTEXT_NB_HOME", f"relative-{tmp_path.name}")
    first = kx.edit(picture, "Make it sepia", seed=1)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert kx.edit(picture, "Make it sepia", seed=1).job == first.job


def test_a_sweep_says_what_it_will_spend():
    """Cells, what the store has, maker, cost and time stand there before it begins."""
    said = together._announcement(9, 8, "demo engine", "free", "about 6 s")
    assert (
        said == "9 edits: 1 from the store, 8 to make · demo engine · free · about 6 s"
    )


@pytest.mark.parametrize(
    ("each_s", "said"),
    [
        (None, "time not known"),
        (3.0, "about 6 s"),
        (600.0, "about 1200 s, of which 900 s are waited for"),
    ],
)
def test_a_sweep_says_how_long_it_will_take(each_s, said):
    """Four at a time, by how long others took; a call has one deadline for all."""
    assert together._time(8, each_s, 900.0) == said


def test_configure_is_undone():
    """By `with` and by `.restore()`; what does not exist changes nothing."""
    before = current()
    with kx.configure(deadline_s=5):
        assert current().deadline_s == 5
    assert current() == before
    undo = kx.configure(bridge="nest")
    assert current().bridge == "nest"
    undo.restore()
    assert current() == before
    for wrong in ({"provider": "x"}, {"bridge": "x"}, {"colour": "red"}):
        with pytest.raises(ParameterRejected):
            kx.configure(**wrong)
    assert current() == before


def test_the_environment_is_asked_where_nothing_is_configured(monkeypatch, tmp_path):
    """The three variables of ours mean what the README says; `configure` goes first."""
    monkeypatch.setenv("KONTEXT_NB_PROVIDER", "demo")
    monkeypatch.setenv("KONTEXT_NB_WIDGETS", "plain")
    monkeypatch.setenv("KONTEXT_NB_HOME", str(tmp_path / "other"))
    asked = current()
    assert (asked.provider, asked.widgets) == ("demo", "plain")
    assert asked.home == tmp_path / "other"
    with kx.configure(widgets="live"):
        assert current().widgets == "live"


def test_the_store_stays_out_of_repositories(picture, tmp_path):
    """People commit notebooks; their photos do not go with them."""
    kx.edit(picture, "Make it sepia")
    assert (tmp_path / "store" / ".gitignore").read_text() == "*\n"
