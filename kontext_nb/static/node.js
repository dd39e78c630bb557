// Shared by every view: elements that hold text.

/** Make an element; `text` is text, never markup. */
function node(tag, className, text = "") {
  const made = document.createElement(tag);
  made.className = className;
  made.textContent = text;
  return made;
}
