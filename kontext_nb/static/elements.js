// Elements that hold text.

let numbered = 0; // makes ids unique on a page with many views

/** Make an element with properties and children; text is text, never markup. */
function build(tag, className, properties, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.className = className;
  made.append(...children);
  return made;
}

/** Make a button; one that is left out of `does` only looks like one. */
function press(words, does, className = "kx-button") {
  return build("button", className, { type: "button", onclick: does }, words);
}
