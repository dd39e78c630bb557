"""The token appears nowhere: a canary is looked for in every sink, in every disguise.

A new sink is one row of a table. Each table is also run with a leak planted, and must
find it.
"""

import base64
import copy
import gc
import json
import logging
import os
import pickle
import pprint
import re
import subprocess
import sys
import traceback
import warnings
import zlib
from pathlib import Path
from urllib.parse import quote

import pytest
from PIL import Image

import kontext_nb as kx
from kontext_nb.engine.wire import Wire
from kontext_nb.errors import ParameterRejected
from kontext_nb.model import KONTEXT_PRO, Secret
from kontext_nb.providers.base import Bearer, Reply
from kontext_nb.providers.runcomfy import RunComfy
from kontext_nb.session import account, engines, keys, running, settings, tokens
from tests import faulty
from tests.faulty import answer, as_json
from tests.forking import ended, forked
from tests.test_cli import MAIN, started

# Any six of its characters in a row occur nowhere by chance.
CANARY = "Zq7+Vx3/Kj9=Wp5~Ht2@Bn8%Ud4"
SLICE = 6
PROMPT = "Make it night"
_ANSI = re.compile(rb"\x1b\[[0-9;]*m")


def disguises():
    """Every form of the canary that would give it, or a part of it, away."""
    yield from (CANARY[n : n + SLICE] for n in range(len(CANARY) - SLICE + 1))
    for shift in range(3):  # base64 depends on what comes before
        whole = base64.b64encode(b"." * shift + CANARY.encode()).decode()
        yield whole[4:-4]
        yield whole[4:-4].translate(str.maketrans("+/", "-_"))
    yield quote(CANARY, safe="")[:16]
    yield CANARY.encode().hex()[:16]
    yield CANARY.encode("utf-16-le")[:16].decode("latin-1")


DISGUISES = {form.encode("latin-1") for form in disguises()}


def found(shown):
    """Return the forms of the canary in some text or bytes, colours taken out."""
    raw = shown if isinstance(shown, bytes) else shown.encode("utf-8", "replace")
    plain = _ANSI.sub(b"", raw)
    return sorted(form for form in DISGUISES if form in plain)


SAMPLES = {
    "plain": f"Bearer {CANARY}",
    "a slice": f"...{CANARY[9:15]}...",
    "base64": base64.b64encode(f"user:{CANARY}".encode()),
    "base64, shifted": base64.b64encode(f"u:{CANARY}".encode()),
    "base64 for addresses": base64.urlsafe_b64encode(f"us:{CANARY}".encode()),
    "in an address": f"https://a/?t={quote(CANARY, safe='')}",
    "as hex": CANARY.encode().hex(),
    "coloured": f"{CANARY[:3]}\x1b[31m{CANARY[3:]}\x1b[0m",
}


@pytest.mark.parametrize("name", SAMPLES)
def test_the_canary_is_found_in_every_disguise(name):
    """What looks for leaks sees them, and sees none where there is none."""
    assert found(SAMPLES[name])
    assert not found("Bearer (token) " + "Zq7 Vx3 Kj9 " * 20)


@pytest.fixture
def service(monkeypatch):
    """A server that is in use with the canary, as a shell would set it."""
    with faulty.serve() as one:
        monkeypatch.setenv("RUNCOMFY_MODEL_API_BASE", f"{one.origin}/v1")
        monkeypatch.setenv("RUNCOMFY_WEB_BASE", one.origin)
        monkeypatch.setenv("RUNCOMFY_SERVERLESS_API_BASE", f"{one.origin}/prod/v2")
        monkeypatch.setenv("RUNCOMFY_TOKEN", CANARY)
        yield one


# --- what can be held in the hand -----------------------------------------------------

