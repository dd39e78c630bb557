// The steps of a chain in a row. Text and bytes come as traits; nothing is fetched.

let drawn = 0; // makes ids unique on a page with many strips

function item(id, choose) {
  const li = node("li", "kx-step");
  const img = node("img", "kx-thumb");
  const empty = node("span", "kx-thumb kx-none", "No picture yet");
  const title = node("p", "kx-title");
  const note = node("p", "kx-note");
  const button = node("button", "kx-from");
  li.append(img, empty, title, note, button);
  button.type = "button";
  // Else a key pressed here is also a command of the notebook ("b" adds a cell).
  button.dataset.lmSuppressShortcuts = "true";
  title.id = `kx-step-${(drawn += 1)}`;
  title.dir = "auto";
  button.setAttribute("aria-describedby", title.id);
  button.onclick = img.onclick = () => choose(id);

  const show = (step, index) => {
    const from = step.parent ?? index - 1;
    const branch = from === index - 1 ? "" : `from ${from ? `step ${from}` : "source"}`;
    title.textContent = title.title = step.title;
    note.textContent = [index ? `${index}` : "", branch, step.note]
      .filter(Boolean)
      .join(" · ");
    img.alt = step.alt || step.title;
    empty.hidden = paint(img, step.thumb);
  };
  const mark = (chosen) => {
    if (chosen) li.setAttribute("aria-current", "step");
    else li.removeAttribute("aria-current");
    button.textContent = chosen ? "Editing from here" : "Edit from here";
  };
  return { li, button, show, mark, release: () => unpaint(img) };
}

/** Move the focus with the arrow keys, so that fifty steps are one stop of Tab. */
function arrows(list) {
  list.addEventListener("keydown", (event) => {
    const buttons = [...list.querySelectorAll("button")];
    const at = buttons.indexOf(event.target);
    const to = {
      ArrowLeft: at - 1,
      ArrowRight: at + 1,
      Home: 0,
      End: buttons.length - 1,
    }[event.key];
    if (to === undefined || at < 0) return;
    event.preventDefault();
    buttons[Math.min(Math.max(to, 0), buttons.length - 1)].focus();
  });
  list.addEventListener("focusin", (event) => {
    for (const button of list.querySelectorAll("button"))
      button.tabIndex = button === event.target ? 0 : -1;
  });
}

/** Bring `li` into the row without moving the page under the reader. */
function reveal(list, li) {
  const [row, box] = [list.getBoundingClientRect(), li.getBoundingClientRect()];
  if (box.left < row.left) list.scrollLeft -= row.left - box.left + 12;
  if (box.right > row.right) list.scrollLeft += box.right - row.right + 12;
}

export default {
  render({ model, el }) {
    const root = node("div", "kx-strip");
    const list = node("ol", "kx-steps");
    const empty = node("p", "kx-note", "No steps yet");
    root.setAttribute("role", "group");
    root.setAttribute("aria-label", "Edit chain");
    list.setAttribute("role", "list");
    root.append(list, empty);
    el.append(root);
    arrows(list);

    const items = new Map();
    const choose = (id) => {
      model.set("selected", id);
      model.save_changes();
    };
    const mark = () => {
      const chosen = items.get(model.get("selected"));
      for (const one of items.values()) one.mark(one === chosen);
      const stop = chosen ?? items.values().next().value;
      if (!list.contains(document.activeElement))
        for (const one of items.values()) one.button.tabIndex = one === stop ? 0 : -1;
      if (chosen) reveal(list, chosen.li);
    };
    // Only on the page do things have a place, and it changes with the window.
    const resized = new ResizeObserver(mark);
    resized.observe(list);
    const draw = () => {
      const steps = model.get("steps");
      const wanted = new Set(steps.map(({ id }) => id));
      for (const [id, one] of items)
        if (!wanted.has(id)) {
          one.release();
          one.li.remove();
          items.delete(id);
        }
      steps.forEach((step, index) => {
        if (!items.has(step.id)) items.set(step.id, item(step.id, choose));
        const one = items.get(step.id);
        one.show(step, index);
        if (list.children[index] !== one.li)
          list.insertBefore(one.li, list.children[index] ?? null);
      });
      empty.hidden = steps.length > 0;
      mark();
    };
    model.on("change:steps", draw);
    model.on("change:selected", mark);
    draw();
    return () => {
      model.off("change:steps", draw);
      model.off("change:selected", mark);
      resized.disconnect();
      for (const one of items.values()) one.release();
    };
  },
};
