/** Which languages there are, each in a file of its own that is fetched when it is first needed. */

/** @typedef {import('./locales/en.js').Labels} Labels */

const LANGUAGES = /^(ar|de|es|fr|he|it|ja|nb|nl|no|pt|zh)\b/i;

/**
 * @param {string} tag BCP 47
 * @returns {Promise<{ default: Labels }>} of the language of ours that it names; of English, if it names none
 */
export const labels = (tag) =>
  import(new URL(`./locales/${LANGUAGES.exec(tag)?.[0].toLowerCase() ?? 'en'}.js`, import.meta.url).href);