THINGS = {
    "secret": lambda: Secret.of(CANARY),
    "provider": keys.runcomfy,
    "engine": lambda: engines.engine(settings.current()),
    "submit": lambda: keys.runcomfy().submit(KONTEXT_PRO, {"prompt": PROMPT}, "job"),
    "status": lambda: keys.runcomfy().status("job-1"),
    "account": keys.web_account,
    "whoami": lambda: keys.web_account().whoami(),
    "headers": lambda: Bearer(Secret.of(CANARY), content_type="text/plain"),
    "reply": lambda: Reply(401, {"x-echo": CANARY}, CANARY.encode()),
}
SHOWN = {
    "repr": repr,
    "str": str,
    "format": "{0} {0!r} {0!s} {0!a}".format,
    "pprint": pprint.pformat,
    "vars": lambda thing: repr([vars(v) for v in within(thing)]),
    "dir": lambda thing: repr([dir(v) for v in within(thing)]),
}
WRITTEN = {
    "pickle": lambda thing: b"".join(pickle.dumps(thing, n) for n in range(6)),
    "copy": lambda thing: pickle.dumps(copy.deepcopy(thing)),
}


def within(thing):
    """A thing and its parts that have variables of their own."""
    parts = [getattr(thing, name, None) for name in getattr(thing, "__slots__", ())]
    return [v for v in (thing, *parts) if hasattr(v, "__dict__")]


@pytest.mark.usefixtures("service")
@pytest.mark.parametrize("thing", THINGS)
@pytest.mark.parametrize("show", SHOWN)
def test_nothing_that_is_shown_has_it(thing, show):
    """However a value is looked at, the token is not in what one sees."""
    assert found(SHOWN[show](THINGS[thing]())) == []


@pytest.mark.usefixtures("service")
@pytest.mark.parametrize(
    "thing",
    [
        name
        for name in THINGS
        if name != "reply"  # it has what the service sent, and goes nowhere
    ],
)
@pytest.mark.parametrize("write", WRITTEN)
def test_nothing_that_has_it_can_be_written_down(thing, write):
    """To pickle or to copy what holds a token is refused."""
    with pytest.raises(TypeError):
        WRITTEN[write](THINGS[thing]())


@pytest.mark.usefixtures("service")
@pytest.mark.parametrize("thing", ["secret", "provider", "engine", "account"])
@pytest.mark.parametrize("show", ["repr", "str", "format", "pprint"])
def test_a_secret_that_shows_itself_is_found(thing, show, monkeypatch):
    """With a leak planted, each row of both tables fails."""
    monkeypatch.setattr(Secret, "__repr__", lambda self: self.reveal())
    assert found(SHOWN[show](THINGS[thing]()))


# --- what goes wrong ------------------------------------------------------------------

QUOTED = {"error_message": f"The token {CANARY} is no good; {CANARY!r}."}


def quoting(status, **facts):
    return as_json(QUOTED | facts, status)


FAULTS = {
    "refused": quoting(401, error_code=401001),
    "refused, in a header": answer(401, CANARY.encode(), x_echo=CANARY),
    "forbidden": quoting(403),
    "rejected": quoting(422, error_code=422001, detail=[CANARY]),
    "no credit": quoting(402),
    "not found": quoting(404),
    "broken": quoting(500),
    "an error under 200": quoting(200, error_code=500001),
    "no id": quoting(200, request_id=f"{CANARY} {CANARY}"),
    "an echo that is no JSON": answer(200, CANARY.encode() * 3),
    "closed": faulty.closed,
    "reset": faulty.reset,
    "garbage": CANARY.encode() + b"\r\n\r\n",
    "moved": answer(302, location=f"https://a.example/?t={quote(CANARY)}"),
    "compressed": answer(200, CANARY.encode(), content_encoding="gzip"),
}
# Found in the job's own answers, once it was taken.
FAILED_JOB = as_json({"status": "failed", "error": f"bad {CANARY}"})


def fail_to_edit(service, fault):
    service.script("submit", FAULTS[fault])
    service.script("download", FAULTS[fault])
    kx.edit(Image.new("RGB", (64, 64), "green"), PROMPT)


def fail_in_the_background(service, fault):
    service.script("submit", FAULTS[fault])
    kx.edit(Image.new("RGB", (64, 64), "green"), PROMPT, wait=False).result()


