// What the Editor's own parts share.

let numbered = 0; // makes ids unique on a page with many views

/** Make a button. */
function press(words, onclick, className = "kx-button") {
  return make("button", className, { type: "button", onclick }, words);
}
