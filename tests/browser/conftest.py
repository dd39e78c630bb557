"""The rig: a real JupyterLab on loopback, driven by a real Chromium.

The fixture `lab` is a browser window on that JupyterLab, `notebook7` one on Notebook 7
and `voila` one on Voila; one server serves them all. They talk to JupyterLab's own
objects (``jupyterapp``) for what is not under test, and leave clicks and keys to the
test. Whatever a page asks of any other machine is refused, written down in
`Lab.foreign`, and fails the test.

To load JupyterLab takes a processor four seconds. So the tests open their notebooks one
after the other in one page of it, as people do; each has a kernel of its own.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from pathlib import Path
from urllib.parse import quote, urlsplit

import nbformat
import pytest
from ipywidgets import Widget

from tests import browsers, smaller

REPO = Path(__file__).parents[2]
ARTIFACTS = REPO / "artifacts"
WAIT_MS = 30_000
RUN_MS = 90_000  # for all cells of a notebook
FLAGS = (
    "--no-sandbox",  # containers have no user namespaces, and we open only our pages
    "--no-proxy-server",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    # No other machine has an address. (Were requests routed instead, each of the
    # hundreds of a page would ask the test first, and none would come from the cache.)
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)
SIZE = {"width": 1280, "height": 900}
# No rule that is asked of a browser is of a size.
STARTUP = smaller.code(by=2)
# JupyterLab, without a grammar of addresses that its server would build first: it takes
# two seconds, and no notebook of ours has an address that it is for.
START = """
import sys
sys.modules["rfc3987_syntax"] = None
from jupyterlab.labapp import main
main()
"""
# Nothing of the person who runs the tests may reach the notebook's kernel: no token,
# no store, no settings of their own Jupyter.
PRIVATE = ("RUNCOMFY_", "KONTEXT_NB_", "JUPYTER", "IPYTHON", "JPY_", "XDG_")


def until(condition, what, *, deadline_s=WAIT_MS / 1000):
    """Return the first true answer of ``condition``, asked twenty times a second."""
    pause, end = threading.Event(), time.monotonic() + deadline_s
    while not (answer := condition()):
        assert time.monotonic() < end, f"waited {deadline_s:.0f} s for {what}"
        pause.wait(0.05)
    return answer


def _free_port():
    # Two workers that both start at Jupyter's 8888 find it free, then one is refused.
    with socket.create_server(("127.0.0.1", 0)) as held:
        return held.getsockname()[1]


# Not wider than this folder: while Playwright's blocking form is open, this thread
# counts as inside a running event loop, and another test's asyncio.run() is refused.
@pytest.fixture(scope="package")
def browser():
    """Return a Chromium; skip where there is none, except in CI."""
    missing = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        missing("Playwright is not installed")
    with sync_playwright() as playwright:
        path = browsers.installed() or playwright.chromium.executable_path
        if not Path(path).exists():
            missing("no Chromium: install one, or run `playwright install chromium`")
        with playwright.chromium.launch(executable_path=path, args=FLAGS) as chromium:
            yield chromium


class Server:
    """A JupyterLab of our own: own folders, own port, own token."""

    def __init__(self, home):
        self.root = home / "notebooks"
        self.settings = home / "settings"
        self._runtime = home / "runtime"
        self._log = home / "server.log"
        self.token = secrets.token_hex(16)
        labconfig = home / "config" / "labconfig"
        startup = home / "ipython" / "profile_default" / "startup"
        for folder in (self.root, self.settings, self._runtime, labconfig, startup):
            folder.mkdir(parents=True)
        # Else each page that is loaded has a Node started, to see if one could build.
        (labconfig / "page_config.json").write_text('{"buildCheck": false}')
        (startup / "small.py").write_text(STARTUP)
        self._own = self.settings / "@jupyterlab" / "apputils-extension"
        self._own.mkdir(parents=True)
        (self._own / "notification.jupyterlab-settings").write_text(
            '{"fetchNews": "false", "checkForUpdates": false}'
        )
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                self._command(),
                cwd=self.root,
                env=self._environment(home),
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C is for pytest, which then stops us
            )
        info = until(self._answering, "JupyterLab to start", deadline_s=60)
        self.url = info["url"]

    def _command(self):
        return [
            *(sys.executable, "-c", START, "--no-browser", "--ip=127.0.0.1"),
            "--allow-root",
            f"--ServerApp.port={_free_port()}",
            f"--IdentityProvider.token={self.token}",
            f"--ServerApp.root_dir={self.root}",
            "--LabApp.expose_app_in_browser=True",
            "--JupyterNotebookApp.expose_app_in_browser=True",
            # Nor is a Node started to look for what could check a cell's code.
            "--LanguageServerManager.autodetect=False",
            # Should pytest be killed, the server follows by itself.
            "--ServerApp.shutdown_no_activity_timeout=600",
            "--MappingKernelManager.cull_idle_timeout=300",
        ]

    def _environment(self, home):
        kept = {k: v for k, v in os.environ.items() if not k.startswith(PRIVATE)}
        return kept | {
            "IPYTHONDIR": str(home / "ipython"),
            "JUPYTER_CONFIG_DIR": str(home / "config"),
            "JUPYTER_DATA_DIR": str(home / "data"),
            "JUPYTER_PREFER_ENV_PATH": "1",
            "JUPYTER_RUNTIME_DIR": str(self._runtime),
            "JUPYTERLAB_SETTINGS_DIR": str(self.settings),
            "JUPYTERLAB_WORKSPACES_DIR": str(home / "workspaces"),
            "RUNCOMFY_CONFIG_DIR": str(home / "no-token"),
            "XDG_CONFIG_HOME": str(home / "config"),
            "XDG_DATA_HOME": str(home / "data"),
        }

    def _answering(self):
        assert self._process.poll() is None, self._log.read_text()[-3000:]
        # Should the port be taken after all, the server takes another and says which.
        for file in self._runtime.glob("jpserver-*.json"):
            with contextlib.suppress(OSError, ValueError):
                info = json.loads(file.read_text())
                self._ask(f"{info['url']}api/status")
                return info
        return None

    def _ask(self, url, *, method="GET"):
        headers = {"Authorization": f"token {self.token}"}
        request = urllib.request.Request(url, headers=headers, method=method)  # noqa: S310 - our own server
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=10) as reply:
            return json.loads(reply.read() or b"null")

    def end_kernels(self):
        """End all notebooks' kernels, so that a reopened notebook gets a fresh one."""
        for session in self._ask(f"{self.url}api/sessions"):
            self._ask(f"{self.url}api/sessions/{session['id']}", method="DELETE")

    def forget_theme(self):
        """Start the next page in the light theme; JupyterLab remembers the last."""
        (self._own / "themes.jupyterlab-settings").unlink(missing_ok=True)

    def close(self):
        """Stop the server with its kernels; by force if it does not want to."""
        with contextlib.suppress(OSError):
            self._ask(f"{self.url}api/shutdown", method="POST")
        try:
            self._process.wait(15)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """Return a running JupyterLab, one for all tests of this worker."""
    running = Server(tmp_path_factory.mktemp("lab"))
    yield running
    running.close()