def fail_as_a_job(service, _fault):
    service.script("result", FAILED_JOB)
    kx.edit(Image.new("RGB", (64, 64), "green"), PROMPT)


def fail_as_a_job_in_the_background(service, _fault):
    service.script("result", FAILED_JOB)
    kx.edit(Image.new("RGB", (64, 64), "green"), PROMPT, wait=False).result()


def fail_to_know(service, fault):
    service.script("download", FAULTS[fault])
    account.whoami()


def fail_to_count(service, fault):
    service.script("download", FAULTS[fault])
    account.balance()


def with_locals(error):
    """A traceback with all local variables of all frames: more than IPython shows."""
    told = traceback.TracebackException.from_exception(error, capture_locals=True)
    frames = "".join(told.format())
    return frames + repr(error) + repr(error.args) + repr(vars(error))


def ours(text):
    """Leave out the frames of this file, which hold the canary themselves."""
    frames = re.split(r'(?m)^(?=  File ")', text)
    return "".join(f for f in frames if __file__ not in f.split("\n", 1)[0])


def raised_by(work, *given):
    """Return what shows of the error that ``work`` ends with."""
    try:
        work(*given)
    except kx.KontextError as error:
        return ours(with_locals(error))
    raise AssertionError("it went well")


WAYS = [fail_to_edit, fail_in_the_background, fail_to_know, fail_to_count]
WENT_WRONG = [
    *((way, fault) for way in WAYS for fault in FAULTS),
    (fail_as_a_job, "failed"),
    (fail_as_a_job_in_the_background, "failed"),
]
WENT_WRONG.remove((fail_to_count, "no id"))  # a balance needs none


@pytest.mark.parametrize(
    ("way", "fault"),
    WENT_WRONG,
)
def test_no_error_shows_it_and_no_log_or_warning(way, fault, service, caplog):
    """Not its words, its frames or its attributes; nor what loggers said meanwhile."""
    caplog.set_level(logging.DEBUG)
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        assert found(raised_by(way, service, fault)) == []
        gc.collect(1)  # what was just made; all else is older
    heard = [r for r in caplog.records if not quotes_a_header(fault, r)]
    assert found(logged(heard)) == []
    assert found("\n".join(str(w.message) for w in warned)) == []
    assert found(stored()) == []


def logged(records):
    """All that a handler could write of what loggers said."""
    return "\n".join(f"{r.getMessage()} {r.args!r} {r.exc_info}" for r in records)


def quotes_a_header(fault, record):
    """The HTTP library tells the headers it was sent, to who asks it to."""
    quoted = ("refused, in a header", "garbage", "moved")
    return fault in quoted and record.name.startswith(("httpcore", "httpx"))


def stored():
    """All bytes that the store holds."""
    home = Path(os.environ["KONTEXT_NB_HOME"])
    files = [p for p in home.rglob("*") if p.is_file()] if home.exists() else []
    return b"\n".join(p.read_bytes() for p in files)


TOKENS = {
    "newline": f"{CANARY}\nX-Injected: {CANARY}",
    "carriage return": f"{CANARY}\r\n{CANARY}",
    "not ASCII": f"{CANARY}\u00e9",
    "zero width": f"{CANARY}\u200b",
    "a space": f"{CANARY} {CANARY}",
    "NUL": f"{CANARY}\0",
    "a surrogate": f"{CANARY}\udc80",
    "too long": CANARY * 1000,
    "an escape": f"\x1b[31m{CANARY}",
}


