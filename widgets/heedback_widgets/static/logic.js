/**
 * The rules of the widget, pure: the clock and random bits come in, data comes out.
 *
 * What a person said about an output is a `Said`; a click makes the next one, and `patch` tells the two apart in the
 * wire's words. The rest says how events wait, and what an answer does to them.
 */

/**
 * @typedef {{ value: number, scale: string }} Rating
 *
 * @typedef {object} Said Only what is said is there: nothing is null, false or empty.
 * @property {Rating} [rating]
 * @property {true} [flag]
 * @property {string[]} [reasons]
 * @property {string[]} [flag_reasons]
 * @property {string} [comment]
 * @property {string} [correction]
 *
 * @typedef {'down' | 'up' | 'flag'} Kind What the details are about.
 * @typedef {Record<Kind, { [key: string]: string }>} Labelled Keys of reasons, and their labels; '' is for the usual one.
 *
 * @typedef {{ id: string, type: 'feedback' | 'signal', occurred_at: string, [field: string]: unknown }} Event
 * @typedef {{ url: string, ticket: string, key: string, event: Event }} Item An event that waits for its post.
 *
 * @typedef {'sent' | 'saved' | 'expired' | 'queued' | 'error'} Fate
 */

// What the wire allows; a test compares these with `tests/contract/limits.json`.
export const COMMENT_CHARS = 4096;
export const CORRECTION_CHARS = 32768;

export const WEEK_MS = 7 * 864e5;
export const QUEUE_ITEMS = 50;
/** Browsers refuse `keepalive` above 64 KiB; a character is at most three bytes. */
export const KEEPALIVE_CHARS = 2e4;

const FIELDS = /** @type {const} */ (['rating', 'flag', 'reasons', 'flag_reasons', 'comment', 'correction']);

/**
 * A UUIDv7 (RFC 9562) in which an x stands for each random digit, 72 bits of them.
 *
 * @param {number} ms since 1970, until 2527; no two events of a page have the same, so that their ids sort as they were made
 */
export const uuid7 = (ms) => `0${ms.toString(16)}-7xxx-axxx-xxxxxxxxxxxx`.replace(/.{8}/, '$&-');

/**
 * +1, 0 or -1 as the contract has it: up is a thumb up, four stars, a score of 0.7. Without a rating it is 0.
 *
 * @param {Said} said
 */
export function polarity({ rating: { scale, value } = { scale: '', value: 0.5 } }) {
  const score = scale === 'stars' ? (value - 1) / 4 : value;
  return score >= 0.7 ? 1 : score <= 0.3 ? -1 : 0;
}

/**
 * The reasons that are said in a list: those of a rating belong to its polarity.
 *
 * @param {Said} said
 * @param {Kind} kind
 */
export function reasonsOf(said, kind) {
  if (kind === 'flag') return said.flag_reasons;
  return (kind === 'up') === polarity(said) > 0 ? said.reasons : undefined;
}

/**
 * What is said after a press on a rating or, without one, on the flag. The same again withdraws it, and with the last
 * of the two goes what was written. Reasons belong to a polarity, and a better answer to one that was not good.
 *
 * @param {Said} said
 * @param {Rating | false} [rating]
 * @returns {Said}
 */
export function press(said, rating) {
  /** @type {{ [field: string]: any }} */
  const next = { ...said };
  if (rating) {
    next['rating'] = !same(said.rating, rating) && rating;
    next['reasons'] = next['rating'] && polarity(next) === polarity(said) && said.reasons;
    next['correction'] = next['rating'] && polarity(next) < 1 && said.correction;
  } else {
    next['flag'] = !said.flag;
    next['flag_reasons'] = 0;
  }
  return next['rating'] || next['flag'] ? tidy(next) : {};
}

/**
 * What says something in `said`, as text without what no service can store.
 *
 * @param {{ [field: string]: any }} said
 * @returns {Said}
 */
export function tidy(said) {
  /** @type {{ [field: string]: unknown }} */
  const kept = {};
  for (const field of FIELDS) {
    // Neither NUL nor half a surrogate pair is text: the service would refuse all that was written. Of line ends there
    // is one kind in a field.
    const value = said[field]?.replace?.(/\0|\r(?=\n)|\p{Cs}/gu, '').trim() ?? said[field];
    if (value && `${value}`) kept[field] = value;
  }
  return kept;
}

/**
 * What changed, in the wire's words: absent is unchanged, null is cleared.
 *
 * @param {Said} before
 * @param {Said} after
 * @param {number} version of the lists of reasons
 * @param {string[]} may without `rate`, neither everything can be taken back nor a version be given; without `correct`,
 *   a correction is left as it is
 * @returns {{ [field: string]: unknown } | undefined} nothing, when nothing did
 */
export function patch(before, after, version, may) {
  /** @type {{ [field: string]: unknown }} */
  const change = {};
  for (const field of FIELDS) if (!same(before[field], after[field])) change[field] = after[field] ?? null;
  if (!may.includes('correct')) delete change['correction'];
  if (same(change, {})) return;
  if (!may.includes('rate')) return change;
  if (same(after, {})) return { retracted: true };
  if (change['reasons'] || change['flag_reasons']) change['reasons_version'] = version;
  return change;
}

/** @param {unknown} a @param {unknown} b */
export const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);

/**
 * What the answer to a post does to its events. 200 is the service, which has stored them; another 2xx is the host,
 * which has them on its disk. A 200 that does not count them comes from in between, like a hotel's sign-in page.
 *
 * @param {any} status a number; 0: there was no answer
 * @param {any} answer its JSON, if it had any
 * @returns {Fate}
 */
export function fate(status, answer) {
  if (answer?.rejected?.length) return 'error';
  if (status === 200) return answer?.accepted >= 0 ? 'sent' : 'queued';
  if (status === 401) return 'expired';
  return /^2/.test(status) ? 'saved' : /^4(?!08|25|29)/.test(status) ? 'error' : 'queued';
}

/**
 * Milliseconds until the next attempt: from 2 s, doubled, to 5 min, and spread so that not everybody comes at once.
 *
 * @param {number} failures so far, at least 1
 * @param {number} random from 0 to 1
 */
export const backoff = (failures, random) => Math.min(3e5, 1e3 * 2 ** failures) * (0.75 + random / 2);

/**
 * The moment until which an answer asks to be left alone: at most an hour from now, and now where it does not say.
 *
 * @param {any} after its `Retry-After` (RFC 9110, section 10.2.3): seconds, or a date
 * @param {number} now
 */
export const calm = (after, now) => now + Math.min(36e5, after * 1e3 || Date.parse(after) - now || 0);
