"""Stars, names, notes, and what is deleted: kept through everything, at no cost."""

import os
import re
import shutil
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

import kontext_nb as kx
from kontext_nb.chain import NAME_MAX_CHARS, NOTE_MAX_CHARS
from kontext_nb.errors import ParameterRejected
from kontext_nb.lifecycle import State
from kontext_nb.session.edits import Edit
from kontext_nb.session.settings import current
from kontext_nb.session.shown import alt_text, result_cell
from kontext_nb.store.ledger import Ledger
from kontext_nb.store.part import ASIDE, aside

pytestmark = pytest.mark.usefixtures("small_results")

STORES = Path(__file__).parent / "stores"


def edits():
    """Make a source, two edits of each other, and a branch from the first."""
    picture = Image.new("RGB", (32, 24), (90, 140, 60))
    first = kx.edit(picture, "Make it darker", seed=1)
    first.edit("Make it sepia", seed=2)
    first.edit("Make it brighter", seed=3)
    return first.chain


@pytest.fixture
def chain(small_results, made_once):  # noqa: ARG001 - see there
    return made_once(edits)


def prompts(edits):
    return [edit.prompt for edit in edits]


def test_marks_are_there_at_the_next_look(chain):
    """Each is set alone and leaves the others; an empty text takes one off."""
    marked = chain[0].mark(starred=True, name="夜 · الليل").mark(note="two\nlines")
    assert (marked.starred, marked.name, marked.note) == (
        True,
        "夜 · الليل",
        "two\nlines",
    )
    again = chain[0].mark(name="")
    assert (again.starred, again.name, again.note) == (True, "", "two\nlines")
    assert not chain[1].starred


@pytest.mark.parametrize(
    "bad",
    [
        {"name": "x" * (NAME_MAX_CHARS + 1)},
        {"name": "two\nlines"},
        {"name": 7},
        {"note": "x" * (NOTE_MAX_CHARS + 1)},
        {"note": "half a character \ud800"},
    ],
)
def test_what_cannot_be_kept_is_refused(chain, bad):
    """A text that is none, too long or broken changes nothing."""
    chain[0].mark(name="kept", note="kept")
    with pytest.raises(ParameterRejected):
        chain[0].mark(**bad)
    assert (chain[0].name, chain[0].note) == ("kept", "kept")


