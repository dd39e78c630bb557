/** Make an element with properties and children; text is text, never markup. */
function make(tag, className, properties, ...children) {
  const made = Object.assign(node(tag, className), properties);
  // Else a key pressed on it is also a command of the notebook ("b" adds a cell); the
  // notebook asks the element that has the focus, and none around it.
  made.dataset.lmSuppressShortcuts = "true";
  made.append(...children);
  return made;
}
