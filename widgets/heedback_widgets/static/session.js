/** One person before one output: from a click to what is queued, and from what became of it to what is shown. */

import { ADDRESS, read } from './attributes.js';
import { dispatch, emit, leave, present, talk } from './delivery.js';
import { WEEK_MS, patch, polarity, press, tidy, uuid7 } from './logic.js';
import { disk, get, keys, memory, put, remove } from './store.js';
import { view } from './view.js';

/**
 * @typedef {import('./logic.js').Said} Said
 * @typedef {import('./logic.js').Kind} Kind
 *
 * @typedef {{ said: Said, stamp: string, receipt?: string, shown?: 1 }} Memo What is kept; `stamp` is the id of the
 *   event that spoke last.
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
 * @param {import('./ticket.js').Ticket} holds what is in the ticket
 * @param {string} ticket
 * @param {string} name that tells this widget from others, if it has no label
 * @throws what is wrong with an attribute
 */
export function session(host, root, words, holds, ticket, name) {
  const { may, key, user } = holds;
  const url = read(host, 'endpoint', ADDRESS);
  const shelf = read(host, 'queue', /^(local|memory)$/, 'local') === 'local' ? disk : memory;
  const lists = { version: 1, ...words.reasons, up: {}, ...JSON.parse(/** @type {string} */ (host.getAttribute('reasons'))) };
  /** @type {Memo} */
  const memo = { said: {}, stamp: '', ...get(shelf, MEMO + key) }; // the local copy, at once
  let { said } = memo;
  /** @type {Said | undefined} what Undo leads back to */
  let before;
  /** @type {Kind | undefined} */
  let kind;
  let open = false;
  let asked = false;
  let status = '';
  const eye = new IntersectionObserver(([entry]) => entry?.isIntersecting && seen());
  const label = host.getAttribute('label');
  const show = view(host, root, words, may, lists, label ? `: ${label}` : name, choose, undo, more, send);

  renew(ticket, holds);
  paint();
  return { signal, ask, renew, close };

  function paint() {
    show(said, status, !!before, kind ?? kindOf(said), open);
  }

  /** @param {import('./logic.js').Rating} [rating] without it, the flag */
  function choose(rating) {
    const next = press(said, rating);
    kind = !rating ? next.flag && 'flag' : kindOf(/** @type {Said} */ ({ rating: next.rating }));
    open = !!kind && kind !== 'up';
    change(next);
  }

  function undo() {
    open = false;
    change(before ?? {});
    before = undefined;
    paint();
  }

  function more() {
    open = !open;
    paint();
  }

  /** @param {{ [field: string]: unknown }} written */
  function send(written) {
    open = false;
    change(tidy({ ...said, ...written }));
  }

  /** @param {Said} next */
  function change(next) {
    const fields = patch(said, next, lists.version, may);
    if (fields) {
      memo.receipt ||= random();
      [before, said] = [said, next];
      const made = queue('feedback', { ...fields, receipt: memo.receipt, ...(asked && { asked }) });
      memo.stamp = made.id;
      keep();
      status = kindOf(said) ? words.saved : words.withdrawn;
      emit(host, 'change', { event: made });
    }
    paint();
  }

  /** Keeps the local copy. */
  function keep() {
    put(shelf, MEMO + key, { ...memo, said });
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
    const made = { id: uuid7(last, random()), type, occurred_at: new Date(last).toISOString(), ...fields };
    dispatch({ url, ticket, key, event: made }, shelf, delay);
    return made;
  }

  /**
   * @param {string} name
   * @param {number} [value]
   */
  function signal(name, value) {
    return may.includes('signal') && !!queue('signal', { name, value }, SIGNAL_DELAY_MS);
  }

  /** @param {number} most prompts a week */
  function ask(most) {
    const now = Date.now();
    const times = (get(shelf, ASKED + user) ?? []).filter((/** @type {number} */ at) => now - at < WEEK_MS);
    if (times.length >= most || !signal('asked')) return false;
    put(shelf, ASKED + user, [...times, now]);
    asked = true;
    status = words.ask;
    paint();
    return true;
  }

  /**
   * @param {string} fresh a ticket
   * @param {import('./ticket.js').Ticket} its
   * @returns {boolean} whether it is for the same
   */
  function renew(fresh, its) {
    if (key !== its.key) return false;
    ticket = fresh;
    present(key, ticket, hear);
    eye.observe(host);
    return true;
  }

  function close() {
    leave(key);
    eye.disconnect();
  }

  /** The widget has come into view. */
  async function seen() {
    eye.disconnect();
    if (!memo.shown && host.getAttribute('signals') !== 'none' && signal('shown')) {
      memo.shown = 1;
      keep();
    }
    if (!may.includes('read')) return;
    const [code, answer] = await talk(`${url}/state`, JSON.stringify({ ticket }));
    if (code === 401) emit(host, 'expired', {});
    // The newer word holds. Ids begin with the time of their making, so they tell even where clocks are wrong.
    if (answer?.event_id > memo.stamp) {
      said = tidy(answer.feedback);
      memo.stamp = answer.event_id;
      keep();
      paint();
    }
  }

  /** @type {import('./delivery.js').Listener} */
  function hear(what, detail) {
    emit(host, what, detail);
    if (detail.event.id === memo.stamp) {
      status = words[what === 'sent' ? (kindOf(said) ? /** @type {'sent'} */ (detail.status) : 'withdrawn') : what === 'error' ? what : shelf === memory ? 'unsafe' : 'queued'];
      if (what === 'error') {
        [said, before] = /** @type {any} */ ([before ?? {}]);
        keep();
      }
      paint();
    }
  }
}

/** @param {Said} said @returns {Kind | undefined} */
const kindOf = (said) => (said.rating ? (polarity(said) > 0 ? 'up' : 'down') : said.flag && 'flag');

/** 32 hex digits. */
const random = () => crypto.getRandomValues(new Uint8Array(32)).reduce((text, byte) => text + (byte % 16).toString(16), '');
