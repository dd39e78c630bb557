// Where a change may show: a rectangle, or what is painted on the picture; by mouse, pen,
// touch or keys.

const TOOLS = {
  box: ["Rectangle", "Drag on the picture, or press Enter there. Arrows move the area, Shift and arrows size it."],
  brush: ["Brush", "Paint on the picture. Arrows move the brush, Enter or Shift and arrows paint."],
  eraser: ["Eraser", "Rub out on the picture. Arrows move the eraser, Enter or Shift and arrows rub out."],
};
const HELP = "Escape takes the area away.";
const WAYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const STEPS = 50; // key presses from one side of the picture to the other
const LEAST = 0.01; // of a side: what is smaller was a click
const NONE = new DataView(new ArrayBuffer());
const clamp = (low, n, high) => Math.min(Math.max(n, low), high);

export default () => {
  const past = areasBefore();
  const follows = new Set(); // one of each view
  let giving = false;
  return { render };

  function render({ model, el }) {
    const help = make("p", "kx-quiet", { id: `kx-area-${(numbered += 1)}` });
    const img = make("img", "kx-picture", { draggable: false });
    const canvas = make("canvas", "kx-bright", { ariaHidden: "true", width: 1, height: 1 });
    const ring = make("div", "kx-ring", {});
    const pane = make("div", "kx-pane", { tabIndex: 0, role: "application" }, img, canvas, ring);
    pane.ariaLabel = "Area on the picture";
    pane.setAttribute("aria-describedby", help.id);
    const radios = Object.keys(TOOLS).map((value) =>
      make("input", "kx-radio", { type: "radio", name: `${help.id}-tool`, value, onchange: () => set({ tool: value }) }));
    const labels = radios.map((radio) => make("label", "kx-tool", {}, radio, TOOLS[radio.value][0]));
    const tools = make("div", "kx-tools", { role: "radiogroup", ariaLabel: "Tool" }, ...labels);
    const range = make("input", "kx-range", { type: "range", min: 1, max: 30, oninput: () => set({ brush: range.value / 100 }) });
    const pixels = make("span", "kx-pixels", { ariaHidden: "true" }); // the slider says it
    const wide = make("label", "kx-wide", {}, "Size", range, pixels);
    const said = make("p", "", { role: "status" });
    const undo = press("Undo", () => back());
    const clear = press("Clear", () => keep([], NONE));
    const bars = [make("div", "kx-row", {}, tools, wide), help, pane, make("div", "kx-row", {}, said, make("div", "kx-ways", {}, undo, clear))];
    const root = make("div", "kx-area", { role: "group", ariaLabel: "Where it may change" }, ...bars);
    el.append(root);

    const ink = inkOn(canvas, img);
    let box = [];
    let drag; // where the pointer was, and for a rectangle what it moves
    let spot; // the middle of the brush
    let byKeys = false; // was it moved so? Then it is said where it is
    let calls = 0;
    let ended = false;
    const size = () => [model.get("width"), model.get("height")];
    const scaled = (point) => point.map((n) => (n * img.naturalWidth) / model.get("width"));
    const tool = () => model.get("tool");
    const paints = () => tool() !== "box";
    const width = () => model.get("brush") * Math.max(...size()); // of the brush
    const isAny = () => box.length > 0 || model.get("painted")?.byteLength > 0;

    function set(traits) {
      for (const name in traits) model.set(name, traits[name]);
      model.save_changes();
    }
    function give([box, painted]) {
      giving = true; // no view takes the half of it for an area
      set({ box, painted });
      giving = false;
      for (const one of follows) one();
    }
    const keep = (next, painted) => {
      const given = [next.map(Math.round), painted];
      past.remember(given, size());
      give(given);
    };
    const back = () => past.any && give(past.back());
    const keepPaint = () => keep([], ink.share() ? ink.png() : NONE);
    function words() {
      const [left, top, right, bottom] = box;
      if (box.length) return `Area of ${right - left}×${bottom - top} pixels at ${left}, ${top}`;
      if (isAny()) return `Painted: ${Math.max(1, Math.round(100 * ink.share()))} % of the picture`;
      return "No area yet: the change may show anywhere.";
    }
    /** Show all but the pixels. */
    function draw() {
      root.dataset.tool = tool();
      for (const radio of radios) radio.checked = radio.value === tool();
      help.textContent = `${TOOLS[tool()][1]} ${HELP}`;
      wide.hidden = !paints();
      range.value = 100 * model.get("brush");
      pixels.textContent = range.ariaValueText = `${Math.round(width())} pixels`;
      aim(spot ?? size().map((side) => side / 2));
      undo.disabled = !past.any;
      clear.disabled = !isAny();
      root.classList.toggle("kx-some", isAny() || (paints() && !!drag));
      if (drag) return; // else all of the way would be said
      const at = byKeys && paints() ? ` · ${TOOLS[tool()][0]} at ${spot.map(Math.round).join(", ")}` : "";
      const text = words() + at;
      if (said.textContent !== text) said.textContent = text;
    }
    /** Put the brush somewhere. */
    function aim(point) {
      const sides = size();
      if (!sides[0]) return;
      spot = point.map((n, i) => clamp(0, n, sides[i]));
      const [left, top] = spot.map((n, i) => `${(100 * n) / sides[i]}%`);
      Object.assign(ring.style, { left, top, width: `${(100 * width()) / sides[0]}%` });
    }
    function stroke(to) {
      box = [];
      const from = spot;
      aim(to);
      ink.stroke(scaled(from), scaled(spot), ...scaled([width()]), tool() === "eraser");
    }

    /** Return a box moved by pixels, and no further than the picture goes. */
    function moved([left, top, right, bottom], by) {
      const [w, h] = size();
      const x = clamp(-left, by[0], w - right);
      const y = clamp(-top, by[1], h - bottom);
      return [left + x, top + y, right + x, bottom + y];
    }
    function grown([left, top, right, bottom], by) {
      const [w, h] = size();
      const least = [w, h].map((side) => Math.max(1, LEAST * side));
      return [
        left,
        top,
        clamp(left + least[0], right + by[0], Math.max(w, left + least[0])),
        clamp(top + least[1], bottom + by[1], Math.max(h, top + least[1])),
      ];
    }
    function at(event) {
      const edge = img.getBoundingClientRect();
      const parts = [(event.clientX - edge.left) / edge.width, (event.clientY - edge.top) / edge.height];
      return parts.map((part, i) => clamp(0, part, 1) * size()[i]);
    }
    const within = ([x, y]) => box.length && x > box[0] && x < box[2] && y > box[1] && y < box[3];

    pane.onpointerdown = (event) => {
      if (event.button || !event.isPrimary || img.hidden) return;
      pane.setPointerCapture(event.pointerId);
      const from = at(event);
      drag = { from, own: within(from) && box, real: paints(), sized: `${size()}` };
      if (!paints()) return;
      aim(from);
      stroke(from);
      draw();
    };
    pane.onpointermove = (event) => {
      if (!event.isPrimary) return;
      byKeys = false;
      const here = at(event);
      pane.style.cursor = !paints() && within(drag?.from ?? here) ? "move" : "";
      if (drag && paints()) {
        // A fast stroke has more points than the screen has frames.
        const all = event.getCoalescedEvents?.() ?? [];
        for (const point of [...all, event]) stroke(at(point));
      } else if (drag) {
        const [[x, y], [a, b], [w, h]] = [here, drag.from, size()];
        box = drag.own ? moved(drag.own, [x - a, y - b]) : [Math.min(a, x), Math.min(b, y), Math.max(a, x), Math.max(b, y)];
        drag.real = box[2] - box[0] > LEAST * w && box[3] - box[1] > LEAST * h;
        ink.show(scaled(box));
      } else aim(here);
      if (drag) draw();
    };
    pane.onpointerup = (event) => {
      if (!drag || !event.isPrimary) return;
      const { real } = drag;
      drag = undefined;
      if (!real) follow();
      else if (paints()) keepPaint();
      else keep(box, NONE);
    };
    pane.onpointercancel = () => {
      drag = undefined;
      follow();
    };
    pane.onkeydown = (event) => {
      if (drag) return; // it is one step, and not over
      const sides = size();
      const way = WAYS[event.key]?.map((n, i) => (n * sides[i]) / STEPS);
      const command = event.ctrlKey || event.metaKey;
      if (command && event.key === "z") back();
      else if (command || event.altKey || img.hidden) return;
      else if (event.key === "Escape" && isAny()) keep([], NONE);
      else if (!way && event.key !== "Enter") return;
      else if (paints()) {
        byKeys = true;
        const to = way ? spot.map((n, i) => n + way[i]) : spot;
        if (way && !event.shiftKey) aim(to);
        else {
          stroke(to);
          keepPaint();
        }
        draw();
      } else if (!box.length) keep([...sides.map((n) => n / 4), ...sides.map((n) => (3 * n) / 4)], NONE);
      else if (way) keep((event.shiftKey ? grown : moved)(box, way), NONE);
      event.preventDefault();
      event.stopPropagation();
    };

    /** Show what the other side says. */
    async function follow() {
      if (giving) return;
      if (drag?.sized !== `${size()}`) drag = undefined; // it was of another picture
      if (drag) return;
      const call = (calls += 1);
      const [picture, painted] = [model.get("picture"), model.get("painted")];
      box = model.get("box");
      img.alt = model.get("alt");
      if (paint(img, picture)) await img.decode().catch(() => {});
      const sheet = painted?.byteLength && (await createImageBitmap(new Blob([painted])));
      if (ended || drag || call !== calls) return; // while it was read another has come
      // Of both, the kernel will drop the one that was set before.
      if (!box.length || !painted?.byteLength) past.remember([box, painted], size());
      ink.show(scaled(box), sheet);
      draw();
    }
    const heard = {};
    for (const name of ["picture", "alt", "width", "height", "box", "painted"]) heard[name] = follow;
    for (const name of ["tool", "brush"]) heard[name] = () => draw();
    for (const name in heard) model.on(`change:${name}`, heard[name]);
    follows.add(follow);
    follow();
    return () => {
      ended = true;
      follows.delete(follow);
      for (const name in heard) model.off(`change:${name}`, heard[name]);
      unpaint(img);
    };
  }
};
