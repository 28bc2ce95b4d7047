/** Which languages there are, each in a file of its own that is fetched when it is first needed. */

/** @typedef {import('./locales/en.js').Labels} Labels */

const LANGUAGES = /^(ar|de|es|fr|he|it|ja|n[blno]|pt|zh)(?![a-z])/i;

/**
 * @param {string} tag BCP 47, or as systems write it: de_AT
 * @returns {Promise<{ default: Labels }>} of the language of ours that it names; of English, if it names none
 */
export function labels(tag) {
  // Apart from the import, so that our build leaves the files where they are.
  tag = `./locales/${LANGUAGES.exec(tag)?.[0].toLowerCase() ?? 'en'}.js`;
  return import(tag);
}
