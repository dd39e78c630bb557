// The area as pixels: what is opaque in a canvas, in the colours of the picture below it.

/** Return what draws on `canvas`; all its numbers are pixels of `img` as it came. */
function inkOn(canvas, img) {
  const ink = canvas.getContext("2d", { willReadFrequently: true });
  const pixels = () => ink.getImageData(0, 0, canvas.width, canvas.height);
  return {
    /** Draw a rectangle, or else a mask that came as a picture, or else nothing. */
    show([left, top, right, bottom], sheet) {
      const [width, height] = [(canvas.width = img.naturalWidth), (canvas.height = img.naturalHeight)];
      if (!width) return;
      if (right) ink.fillRect(left, top, right - left, bottom - top);
      else if (sheet) {
        ink.drawImage(sheet, 0, 0, width, height);
        const shown = pixels();
        for (let at = 3; at < shown.data.length; at += 4) shown.data[at] = shown.data[at - 3];
        ink.putImageData(shown, 0, 0);
      }
      ink.globalCompositeOperation = "source-in";
      ink.drawImage(img, 0, 0);
    },
    stroke(from, to, lineWidth, erases) {
      const strokeStyle = ink.createPattern(img, "no-repeat");
      const globalCompositeOperation = erases ? "destination-out" : "source-over";
      Object.assign(ink, { strokeStyle, lineWidth, lineCap: "round", globalCompositeOperation });
      ink.beginPath();
      ink.moveTo(...from);
      ink.lineTo(to[0] + 0.01, to[1]); // a line of no length is not drawn
      ink.stroke();
    },
    /** Return which share of the picture it is. */
    share() {
      const { data } = pixels();
      let sum = 0;
      for (let at = 3; at < data.length; at += 4) sum += data[at];
      return (4 * sum) / 255 / data.length;
    },
    /** Return it as the bytes of a PNG, white on black. */
    png() {
      const made = Object.assign(node("canvas", ""), { width: canvas.width, height: canvas.height });
      const on = made.getContext("2d");
      on.drawImage(canvas, 0, 0);
      for (const [how, fillStyle] of [["source-in", "#fff"], ["destination-over", "#000"]]) {
        Object.assign(on, { globalCompositeOperation: how, fillStyle });
        on.fillRect(0, 0, made.width, made.height);
      }
      const text = atob(made.toDataURL().split(",")[1]);
      return new DataView(Uint8Array.from(text, (letter) => letter.charCodeAt(0)).buffer);
    },
  };
}
