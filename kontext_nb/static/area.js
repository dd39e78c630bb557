// Where a change may show: a rectangle on the picture, drawn by mouse or by keys.

const HELP =
  "Drag on the picture, or press Enter there. Arrows move the area, Shift and arrows size it, Escape takes it away.";
const WAYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const STEPS = 50; // key presses from one side of the picture to the other
const LEAST = 0.01; // of a side: what is smaller was a click

export default {
  render({ model, el }) {
    const help = make("p", "kx-quiet", { id: `kx-area-${(numbered += 1)}` }, HELP);
    const img = make("img", "kx-picture", { draggable: false });
    const mark = make("div", "kx-mark");
    const pane = make("div", "kx-pane", { tabIndex: 0, role: "application" }, img, mark);
    pane.ariaLabel = "Area on the picture";
    pane.setAttribute("aria-describedby", help.id);
    const said = make("p", "", { role: "status" });
    const undo = press("Undo", () => model.send({ kind: "undo" }));
    const clear = press("Take it away", () => keep([]));
    const row = make("div", "kx-row", {}, said, undo, clear);
    const root = { role: "group", ariaLabel: "Where it may change" };
    el.append(make("div", "kx-area", root, help, pane, row));

    let box = [];
    let drag; // where the pointer went down, and the box that it moves, if it is in it
    const size = () => [model.get("width"), model.get("height")];
    const clamp = (low, n, high) => Math.min(Math.max(n, low), high);

    function keep(next) {
      box = next.map(Math.round);
      model.set("box", box);
      model.save_changes();
      draw();
    }
    function draw() {
      const [width, height] = size();
      const [left, top, right, bottom] = box;
      mark.hidden = !box.length;
      if (box.length)
        Object.assign(mark.style, {
          left: `${(100 * left) / width}%`,
          top: `${(100 * top) / height}%`,
          width: `${(100 * (right - left)) / width}%`,
          height: `${(100 * (bottom - top)) / height}%`,
        });
      undo.disabled = !model.get("can_undo");
      clear.disabled = !box.length;
      if (drag) return; // else every pixel of the way would be said
      const [w, h, x, y] = [right - left, bottom - top, left, top].map(Math.round);
      const words = box.length
        ? `Area of ${w}×${h} pixels at ${x}, ${y}`
        : "No area yet: the change may show anywhere.";
      if (said.textContent !== words) said.textContent = words;
    }
    /** Return a box moved by pixels, and no further than the picture goes. */
    function moved([left, top, right, bottom], by) {
      const [width, height] = size();
      const x = clamp(-left, by[0], width - right);
      const y = clamp(-top, by[1], height - bottom);
      return [left + x, top + y, right + x, bottom + y];
    }
    function sized([left, top, right, bottom], by) {
      const [width, height] = size();
      const least = [width, height].map((side) => Math.max(1, LEAST * side));
      return [
        left,
        top,
        clamp(left + least[0], right + by[0], Math.max(width, left + least[0])),
        clamp(top + least[1], bottom + by[1], Math.max(height, top + least[1])),
      ];
    }
    function at(event) {
      const edge = img.getBoundingClientRect();
      const [width, height] = size();
      return [
        clamp(0, ((event.clientX - edge.left) / edge.width) * width, width),
        clamp(0, ((event.clientY - edge.top) / edge.height) * height, height),
      ];
    }

    pane.onpointerdown = (event) => {
      if (event.button || img.hidden) return;
      pane.setPointerCapture(event.pointerId);
      const [x, y] = at(event);
      const inside = box.length && x > box[0] && x < box[2] && y > box[1] && y < box[3];
      drag = { from: [x, y], own: inside && box, old: box };
    };
    pane.onpointermove = (event) => {
      if (!drag) return;
      const [[x, y], [a, b]] = [at(event), drag.from];
      box = drag.own
        ? moved(drag.own, [x - a, y - b])
        : [Math.min(a, x), Math.min(b, y), Math.max(a, x), Math.max(b, y)];
      draw();
    };
    pane.onpointerup = () => {
      if (!drag) return;
      const { old } = drag;
      drag = undefined;
      const [width, height] = size();
      const real = box[2] - box[0] > LEAST * width && box[3] - box[1] > LEAST * height;
      if (box !== old && real) return keep(box);
      box = old;
      draw();
    };
    pane.onpointercancel = () => {
      box = drag?.old ?? box;
      drag = undefined;
      draw();
    };
    pane.onkeydown = (event) => {
      const [width, height] = size();
      const way = WAYS[event.key]?.map((n, i) => (n * [width, height][i]) / STEPS);
      if ((event.ctrlKey || event.metaKey) && event.key === "z") undo.click();
      else if (event.ctrlKey || event.metaKey || event.altKey) return;
      else if (event.key === "Escape" && box.length) keep([]);
      else if (event.key === "Enter" || (way && !box.length))
        keep(box.length ? box : [width / 4, height / 4, (3 * width) / 4, (3 * height) / 4]);
      else if (way) keep((event.shiftKey ? sized : moved)(box, way));
      else return;
      event.preventDefault();
      event.stopPropagation();
    };

    function follow() {
      paint(img, model.get("picture"));
      img.alt = model.get("alt");
      if (!drag) box = model.get("box");
      draw();
    }
    const heard = ["picture", "alt", "width", "height", "box", "can_undo"];
    for (const name of heard) model.on(`change:${name}`, follow);
    follow();
    return () => {
      for (const name of heard) model.off(`change:${name}`, follow);
      unpaint(img);
    };
  },
};
