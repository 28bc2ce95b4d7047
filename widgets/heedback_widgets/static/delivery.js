/**
 * Events on their way: each is put into the queue before it is posted, and leaves it when somebody else has it.
 *
 * A click is posted at once. What could not be delivered is posted again by one tab at a time (Web Locks), after a
 * pause that grows, when the network is back, and with the next page; but not before the other side said it may be
 * asked again (Retry-After). An event that arrives twice counts once, as its id is the same: a page that is going does
 * not wait for the lock, nor for anything else.
 */

import { KEEPALIVE_CHARS, QUEUE_ITEMS, WEEK_MS, backoff, calm, fate } from './logic.js';
import { disk, get, keys, put, remove } from './store.js';

/**
 * @typedef {import('./logic.js').Event} Event
 * @typedef {import('./logic.js').Item} Item
 * @typedef {import('./store.js').Shelf} Shelf
 * @typedef {'sent' | 'queued' | 'expired' | 'error'} Happening Also the names of what a host hears.
 * @typedef {object} Party An element and whom it speaks for.
 * @property {string} url
 * @property {string} key of a person and an output
 * @property {string} ticket the freshest
 * @property {(what: Happening, detail: any, ticket: string) => void} hear is told what becomes of events
 */

const QUEUE = 'heedback:q:';
/** What was said, by output and person: ids of outputs begin with their time. */
export const MEMO = 'heedback:s:';
/** When somebody was prompted: behind all of them. */
export const ASKED = `${MEMO}~`;
const MEMOS = 100;
const ANSWER_MS = 3e4;

/** Who is there for each person and output: the one that came or spoke last. @type {{ [key: string]: Party | undefined }} */
const present = {};
/** Events that a post carries right now, and tickets that were refused: what has no other waits for it. @type {Set<string>} */
const resting = new Set();
let failures = 0;
let quiet = 0; // the moment until which the other side does not want to be asked
/** @type {ReturnType<typeof setTimeout> | undefined} */
let timer;

/** Posts what earlier pages left, and again whenever it may help. */
export function begin() {
  addEventListener('online', () => soon(0));
  addEventListener('pageshow', () => soon(1e3)); // when elements are there to hear of it
  // The page is going: what waits is posted without waiting for anybody.
  addEventListener('pagehide', () => due().forEach(post));
}

/** Somebody is there: what waits for its like goes with its ticket. @param {Party} party */
export function enter(party) {
  present[party.key] = party;
  plan();
}

/** Another one may have come meanwhile. @param {Party} party */
export function leave(party) {
  if (present[party.key] === party) delete present[party.key];
}

/**
 * Queues an event, and posts it.
 *
 * @param {Party} party
 * @param {Event} event
 * @param {Shelf} shelf
 * @param {number} [delay] milliseconds, of a signal; what somebody says goes at once
 */
export async function dispatch(party, event, shelf, delay) {
  const item = { ...party, event }; // as JSON, without `hear`
  present[party.key] = party;
  put(shelf, place(item), item);
  if (!delay) await post(item);
  plan(delay);
}

/** Signals come first, so that they go first when there are too many. @param {{ event: Event }} item */
export const place = ({ event }) => QUEUE + (event.type === 'signal' ? 0 : 1) + event.id;

/** All that waits, the oldest first. What is not an event of ours is dropped. @returns {Item[]} */
export function waiting() {
  return keys(QUEUE).flatMap((key) => {
    const item = get(disk, key);
    if (item?.event && place(item) === key) return item;
    remove(key);
    emit('error', { status: 'damaged', problem: key });
    return [];
  });
}

/** Whether it could be posted now. @param {Item} item */
const free = (item) => !resting.has(item.event.id) && !resting.has(ticketOf(item));

const due = () => waiting().filter(free);

/** @param {Item} item */
const ticketOf = (item) => present[item.key]?.ticket ?? item.ticket;