def test_two_who_mark_at_once_lose_nothing(chain):
    """A star and a name set at the same moment are both there."""
    for _ in range(5):
        chain[0].mark(starred=False, name="")
        edit, gate = chain[0], threading.Barrier(2)

        def set_one(edit=edit, gate=gate, **marks):
            gate.wait()
            edit.mark(**marks)

        threads = [
            threading.Thread(target=set_one, kwargs=marks)
            for marks in ({"starred": True}, {"name": "both"})
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert (chain[0].starred, chain[0].name) == (True, "both")


def test_a_deleted_step_is_out_of_sight_and_comes_back(chain):
    """Its children move up to what is left above it; undo puts all as it was."""
    before = [(e.step.id, parent) for e, parent in chain.tree()]
    first = chain[0]
    undo = chain.delete(first)
    assert prompts(chain) == ["Make it sepia", "Make it brighter"]
    assert [parent for _, parent in chain.tree()] == [None, None]
    assert prompts(chain.deleted) == ["Make it darker"]
    assert chain.find(first.step.id).image.size == first.image.size
    undo()
    undo()
    assert [(e.step.id, parent) for e, parent in chain.tree()] == before


def test_an_edit_of_a_deleted_step_starts_from_its_picture(chain):
    """It is hidden, and still what its children were made from."""
    second = chain[1]
    chain.delete(chain[0])
    more = second.again(seed=9)
    assert more.step.parent == second.step.parent
    assert more.source.tobytes() == second.source.tobytes()


def test_what_is_asked_for_again_is_back_and_free(chain):
    """The same request in the same place is the deleted step, not a new one."""
    first = chain[0]
    chain.delete(first)
    again = chain.add("Make it darker", seed=1)
    assert again.reused
    assert again.step.id == first.step.id
    assert len(chain) == 3


def test_a_deleted_picture_is_never_swept(chain):
    """What was paid for stays, however old."""
    from kontext_nb.session import upkeep

    chain.delete(chain[1])
    upkeep.gc(delete=True)
    assert chain.deleted[0].image.size == chain[0].image.size


def test_a_rebuilt_ledger_has_the_marks(chain):
    """They stand in the job's record as well."""
    chain[0].mark(starred=True, name="good")
    chain.delete(chain[2])
    (current().home / "ledger.sqlite3").unlink()
    assert (chain[0].starred, chain[0].name) == (True, "good")
    assert prompts(chain.deleted) == ["Make it brighter"]


def test_a_store_of_the_second_schema_takes_marks(tmp_path):
    """What was written before there were marks has none, and can have them."""
    shutil.copytree(STORES / "schema-2", tmp_path / "s")
    ledger = Ledger(tmp_path / "s" / "ledger.sqlite3")
    (done,) = ledger.jobs(State.DONE)
    step = ledger.step_of_job(done.id)
    assert step.marks.starred is False
    ledger.mark(step, starred=True, name="now")
    assert ledger.step_of_job(done.id).marks.name == "now"
    ledger.path.unlink()  # the records of that schema had no marks either
    assert ledger.step_of_job(done.id).marks.name == "now"


def test_the_code_of_a_chain_makes_it_again_for_nothing(chain):
    """It runs by itself, elsewhere, and every step comes from the store."""
    code = chain.code() + (
        "\nprint([e.reused for e in (step_1, step_2, step_3)], step_1.prompt)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert ran.stdout.strip() == "[True, True, True] Make it darker", ran.stderr
    jobs = Ledger(current().home / "ledger.sqlite3").jobs()
    assert len(jobs) == 3


def test_the_code_names_what_is_not_usual():
    """A ratio and another model are written out, the usual ones are not."""
    picture = Image.new("RGB", (32, 24), (90, 140, 60))
    plain = kx.edit(picture, "Make it darker", seed=1)
    made = kx.edit(
        picture,
        "Make it darker",
        seed=5,
        aspect_ratio="16:9",
        model="blackforestlabs/flux-1-kontext/max/edit",
    )
    code = made.chain.code()
    compile(code, "chain", "exec")
    assert "aspect_ratio='16:9'" in code
    assert "model='blackforestlabs/flux-1-kontext/max/edit'" in code
    assert "model=" not in plain.chain.code()
    assert "'Make it darker'," in plain.chain.code()


def test_a_chain_is_decoded_once_to_be_shown(chain, monkeypatch):
    """The next display takes the store's previews; the pictures stay closed."""
    first = chain._repr_mimebundle_()
    from kontext_nb import pixels

    def opened(*_):
        raise AssertionError("a picture was decoded")

    monkeypatch.setattr(pixels, "load", opened)
    assert chain._repr_mimebundle_() == first


def test_previews_of_nothing_are_swept(chain):
    """A preview whose picture is gone goes with the next sweep, no other."""
    from kontext_nb.session import upkeep

    chain._repr_mimebundle_()
    folder = current().home / "previews"
    kept = sorted(folder.rglob("*.jpg"))
    assert len(kept) == 3
    lone = folder / "ab" / f"{'ab' * 32}.png-512.jpg"
    lone.parent.mkdir(exist_ok=True)
    lone.write_bytes(b"\xff\xd8\xff\xd9")
    assert [left.path for left in upkeep.gc(delete=True)] == [lone]
    assert sorted(folder.rglob("*.jpg")) == kept


def test_what_died_while_it_made_a_preview_is_swept():
    """A day later; a preview that is being written now is left alone."""
    from kontext_nb.session import upkeep

    folder = current().home / "previews" / "ab"
    folder.mkdir(parents=True)
    handle, left = aside(folder)
    os.close(handle)
    pid = left.name.removeprefix(ASIDE).split("-")[0]
    dead = left.rename(left.with_name(left.name.replace(pid, "999999999", 1)))
    assert upkeep.gc(delete=True) == ()
    os.utime(dead, (0, time.time() - 100_000))
    assert [one.path for one in upkeep.gc(delete=True)] == [dead]


def test_many_who_need_a_preview_at_once_get_it_whole(chain):
    """Whoever comes first makes it; nobody ever reads half of one."""
    gate, got = threading.Barrier(8), []

    def look():
        edit = chain.edits[0]
        gate.wait()
        got.append(edit.preview(200))

    threads = [threading.Thread(target=look) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(got)) == 1
    assert len(got) == 8
    assert not list((current().home / "previews").rglob(f"{ASIDE}*"))


@pytest.mark.parametrize("damage", [b"", b"\xff\xd8 cut"])
def test_a_damaged_preview_is_made_anew(chain, damage):
    """What is derived is never believed when it is broken."""
    whole = chain[0].preview(64)
    (path,) = (current().home / "previews").rglob("*-64.jpg")
    path.write_bytes(damage)
    assert chain[0].preview(64) == whole
    assert path.read_bytes() == whole


def test_a_page_of_a_chain_needs_nothing_else(chain, tmp_path):
    """Names, stars and notes are text in it, and its pictures are inside."""
    chain[0].mark(starred=True, name="<b>night</b>", note="not too dark")
    page = chain.to_html(tmp_path / "chain.html").read_text("utf-8")
    assert "★ &lt;b&gt;night&lt;/b&gt;" in page
    assert "not too dark" in page
    assert page.count("<img") == 4
    assert "http" not in page.replace("http-equiv", "")


def test_a_page_of_a_chain_says_what_each_step_cost(chain):
    """What is known, what it should have been, that it is not known; demos are free."""
    step = chain[0].step
    paid = replace(step.job.request, provider="runcomfy")
    for told, expected, said in (
        (0.041, 0.08, "$0.04"),
        (None, 0.08, "about $0.08"),
        (None, None, "price not known"),
    ):
        job = replace(step.job, request=paid, cost_usd=told, estimate_usd=expected)
        edit = Edit(chain._desk, replace(step, job=job), reused=True)
        assert said in result_cell(edit, priced=True).detail
        assert said not in result_cell(edit).detail
    assert "$" not in result_cell(chain[0], priced=True).detail


def test_a_page_of_a_chain_is_no_gallery_of_originals(tmp_path):
    """However large the pictures are, it holds previews of them; and it has a name."""
    picture = Image.effect_noise((1600, 1064), 60).convert("RGB")
    named = kx.edit(picture, "Make it darker", seed=1, chain="<hero>")
    page = named.chain.to_html(tmp_path / "a.html").read_text("utf-8")
    assert "<title>&lt;hero&gt;: 1 edit</title>" in page
    assert len(page) < 1_500_000
    widths = [int(wide) for wide in re.findall(r'<img[^>]* width="(\d+)"', page)]
    assert len(widths) == 2
    assert max(widths) <= 1024


def test_a_page_of_a_chain_without_a_name_says_how_many_edits_it_has(tmp_path):
    """That is its title."""
    small = Image.new("RGB", (32, 24), (90, 140, 60))
    plain = kx.edit(small, "Make it brighter", seed=1)
    plain.edit("Make it sepia", seed=1)
    page = plain.chain.to_html(tmp_path / "b.html").read_text("utf-8")
    assert "<title>2 edits of one picture</title>" in page


@pytest.mark.parametrize(
    ("prompt", "size", "alt"),
    [
        (
            "Make it sunset",
            (1184, 880),
            "Result of: Make it sunset, 1184\N{MULTIPLICATION SIGN}880",
        ),
        (
            "Make it\n  sunset.",
            (8, 6),
            "Result of: Make it sunset, 8\N{MULTIPLICATION SIGN}6",
        ),
        ("Nacht · الليل", None, "Result of: Nacht · الليل"),
        ("", (8, 6), "Result, 8\N{MULTIPLICATION SIGN}6"),
        ("x" * 4000, (8, 6), f"Result of: {'x' * 199}…, 8\N{MULTIPLICATION SIGN}6"),
    ],
)
def test_what_cannot_be_seen_is_said(prompt, size, alt):
    """In one breath: what was asked, and how large the result is."""
    assert alt_text(prompt, size) == alt
