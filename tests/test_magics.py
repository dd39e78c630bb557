"""``%kontext`` and ``%%kontext`` in a real kernel."""

import pytest

from tests import kernels

BEGIN = """
import kontext_nb as kx
from kontext_nb import sizes
from PIL import Image
sizes.SIZES = ((256, 192),)  # no rule here is of a size
picture = Image.new("RGB", (32, 24), (90, 140, 60))
%load_ext kontext_nb
"""
EDIT = "%%kontext picture --seed 1 --as {}\n{}"


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with kernels.kernel(tmp_path_factory.mktemp("magics")) as one:
        one.run(BEGIN)
        yield one


def failed(running, code):
    """Run a cell that must fail; return all that is shown of it, without colours."""
    messages = running.outputs(running.send(code))
    (error,) = [m for m in messages if m["header"]["msg_type"] == "error"]
    return error["content"]["traceback"]


def test_the_body_is_the_prompt(running):
    """The edit is the cell's value and in the variable; a re-run takes it again."""
    request = running.send(EDIT.format("dark", "Make it darker"))
    shown = running.outputs(request)
    (value,) = [m for m in shown if m["header"]["msg_type"] == "execute_result"]
    assert "text/html" in value["content"]["data"]
    running.run(EDIT.format("again", "Make it darker"))
    assert running.run("print(again.reused, again.job == dark.job)") == "True True\n"


def test_an_edit_can_be_the_source(running):
    """The next link, with braces or without; the chain is the same."""
    running.run(EDIT.format("first", "Make it darker"))
    running.run("%%kontext {first} --seed 2 --as second\nMake it sepia", "cell-2")
    assert running.run("print(second.step.parent == first.step.id)") == "True\n"


def test_the_body_is_only_text(running):
    """A variable's name, braces and a dollar stay what they are."""
    said = failed(running, "%%kontext picture\nChange {picture} to $HOME")
    assert "{picture} to $HOME" in said[0]


def test_undo_and_redo_go_back_and_forth(running):
    """As far as the source, and back, and no further."""
    running.run("%%kontext picture --chain walk --seed 3 --as one\nMake it darker")
    running.run("%%kontext one --seed 4 --as two\nMake it sepia", "cell-3")
    walk = (
        "print(len(one.chain), len(one.chain.deleted), end=' ')\n"
        "for act in ('undo', 'undo'):\n"
        "    get_ipython().run_line_magic('kontext', act)\n"
        "print(len(one.chain), len(one.chain.deleted), end=' ')\n"
        "back = get_ipython().run_line_magic('kontext', 'redo')\n"
        "print(len(one.chain), back.prompt)\n"
    )
    assert running.run(walk) == "2 0 0 2 1 Make it darker\n"
    running.run("%kontext undo")
    assert "nothing left to undo" in failed(running, "%kontext undo")[0]


def test_a_grid_is_shown_and_saved(running, tmp_path):
    """The command says where it is."""
    running.run(EDIT.format("dark", "Make it darker"))
    path = tmp_path / "grid.png"
    assert f"Saved as {path}." in running.run(f"%kontext grid --save {path}")
    assert path.stat().st_size > 1000


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("%%kontext\nMake it night", "required: source"),
        ("%%kontext picture --seed x\nMake it night", "invalid int value"),
        ("%%kontext picture --seeed 1\nMake it night", "arguments: --seeed 1"),
        ("%%kontext {nobody}\nMake it night", "no variable 'nobody'"),
        ("%%kontext 'picture\nMake it night", "no closing quotation"),
        ("%%kontext picture --as 1x\nMake it darker", "no name of a variable"),
        ("%%kontext picture\n ", "The prompt is empty."),
        ("%%kontext picture --as class\nMake it darker", "no name of a variable"),
        ("%%kontext picture --from 1 --chain new\nMake it sepia", "It is empty."),
        ("%kontext fly", "invalid choice"),
        ("%kontext history --save x.png", "saves nothing"),
    ],
)
def test_what_is_wrong_is_two_sentences(running, line, said):
    """No traceback of ours, and the kernel goes on."""
    shown = failed(running, line)
    assert len(shown) == 1
    assert said in shown[0]
    assert running.run("print(1)") == "1\n"


JOBS = "from kontext_nb.session.desk import *; from kontext_nb.session import settings"
COUNT = f"{JOBS}; print(len(Desk(settings.current()).ledger.jobs()))"


def test_what_is_wrong_on_the_line_costs_nothing(running):
    """All of the line is looked at before an edit is made for it."""
    before = running.run(COUNT)
    failed(running, "%%kontext picture --seed 77 --as 1x\nMake it darker")
    failed(running, "%%kontext picture --seed 77 --from 9\nMake it darker")
    assert running.run(COUNT) == before


def test_an_edit_can_start_from_any_step(running):
    """By its number or its name, in a named chain or in that of an edit."""
    walk = "%%kontext picture --chain steps --seed 6 --as root\nMake it darker"
    running.run(walk)
    running.run("%%kontext root --seed 7 --as leaf\nMake it sepia", "cell-4")
    running.run("root.mark(name='the first')")
    head = "%%kontext picture --chain steps --from"
    running.run(f"{head} 2 --seed 8 --as a\nMake it brighter", "cell-5")
    running.run(f"{head} 'the first' --seed 8 --as b\nMake it brighter", "cell-6")
    running.run("%%kontext leaf --from 1 --seed 9 --as c\nMake it warmer", "cell-7")
    running.run("expected = [leaf.step.id, root.step.id, root.step.id]")
    parents = "print([edit.step.parent for edit in (a, b, c)] == expected)"
    assert running.run(parents) == "True\n"
    assert "no step called '9'" in failed(running, f"{head} 9\nMake it night")[0]


def test_a_strangers_command_is_left_alone(running):
    """Unloading takes out what is ours and no other command of that name."""
    running.run(
        "def mine(line):\n    print('mine')\n"
        "get_ipython().register_magic_function(mine, 'line', 'kontext')"
    )
    running.run("%unload_ext kontext_nb")
    assert running.run("%kontext") == "mine\n"
    running.run("get_ipython().magics_manager.magics['line'].pop('kontext')")
    running.run("%load_ext kontext_nb")


def test_help_ends_nothing(running):
    """--help says how it is used."""
    assert "usage: %%kontext" in running.run("%%kontext --help\nx")


def test_unloading_takes_out_what_loading_brought(running):
    """And nothing else."""
    names = "m = get_ipython().magics_manager.magics; print(sum(map(len, m.values())))"
    before = int(running.run(names))
    running.run("%unload_ext kontext_nb")
    assert int(running.run(names)) == before - 2
    running.run("%load_ext kontext_nb")
    assert int(running.run(names)) == before
