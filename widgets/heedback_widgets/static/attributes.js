/** What may stand in an attribute. */

/** An address that is the same from every page of a site, and runs nothing. */
export const ADDRESS = /^(https?:\/)?\/[^/]/;

/** What `signals.js` hears, beside what the element does by itself; between spaces. */
export const SIGNALS = /^(none|(\s|\b(shown|copied|edited|regenerated|accepted|dismissed)\b)*)$/;

/**
 * Lists of reasons as `JSON.stringify` writes them: the version, and of each list the wire's keys with their labels, at
 * most as many as an event may have.
 */
const LISTS = /^{("version":[1-9]\d{0,5},?|"(down|flag|up)":{("[a-z][a-z\d_]{0,63}":"(\\.|[^"\\])*",?){0,20}},?)*}$/;

/** Throws where it is no JSON. */
export const REASONS = { test: (/** @type {string} */ text) => LISTS.test(JSON.stringify(JSON.parse(text))) };

/**
 * @param {Element} element
 * @param {string} name
 * @param {{ test: (text: string) => boolean }} pattern of what is understood
 * @param {string} [absent] what holds without the attribute; by default it must be there
 * @throws what is wrong, in words
 */
export function read(element, name, pattern, absent = '') {
  const value = element.getAttribute(name) ?? absent;
  try {
    if (pattern.test(value)) return value;
  } catch {
    // not understood
  }
  throw `${name}="${value}"`;
}
