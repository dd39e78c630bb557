"""The shape of the house: floors, surface, a silent and cheap import."""

import ast
import importlib
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import kontext_nb
from kontext_nb.errors import KontextError
from kontext_nb.lifecycle import (
    CAME_TO_NOTHING,
    FINAL,
    TABLE,
    UNDER_WAY,
    Event,
    State,
    after,
)

ROOT = Path(kontext_nb.__file__).parent

# Each room's floor. Imports go to a lower floor only.
FLOORS = {
    "cli": 8,
    "magics": 8,
    "widgets": 7,
    "session": 6,
    "grids": 5,
    "preservation": 4,
    "engine": 3,
    "store": 3,
    "providers": 2,
    "demo": 2,
    "pixels": 1,
    "headers": 1,
    "parcel": 1,
    "srgb": 1,
    "lettering": 1,
    "target": 1,
    "chain": 0,
    "schema": 0,
    "sizes": 0,
    "catalogue": 0,
    "prompts": 0,
    "lifecycle": 0,
    "model": 0,
    "errors": 0,
}
NEVER = {
    "cli": {"IPython", "ipywidgets"},
    "magics": {"httpx", "sqlite3", "kontext_nb.providers", "kontext_nb.demo"},
    "widgets": {"httpx", "sqlite3", "kontext_nb.providers", "kontext_nb.demo"},
    "session": {"ipywidgets", "httpx"},
    "grids": {
        "httpx",
        "sqlite3",
        "IPython",
        "kontext_nb.session",
        "kontext_nb.store",
        "kontext_nb.engine",
    },
    "preservation": {
        "httpx",
        "sqlite3",
        "IPython",
        "kontext_nb.providers",
        "kontext_nb.store",
        "kontext_nb.engine",
    },
    "engine": {"kontext_nb.store", "ipywidgets", "IPython"},
    "store": {"httpx", "pickle", "kontext_nb.engine"},
    "prompts": {"time", "datetime", "random", "os", "io", "pathlib"},
    "providers": {"time", "asyncio", "sqlite3", "httpx", "os"},
    "pixels": {"httpx", "IPython"},
    "srgb": {"httpx", "IPython"},
    "demo": {"httpx", "socket"},
}
GROUND = {
    "catalogue",
    "chain",
    "lifecycle",
    "model",
    "errors",
    "schema",
    "prompts",
    "sizes",
}


def room_of(module):
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else ""


def imports_of(path):
    """All imports of a file, also those inside functions and type-checking blocks."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            deeper = base == "kontext_nb" or base.count(".") == 1
            for alias in node.names:
                named = f"{base}.{alias.name}"
                below = ROOT.parent / Path(*named.split("."))
                is_module = deeper and (
                    below.with_suffix(".py").exists() or below.is_dir()
                )
                yield named if is_module else base


def files(room="."):
    return sorted(p for p in (ROOT / room).rglob("*.py") if p != ROOT / "__init__.py")


def name_of(path):
    return ".".join(path.relative_to(ROOT.parent).with_suffix("").parts)


def faults(path):
    """What a file imports that its floor or its room forbids."""
    room = room_of(name_of(path))
    for imported in imports_of(path):
        other = room_of(imported) if imported.startswith("kontext_nb.") else None
        level = FLOORS.get(other, -1) - FLOORS[room]
        # The two lowest floors are values and doors, which may know each other.
        if other != room and (level > 0 or (level == 0 and FLOORS[room] > 1)):
            yield f"{name_of(path)} imports {imported}, which is not below"
        banned = NEVER.get(room, set())
        if any(imported == b or imported.startswith(b + ".") for b in banned):
            yield f"{name_of(path)} imports {imported}, which its room must never"
        top = imported.split(".")[0]
        if room in GROUND and not other and top not in sys.stdlib_module_names:
            yield f"{name_of(path)} imports {imported}: the ground is plain Python"


@pytest.mark.parametrize("path", files(), ids=name_of)
def test_imports_point_down(path):
    """A room imports only rooms below it, and nothing its role forbids."""
    assert list(faults(path)) == []


def test_the_floor_test_can_fail(tmp_path, monkeypatch):
    """A store that imports the session, or httpx, is found out."""
    planted = tmp_path / "kontext_nb" / "store" / "planted.py"
    planted.parent.mkdir(parents=True)
    planted.write_text(
        "def f():\n    from kontext_nb.session.desk import Desk\n    import httpx\n"
    )
    monkeypatch.setattr(sys.modules[__name__], "ROOT", tmp_path / "kontext_nb")
    assert len(list(faults(planted))) == 2


# What opens a door to strangers' files and words, wherever it stands.
BANNED = (
    *("import pickle", "import marshal", "import shelve", "from pickle import loads"),
    *("eval(x)", "exec(x)", "builtins.exec(x)", "yaml.load(x)"),
    *("f.extractall()", "run(x, shell=True)", "get(x, verify=False)"),
    *("Client(follow_redirects=True)", "'PRAGMA journal_mode=wal'"),
    "f'PRAGMA journal_mode = WAL; {x}'",
)
_MODULES = {"pickle", "marshal", "shelve", "dill", "cloudpickle"}
_CALLS = {"eval", "exec", "extractall", "yaml.load", "yaml.unsafe_load"}
_FLAGS = {"shell=True", "verify=False", "follow_redirects=True"}
# To parse all of the package once more would take a second.
_HINT = re.compile("|".join(re.split("[.=]", n)[0] for n in _MODULES | _CALLS | _FLAGS))
_WAL = re.compile(r"journal_mode\s*=\s*wal", re.IGNORECASE)


def dangers(source):
    """What a file has of these, under any name a method may be called by."""
    hinted = _HINT.search(source) or _WAL.search(source)
    for node in ast.walk(ast.parse(source)) if hinted else ():
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [getattr(node, "module", None), *(a.name for a in node.names)]
            yield from _MODULES.intersection(str(n).split(".")[0] for n in names)
        elif isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            yield from _CALLS.intersection({called, called.rpartition(".")[2]})
        elif isinstance(node, ast.keyword):
            yield from _FLAGS.intersection({ast.unparse(node)})
        elif isinstance(node, ast.Constant) and _WAL.search(str(node.value)):
            yield "journal_mode=wal"


def test_nothing_in_the_package_runs_what_it_reads():
    """No pickle, eval, extractall, shell, unchecked TLS, followed redirect, or WAL."""
    assert all(set(dangers(line)) for line in BANNED)  # it can fail
    found = {name_of(p): set(dangers(p.read_text(encoding="utf-8"))) for p in files()}
    assert {name: had for name, had in found.items() if had} == {}


@pytest.mark.parametrize("path", files("session"), ids=name_of)
def test_the_session_does_not_print(path):
    """Progress and results are values; only the front doors show them."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert "print" not in {n.id for n in ast.walk(tree) if isinstance(n, ast.Name)}


