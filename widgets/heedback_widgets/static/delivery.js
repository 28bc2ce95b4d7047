/**
 * Events on their way: each is put into the queue before it is posted, and leaves it when somebody else has it.
 *
 * A click is posted at once. What could not be delivered is posted again by one tab at a time (Web Locks), after a
 * pause that grows, when the network is back, and with the next page; but not before the other side said it may be
 * asked again (Retry-After). An event that arrives twice counts once, as its id is the same: a page that is going does
 * not wait for the lock, nor for anything else.
 */

import { KEEPALIVE_CHARS, QUEUE_ITEMS, WEEK_MS, backoff, calm, fate } from './logic.js';
import { disk, get, keys, memory, put, remove } from './store.js';

/**
 * @typedef {import('./logic.js').Item} Item
 * @typedef {import('./store.js').Shelf} Shelf
 * @typedef {'sent' | 'queued' | 'expired' | 'error'} Happening Also the names of what a host hears.
 * @typedef {(what: Happening, detail: any) => void} Listener
 */

const QUEUE = 'heedback:q:';
const ANSWER_MS = 3e4;

/**
 * What this page knows of each person and output: the freshest ticket, and who is told what becomes of events.
 *
 * @type {{ [key: string]: { ticket: string, hear: Listener } | undefined }}
 */
const known = {};
/** Tickets that were refused as expired, and the ids of events that a post carries right now. @type {Set<string>} */
const resting = new Set();
let failures = 0;
let quiet = 0; // the moment until which the other side does not want to be asked
/** @type {ReturnType<typeof setTimeout> | undefined} */
let timer;

/** Posts what earlier pages left, and again whenever it may help. */
export function begin() {
  addEventListener('online', () => soon(0));
  addEventListener('pageshow', () => soon(0));
  // The page is going: what waits is posted without waiting for anybody.
  addEventListener('pagehide', () => due().forEach(post));
}

/**
 * Somebody is there for a person and an output: what waits for its like goes with this ticket.
 *
 * @param {string} key
 * @param {string} ticket
 * @param {Listener} hear
 */
export function present(key, ticket, hear) {
  known[key] = { ticket, hear };
  plan();
}

/** @param {string} key */
export function leave(key) {
  delete known[key];
}

/**
 * Queues an event, and posts it.
 *
 * @param {Item} item
 * @param {Shelf} shelf
 * @param {number} [delay] milliseconds, of a signal; what somebody says goes at once
 */
export function dispatch(item, shelf, delay) {
  put(shelf, place(item), item);
  if (delay) soon(delay);
  else post(item).then(plan);
}

/** Signals come first, so that they go first when there are too many. @param {Item} item */
const place = ({ event }) => QUEUE + (event.type === 'signal' ? 0 : 1) + event.id;

/** All that waits, the oldest first. What is not an event of ours is dropped. @returns {Item[]} */
function waiting() {
  const all = { ...memory, ...disk };
  return keys(all, QUEUE).flatMap((key) => {
    const item = get(all, key);
    if (item?.event && place(item) === key) return item;
    remove(key);
    emit(document, 'error', { status: 'damaged', problem: key });
    return [];
  });
}

/** What could be posted now. */
const due = () => waiting().filter((item) => !resting.has(item.event.id) && !resting.has(ticketOf(item)));

/** @param {Item} item */
const ticketOf = (item) => known[item.key]?.ticket ?? item.ticket;

/** @param {number} ms */
function soon(ms) {
  clearTimeout(timer);
  // Without a secure context there are no locks.
  timer = setTimeout(() => navigator.locks?.request(QUEUE, drain) ?? drain(), Math.max(ms, quiet - Date.now()));
}

async function drain() {
  for (const item of waiting()) if (Date.now() - Date.parse(item.event.occurred_at) > WEEK_MS) settle(item, 'error', 'old');
  // In any order, so that what breaks the other side does not keep the rest from it for ever.
  for (const item of due().sort(() => Math.random() - 0.5)) if (!(await post(item))) break;
  for (const item of waiting().slice(0, -QUEUE_ITEMS)) settle(item, 'error', 'full');
  plan();
}

function plan() {
  if (due()[0]) soon(failures && backoff(failures, Math.random()));
}

/**
 * @param {Item} item
 * @returns {Promise<boolean>} whether it makes sense to go on
 */
async function post(item) {
  const { event } = item;
  const ticket = ticketOf(item);
  const body = JSON.stringify({ ticket, sent_at: new Date(), events: [event] });
  resting.add(event.id);
  const [code, answer] = await talk(`${item.url}/events`, body, body.length < KEEPALIVE_CHARS);
  resting.delete(event.id);
  const status = fate(code, answer);
  failures = status === 'queued' ? failures + 1 : 0;
  if (status === 'expired') resting.add(ticket);
  settle(item, status === 'saved' ? 'sent' : status, status, answer);
  return !failures;
}

/**
 * A string goes as text/plain, which needs nobody's leave at another origin. No cookies: the ticket says it all. No
 * redirect: a sign-in page is no answer.
 *
 * @param {string} url
 * @param {string} body
 * @param {boolean} [keepalive]
 * @returns {Promise<[number, any]>} status, 0 without an answer, and its JSON, if it has any
 */
export async function talk(url, body, keepalive) {
  let status = 0;
  let answer;
  try {
    const response = await fetch(url, {
      method: 'POST', body, keepalive, credentials: 'omit', redirect: 'error', signal: AbortSignal.timeout(ANSWER_MS),
    });
    status = response.status;
    quiet = calm(response.headers.get('Retry-After'), Date.now());
    answer = await response.json();
  } catch {
    // no answer, or one without JSON
  }
  return [status, answer];
}

/** @param {Item} item @param {Happening} what @param {string} status @param {unknown} [answer] */
function settle(item, what, status, answer) {
  if (what === 'sent' || what === 'error') remove(place(item));
  // Whose element is not here, is told to all.
  (known[item.key]?.hear ?? emit.bind(null, document))(what, { event: item.event, status, answer });
}

/**
 * @param {EventTarget} target
 * @param {string} what
 * @param {object} detail
 */
export const emit = (target, what, detail) =>
  target.dispatchEvent(new CustomEvent(`heedback-${what}`, { detail, bubbles: true }));