class Lab:
    """A browser window on JupyterLab or Notebook 7, with one notebook open.

    Args:
        page: Of Playwright.
        server: What serves it.
        place: Where that serves notebooks.

    Attributes:
        folder: Where the notebook lies and its kernel runs; no other test sees it.
        page: Playwright's page, for clicks, keys and locators.
        foreign: Addresses off this machine that the page asked for; all were refused.
        errors: Uncaught errors of the page's scripts.
    """

    def __init__(self, page, server, place):
        self.page = page
        self._place = place
        self.foreign = []
        self.errors = []
        self.folder = Path(tempfile.mkdtemp(dir=server.root))
        self._server = server
        page.set_default_timeout(WAIT_MS)

    def fail(self, error):
        """Keep what a script of the page did not catch, but for JupyterLab's own.

        It asks the kernel for a thread for its widgets, and throws where the notebook
        is closed before that has answered.
        """
        if "create_subshell_request" not in str(error):
            self.errors.append(str(error))

    def note(self, request):
        """Keep what is asked of another machine."""
        if urlsplit(request.url).hostname not in ("127.0.0.1", None):  # none is data
            self.foreign.append(request.url)

    def open(self, notebook, name="test.ipynb"):
        """Open a notebook (a path to copy, or an nbformat node) with a fresh kernel.

        It comes without results and for our own Python, whatever the file says; what
        lies beside it in `folder` stays when it is opened again.
        """
        self.put(notebook, name)
        self._put_away()
        return self._opened()

    def reopen(self):
        """Save the notebook with its results and load the page anew, and its kernel."""
        self._js("jupyterapp.shell.currentWidget.context.save()")
        self.page.goto("about:blank")
        return self._opened()

    def put(self, notebook, name="test.ipynb"):
        """Write a notebook to `folder`, as `open` does; return its address."""
        if isinstance(notebook, Path):
            name, notebook = notebook.name, nbformat.read(notebook, as_version=4)
        for cell in notebook.cells:
            if cell.cell_type == "code":
                cell.execution_count, cell.outputs = None, []
        # Whatever kernel the file names, JupyterLab must not stop to ask for one.
        notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python"}
        nbformat.write(notebook, self.folder / name)
        self._path = f"{self.folder.name}/{name}"
        url, token = self._server.url, self._server.token
        self._address = f"{url}{self._place}/{quote(self._path)}?token={token}&reset"
        return self._address

    def _opened(self):
        self._server.end_kernels()
        if self._place == LAB and self._loaded():
            self._command("docmanager:open", {"path": self._path})
        else:
            self.page.goto(self._address)
            self._wait("window.jupyterapp && jupyterapp.restored.then(() => true)")
        self.page.wait_for_function(READY, arg=self._path)
        return self

    def _loaded(self):
        return self._js("'jupyterapp' in window")

    def _put_away(self):
        """Close what is open, without asking whether to save it."""
        if self._loaded():
            self._js(
                "[...jupyterapp.shell.widgets('main')].forEach(it => it.dispose())"
            )

    def leave(self):
        """Leave the page to the next test as it was found: empty, light and wide."""
        self._put_away()
        self.page.emulate_media(forced_colors="null")
        self.page.set_viewport_size(SIZE)
        if self._loaded() and "Dark" in self._js("document.body.dataset.jpThemeName"):
            self.theme("light")

    def run_all(self):
        """Run All, as its button does; wait until every code cell has its number.

        A cell that fails ends the test with its error.
        """
        before = [count or 0 for count in self.counts()]
        self._command("notebook:run-all-cells")
        self._settled(before)

    def run(self, cell):
        """Run one cell again, by its place among all cells; see `run_all`."""
        before = self.counts()
        kept = [None] * len(before)
        kept[cell] = before[cell] or 0
        self.begin(cell)
        self._settled(kept)

    def begin(self, cell):
        """Run one cell, and wait for nothing.

        Who has the focus loses it: JupyterLab would give it to the cell, and nobody
        knows when.
        """
        self._js("document.activeElement.blur()")
        self._js(f"{NOTEBOOK}.activeCellIndex = {cell}")
        self._command("notebook:run-cell")

    def counts(self):
        """Return the number of each cell; None if not run (yet), or not code."""
        return self._js(
            f"{NOTEBOOK}.widgets.map(({{model}}) => model.executionCount ?? null)"
        )

    def outputs(self, cell):
        """Return the outputs of a cell as the notebook would save them."""
        return self._js(f"{NOTEBOOK}.widgets[{cell}].model.outputs.toJSON()")

    def text(self, cell):
        """Return what a cell printed, and its plain results."""
        return "".join(
            _joined(out.get("text", out.get("data", {}).get("text/plain", "")))
            for out in self.outputs(cell)
        )

    def show(self, cell):
        """Bring a cell to the window; return a locator of what it shows."""
        # A notebook takes cells out of the page that are out of sight.
        self._js(f"{NOTEBOOK}.scrollToItem({cell}, 'start')")
        found = self.page.locator(f'.jp-Cell[data-windowed-list-index="{cell}"]')
        area = found.locator(".jp-OutputArea-child")
        area.first.evaluate("it => it.scrollIntoView({block: 'start'})")
        return area

    def theme(self, name):
        """Change to "light" or "dark"."""
        name = f"JupyterLab {name.title()}"
        self._command("apputils:change-theme", {"theme": name})
        self._wait(
            f"document.body.dataset.jpThemeName === {json.dumps(name)} &&"
            " getComputedStyle(document.body).getPropertyValue('--jp-layout-color1') &&"
            " !document.getElementById('jupyterlab-splash')"
        )

    def resize(self, width, height=900):
        """Give the window another size, in CSS pixels."""
        self.page.set_viewport_size({"width": width, "height": height})
        self._frame()

    def screenshot(self, name):
        """Write what the window shows to ``artifacts/<name>.png``; return the path."""
        self._frame()
        path = ARTIFACTS / f"{name}.png"
        self.page.screenshot(path=path)
        return path

    def told(self):
        """Return what the page is like, for who reads why a test failed."""
        told = self._js(TOLD) if self._loaded() else {"title": self.page.title()}
        return "\n".join(f"{name}: {value}" for name, value in told.items())

    def _frame(self):
        self._js("new Promise(done => requestAnimationFrame(() => setTimeout(done)))")

    def _js(self, expression):
        return self.page.evaluate(expression)

    def _wait(self, expression):
        self.page.wait_for_function(expression)

    def _command(self, name, args=None):
        # Not awaited: "run" ends only with the last cell, and we watch those.
        given = f"{json.dumps(name)}, {json.dumps(args or {})}"
        self._js(f"void jupyterapp.commands.execute({given})")

    def _settled(self, before):
        """Wait until each cell is done that is not None in ``before``."""
        done = self.page.wait_for_function(DONE, arg=before, timeout=RUN_MS)
        result = done.json_value()
        assert result is True, result


