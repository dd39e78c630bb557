// What goes on, and what went wrong: said once to who cannot see it.

export default {
  render({ model, el }) {
    const said = make("span", "", { role: "status" });
    const ticking = make("span", "kx-quiet", { ariaHidden: "true" });
    const bar = make("div", "kx-bar", { ariaHidden: "true" }, make("i", "", {}));
    const alarm = make("div", "kx-alarm", { role: "alert" });
    const does = make("form", "kx-does", {});
    const root = make("div", "kx-said", {}, make("p", "kx-now", {}, said, " ", ticking), bar,
      make("div", "kx-wrong", {}, alarm, does));
    does.onsubmit = (event) => event.preventDefault();
    el.append(root);

    const text = (node, words) => node.textContent === words || (node.textContent = words);
    const now = () => {
      text(said, model.get("said"));
      text(ticking, model.get("ticking"));
      const share = model.get("share");
      bar.style.visibility = share < 0 ? "hidden" : "";
      bar.firstChild.style.width = `${100 * Math.min(1, Math.max(0, share))}%`;
    };
    const wrong = () => {
      const { problem = "", remedy = "", choices = [], number } = model.get("alarm");
      const held = does.contains(document.activeElement);
      text(alarm, [problem && `✕ ${problem}`, remedy].filter(Boolean).join(" "));
      does.replaceChildren(...choices.map(({ key, label, asks, title = "" }) => {
        const field = asks && make("input", "kx-field", { placeholder: asks, ariaLabel: asks, dir: "auto" });
        const send = press(label, () => model.send({ kind: "choose", number, key, text: field ? field.value.trim() : "" }));
        send.title = title;
        if (!field) return send;
        field.onkeydown = (event) => {
          if (event.key === "Enter") send.click();
        };
        return make("span", "kx-pair", {}, field, send);
      }));
      root.lastChild.hidden = !problem;
      if (held) (does.querySelector("button") ?? el.closest(".kx-editor")?.querySelector("textarea"))?.focus();
    };
    const heard = { said: now, ticking: now, share: now, alarm: wrong };
    for (const name in heard) model.on(`change:${name}`, heard[name]);
    now();
    wrong();
    return () => {
      for (const name in heard) model.off(`change:${name}`, heard[name]);
    };
  },
};
