// Source and result side by side. Text and bytes come as traits; nothing is fetched.

const TRAITS = ["", "_label", "_size", "_alt"];

function side(name, model) {
  const missing = name === "left" ? "No picture yet" : "No result yet";
  const figure = node("figure", "kx-side");
  const caption = node("figcaption", "kx-caption");
  const label = node("span", "kx-label");
  const size = node("span", "kx-size");
  const img = node("img", "kx-picture");
  const empty = node("p", "kx-empty");
  caption.append(label, size);
  figure.append(caption, img, empty);
  label.dir = "auto";

  const draw = () => {
    label.textContent = model.get(`${name}_label`);
    size.textContent = model.get(`${name}_size`);
    img.alt = model.get(`${name}_alt`) || label.textContent;
    empty.hidden = paint(img, model.get(name));
    empty.textContent = img.kxBroken ? "This picture cannot be shown" : missing;
  };
  img.onerror = () => {
    img.kxBroken = true;
    draw();
  };
  return { figure, draw, release: () => unpaint(img) };
}

export default {
  render({ model, el }) {
    const root = node("div", "kx-compare");
    const pair = node("div", "kx-pair");
    const footer = node("p", "kx-footer");
    const sides = ["left", "right"].map((name) => side(name, model));
    root.setAttribute("role", "group");
    pair.append(...sides.map(({ figure }) => figure));
    root.append(pair, footer);
    el.append(root);

    const draw = () => {
      sides.forEach((one) => one.draw());
      footer.textContent = model.get("footer");
      footer.hidden = !footer.textContent;
      const [left, right] = [model.get("left_label"), model.get("right_label")];
      root.setAttribute("aria-label", `Comparison: ${left}, ${right}`);
    };
    const events = ["left", "right"]
      .flatMap((name) => TRAITS.map((trait) => `change:${name}${trait}`))
      .concat("change:footer");
    events.forEach((event) => model.on(event, draw));
    draw();
    return () => {
      events.forEach((event) => model.off(event, draw));
      sides.forEach(({ release }) => release());
    };
  },
};
