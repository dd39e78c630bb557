// The steps of a chain as a tree of pictures. Text and bytes come as traits, and so does
// the place of each step; nothing is fetched.
//
// To a screen reader it is a list, not role=tree: a straight chain of fifty steps would
// be fifty levels deep, and a treeitem may not hold the buttons of its own menu. What a
// tree would tell, each step tells in words: its number, and the step it came from.

const STATES = { running: "Running", failed: "✕ Failed", unknown: "? Outcome unknown" };
const MANY = 8; // from here on a filter pays
let drawn = 0; // makes ids unique on a page with many strips

/** Make one step; `show` fills it, `mark` says what it is chosen for. */
function item(model, id, choose, menu) {
  const [number, star] = [node("span", "kx-number"), node("span", "kx-star", "★ Starred")];
  const more = make("button", "kx-more", { ariaHasPopup: "menu" }, "⋯");
  const [img, none] = [make("img", "kx-thumb", { loading: "lazy" }), node("span", "kx-none")];
  const from = node("span", "kx-mark", "✎ Editing from here");
  const other = node("span", "kx-mark", "⇄ Compared");
  const title = make("span", "kx-title", { dir: "auto" });
  const pick = make("button", "kx-pick", {}, title);
  const [detail, note] = ["kx-detail", "kx-detail kx-note"].map((c) => make("p", c, { dir: "auto" }));
  const about = [star, none, from, other, detail, note];
  for (const part of about) part.id = `kx-about-${(drawn += 1)}`;
  pick.setAttribute("aria-describedby", about.map((part) => part.id).join(" "));
  const li = make(
    "li",
    "kx-step",
    {},
    make("div", "kx-head", {}, number, star, more),
    make("div", "kx-frame", {}, img, none, make("div", "kx-marks", {}, from, other)),
    pick,
    detail,
    note,
  );
  li.dataset.id = id;
  pick.onclick = (event) => choose(id, event.ctrlKey || event.metaKey || event.shiftKey);
  more.onclick = () => menu(id, more);

  let [state, told] = [];
  const picture = () => {
    none.hidden = paint(img, STATES[state] ? null : model.get(`thumb:${id}`));
    none.textContent = none.hidden ? "" : (STATES[state] ?? "No picture yet");
  };
  const event = `change:thumb:${id}`;
  model.on(event, picture);
  return {
    li,
    pick,
    more,
    show(step) {
      const whole = JSON.stringify(step);
      if (told === whole) return; // so that a star is not fifty steps laid out anew
      told = whole;
      const name = step.name || step.title;
      li.dataset.state = state = step.state ?? "done";
      li.title = [name, step.name && step.title, step.note].filter(Boolean).join("\n");
      number.textContent = step.number || "Source";
      star.hidden = !step.starred;
      title.textContent = name;
      detail.textContent = [step.origin, step.detail].filter(Boolean).join(" · ");
      note.textContent = step.note ? `Note: ${step.note}` : "";
      img.alt = step.alt || step.title;
      pick.ariaLabel = `${step.called}: ${name}`;
      more.ariaLabel = `Actions for ${step.called}`;
      li.style.gridArea = `${step.row + 1} / ${step.column + 1}`;
      li.dataset.rows = step.rows;
      li.style.setProperty("--kx-rows", step.rows);
      picture();
    },
    mark(chosen, compared) {
      li.ariaCurrent = chosen ? "step" : null;
      from.hidden = !chosen;
      other.hidden = !compared;
    },
    stop: (here) => (pick.tabIndex = more.tabIndex = here ? 0 : -1),
    release() {
      model.off(event, picture);
      unpaint(img);
      li.remove();
    },
  };
}

/** Return the step that an arrow key leads to from `at`, or nothing. */
function neighbour(steps, at, key) {
  if (key === "Home") return steps[0];
  if (key === "End") return steps.at(-1);
  const up = key === "ArrowLeft" && steps.find(({ id }) => id === at.parent);
  if (up) return up;
  const ways = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
  const [down, side] = ways[key] ?? [];
  const right = ({ column }) => column - at.column;
  return steps
    .filter((one) => one.row === at.row + down && (!side || right(one) * side > 0))
    .sort((a, b) => Math.abs(right(a)) - Math.abs(right(b)))[0];
}

/** Bring `li` into the row without moving the page under the reader. */
function reveal(list, li) {
  const [row, box] = [list, li].map((one) => one.getBoundingClientRect());
  if (box.left < row.left) list.scrollLeft -= row.left - box.left + 24;
  if (box.right > row.right) list.scrollLeft += box.right - row.right + 24;
}

