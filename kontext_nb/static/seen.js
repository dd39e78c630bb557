// What widgets show at a moment, to go along with a press.

/**
 * Return the traits that `along` names, by the widgets' ids; "" is `model` itself. Bytes
 * stand in `buffers`, and their number in the place of them.
 */
async function seen(model, along, buffers) {
  // A copy: of a view that is a part of more bytes, ipywidgets would send all.
  const copied = ({ buffer, byteOffset, byteLength }) => buffer.slice(byteOffset, byteOffset + byteLength);
  const told = (value) => (value instanceof DataView ? { buffer: buffers.push(copied(value)) - 1 } : value);
  const find = async (id) => (id ? model.widget_manager.get_model(id) : model);
  const all = Object.entries(along).map(async ([id, names]) => {
    const it = await find(id).catch(() => undefined); // then what came before counts
    return it && [id, Object.fromEntries(names.map((name) => [name, told(it.get(name))]))];
  });
  return Object.fromEntries((await Promise.all(all)).filter(Boolean));
}