@pytest.mark.parametrize("path", files(), ids=name_of)
def test_rooms_stay_small(path):
    """No module grows past 400 lines, no function past 60."""
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 400
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno - node.lineno < 60, node.name


def test_every_public_name_resolves():
    """`dir()` and the table agree, and each name can be had."""
    assert set(kontext_nb.__all__) == {
        "Editor",
        "KontextError",
        "adopt",
        "chains",
        "allow_nested_asyncio",
        "compare",
        "configure",
        "drift",
        "edit",
        "expect",
        "lint",
        "preserve",
        "register",
        "resume",
        "samples",
        "seed_noise",
        "sweep",
    }
    for name in kontext_nb.__all__:
        assert getattr(kontext_nb, name) is not None


def test_no_module_bears_a_public_functions_name():
    """`kontext_nb.edit` is the function whatever was imported before."""
    modules = {p.stem for p in ROOT.iterdir()}
    assert modules.isdisjoint(kontext_nb.__all__)


def test_an_unknown_name_is_an_attribute_error():
    """A typo does not import anything."""
    with pytest.raises(AttributeError, match="no attribute 'eddit'"):
        _ = kontext_nb.eddit


SILENT = """
import sys, threading, json, time
opened = []
sys.addaudithook(lambda event, args: opened.append([event, str(args[0])])
    if event.startswith("socket.") or event == "sqlite3.connect"
    or (event == "open" and isinstance(args[1], str) and set(args[1]) & set("wax+"))
    else None)
started_s = time.perf_counter()
import kontext_nb
dir(kontext_nb)
took_s = time.perf_counter() - started_s
print(json.dumps({
    "opened": opened,
    "threads": threading.active_count(),
    "quick": took_s < 0.5,
    "heavy": sorted(set(sys.modules) & {"httpx", "matplotlib", "PIL", "ipywidgets",
        "numpy", "IPython", "sqlite3", "asyncio", "starlette", "anywidget"}),
}))
"""


def test_import_is_silent_and_light():
    """It opens no socket or file to write, starts no thread, loads nothing heavy."""
    done = subprocess.run(
        [sys.executable, "-B", "-c", SILENT], capture_output=True, text=True, check=True
    )
    told = {"opened": [], "threads": 1, "quick": True, "heavy": []}
    assert json.loads(done.stdout) == told
    assert done.stderr == ""


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("event", Event)
def test_the_lifecycle_is_its_table(state, event):
    """Every pair of state and event either is in the table or is refused."""
    if (state, event) in TABLE:
        assert after(state, event) is TABLE[state, event]
    else:
        with pytest.raises(ValueError, match=f"{state} cannot {event}"):
            after(state, event)


def test_every_state_is_reached_and_final_ones_stay():
    """The table leads from INTENT to every state, and out of no final one."""
    reached = {State.INTENT}
    while more := {to for (s, _), to in TABLE.items() if s in reached} - reached:
        reached |= more
    assert reached == set(State)
    assert set(State) - FINAL == UNDER_WAY | {State.UNKNOWN}
    assert CAME_TO_NOTHING < FINAL
    assert State.DONE in FINAL


def drawn(tree):
    """Return {class: (its parent, its exit code)} of a tree as it is drawn in text."""
    found, above = {}, []
    for line in tree.splitlines():
        node = re.match(r"    ([|` -]*)([A-Z]\w+)\b(?:.*\bexit (\d+)$)?", line)
        if node:
            depth = len(node[1]) // 4
            parent = above[depth - 1] if depth else None
            # The root needs no number: 1 is what any exception ends a program with.
            inherited = found[parent][1] if parent else 1
            found[node[2]] = (parent, int(node[3] or inherited))
            above[depth:] = [node[2]]
    return found


def test_errors_are_the_tree_that_is_drawn():
    """Each error's place and exit code are those its module's docstring shows."""
    errors = importlib.import_module("kontext_nb.errors")
    tree = drawn(errors.__doc__)
    assert tree.pop("KontextError") == (None, KontextError.exit_code)
    classes = [c for c in vars(errors).values() if isinstance(c, type)]
    built = {
        c.__name__: (c.__bases__[0].__name__, c.exit_code)
        for c in classes
        if issubclass(c, BaseException) and c is not KontextError
    }
    assert tree == built