LAB = "doc/tree"
NOTEBOOK = "jupyterapp.shell.currentWidget.content"
READY = """path => {
  const {context, sessionContext} = jupyterapp.shell.currentWidget ?? {};
  const kernel = sessionContext?.session?.kernel;
  return context?.path === path && sessionContext.isReady &&
    kernel?.connectionStatus === 'connected' && kernel.status === 'idle';
}"""
DONE = f"""before => {{
  const cells = {NOTEBOOK}.widgets.map(({{model}}) => model);
  const code = cells.filter((m, i) =>
    m.type === 'code' && before[i] !== null && m.sharedModel.getSource().trim());
  for (const model of code)
    for (const out of model.outputs.toJSON())
      if (out.output_type === 'error') return `${{out.ename}}: ${{out.evalue}}`;
  return code.length > 0 && code.every(m => (m.executionState ?? 'idle') === 'idle'
    && m.executionCount > before[cells.indexOf(m)]);
}}"""

TOLD = """() => {
  const text = (it) => it.innerText.replace(/\\s*\\n\\s*/g, ' | ');
  const [focus, open] = [document.activeElement, jupyterapp.shell.currentWidget];
  return {
    focus: `${focus.tagName} .${focus.className}`,
    numbers: open?.content.widgets.map(({model}) => model.executionCount ?? null),
    kernel: open?.sessionContext.kernelDisplayStatus,
    disabled: [...document.querySelectorAll('button:disabled')].map(it => it.innerText),
    typed: [...document.querySelectorAll('textarea')].map(it => it.value),
    shows: [...document.querySelectorAll('.jp-Cell')].map(text).join('\\n'),
  };
}"""


