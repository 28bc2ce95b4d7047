/**
 * Shelves of JSON: `disk` is localStorage, `memory` is for where it must not or cannot be used.
 *
 * Each value has a key of its own, so that two tabs never overwrite what the other has just written.
 *
 * @typedef {{ [key: string]: string }} Shelf
 */

/** @type {Shelf} */
export const memory = {};
/** @type {Shelf} */
export let disk = memory;
try {
  disk = localStorage ?? memory; // throws where it is blocked; some web views have none
} catch {
  // memory, then
}

/**
 * @param {Shelf} shelf
 * @param {string} key
 * @returns {any} undefined or null when there is none, or it is damaged
 */
export function get(shelf, key) {
  try {
    return JSON.parse(/** @type {string} */ (memory[key] ?? shelf[key]));
  } catch {
    // it is not there, or as if it were not
  }
}

/**
 * @param {Shelf} shelf
 * @param {string} key
 * @param {object} value to which the moment is added, as `at`
 */
export function put(shelf, key, value) {
  delete memory[key];
  try {
    shelf[key] = JSON.stringify({ ...value, at: Date.now() });
  } catch {
    put(memory, key, value); // the disk is full: what it still holds is older
  }
}

/** From both, for a full disk may have left it in memory. @param {string} key */
export function remove(key) {
  delete disk[key];
  delete memory[key];
}

/**
 * @param {string} start
 * @returns {string[]} the keys on both that begin with it, in their order; nothing else of the host's is read
 */
export const keys = (start) =>
  [...new Set([disk, memory].flatMap((shelf) => Object.keys(shelf)))].filter((key) => key.startsWith(start)).sort();
