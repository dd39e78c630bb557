// What can be done with one step: a small menu, and a line or two to type in.

/** Return what opens the panel beside `anchor`: as a menu, or to ask for words. */
function panel(root) {
  // On top of the page, since a cell's output cuts off whatever sticks out of it.
  const box = make("div", "kx-menu", { popover: "auto" });
  root.append(box);
  let back;
  const open = (anchor, first, ...content) => {
    back = anchor;
    box.replaceChildren(...content);
    box.showPopover();
    const [at, own] = [anchor, box].map((one) => one.getBoundingClientRect());
    const below = at.bottom + own.height < innerHeight;
    box.style.top = `${Math.max(4, below ? at.bottom : at.top - own.height)}px`;
    box.style.left = `${Math.max(4, Math.min(at.left, innerWidth - own.width - 8))}px`;
    first.focus();
  };
  const close = () => {
    box.hidePopover();
    if (back.isConnected) back.focus();
  };
  // Escape closes it too; who was led here by keys must not be left nowhere.
  box.ontoggle = (event) => {
    const closed = event.newState === "closed";
    if (closed && box.contains(document.activeElement) && back.isConnected) back.focus();
  };

  /** Open a menu; `entries` are [words, key, what to do]. */
  const show = (anchor, about, entries) => {
    const all = entries.map(([words, key, run]) => {
      const hint = make("kbd", "kx-key", { ariaHidden: "true" }, key);
      const role = { role: "menuitem", tabIndex: -1, ariaKeyShortcuts: key };
      const onclick = () => {
        close();
        run();
      };
      return make("button", "kx-entry", { ...role, onclick }, words, hint);
    });
    const list = make("div", "", { role: "menu", ariaLabel: "Actions" }, ...all);
    list.onkeydown = (event) => {
      const at = all.indexOf(event.target);
      const to = { ArrowUp: at - 1, ArrowDown: at + 1, Home: 0, End: -1 }[event.key];
      if (event.key === "Tab") close();
      else if (to === undefined) return;
      else all.at(to % all.length).focus();
      event.preventDefault();
    };
    open(anchor, all[0], make("p", "kx-about", { dir: "auto" }, about), list);
  };

  /** Ask for words, which may be none, and hand them to `give`. */
  const ask = (anchor, label, value, tag, give) => {
    const long = tag === "textarea";
    const field = make(tag, "kx-field", { value, dir: "auto", maxLength: long ? 1000 : 120 });
    const save = (event) => {
      event.preventDefault();
      close();
      give(field.value.trim());
    };
    field.onkeydown = (event) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) save(event);
    };
    const cancel = make("button", "kx-button", { type: "button", onclick: close }, "Cancel");
    open(
      anchor,
      field,
      make("form", "kx-form", { onsubmit: save }, make("label", "", {}, label, field),
        make("button", "kx-button", {}, "Save"), cancel),
    );
  };
  return { show, ask };
}
