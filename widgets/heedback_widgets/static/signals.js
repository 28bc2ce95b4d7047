/**
 * What people do with an answer, for hosts that want to know: a module of its own, beside that of the element.
 *
 * `<heedback-rating signals="copied edited regenerated">` hears in the element it stands in: that something was copied,
 * that text was edited, and a click on or in what is marked, as `<button data-heedback="regenerated">`. Each once.
 */

/** @type {{ [type: string]: string }} */
const HEARD = { copy: 'copied', input: 'edited', click: '' };
const TEXT = ':read-write:not([type=search])';
/** @type {WeakMap<Element, Set<string>>} */
const told = new WeakMap();

for (const type of Object.keys(HEARD)) {
  addEventListener(type, ({ target }) => {
    if (!(target instanceof Element)) return; // an icon is one as well
    const text = target.matches(TEXT);
    if (type === 'input' && !text) return; // a box, a list to choose from
    const name = HEARD[type] || target.closest('[data-heedback]')?.getAttribute('data-heedback');
    if (name) hear(name, target, type === 'copy' && !text);
  }, true); // before the host, which may take away what was clicked
}

/**
 * @param {string} name
 * @param {Element} target
 * @param {boolean} selected whether it is done to all that is selected, the whole page maybe
 */
function hear(name, target, selected) {
  // What happens in a widget is seen from here as done to it, and is no work on the answer.
  if (target.closest('heedback-rating')) return;
  const range = document.createRange();
  // Newer browsers alone tell of a selection that ends within a widget.
  const at = selected && getSelection()?.getComposedRanges?.()[0];
  if (at) range.setStart(at.startContainer, at.startOffset);
  if (at) range.setEnd(at.endContainer, at.endOffset);
  for (const widget of document.querySelectorAll(`heedback-rating[signals~="${CSS.escape(name)}"]`)) {
    const parent = /** @type {Element} */ (widget.parentElement);
    // Of what is selected from above, something has to end in it.
    const ends = () => [...parent.querySelectorAll('*')].some((node) => !range.comparePoint(node, node.childNodes.length));
    if (!parent.contains(target) && !(at && ends())) continue;
    const once = `${name} ${widget.getAttribute('ticket')}`;
    const before = told.get(widget) ?? new Set();
    if (before.has(once)) continue;
    told.set(widget, before.add(once));
    /** @type {import('./element.js').HeedbackRating} */ (widget).signal(name);
  }
}
