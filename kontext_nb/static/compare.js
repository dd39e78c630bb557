// Pictures side by side. Text and bytes come as traits; nothing is fetched.

function side(picture, index) {
  const figure = node("figure", "kx-side");
  const caption = node("figcaption", "kx-caption");
  const label = node("span", "kx-label", picture.label);
  const img = node("img", "kx-picture");
  const missing = index ? "No result yet" : "No picture yet";
  const empty = node("p", "kx-empty", missing);
  label.dir = "auto";
  caption.append(label, node("span", "kx-size", picture.size));
  figure.append(caption, img, empty);
  img.alt = picture.alt || picture.label;
  empty.hidden = paint(img, picture.preview);
  img.onerror = () => {
    img.hidden = true;
    empty.hidden = false;
    empty.textContent = "This picture cannot be shown";
  };
  return { figure, release: () => unpaint(img) };
}

export default {
  render({ model, el }) {
    const root = node("div", "kx-compare");
    const pair = node("div", "kx-pair");
    const footer = node("p", "kx-footer");
    root.setAttribute("role", "group");
    root.append(pair, footer);
    el.append(root);

    let sides = [];
    const release = () => sides.forEach((one) => one.release());
    const draw = () => {
      release();
      sides = model.get("pictures").map(side);
      pair.replaceChildren(...sides.map(({ figure }) => figure));
      footer.textContent = model.get("footer");
      footer.hidden = !footer.textContent;
      const labels = model.get("pictures").map(({ label }) => label);
      root.setAttribute("aria-label", `Comparison: ${labels.join(", ")}`);
    };
    model.on("change:pictures", draw);
    model.on("change:footer", draw);
    draw();
    return () => {
      model.off("change:pictures", draw);
      model.off("change:footer", draw);
      release();
    };
  },
};
