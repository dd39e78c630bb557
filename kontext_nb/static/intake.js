// Pictures come in: dropped, pasted, or chosen; and samples to try things on.
// It is the part that every Editor has, so it also hears what is meant for all of it.

const PART_BYTES = 1 << 20;
const TYPES = ["image/png", "image/jpeg", "image/webp"];

/** Return why a file cannot be used, or "". */
function fault({ type, size }, mostBytes) {
  if (!TYPES.includes(type)) return "It is no PNG, JPEG or WebP picture. Save it as one of these.";
  if (size > mostBytes) return `It has over ${mostBytes >> 20} MiB. Save it smaller.`;
  return size ? "" : "It is empty. Choose another one.";
}

export default {
  render({ model, el }) {
    const input = make("input", "", { type: "file", accept: TYPES.join(), hidden: true });
    const open = press("Open a picture…", () => input.click());
    const first = make("b", "", {}, "Edit a picture by saying what to change.");
    const hint = make("span", "kx-quiet", {}, "or drop or paste one here: PNG, JPEG or WebP");
    const wrong = make("p", "kx-alarm", { role: "alert" });
    const said = make("p", "kx-quiet", { role: "status" });
    const samples = make("p", "kx-samples", {});
    const root = make("div", "kx-intake", { role: "group", ariaLabel: "Pictures" },
      make("div", "kx-zone", {}, first, open, hint, input), samples, said, wrong);
    el.append(root);

    let sent = "";
    const tell = (error, progress = "") => {
      wrong.textContent = error && `✕ ${error}`;
      said.textContent = progress;
    };
    const give = async (files) => {
      const file = [...files].find(({ type }) => type.startsWith("image/")) ?? files[0];
      const bad = file ? fault(file, model.get("most_bytes")) : "There is no file in it. Save the picture first, then open it.";
      if (bad) return tell(file ? `${file.name}: ${bad}` : bad);
      const [id, name] = [`${Math.random()}`, file.name]; // no other view has that
      sent = id;
      tell("", `Sending ${name}…`);
      model.send({ kind: "start", id, name, size: file.size });
      for (let at = 0; at < file.size && id === sent; at += PART_BYTES) {
        const part = await file.slice(at, at + PART_BYTES).arrayBuffer();
        model.send({ kind: "part", id, at }, undefined, [part]);
        if (file.size > PART_BYTES) said.textContent = `Sending ${name}… ${Math.round((100 * at) / file.size)} %`;
      }
    };
    input.onchange = () => {
      give(input.files);
      input.value = ""; // the same file may be chosen again
    };

    // The whole Editor takes what is dropped or pasted on it, not only this corner.
    let area;
    const holds = ({ dataTransfer, clipboardData }) => [...((dataTransfer ?? clipboardData)?.types ?? [])].includes("Files");
    const taken = (event) => {
      if (!holds(event)) return false;
      event.preventDefault();
      event.stopPropagation();
      return true;
    };
    const over = (event) => taken(event) && area.classList.add("kx-over");
    const out = (event) => area.contains(event.relatedTarget) || area.classList.remove("kx-over");
    const drop = (event) => {
      area.classList.remove("kx-over");
      if (taken(event)) give(event.dataTransfer.files);
    };
    const paste = (event) => taken(event) && give(event.clipboardData.files);
    // No key pressed in it is a command of the notebook either. That asks only what has
    // the focus, and the lists and buttons that ipywidgets makes do not say so themselves.
    const focusin = ({ target }) => (target.dataset.lmSuppressShortcuts = "true");
    const heardOn = { dragenter: over, dragover: over, dragleave: out, drop, paste, focusin };
    const listen = () => {
      area = root.closest(".kx-editor") ?? root;
      for (const name in heardOn) area.addEventListener(name, heardOn[name]);
    };
    // It is put on the page only after this returns.
    const waiting = requestAnimationFrame(listen);

    const draw = () => {
      const names = model.get("samples");
      open.textContent = model.get("compact") ? "Open another picture…" : "Open a picture…";
      root.classList.toggle("kx-compact", model.get("compact"));
      first.hidden = model.get("compact");
      samples.hidden = first.hidden || !names.length;
      samples.replaceChildren("Or try a sample: ", ...names.map((name) => press(name, () => model.send({ kind: "sample", name }))));
    };
    const told = () => tell(model.get("error"), model.get("note"));
    const heard = { samples: draw, compact: draw, error: told, note: told };
    for (const name in heard) model.on(`change:${name}`, heard[name]);
    draw();
    told();
    return () => {
      sent = "";
      cancelAnimationFrame(waiting);
      if (area) for (const name in heardOn) area.removeEventListener(name, heardOn[name]);
      for (const name in heard) model.off(`change:${name}`, heard[name]);
    };
  },
};
