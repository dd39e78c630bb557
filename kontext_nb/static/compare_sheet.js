// One picture of a comparison: a preview, and all its pixels while someone looks closer.
// Places and sizes are pairs, [x, y]: what is done to the one is done to the other.

/** Make the layer of one picture; `changed` is called when it looks different. */
function sheet(model, changed) {
  const layer = node("div", "kx-layer"); // as large as the view: clipped, faded, blended
  const frame = node("div", "kx-frame"); // as large as the first picture: moved, scaled
  const img = node("img", "kx-preview");
  const empty = node("p", "kx-empty");
  const it = {
    layer,
    picture: {},
    show,
    place,
    release,
    get source() {
      return full ?? (!img.hidden && img.complete ? img : null);
    },
    get about() {
      return full ? "" : "≈ "; // a preview has no exact values
    },
  };
  let broken;
  let asked; // the key of a full picture that is on its way, or that is not to be had
  let full; // its canvas
  img.onload = changed;
  img.onerror = () => {
    broken = true;
    changed();
  };
  frame.append(img);
  layer.append(frame, empty);
  model.on("msg:custom", got);

  /** Show another picture; return whether it is another. */
  function show(picture) {
    const fresh = picture !== it.picture;
    if (fresh) {
      drop();
      it.picture = picture;
      // The old picture stays until the new one is decoded: no white flash.
      const gone = img.src;
      if (picture.preview.byteLength) img.src = URL.createObjectURL(new Blob([picture.preview]));
      else img.removeAttribute("src");
      URL.revokeObjectURL(gone);
      img.alt = picture.alt;
      broken = false;
    }
    img.hidden = broken || !img.src;
    empty.hidden = !img.hidden;
    empty.textContent = broken ? "Cannot be shown" : "No picture yet";
    return fresh;
  }
  /** Put the frame into the view, and the picture to its `spot` in the frame. */
  function place({ at, size, scale, dot, near }, spot) {
    const ratio = (spot.by[0] * scale) / dot; // screen pixels for a pixel
    box(frame, at, size, scale);
    for (const one of frame.children) {
      box(one, spot.at.map((n) => n * scale), spot.size, scale);
      one.style.imageRendering = ratio < 2 ? "" : "pixelated";
    }
    const { key, width } = it.picture;
    if (!near || !width || ratio * width <= 1.05 * img.naturalWidth) drop();
    else if (asked !== key) model.send({ kind: "full", key: (asked = key) });
  }
  async function got({ key }, [view] = []) {
    if (key !== asked || !view?.byteLength) return;
    const bitmap = await createImageBitmap(new Blob([view]));
    if (key !== asked || full) return bitmap.close();
    full = node("canvas", "kx-full");
    [full.width, full.height] = [bitmap.width, bitmap.height];
    full.getContext("bitmaprenderer").transferFromImageBitmap(bitmap);
    frame.append(full);
    changed();
  }
  function drop() {
    asked = undefined;
    if (!full) return;
    full.width = 0; // else its pixels wait for the collector
    full.remove();
    full = undefined;
    changed();
  }
  function release() {
    model.off("msg:custom", got);
    drop();
    URL.revokeObjectURL(img.src);
  }
  return it;
}

function box({ style }, [x, y], [width, height], scale) {
  style.transform = `translate(${x}px,${y}px)`;
  style.width = `${width * scale}px`;
  style.height = `${height * scale}px`;
}

const sample = Object.assign(node("canvas", ""), { width: 1, height: 1 }).getContext("2d", {
  willReadFrequently: true,
});

/** Return "red green blue" of a sheet's picture at [x, y], in its own pixels. */
function pixel(one, at) {
  const k = (one.source.naturalWidth ?? one.source.width) / one.picture.width;
  sample.clearRect(0, 0, 1, 1);
  sample.drawImage(one.source, ...at.map((n) => Math.floor((n + 0.5) * k)), 1, 1, 0, 0, 1, 1);
  return sample.getImageData(0, 0, 1, 1).data.subarray(0, 3).join(" ");
}