def _joined(text):
    return "".join(text)


@pytest.fixture(scope="package")
def visitor(browser):
    """Return who opens the windows: with one cache for JupyterLab's own scripts."""
    with browser.new_context(viewport=SIZE, service_workers="block") as context:
        yield context


@pytest.fixture(scope="package")
def desk(visitor):
    """Return the page that JupyterLab is loaded on, for all tests of this folder."""
    with visitor.new_page() as page:
        yield page


@contextlib.contextmanager
def _window(page, visitor, server, place):
    """Open a window; it must end without script errors and foreign requests."""
    window = Lab(page, server, place)
    page.on("pageerror", window.fail)
    visitor.on("request", window.note)
    yield window
    visitor.remove_listener("request", window.note)
    page.remove_listener("pageerror", window.fail)
    server.forget_theme()
    assert window.foreign == []
    assert window.errors == []


@pytest.fixture
def page(browser):
    """Return an empty page; no script on it may fail, and it asks nobody."""
    failed, asked = [], []
    with browser.new_context(viewport={"width": 1280, "height": 700}) as context:
        page = context.new_page()
        page.set_default_timeout(10_000)
        page.on("pageerror", lambda error: failed.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        yield page
    Widget.close_all()  # ipywidgets keeps every widget until told
    assert failed == []
    assert [url for url in asked if not url.startswith("blob:")] == []


@pytest.fixture
def lab(desk, visitor, server, request):
    """Return a `Lab` on JupyterLab."""
    failed = request.session.testsfailed
    with _window(desk, visitor, server, LAB) as window:
        yield window
        if request.session.testsfailed == failed:
            window.leave()
        else:  # what such a test leaves behind is no other's concern
            try:
                print(window.told())  # noqa: T201 - pytest shows it with the failure
            finally:
                desk.goto("about:blank")


@pytest.fixture
def notebook7(visitor, server):
    """Return a `Lab` on Notebook 7; skip where that is not installed."""
    _needs("notebook")
    with (
        visitor.new_page() as page,
        _window(page, visitor, server, "notebooks") as window,
    ):
        yield window


@pytest.fixture
def voila(visitor, server):
    """Return a `Lab` of which only `put` is of use; skip without Voila."""
    _needs("voila")
    with (
        visitor.new_page() as page,
        _window(page, visitor, server, "voila/render") as window,
    ):
        yield window


def _needs(package):
    if importlib.util.find_spec(package) is None:
        pytest.skip(f"{package} is not installed")
