/** One person before one output: from a click to what is queued, and from what became of it to what is shown. */

import { ADDRESS, read } from './attributes.js';
import { dispatch, emit, enter, leave, place, talk } from './delivery.js';
import { WEEK_MS, patch, polarity, press, tidy, uuid7 } from './logic.js';
import { disk, get, keys, memory, put, remove } from './store.js';
import { view } from './view.js';

/**
 * @typedef {import('./logic.js').Said} Said
 *
 * @typedef {object} Memo What is kept.
 * @property {Said} said
 * @property {Said} before the last change: what Undo leads back to, and a refusal
 * @property {string} id of the event that spoke last
 * @property {string} [receipt]
 * @property {boolean} [shown]
 */

const MEMO = 'heedback:s:';
const ASKED = 'heedback:a:';
const MEMOS = 100;
const SIGNAL_DELAY_MS = 1e3;
let last = 0; // the moment of the latest event

/**
 * @param {HTMLElement} host
 * @param {ShadowRoot} root
 * @param {import('./labels.js').Labels} words
 * @param {import('./ticket.js').Ticket} holds
 * @param {string} name that tells this widget from others, if it has no label
 * @throws what is wrong with an attribute
 */
export function session(host, root, words, holds, name) {
  const { may, key, user } = holds;
  const url = read(host, 'endpoint', ADDRESS);
  const shelf = read(host, 'queue', /^(local|memory|)$/) === 'memory' ? memory : disk;
  const lists = { version: 1, ...words.reasons, up: {}, ...JSON.parse(/** @type {string} */ (host.getAttribute('reasons'))) };
  const party = { url, key, ticket: '', hear };
  /** @type {Memo} */
  const memo = { said: {}, before: {}, id: '', ...get(shelf, MEMO + key) }; // the local copy, at once
  let undoable = false;
  let flagging = false; // the flag was pressed last
  let open = false;
  let asked = {}; // `asked`, for what is said after a prompt
  let status = '';
  const eye = new IntersectionObserver(([entry]) => entry?.isIntersecting && seen());
  const label = host.getAttribute('label');
  const show = view(host, root, words, may, lists, label ? `: ${label}` : name, choose, undo, more, send);

  renew(holds);
  paint();
  return { signal, ask, renew, close };

  function paint() {
    show(memo.said, status, undoable, kind(), open);
  }

  /** What there could be details about. */
  function kind() {
    if (memo.said.flag && (flagging || !memo.said.rating)) return 'flag';
    return memo.said.rating && (polarity(memo.said) > 0 ? 'up' : 'down');
  }

  /** @param {import('./logic.js').Rating | false} rating without it, the flag */
  function choose(rating) {
    const next = press(memo.said, rating);
    flagging = !rating;
    change(next, rating ? next.rating && polarity(next) < 1 : next.flag);
  }

  function undo() {
    change(memo.before);
  }

  function more() {
    open = !open;
    paint();
  }

  /** @param {{ [field: string]: unknown }} written */
  function send(written) {
    change(tidy({ ...memo.said, ...written }));
  }

  /** @param {Said} next @param {unknown} [details] whether they are open from now on */
  function change(next, details) {
    open = !!details;
    const fields = patch(memo.said, next, lists.version, may);
    if (fields) {
      memo.receipt ||= random('x'.repeat(32));
      undoable = next !== memo.before; // Undo itself is not undone
      [memo.before, memo.said] = [memo.said, next];
      const made = queue('feedback', { ...fields, receipt: memo.receipt, ...asked });
      memo.id = made.id;
      status = kind() ? words.saved : words.withdrawn;
      emit('change', { event: made }, host);
    }
    keep();
  }

  /** Writes the local copy, and shows it. */
  function keep() {
    paint();
    put(shelf, MEMO + key, memo);
    // Ids of outputs begin with their time: the oldest are forgotten.
    keys(disk, MEMO).slice(0, -MEMOS).forEach(remove);
  }

  /**
   * @param {'feedback' | 'signal'} type
   * @param {{ [field: string]: unknown }} fields
   * @param {number} [delay] milliseconds
   */
  function queue(type, fields, delay) {
    last = Math.max(Date.now(), last + 1);
    const made = { id: random(uuid7(last)), type, occurred_at: new Date(last).toISOString(), ...fields };
    dispatch(party, made, shelf, delay);
    return made;
  }

  /**
   * @param {string} name
   * @param {number} [value]
   */
  function signal(name, value) {
    return may.includes('signal') && !!queue('signal', { name, value }, SIGNAL_DELAY_MS);
  }

  function ask() {
    const now = Date.now();
    const times = (get(shelf, ASKED + user) ?? []).filter((/** @type {number} */ at) => now - at < WEEK_MS);
    if (!(times.length < /** @type {number} */ (host.getAttribute('ask-limit') ?? 1) && signal('asked'))) return false; // never, where the limit is no number
    put(shelf, ASKED + user, [...times, now]);
    asked = { asked: true };
    status = words.ask;
    paint();
    return true;
  }

  /**
   * @param {import('./ticket.js').Ticket} fresh
   * @returns {boolean} whether it is for the same
   */
  function renew(fresh) {
    if (key !== fresh.key) return false;
    party.ticket = fresh.ticket;
    enter(party);
    eye.observe(host);
    return true;
  }

  function close() {
    leave(party);
    eye.disconnect();
  }

  /** The widget has come into view. */
  async function seen() {
    eye.disconnect();
    memo.shown ||= host.getAttribute('signals') !== 'none' && signal('shown');
    keep();
    if (!may.includes('read')) return;
    const [code, answer] = await talk(`${url}/state`, { ticket: party.ticket });
    if (code === 401) emit('expired', {}, host);
    // The newer word holds. Ids begin with the time of their making, so they tell even where clocks are wrong.
    if (answer?.event_id > memo.id) {
      memo.said = tidy(answer.feedback);
      memo.id = answer.event_id;
      keep();
    }
  }

  /** @type {import('./delivery.js').Party['hear']} */
  function hear(what, detail) {
    emit(what, detail, host);
    if (detail.event.id === memo.id) {
      status = words[what === 'sent' ? (kind() ? /** @type {'sent'} */ (detail.status) : 'withdrawn') : what === 'error' ? what : place(detail) in memory ? 'unsafe' : 'queued'];
      if (what === 'error') {
        memo.said = memo.before;
        memo.id = ''; // so that the service has the next word
        undoable = false;
      }
      keep();
    }
  }
}

/** Puts a random hex digit for each x. @param {string} pattern */
const random = (pattern) => pattern.replace(/x/g, () => (/** @type {any} */ (crypto.getRandomValues(new Uint8Array(1))) % 16).toString(16));
