// The comparison: modes, zoom and keys. All state is traits; nothing is fetched.
// What things look like in which mode is told in compare.css.

// What a mode is called, and the trait it tunes, with its name.
const MODES = {
  side: ["Side by side"],
  slider: ["Slider", "position", "Position"],
  blink: ["Blink"],
  onion: ["Onion skin", "position", "Opacity"],
  difference: ["Difference", "gain", "Amplify"],
  change: ["Changes"],
};
// Switches: what they say, and the trait they set to one value or to another.
const SWITCHES = [
  ["Auto", "By itself", "blinking", true, false],
  ["Previous", "Previous result", "swapped", true, false],
  ["Fill", "Cut others", "fit", "fill", "fit"],
  ["Fit", "All of it", "zoom", 0, 0],
  ["1:1", "Pixel by pixel", "zoom", 1, 0],
];
const HELP = `Ctrl or Shift + wheel, pinch, + −: zoom
0: all · z, double click: all or 1:1
Arrows: move · x: crosshair
1 to 4: compare with, twice: swap
Space, hold: other picture · p: previous result`;
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const clamp = (low, n, high) => Math.min(Math.max(n, low), high);

export default {
  render({ model, el }) {
    const get = (name) => model.get(name);
    const part = (parent, kind, more) => {
      const [tag, name] = kind.split(".");
      const made = Object.assign(node(tag, `kx-${name}`), more);
      // Else a key pressed here is also a command of the notebook ("b" adds a cell). It
      // must be on what has the focus: there the notebook looks first.
      made.dataset.lmSuppressShortcuts = "true";
      parent.append(made);
      return made;
    };
    const style = (name, value) => stage.style.setProperty(`--kx-${name}`, value);
    const say = (it, text) => it.textContent === text || (it.textContent = text);
    const root = part(el, "div.compare", { role: "group", ariaLabel: "Comparison" });
    const kinds = ["div.bar", "div.stage", "div.line", "p.footer"];
    const [bar, stage, line, footer] = kinds.map((kind) => part(root, kind));
    const modes = part(bar, "div.modes", { role: "radiogroup", ariaLabel: "View" });
    const tune = part(bar, "label.tune");
    const range = part(tune, "input.range", { type: "range" });
    const tools = part(bar, "div.tools", { role: "group", ariaLabel: "Zoom" });
    const status = part(line, "p.status", { role: "status" });
    const readout = part(line, "p.readout");
    const handle = node("div", "kx-handle");
    const map = node("img", "kx-map");
    Object.assign(stage, { role: "group", tabIndex: 0, ariaLabel: "Pictures, keys: ?" });

    const name = `kx-${Math.random()}`; // one group of radios on a page with many
    const radios = {};
    for (const mode in MODES) {
      const label = part(modes, "label.mode", { textContent: MODES[mode][0] });
      const onchange = () => set({ mode });
      radios[mode] = part(label, "input.radio", { type: "radio", name, onchange });
    }
    const tool = (textContent, onclick, title) =>
      part(tools, "button.tool", { textContent, title, onclick });
    const switches = SWITCHES.map(([text, title, trait, on, off]) =>
      tool(text, () => set({ [trait]: get(trait) === on ? off : on }), title));
    const percent = part(tools, "output.quiet");
    tool("−", () => zoom(2 / 3), "Zoom out");
    tool("+", () => zoom(1.5), "Zoom in");
    const help = part(tools, "details.help");
    part(help, "summary.tool", { textContent: "?" });
    part(help, "p.keys", { textContent: HELP });

    let slots = []; // the sheets, each with its caption and its pane
    let shown = []; // the sheets that are seen: left to right, or lower and upper
    let eye = {}; // where the frame lies in a pane, in CSS pixels
    let point; // under the pointer or the crosshair, in pixels of the frame
    let keyed; // whether `point` is the crosshair
    let mapped; // what the map of changes shows
    let saving, queued, sliding;
    const pointers = new Map();

    function set(state) {
      for (const trait in state) model.set(trait, state[trait]);
      saving ??= setTimeout(save, 100);
    }
    function save() {
      clearTimeout(saving);
      saving = undefined;
      model.save_changes();
    }
    // Once for all that an event sets, but not as late as the next frame.
    const later = () => (queued ??= Promise.resolve().then(draw));
    function build(count) {
      slots.forEach((slot) => slot.release());
      stage.replaceChildren();
      stage.dataset.count = count;
      slots = Array.from({ length: count }, (_, place) => {
        const onclick = () => choose(place);
        const caption = part(stage, "button.caption", { onclick, disabled: count < 3 });
        const label = part(caption, "span.label");
        const size = part(caption, "span.quiet");
        const pane = part(stage, "div.pane");
        return Object.assign(sheet(model, later), { caption, label, size, pane });
      });
      slots[0].pane.append(handle);
      mapped = undefined; // the map is gone with its pane
    }
    function choose(place) {
      const [left, right] = get("pair");
      if ([left, right].includes(place)) set({ pair: [right, left] });
      else if (slots[place]) set({ pair: [left, place] });
    }
    /** Say where a picture lies in the frame; nearly the same shape is stretched. */
    function spot({ picture: { width, height } }) {
      const by = [eye.size[0] / width, eye.size[1] / height];
      const among = get("fit") === "fit" ? Math.min : Math.max;
      if (Math.abs(by[0] / by[1] - 1) > 0.02) by.fill(among(...by));
      const size = [width * by[0], height * by[1]];
      return { by, size, at: eye.size.map((n, i) => (n - size[i]) / 2) };
    }
    /** Find out where the frame lies; it has the size of the first picture. */
    function look() {
      const first = shown.find(({ picture }) => picture.width)?.picture;
      const size = first ? [first.width, first.height] : [4, 3];
      const dot = 1 / devicePixelRatio;
      style("width", size[0] * dot);
      style("height", size[1] * dot);
      const { pane } = slots[0];
      const view = [pane.clientWidth, pane.clientHeight];
      // Out of sight, as while the theme changes, nothing is measured: it stays as it was.
      if (!view[0] && eye.view) return;
      const fit = Math.min(dot, view[0] / size[0], view[1] / size[1]);
      const near = get("zoom") > 0;
      const scale = near ? clamp(fit, get("zoom") * dot, 32 * dot) : fit;
      const at = size.map((n, i) => {
        const room = view[i] - n * scale;
        return room > 0 ? room / 2 : clamp(room, view[i] / 2 - get("center")[i] * n * scale, 0);
      });
      eye = { at, view, size, scale, fit, dot, near };
    }
    function move(at, scale) {
      const { view, size, fit } = eye;
      const center = size.map((n, i) => clamp(0, (view[i] / 2 - at[i]) / n / scale, 1));
      set({ center, zoom: scale > 1.02 * fit ? scale / eye.dot : 0 });
      look(); // more may happen before this is drawn
    }
    const middle = () => eye.view.map((n) => n / 2);
    function zoom(factor, about = middle()) {
      const scale = clamp(eye.fit, eye.scale * factor, 32 * eye.dot);
      move(about.map((n, i) => n - ((n - eye.at[i]) * scale) / eye.scale), scale);
    }
    const toggle = (about) =>
      eye.near ? set({ zoom: 0 }) : zoom(eye.dot / eye.scale, about);

    function draw() {
      queued = undefined;
      const [mode, pictures, previous] = ["mode", "pictures", "previous"].map(get);
      if (slots.length !== pictures.length) build(pictures.length);
      say(footer, get("footer"));
      if (!slots.length) return;
      const side = mode === "side";
      const swapped = previous.key && get("swapped");
      let pair = get("pair").map((place) => Math.min(place, slots.length - 1));
      // What changed is told from the older picture to the newer one.
      const told = swapped ? pair : [...pair].sort();
      const last = pair[1];
      if (mode === "change") pair = told;
      slots.forEach((slot, place) => {
        if (slot.show(swapped && place === last ? previous : pictures[place])) {
          slot.label.textContent = slot.label.title = slot.picture.label;
          slot.size.textContent = slot.picture.size;
        }
        const at = side ? 0 : pair.indexOf(place);
        const home = side ? slot.pane : slots[0].pane;
        if (at < 0) slot.layer.remove();
        else if (slot.layer.parentNode !== home) home.prepend(slot.layer);
        slot.layer.classList.toggle("kx-upper", at > 0);
        slot.caption.classList.toggle("kx-out", at < 0);
      });
      shown = side ? slots : pair.map((place) => slots[place]);
      root.dataset.mode = mode;
      look();
      const edge = eye.at[0] + eye.size[0] * eye.scale * get("position");
      style("edge", `${clamp(0, edge, eye.view[0])}px`);
      for (const trait of ["position", "gain"]) style(trait, get(trait));
      stage.classList.toggle("kx-near", eye.near);
      const spots = shown.map(spot);
      shown.forEach((one, n) => one.place(eye, spots[n]));
      box(map, eye.at, eye.size, eye.scale);
      const key = told.map((place) => slots[place].picture.key).join("-");
      chart(get("maps")[key] ?? { said: mode === "change" ? "Measuring what changed…" : "" });
      tell(mode, spots);
    }
    /** Say what changed, and outline it on the picture that was before. */
    function chart({ said, alt = said, overlay }) {
      say(status, said);
      map.alt = alt;
      if (mapped === overlay) return;
      mapped = overlay;
      URL.revokeObjectURL(map.src);
      if (!overlay?.byteLength) return map.remove();
      map.src = URL.createObjectURL(new Blob([overlay]));
      slots[0].pane.append(map);
    }
    /** Write and mark what is known: switches, sizes, the pixel under the pointer. */
    function tell(mode, spots) {
      const [, trait = "", name = ""] = MODES[mode];
      const max = trait === "gain" ? 16 : 1;
      radios[mode].checked = true;
      Object.assign(range, { max, step: max / 100, value: get(trait) });
      range.oninput = () => set({ [trait]: range.valueAsNumber });
      range.ariaLabel = tune.dataset.name = name;
      const real = spots.filter((_, n) => shown[n].picture.width);
      const dots = real.map(({ by }) => Math.round((100 * by[0] * eye.scale) / eye.dot));
      say(percent, `${[...new Set(dots)].join(" · ")} %`);
      SWITCHES.forEach(([, , own, on], n) => (switches[n].ariaPressed = get(own) === on));
      switches[1].hidden = !get("previous").key;
      switches[2].hidden = real.every(({ at }) => Math.hypot(...at) < 1);
      stage.dataset.point = point && (keyed ? "keys" : "pointer");
      if (!point) return say(readout, "");
      style("x", `${eye.at[0] + point[0] * eye.scale}px`);
      style("y", `${eye.at[1] + point[1] * eye.scale}px`);
      readout.ariaLive = keyed ? "polite" : "off";
      say(readout, shown.map((one, n) => value(one, spots[n])).join(" · "));
    }
    function value(one, { by, at }) {
      const { label, width, height } = one.picture;
      const here = point.map((n, i) => Math.floor((n - at[i]) / by[i]));
      const inside = Math.min(...here, width - 1 - here[0], height - 1 - here[1]) >= 0;
      const seen = inside && one.source ? one.about + pixel(one, here) : "–";
      return `${label.slice(0, 24)} (${here.join(", ")}) ${seen}`;
    }
    function aim(at) {
      point = at.map((n, i) => clamp(0, n, eye.size[i] - 1));
      later();
    }
    const framed = (at) => at.map((n, i) => (n - eye.at[i]) / eye.scale);

    function within(event) {
      const edge = event.target.closest(".kx-pane")?.getBoundingClientRect();
      return edge && [event.clientX - edge.left, event.clientY - edge.top];
    }
    stage.onpointerdown = (event) => {
      const at = !event.button && within(event);
      if (!at) return;
      event.target.closest(".kx-pane").setPointerCapture(event.pointerId);
      pointers.set(event.pointerId, at);
      sliding = get("mode") === "slider" && (event.target === handle || !eye.near);
      stage.onpointermove(event);
    };
    stage.onpointermove = (event) => {
      const [at, old] = [within(event), pointers.get(event.pointerId)];
      if (!at) return stage.onpointerleave();
      if (!old) {
        keyed = false;
        return aim(framed(at));
      }
      pointers.set(event.pointerId, at);
      const other = [...pointers.values()].find((one) => one !== at);
      const apart = ([x, y]) => Math.hypot(x - other[0], y - other[1]);
      if (other) zoom(apart(at) / apart(old), other);
      else if (sliding) {
        aim(framed(at)); // the pointer is where the line is
        set({ position: clamp(0, point[0] / eye.size[0], 1) });
      }
      else move(eye.at.map((n, i) => n + at[i] - old[i]), eye.scale);
    };
    stage.onpointerup = stage.onpointercancel = (event) =>
      pointers.delete(event.pointerId);
    stage.onpointerleave = () => {
      if (!keyed) point = undefined;
      later();
    };
    stage.ondblclick = (event) => toggle(within(event));
    // A plain wheel scrolls the page, as everywhere.
    stage.onwheel = (event) => {
      const at = (event.ctrlKey || event.shiftKey) && within(event);
      if (!at) return;
      event.preventDefault();
      zoom(Math.exp(-clamp(-40, event.deltaY || event.deltaX, 40) / 100), at);
    };

    const keys = {
      "+": () => zoom(1.5),
      "-": () => zoom(2 / 3),
      0: () => set({ zoom: 0 }),
      z: () => toggle(),
      p: () => set({ swapped: !get("swapped") }),
      x: () => ((keyed = !keyed) ? aim(framed(middle())) : stage.onpointerleave()),
      "?": () => (help.open = !help.open),
    };
    root.onkeydown = (event) => {
      const key = event.key === "=" ? "+" : event.key;
      const own = event.target === stage;
      const way = own && ARROWS[key];
      const step = Math.max(1, 1 / eye.scale) * (event.shiftKey ? 10 : 1);
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      if (way && keyed) aim(point.map((n, i) => n + way[i] * step));
      else if (way) move(eye.at.map((n, i) => n - 40 * way[i]), eye.scale);
      else if (own && key === " ") stage.classList.add("kx-held");
      else if (key >= 1) choose(key - 1);
      else if (keys[key]) keys[key]();
      else return;
      event.preventDefault();
    };
    // Nothing is returned: false would end what a key does by itself, as Space on a button.
    root.onkeyup = () => stage.classList.remove("kx-held");

    // Drawing may resize it again, which must wait for a frame.
    const seen = new ResizeObserver(() => requestAnimationFrame(later));
    seen.observe(stage);
    model.on("change", later);
    draw();
    return () => {
      // From here on nothing is drawn or told: there may be no kernel to hear it.
      queued = true;
      if (saving) save();
      model.off("change", later);
      seen.disconnect();
      slots.forEach((slot) => slot.release());
      URL.revokeObjectURL(map.src);
    };
  },
};