export default {
  render({ model, el }) {
    const hint = node("span", "", "Click a step to edit from it, Shift-click to compare with it.");
    const only = make("input", "", { type: "checkbox" });
    const filter = make("label", "kx-filter", {}, only, "Starred only");
    const list = make("ol", "kx-steps", { role: "list" });
    const empty = node("p", "kx-detail", "No steps yet");
    const said = make("span", "", { role: "status" });
    const button = make("button", "kx-button");
    const root = make("div", "kx-strip", { role: "group", ariaLabel: "Edit chain" });
    root.append(make("div", "kx-tools", {}, hint, filter), list, empty);
    root.append(make("div", "kx-bar", {}, said, button));
    // A notebook takes Shift-mousedown for a selection of cells, scrolls, and so loses the
    // click. Without it there is a click all the same.
    root.onpointerdown = (event) => {
      if (event.shiftKey) event.preventDefault();
    };
    el.append(root);
    const { show, ask } = panel(root);
    const items = new Map();
    let steps = []; // those to be seen

    const find = (id) => steps.find((step) => step.id === id);
    const set = (name, value) => {
      model.set("removed", "");
      model.set(name, value);
      model.save_changes();
    };
    const act = (kind, step, value = null) => model.send({ kind, step, value });
    const choose = (id, second) => {
      if (second && id !== model.get("selected"))
        set("compared", id === model.get("compared") ? "" : id);
      else if (!STATES[find(id).state]) set("selected", id);
    };
    const actions = (id) => {
      const { number, name = "", note = "", starred } = find(id);
      const chosen = find(model.get("selected"));
      const anchor = items.get(id).more;
      const compare = id === model.get("compared") ? "Stop comparing" : `Compare with ${chosen?.called}`;
      const typed = (kind, label, value, tag) => () =>
        ask(anchor, label, value, tag, (text) => act(kind, id, text));
      return [
        ["Edit from here", "Enter", () => choose(id)],
        chosen && chosen.id !== id && [compare, "c", () => choose(id, true)],
        number && [starred ? "Remove the star" : "Star", "s", () => act("star", id, !starred)],
        number && ["Rename…", "n", typed("rename", "Name", name, "input")],
        number && ["Note…", "o", typed("note", "Note", note, "textarea")],
        number && ["Delete", "Delete", () => act("delete", id)],
      ].filter(Boolean);
    };
    const menu = (id, anchor) => show(anchor, items.get(id).li.title, actions(id));

    const stop = (id) => items.forEach((one, own) => one.stop(own === id));
    const idOf = (event) => event.target.closest(".kx-step")?.dataset.id;
    list.onkeydown = (event) => {
      const id = idOf(event);
      if (!id || event.ctrlKey || event.metaKey || event.altKey || event.key === "Enter") return;
      const to = neighbour(steps, find(id), event.key);
      const action = actions(id).find(([, key]) => key === event.key);
      if (to) items.get(to.id).pick.focus();
      else if (action) action[2]();
      else return;
      event.preventDefault();
    };
    list.addEventListener("focusin", (event) => stop(idOf(event)));

    const mark = () => {
      const [selected, compared] = [model.get("selected"), model.get("compared")];
      for (const [id, one] of items) one.mark(id === selected, id === compared);
      const here = items.get(selected) ?? items.values().next().value;
      if (here && !list.contains(document.activeElement)) stop(here.li.dataset.id);
      if (here) reveal(list, here.li);
      const [left, right] = [find(compared), find(selected)];
      const [words, does, run] = model.get("removed")
        ? [model.get("removed"), "Undo", () => act("undo", "")]
        : left && right && left !== right
          ? [`Comparing ${left.called} with ${right.called}.`, "Stop comparing", () => set("compared", "")]
          : [""];
      if (said.textContent !== words) said.textContent = words;
      button.textContent = does;
      button.hidden = !does;
      button.onclick = () => {
        here?.pick.focus(); // the button goes, and the focus would go with it
        run();
      };
    };
    const draw = () => {
      const all = model.get("steps");
      filter.hidden = all.length <= MANY;
      if (filter.hidden) only.checked = false;
      // What is starred is a row by itself: the steps between are not there to be seen.
      steps = only.checked
        ? all.filter((step) => step.starred).map((step, column) => ({ ...step, row: 0, column, rows: -1 }))
        : all;
      const kept = new Set(steps.map(({ id }) => id));
      let lost = false;
      for (const [id, one] of items)
        if (!kept.has(id)) {
          lost ||= one.li.contains(document.activeElement);
          one.release();
          items.delete(id);
        }
      steps.forEach((step, index) => {
        if (!items.has(step.id)) items.set(step.id, item(model, step.id, choose, menu));
        const one = items.get(step.id);
        one.show(step);
        if (list.children[index] !== one.li)
          list.insertBefore(one.li, list.children[index] ?? null);
      });
      list.classList.toggle("kx-noted", steps.some((step) => step.note));
      empty.hidden = steps.length > 0;
      empty.textContent = all.length ? "No starred steps" : "No steps yet";
      hint.hidden = all.length < 2;
      mark();
      if (lost) list.querySelector(".kx-pick[tabindex='0']")?.focus();
    };
    only.onchange = draw;
    // Only on the page do things have a place, and it changes with the window.
    const resized = new ResizeObserver(mark);
    resized.observe(list);
    const heard = { steps: draw, selected: mark, compared: mark, removed: mark };
    for (const name in heard) model.on(`change:${name}`, heard[name]);
    draw();
    return () => {
      for (const name in heard) model.off(`change:${name}`, heard[name]);
      resized.disconnect();
      for (const one of items.values()) one.release();
    };
  },
};
