// A comparison as a page of its own: here this file is what the kernel is to a notebook.

/** Keep the state of a view, and answer what it asks of Python. */
function offline({ state, full }) {
  const heard = {};
  const tell = (event, ...more) => heard[event]?.forEach((hear) => hear(...more));
  const bytes = (text) =>
    new DataView(Uint8Array.from(atob(text), (char) => char.charCodeAt(0)).buffer);
  for (const picture of [...state.pictures, state.previous])
    if (picture.key) picture.preview = bytes(picture.preview);
  for (const map of Object.values(state.maps)) map.overlay = bytes(map.overlay);
  return {
    get: (name) => state[name],
    set(name, value) {
      state[name] = value;
      tell("change");
    },
    save_changes() {},
    on: (event, hear) => (heard[event] ??= new Set()).add(hear),
    off: (event, hear) => heard[event].delete(hear),
    send({ kind, key }) {
      setTimeout(() => tell("msg:custom", { kind, key }, [bytes(full[key])]));
    },
  };
}

// Named, so that whoever opens the page can drive it as Python drives the view.
globalThis.comparison = offline(JSON.parse(document.getElementById("pictures").textContent));
view.render({ model: comparison, el: document.getElementById("comparison") });