@pytest.mark.usefixtures("service")
@pytest.mark.parametrize("kept_in", ["variable", "file", "damaged file"])
@pytest.mark.parametrize("name", TOKENS)
def test_a_token_that_is_none_is_not_shown(name, kept_in, monkeypatch):
    """The message says where it was found, and no frame has the bare text."""
    if kept_in == "variable":
        if "\0" in TOKENS[name]:
            pytest.skip("no variable can hold it")
        monkeypatch.setenv("RUNCOMFY_TOKEN", TOKENS[name])
    else:
        for variable in ("RUNCOMFY_TOKEN", "RUNCOMFY_MODEL_API_BASE"):
            monkeypatch.delenv(variable)
        monkeypatch.delenv("RUNCOMFY_WEB_BASE")
        path = tokens.save(Secret.of(CANARY))
        text = json.dumps({"access_token": TOKENS[name]})
        path.write_text(text[: -2 if kept_in == "damaged file" else None])
    assert found(raised_by(keys.runcomfy)) == []
    assert found(raised_by(account.whoami)) == []


LEAKING = """
def leaking(given):
    bare = given.reveal()
    raise error(f"{len(bare)} characters.", "Count them.")
"""


@pytest.mark.parametrize("way", [fail_to_edit, fail_to_know])
def test_a_frame_that_holds_the_bare_text_is_found(way, service, monkeypatch):
    """With a leak planted in a frame, the search fails."""
    planted = {"error": kx.KontextError}
    exec(compile(LEAKING, "planted.py", "exec"), planted)  # noqa: S102 - frames of no file
    monkeypatch.setattr(tokens, "usable", planted["leaking"])
    assert found(raised_by(way, service, "refused"))


@pytest.mark.parametrize("way", [fail_to_edit, fail_as_a_job])
def test_words_that_are_not_scrubbed_are_found(way, service, monkeypatch):
    """With the token among the service's words, both the error and the store fail."""
    monkeypatch.setattr(RunComfy, "_said", lambda self, _: self.token.reveal())
    assert found(raised_by(way, service, "rejected"))
    assert found(stored())


def test_a_log_that_says_it_is_found(service, caplog, monkeypatch):
    """With a line that logs a call's headers, the search fails."""
    send = Wire.send

    def telling(wire, call):
        logging.getLogger("planted").debug("sent %s", dict(call.headers))
        return send(wire, call)

    caplog.set_level(logging.DEBUG)
    monkeypatch.setattr(Wire, "send", telling)
    assert found(raised_by(fail_to_know, service, "refused")) == []
    assert found(logged(caplog.records))


# --- what is made ---------------------------------------------------------------------


def bundle(edit):
    return json.dumps(edit._repr_mimebundle_(), default=repr)


def saved_as(suffix):
    return lambda edit: edit.save(f"out{suffix}").read_bytes()


def page_of(shown):
    return shown.to_html("page.html").read_text()


def grid_as(suffix):
    return lambda edit: sheet(edit).save(f"grid{suffix}").read_bytes()


def sheet(edit):
    """A grid with the edit in it, at no further cost, and one beside it."""
    return kx.sweep(edit.source, [edit.prompt, PROMPT], [edit.seed])


def grid_as_pdf(edit):
    """All streams of a grid's PDF, unpacked; also without the gaps between letters."""
    data = grid_as(".pdf")(edit)
    # A packed stream may end with a "\r" of its own: it knows itself where it ends.
    streams = re.findall(rb"stream\r?\n(.*?)endstream", data, re.DOTALL)
    plain = b"\n".join(zlib.decompressobj().decompress(one) for one in streams)
    return data + plain + re.sub(rb"\)\s*-?[\d.]+\s*\(", b"", plain)


MADE = {
    "display": bundle,
    "png": saved_as(".png"),
    "jpg": saved_as(".jpg"),
    "webp": saved_as(".webp"),
    "repr": repr,
    "chain": lambda edit: bundle(edit.chain),
    "widget state": lambda edit: repr(kx.Editor(edit.source).get_state()),
    "comparison": lambda edit: repr(kx.compare(edit.source, edit.image).get_state()),
    "store": lambda _: stored(),
    "page": page_of,
    "page of the chain": lambda edit: page_of(edit.chain),
    "grid": lambda edit: bundle(sheet(edit)),
    "grid as png": grid_as(".png"),
    "grid as html": grid_as(".html"),
    "grid as csv": grid_as(".csv"),
    "grid as svg": grid_as(".svg"),
    "grid as pdf": grid_as_pdf,
}


