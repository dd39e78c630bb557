// What the kernel made, given to the person at the browser: a file to keep, text to copy.

const KEPT_MS = 60_000; // a browser may still ask whether and where to save

export default {
  render({ model, el }) {
    const root = document.createElement("div");
    const [box, code] = [document.createElement("section"), document.createElement("textarea")];
    const [bar, copy] = [document.createElement("div"), document.createElement("button")];
    const said = document.createElement("span");
    root.className = "kx-handout";
    // Else a key pressed here is also a command of the notebook ("b" adds a cell).
    code.dataset.lmSuppressShortcuts = copy.dataset.lmSuppressShortcuts = "true";
    code.readOnly = true;
    code.spellcheck = false;
    code.ariaLabel = "Python code";
    copy.type = "button";
    copy.textContent = "Copy";
    said.role = "status";
    bar.append(copy, said);
    box.append(code, bar);
    root.append(box);
    el.append(root);

    const show = () => {
      code.value = model.get("code");
      code.rows = Math.min(16, code.value.split("\n").length + 1);
      box.hidden = !code.value;
      said.textContent = "";
    };
    copy.onclick = async () => {
      code.select();
      try {
        await navigator.clipboard.writeText(code.value);
        said.textContent = "Copied.";
      } catch {
        // Not allowed in every frame; the older way asks nobody.
        const done = document.execCommand("copy");
        said.textContent = done ? "Copied." : "Press Ctrl+C to copy what is selected.";
      }
    };
    const take = ({ download }, [bytes]) => {
      const link = document.createElement("a");
      link.download = download;
      link.href = URL.createObjectURL(new Blob([bytes]));
      root.append(link);
      link.click();
      link.remove();
      setTimeout(() => URL.revokeObjectURL(link.href), KEPT_MS);
    };
    model.on("change:code", show);
    model.on("msg:custom", take);
    show();
    return () => {
      model.off("change:code", show);
      model.off("msg:custom", take);
    };
  },
};
