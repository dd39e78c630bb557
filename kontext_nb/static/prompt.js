// The instruction: typed, sent with Ctrl+Enter, and hinted at while it is typed.

const MARKS = { info: "✎ Tip", warning: "⚠ Warning", error: "✕ Problem" };
const PAUSE_MS = 150;
const EARLY = "Not started: an edit still runs. Press again when it is done.";

/** Tell whether the caret can go no further up (or down) within the text. */
function atEdge(field, up) {
  const [text, at] = [field.value, field.selectionStart];
  if (at !== field.selectionEnd) return false;
  const beyond = up ? text.slice(0, at) : text.slice(at);
  if (beyond.includes("\n")) return false;
  if (!beyond) return true;
  // A long line is several on the screen: only what fits in one is the first or last.
  const line = up ? beyond : text.slice(text.lastIndexOf("\n", at - 1) + 1);
  const pen = document.createElement("canvas").getContext("2d");
  pen.font = getComputedStyle(field).font;
  return pen.measureText(line).width < field.clientWidth - 24;
}

export default {
  render({ model, el }) {
    const id = `kx-prompt-${(numbered += 1)}`;
    const field = make("textarea", "kx-field", { id, rows: 2, dir: "auto" });
    const label = make("label", "kx-name", { htmlFor: id }, "Instruction");
    const [run, cancel] = [press("Run", () => ask(), "kx-button kx-run"), press("Cancel", () => model.send({ kind: "cancel" }))];
    const hints = make("ul", "kx-hints", { role: "list", tabIndex: 0, ariaLabel: "Hints on the wording", ariaLive: "polite" });
    const queue = make("p", "kx-quiet kx-queue", { dir: "auto" });
    run.title = "Ctrl+Enter";
    const root = make("div", "kx-prompt", { role: "group", ariaLabel: "What to change" },
      label, make("div", "kx-line", {}, field, make("div", "kx-buttons", {}, run, cancel)), queue, hints);
    el.append(root);

    let [pause, place, draft, undo, early] = [0, -1, "", null, false];
    const get = (name) => model.get(name);
    const tell = (name, value) => {
      model.set(name, value);
      model.save_changes();
    };
    const save = () => {
      clearTimeout(pause);
      pause = 0;
      if (get("value") !== field.value) tell("value", field.value);
    };
    const ask = async () => {
      save();
      field.focus();
      const buffers = [];
      model.send({ kind: "run", seen: await seen(model, get("along"), buffers) }, undefined, buffers);
    };
    /** Write over the text so that the browser's own undo takes it back. */
    const write = (text, undoable) => {
      const old = field.value;
      undo = null;
      field.focus();
      field.select();
      if (!undoable || !document.execCommand(text ? "insertText" : "delete", false, text)) {
        field.value = text;
        if (undoable) undo = old;
      }
      field.setSelectionRange(text.length, text.length);
      save();
      draw();
    };
    const recall = (step) => {
      const known = get("history");
      const to = Math.max(-1, Math.min(place + step, known.length - 1));
      if (to === place) return;
      if (place < 0) draft = field.value;
      field.value = to < 0 ? draft : known[to];
      place = to;
      const at = step > 0 ? 0 : field.value.length;
      field.setSelectionRange(at, at);
      save();
    };
    field.oninput = () => {
      place = -1;
      clearTimeout(pause);
      pause = setTimeout(save, PAUSE_MS);
    };
    field.onblur = save;
    field.onkeydown = (event) => {
      const { key, ctrlKey, metaKey, altKey, shiftKey, isComposing } = event;
      if (isComposing || altKey || shiftKey) return;
      const up = key === "ArrowUp";
      if (key === "Enter" && (ctrlKey || metaKey)) {
        early = get("busy");
        if (early) draw();
        else ask();
      } else if ((up || key === "ArrowDown") && !ctrlKey && !metaKey && atEdge(field, up)) recall(up ? 1 : -1);
      else return;
      event.preventDefault();
      event.stopPropagation();
    };

    const hint = ({ severity, words, message, why, better, passes }) => {
      const said = make("span", "", {}, make("b", "kx-mark", {}, MARKS[severity]), " ");
      if (words) said.append(make("q", "", { dir: "auto" }, words), " ");
      said.append(message);
      const does = [];
      if (passes?.length)
        does.push(press(`As ${passes.length} passes`, () => {
          tell("following", passes.slice(1));
          write(passes[0], true);
        }));
      if (better) does.push(Object.assign(press("Fix", () => write(better, true)), { title: better }));
      return make("li", `kx-hint kx-${severity}`, { title: why }, said, ...does);
    };
    const draw = () => {
      const [busy, found, next] = ["busy", "findings", "following"].map(get);
      run.disabled = busy;
      cancel.disabled = !busy;
      early &&= busy;
      const drawn = JSON.stringify([found, undo, early]);
      if (hints.kxDrawn !== drawn) {
        const held = hints.contains(document.activeElement) && document.activeElement !== hints;
        hints.kxDrawn = drawn;
        hints.replaceChildren(...found.map(hint));
        if (undo !== null) hints.prepend(make("li", "kx-hint", {}, "Reworded.", press("Undo", () => write(undo))));
        if (early) hints.prepend(make("li", "kx-hint", {}, EARLY));
        if (!hints.children.length) hints.append(make("li", "kx-quiet", {}, get("tip")));
        if (held) field.focus();
      }
      queue.hidden = !next.length;
      queue.replaceChildren(`Then: ${next.join(" → ")} `, press("Forget", () => {
        tell("following", []);
        field.focus();
      }));
    };
    const suggest = () => (field.placeholder = get("placeholder"));
    const fill = () => {
      // What is being typed is not heard yet, and more than what was said before it.
      if (pause || field.value === get("value")) return;
      field.value = get("value");
      place = -1;
    };
    const heard = { value: fill, placeholder: suggest, busy: draw, findings: draw, following: draw, tip: draw };
    for (const name in heard) model.on(`change:${name}`, heard[name]);
    suggest();
    fill();
    draw();
    return () => {
      save();
      for (const name in heard) model.off(`change:${name}`, heard[name]);
    };
  },
};
