"""A bare page with one widget on it: our script and style, and a double of its model.

The double does what ipywidgets' model does: it holds the state, tells of changes, and
passes them on. Its other end is the real Python widget, whose messages it gets; so only
the way between them is made up. `Bare.sync` carries everything across, both ways.
"""

import base64
import json

PAGE = """<!DOCTYPE html><html lang="en"><meta charset="utf-8">
<style>body { margin: 16px; background: var(--jp-layout-color1, #fff); }
STYLE</style><body><main></main>
"""
# JupyterLab's own values, so that both themes look as they do there.
THEMES = {
    "light": {
        "--jp-layout-color0": "#fff",
        "--jp-layout-color1": "#fff",
        "--jp-layout-color2": "#eee",
        "--jp-ui-font-color1": "rgba(0,0,0,.87)",
        "--jp-ui-font-color2": "rgba(0,0,0,.54)",
        "--jp-border-color1": "#bdbdbd",
        "--jp-border-color2": "#e0e0e0",
        "--jp-brand-color1": "#1976d2",
    },
    "dark": {
        "--jp-layout-color0": "#111",
        "--jp-layout-color1": "#212121",
        "--jp-layout-color2": "#424242",
        "--jp-ui-font-color1": "rgba(255,255,255,.87)",
        "--jp-ui-font-color2": "rgba(255,255,255,.54)",
        "--jp-border-color1": "#616161",
        "--jp-border-color2": "#424242",
        "--jp-brand-color1": "#2196f3",
    },
}
MODEL = """
async ({script, state}) => {
  const heard = {};
  const dirty = new Set();
  const bytes = text =>
    new DataView(Uint8Array.from(atob(text), c => c.charCodeAt()).buffer);
  const text = buffer =>
    btoa(Array.from(new Uint8Array(buffer), b => String.fromCharCode(b)).join(''));
  const real = value => typeof value?.bytes === 'string' ? bytes(value.bytes) : value;
  const tell = (name, ...given) =>
    [...(heard[name] ?? [])].forEach(run => run(...given));
  const model = {
    values: {},
    get: name => model.values[name],
    set(name, value) {
      if (model.values[name] === value) return;
      model.values[name] = value;
      dirty.add(name);
      tell(`change:${name}`);
    },
    save_changes() {
      const told = value =>
        value instanceof DataView ? {bytes: text(value.buffer)} : value;
      const changes = Object.fromEntries(
        [...dirty].map(n => [n, told(model.values[n])]));
      dirty.clear();
      // As in JupyterLab: what was sent is soon another object, and no event tells.
      setTimeout(() => Object.keys(changes).forEach(
        n => model.values[n] = real(told(model.values[n]))));
      window.sent.push({method: 'update', state: changes});
    },
    send: (content, _, buffers = []) =>
      window.sent.push({method: 'custom', content, buffers: buffers.map(text)}),
    on: (name, run) => (heard[name] ??= new Set()).add(run),
    off: (name, run) => heard[name]?.delete(run),
  };
  window.sent = [];
  window.heard = heard;
  window.given = (state) => {
    const names = Object.keys(state);
    for (const name of names) model.values[name] = real(state[name]);
    names.forEach(name => tell(`change:${name}`));
  };
  window.told = (content, buffers) =>
    tell('msg:custom', content, buffers.map(bytes));
  window.given(state);
  const url = URL.createObjectURL(new Blob([script], {type: 'text/javascript'}));
  const given = (await import(url)).default;
  const widget = typeof given === 'function' ? await given() : given;
  const end = await widget.render({model, el: document.querySelector('main')});
  window.end = end;
}
"""


class _Comm:
    """The Python end of the line: keeps what the widget sends until it is fetched."""

    comm_id = "bare"

    def __init__(self):
        self.sent = []

    def send(self, data=None, buffers=None, **_):
        self.sent.append((data, buffers or []))

    def on_msg(self, heed):
        """Take no notice: `Bare.sync` hands the messages over itself."""

    def close(self, **_):
        """End as a real one does."""


def _carried(value):
    """Return a value of a widget's state as JSON, bytes as text in an object."""
    return (
        {"bytes": base64.b64encode(value).decode()}
        if isinstance(value, bytes | memoryview)
        else value
    )


def _real(value):
    """Return a value from the page; its bytes come as ipywidgets hands them on."""
    if isinstance(value, dict) and set(value) == {"bytes"}:
        return memoryview(base64.b64decode(value["bytes"]))
    return value


def _whole(data, buffers):
    """Return an update's state with its buffers where they belong."""
    state = dict(data["state"])
    for path, buffer in zip(data.get("buffer_paths", []), buffers, strict=True):
        (name,) = path
        state[name] = buffer
    return state


class Bare:
    """One widget on a page of its own.

    Attributes:
        page: Playwright's page.
        bytes_sent: How many bytes the widget sent to it, pictures and all.
    """

    def __init__(self, page, widget, *, theme="light"):
        self.page = page
        self._widget = widget
        widget.comm = self._comm = _Comm()
        self.bytes_sent = 0
        style = ":root {" + ";".join(f"{k}:{v}" for k, v in THEMES[theme].items()) + "}"
        page.set_content(PAGE.replace("STYLE", style + widget._css))
        state = {k: _carried(v) for k, v in widget.get_state().items()}
        hidden = [name for name in state if name.startswith("_")]
        for name in hidden:
            del state[name]
        del state["layout"], state["tabbable"], state["tooltip"]
        page.evaluate(MODEL, {"script": widget._esm, "state": state})

    def sync(self):
        """Carry across what either end has sent, until neither has more to say."""
        while True:
            from_page = self.page.evaluate("window.sent.splice(0)")
            for message in from_page:
                if message["method"] == "update":
                    state = {k: _real(v) for k, v in message["state"].items()}
                    self._widget.set_state(state)
                else:
                    parts = map(base64.b64decode, message["buffers"])
                    self._widget._handle_custom_msg(message["content"], list(parts))
            from_python, self._comm.sent = self._comm.sent, []
            for data, buffers in from_python:
                self.bytes_sent += len(json.dumps(data)) + sum(map(len, buffers))
                self._give(data, buffers)
            if not from_page and not from_python:
                return

    def _give(self, data, buffers):
        if data["method"] == "update":
            state = {k: _carried(v) for k, v in _whole(data, buffers).items()}
            self.page.evaluate("state => window.given(state)", state)
        elif data["method"] == "custom":
            texts = [base64.b64encode(buffer).decode() for buffer in buffers]
            give = "([content, buffers]) => window.told(content, buffers)"
            self.page.evaluate(give, [data["content"], texts])
