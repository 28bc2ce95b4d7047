/**
 * What people do with an answer, for hosts that want to know: a module of its own, beside that of the element.
 *
 * `<heedback-rating signals="copied edited regenerated">` hears in the element it stands in: that something was copied,
 * that something was edited, and a click on or in what is marked, as `<button data-heedback="regenerated">`. Each is told
 * once.
 */

/** @type {{ [type: string]: string }} */
const HEARD = { copy: 'copied', input: 'edited', click: '' };
/** @type {WeakMap<Element, Set<string>>} */
const told = new WeakMap();

for (const type of Object.keys(HEARD)) {
  addEventListener(type, ({ target }) => {
    if (!(target instanceof Element)) return; // an icon is one as well
    const name = HEARD[type] || target.closest('[data-heedback]')?.getAttribute('data-heedback');
    if (name) hear(name, target);
  }, true); // before the host, which may take away what was clicked
}

/**
 * @param {string} name
 * @param {Element} target
 */
function hear(name, target) {
  // What happens in a widget is seen from here as done to it, and is no work on the answer.
  if (target.closest('heedback-rating')) return;
  for (const widget of document.querySelectorAll(`heedback-rating[signals~="${CSS.escape(name)}"]`)) {
    if (!widget.parentElement?.contains(target)) continue;
    const once = `${name} ${widget.getAttribute('ticket')}`;
    const before = told.get(widget) ?? new Set();
    if (before.has(once)) continue;
    told.set(widget, before.add(once));
    /** @type {import('./element.js').HeedbackRating} */ (widget).signal(name);
  }
}