@pytest.fixture
def made(service):
    """An edit that went well."""
    assert service.paid == 0
    return kx.edit(Image.new("RGB", (64, 64), "green"), PROMPT)


@pytest.mark.parametrize("name", MADE)
def test_nothing_that_is_made_has_it(name, made):
    """Neither a view, a file, a widget's state nor the store."""
    shown = MADE[name](made)
    assert shown
    assert found(shown) == []


def test_an_output_that_quotes_it_is_not_stored(service):
    """What else the service says beside the picture is kept, without the token."""
    output = {"image": f"{service.origin}/cdn/job-1.png", "note": f"by {CANARY}"}
    service.script("result", as_json({"status": "succeeded", "output": output}))
    edit = kx.edit(Image.new("RGB", (64, 64), "green"), PROMPT)
    assert found(stored() + bundle(edit).encode()) == []


def test_a_store_that_has_it_is_found(made, monkeypatch):
    """With the token among a step's words, views and store fail."""
    del made
    monkeypatch.setattr(keys, "_tokens", list)
    again = kx.edit(Image.new("RGB", (64, 64), "red"), f"Write {CANARY}")
    drawn = {"jpg", "webp", "widget state", "comparison", "grid as png"}
    for name in MADE.keys() - drawn:
        assert found(MADE[name](again)), name


PASTED = {
    "prompt": lambda edit: edit.edit(CANARY),
    "words around it": lambda edit: edit.edit(f"Write {CANARY}!", wait=False),
    "input": lambda edit: edit.edit(PROMPT, inputs={"style": {"a": [CANARY]}}),
    "name of an input": lambda edit: edit.edit(PROMPT, inputs={CANARY: 1}),
    "aspect ratio": lambda edit: edit.edit(PROMPT, aspect_ratio=CANARY),
    "seed": lambda edit: edit.edit(PROMPT, seed=CANARY),
    "address": lambda _: kx.edit(f"https://a.org/{CANARY}", PROMPT),
    "sweep": lambda edit: kx.sweep(edit.source, [PROMPT, CANARY]),
    "chain": lambda edit: kx.edit(edit.source, PROMPT, chain=CANARY),
    "name": lambda edit: edit.mark(name=CANARY),
    "note": lambda edit: edit.mark(note=f"my token:\n{CANARY}"),
    "run": lambda _: running.placed(KONTEXT_PRO, {"prompt": CANARY}),
}


@pytest.mark.parametrize("kept_in", ["the environment", "the file"])
def test_a_token_pasted_by_mistake_goes_nowhere(kept_in, made, service, monkeypatch):
    """Where a text is asked for: refused without a word of it, not sent, not stored."""
    if kept_in == "the file":
        tokens.save(Secret.of(CANARY))
        monkeypatch.setenv("RUNCOMFY_TOKEN", "another-token")
    for paste in PASTED.values():
        with pytest.raises(ParameterRejected, match="token stands in") as caught:
            paste(made)
        assert found(str(caught.value)) == []
    assert found(stored()) == []
    assert service.paid == 1


# --- the command line, and the shell of IPython ---------------------------------------

UNSCRUBBED = """
from kontext_nb.providers.runcomfy import RunComfy
from kontext_nb.providers.runcomfy_account import Account
RunComfy._said = lambda self, body: self.token.reveal()
Account._host = property(lambda self: self.token.reveal())
"""
COMMANDS = {
    "edit": ("edit", "photo.png", PROMPT, "-o", "out.png"),
    "whoami": ("whoami",),
    "balance": ("balance",),
}


def said(service, command, fault, code=MAIN):
    """All that a command says, with --debug and every warning."""
    service.script("submit", FAULTS[fault])
    service.script("download", FAULTS[fault])
    Image.new("RGB", (64, 64), "green").save("photo.png")
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-c", code, "--debug", *COMMANDS[command]],
        capture_output=True,
        check=False,
    )
    assert done.returncode
    return done.stdout + done.stderr


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("fault", ["refused", "closed"])
def test_the_command_line_does_not_say_it(command, fault, service):
    """Neither on stdout nor on stderr, with --debug and asyncio's debug mode on."""
    assert found(said(service, command, fault)) == []


