/** What may stand in an attribute. */

/** An address that is the same from every page of a site, and runs nothing. */
export const ADDRESS = /^(https?:\/)?\/./;

/**
 * @param {Element} element
 * @param {string} name
 * @param {RegExp} pattern of what is understood
 * @param {string} [absent] what holds without the attribute; by default it must be there
 * @throws what is wrong, in words
 */
export function read(element, name, pattern, absent = '') {
  const value = element.getAttribute(name) ?? absent;
  if (pattern.test(value)) return value;
  throw `${name}="${value}"`;
}