/** @param {number} ms */
function soon(ms) {
  clearTimeout(timer);
  // Without a secure context there are no locks; where storage is blocked, they are refused.
  timer = setTimeout(() => navigator.locks?.request(QUEUE, drain).catch(drain) ?? drain(), Math.max(ms, quiet - Date.now()));
}

async function drain() {
  for (const item of waiting()) if (old(place(item))) settle(item, 'error', 'old');
  for (const key of keys(MEMO)) if (old(key)) remove(key);
  // Too many: first goes what nobody said anything about, then the oldest; nothing of what is on the page.
  const rank = (/** @type {string} */ key) => get(disk, key).at + (get(disk, key).said?.rating ? WEEK_MS : 0);
  keys(MEMO).filter((key) => key < ASKED && !present[key.slice(MEMO.length)]).reverse().sort((a, b) => rank(b) - rank(a)).slice(MEMOS).forEach(remove);
  // Outputs in any order, so that what breaks the other side does not keep the rest from it for ever; of each its
  // clicks in theirs.
  /** @type {{ [key: string]: number }} */
  const luck = {};
  for (const item of due().sort((a, b) => (luck[a.key] ??= Math.random()) - (luck[b.key] ??= Math.random()))) {
    if (free(item)) await post(item);
    if (failures) break;
  }
  for (const item of waiting().slice(0, -QUEUE_ITEMS)) settle(item, 'error', 'full');
  if (due()[0]) plan();
}

/** @param {string} key */
const old = (key) => !(Date.now() - get(disk, key)?.at < WEEK_MS);

/** @param {number} [ms] milliseconds, unless there is a pause to keep */
function plan(ms = 0) {
  if (keys(QUEUE)[0]) soon(failures ? backoff(failures, Math.random()) : ms);
}

/** @param {Item} item */
async function post(item) {
  const ticket = ticketOf(item);
  resting.add(item.event.id);
  const [code, answer] = await talk(`${item.url}/events`, { ticket, sent_at: new Date(), events: [item.event] });
  const status = fate(code, answer);
  failures = status === 'queued' ? failures + 1 : 0;
  resting.delete(item.event.id);
  resting[status === 'expired' ? 'add' : 'delete'](ticket);
  settle(item, status === 'saved' ? 'sent' : status, status, answer, ticket);
}

/**
 * A string goes as text/plain, which needs nobody's leave at another origin. No cookies: the ticket says it all. No
 * redirect: a sign-in page is no answer.
 *
 * @param {string} url
 * @param {object} words
 * @returns {Promise<[number, any]>} status, 0 without an answer, and its JSON, if it has any
 */
export async function talk(url, words) {
  const body = JSON.stringify(words);
  let status = 0;
  let answer;
  try {
    const response = await fetch(url, {
      method: 'POST', body, keepalive: body.length < KEEPALIVE_CHARS, credentials: 'omit', redirect: 'error', signal: AbortSignal.timeout(ANSWER_MS),
    });
    status = response.status;
    quiet = Math.max(quiet, calm(response.headers.get('Retry-After'), Date.now()));
    answer = await response.json();
  } catch {
    // no answer, or one without JSON
  }
  return [status, answer];
}

/**
 * @param {Item} item
 * @param {Happening} what
 * @param {string} status
 * @param {unknown} [answer]
 * @param {string} [ticket] of the post
 */
function settle(item, what, status, answer, ticket = '') {
  if (what === 'sent' || what === 'error') remove(place(item));
  const detail = { event: item.event, status, answer };
  const party = present[item.key];
  if (party) party.hear(what, detail, ticket);
  else emit(what, detail); // to all
}

/**
 * @param {string} what
 * @param {object} detail
 * @param {EventTarget} [target]
 */
export const emit = (what, detail, target = document) =>
  target.dispatchEvent(new CustomEvent(`heedback-${what}`, { detail, bubbles: true, composed: true }));