@pytest.mark.parametrize("command", ["edit", "whoami"])
def test_a_command_line_that_says_it_is_found(command, service):
    """With the scrubbing taken out, the search fails."""
    assert found(said(service, command, "refused", UNSCRUBBED + MAIN))


def listed(service, prompt):
    """What others on this machine see of a command that is sending an edit.

    The arguments of the process, and arguments and environment of what it started.
    """
    Image.new("RGB", (64, 64), "green").save("photo.png")
    service.script("submit", faulty.silent)
    before = service.paid
    with started("edit", "photo.png", prompt, "-o", "out.png") as process:
        while service.paid == before:  # it is not sending yet
            assert process.poll() is None
        shown = Path(f"/proc/{process.pid}/cmdline").read_bytes()
        for task in Path(f"/proc/{process.pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                shown += Path(f"/proc/{child}/environ").read_bytes()
                shown += Path(f"/proc/{child}/cmdline").read_bytes()
    assert prompt.encode() in shown
    return shown


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="there is no /proc here")
def test_the_process_list_does_not_have_it(service):
    """But a token that was typed as an argument is found."""
    assert found(listed(service, PROMPT)) == []
    assert found(listed(service, f"Write {CANARY[:-1]}"))  # the whole is refused


CELLS = (
    "import kontext_nb as kx; from PIL import Image",
    "from kontext_nb.session import account",
)
FAILING = (
    "kx.edit(Image.new('RGB', (64, 64), 'green'), 'Make it night')",
    "%tb",
    "account.whoami()",
)
MODES = ("Plain", "Context", "Verbose", "Minimal")


def in_a_shell(kind, shown, plant):
    """Run cells in a real IPython shell; all that they say goes into a file."""
    with shown.open("w") as file:
        for descriptor in (1, 2):
            os.dup2(file.fileno(), descriptor)
        sys.stdout = sys.stderr = file
        shell = kind.instance()
        for cell in (plant, *CELLS):
            shell.run_cell(cell)
        for mode in MODES:
            for cell in (f"%xmode {mode}", *FAILING):
                shell.run_cell(cell)


def in_ipython(plant=""):
    """What a real IPython shell shows of failures, in all four of its modes."""
    from IPython.core.interactiveshell import InteractiveShell

    path = Path("shown.txt")
    assert not ended(*forked(in_a_shell, InteractiveShell, path, plant))
    shown = path.read_bytes()
    assert shown.count(b"Exception reporting mode") == 4
    assert b"NotAuthorised" in shown or b"Unknown" in shown
    return shown


IPYTHON_FAULTS = ["refused", "rejected", "closed", "an echo that is no JSON"]


@pytest.mark.parametrize("fault", IPYTHON_FAULTS)
def test_no_traceback_of_ipython_shows_it(fault, service):
    """Plain, Context, Verbose with the frames' variables, and Minimal; %tb, too."""
    service.script("submit", FAULTS[fault])
    service.script("download", FAULTS["refused"])
    assert found(in_ipython()) == []


@pytest.mark.parametrize("token", ["newline", "not ASCII"])
@pytest.mark.usefixtures("service")
def test_no_traceback_of_ipython_shows_a_token_that_is_none(token, monkeypatch):
    """It is refused before anything is sent, and not shown by any frame."""
    monkeypatch.setenv("RUNCOMFY_TOKEN", TOKENS[token])
    assert found(in_ipython()) == []


def test_a_traceback_of_ipython_that_shows_it_is_found(service):
    """With a secret that shows itself, Verbose gives it away, and the search fails."""
    service.script("submit", FAULTS["refused"])
    service.script("download", FAULTS["refused"])
    plant = (
        "from kontext_nb.model import Secret\n"
        "Secret.__repr__ = lambda self: self.reveal()"
    )
    assert found(in_ipython(plant))
