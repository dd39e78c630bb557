// Pictures that come as bytes, in a list that arrives whole each time.

const MAGIC = [
  ["image/jpeg", "\xff\xd8\xff"],
  ["image/png", "\x89PNG"],
  ["image/gif", "GIF8"],
  ["image/webp", "RIFF"],
];

/** Return the bytes of `view` (a DataView, or nothing). */
function bytesOf(view) {
  return view?.byteLength
    ? new Uint8Array(view.buffer, view.byteOffset, view.byteLength)
    : new Uint8Array();
}

function sameBytes(a, b) {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

/** Show `view` (a DataView, or nothing) in `img`; return whether it can be seen. */
function paint(img, view) {
  const bytes = bytesOf(view);
  // A list of steps arrives whole each time: what did not change must not flicker.
  if (!img.kxBytes || !sameBytes(img.kxBytes, bytes)) {
    unpaint(img);
    img.kxBytes = bytes;
    img.kxBroken = false; // set by whoever hears the picture's error event
    if (bytes.length) {
      const head = String.fromCharCode(...bytes.subarray(0, 4));
      const type = MAGIC.find(([, magic]) => head.startsWith(magic))?.[0];
      img.src = URL.createObjectURL(new Blob([bytes], type && { type }));
    }
  }
  img.hidden = !bytes.length || img.kxBroken;
  return !img.hidden;
}

/** Give back what `paint` holds. */
function unpaint(img) {
  if (img.kxBytes?.length) URL.revokeObjectURL(img.src);
  img.removeAttribute("src");
  delete img.kxBytes;
}
