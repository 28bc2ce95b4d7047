/** One person before one output: from a click to what is queued, and from what became of it to what is shown. */

import { ADDRESS, REASONS, SIGNALS, read } from './attributes.js';
import { ASKED, MEMO, dispatch, emit, enter, leave, place, talk, waiting } from './delivery.js';
import { WEEK_MS, backoff, patch, polarity, press, same, tidy, uuid7 } from './logic.js';
import { disk, get, memory, put } from './store.js';
import { view } from './view.js';

/**
 * @typedef {import('./logic.js').Said} Said
 *
 * @typedef {object} Memo What is kept, for all tabs: it is read anew before anything comes on top.
 * @property {Said} said
 * @property {Said} before the last change: what Undo leads back to, and a refusal
 * @property {string[]} known the events that led here, the latest last; '' is that nothing was said
 * @property {'ask' | 'withdrawn' | 'unsafe' | 'sent' | 'saved' | 'expired' | 'queued' | 'error'} [word] for what became of it
 * @property {{ [field: string]: 0 }} [doubt] fields of events that were refused before others: the service knows what holds
 * @property {string} [receipt]
 * @property {boolean} [shown]
 */

const SIGNAL_DELAY_MS = 1e3;
let last = 0; // the moment of the latest event
/** The sessions of this page: each is told what has been kept, and by whom. @type {Set<(key?: string | null, by?: Element) => void>} */
const sessions = new Set();
addEventListener('storage', ({ key }) => sessions.forEach((look) => look(key)));
// A page that comes back as it was has slept, and heard nothing.
addEventListener('pageshow', ({ persisted }) => persisted && sessions.forEach((look) => look()));
/** What was begun in elements that have gone, by output and person. @type {{ [key: string]: import('./view.js').Begun }} */
const desks = {};

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
  const url = read(host, 'endpoint', ADDRESS).replace(/\/$/, '');
  const shelf = read(host, 'queue', /^(local|memory|)$/) === 'memory' ? memory : disk;
  const silent = read(host, 'signals', SIGNALS) === 'none';
  const lists = { version: 1, ...words.reasons, up: {}, ...JSON.parse(read(host, 'reasons', REASONS, '{}')) };
  const party = { url, key, ticket: '', hear };
  let /** @type {Said} */ said = {}, /** @type {Said} */ before = {}, known = [''];
  let /** @type {Memo['doubt']} */ doubt, /** @type {Memo['receipt']} */ receipt, /** @type {Memo['shown']} */ shown;
  /** @type {Memo['word']} */
  let word; // of what was done on this page
  let turn = ''; // makes the same word another text, so that it is spoken again
  let undoable = false;
  let flagging = false; // the flag was pressed last
  let open = false;
  let asked = {}; // `asked`, for what is said after a prompt
  let refused = 0; // tickets in a row
  let told = ''; // the last of them
  const eye = new IntersectionObserver(([entry]) => entry?.isIntersecting && seen());
  const { paint: show, unsaid } = view(host, root, words, may, lists, name, desks[key], choose, undo, more, send);

  delete desks[key];
  recall();
  renew(holds);
  paint();
  sessions.add(look);
  return { signal, ask, renew, close };

  /**
   * Reads what any tab has kept, before something comes on top. What is gone from the device still stands here.
   *
   * @returns {Memo | undefined}
   */
  function recall() {
    const memo = get(shelf, MEMO + key);
    const old = said;
    if (memo) ({ said = {}, before = {}, known = [''], doubt, receipt, shown } = memo);
    // What was refused stays in the details, to be said again.
    if (!same(old, said)) paint(memo.word !== 'error');
    return memo;
  }

  /** @param {boolean} [fresh] whether somebody said it elsewhere */
  function paint(fresh) {
    show(said, word ? words[word] + turn : '', undoable, kind(), open, fresh);
  }

  /** @param {string | null} [place] where something was kept @param {Element} [by] of this page */
  function look(place = MEMO + key, by) {
    if (place !== MEMO + key || by === host) return;
    const memo = recall();
    if (!memo) return;
    word = memo.word;
    undoable = false;
    paint();
  }

  /** What there could be details about. */
  function kind() {
    if (said.flag && (flagging || !said.rating)) return 'flag';
    return said.rating && (polarity(said) > 0 ? 'up' : 'down');
  }

  /** @param {import('./logic.js').Rating | false} rating without it, the flag */
  function choose(rating) {
    recall();
    const next = press(said, rating);
    flagging = !rating;
    change(next, rating ? next.rating && polarity(next) < 1 : next.flag);
  }

  function undo() {
    recall();
    change(before);
  }

  function more() {
    open = !open;
    paint();
  }

  /** @param {{ [field: string]: unknown }} written */
  function send(written) {
    recall();
    change(tidy({ ...said, ...written }));
  }

  /** @param {Said} next @param {unknown} [details] whether they are open from now on */
  function change(next, details) {
    open = !!details;
    const fields = patch(/** @type {any} */ ({ ...said, ...doubt }), next, lists.version, may);
    if (fields) {
      doubt = undefined; // all of it is said again
      receipt ||= random('x'.repeat(32));
      undoable = next !== before; // Undo itself is not undone
      [before, said] = [said, next];
      const made = queue('feedback', { ...fields, receipt: receipt, ...asked });
      known.push(tail(made.id));
      word = place({ event: made }) in memory ? 'unsafe' : kind() ? 'saved' : 'withdrawn';
      turn = turn ? '' : '\xa0';
      keep();
      emit('change', { event: made }, host);
    }
    paint();
  }

  /** Writes the local copy, and lets others see it. After an answer only where it has not gone: people sign out. */
  function keep() {
    put(shelf, MEMO + key, { said, before, known, word, doubt, receipt, shown });
    sessions.forEach((look) => look(MEMO + key, host));
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
    const times = (get(shelf, ASKED + user)?.times ?? []).filter((/** @type {number} */ at) => now - at < WEEK_MS);
    recall();
    // Never who has rated, or may not; nor anybody where the limit is no number.
    if (said.rating || !may.includes('rate')) return false;
    if (!(times.length < /** @type {number} */ (host.getAttribute('ask-limit') ?? 1) && signal('asked'))) return false;
    put(shelf, ASKED + user, { times: [...times, now] });
    asked = { asked: true };
    word = 'ask';
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
    party.ticket = '';
    desks[key] = { ...desks[key], ...unsaid() };
    sessions.delete(look);
    leave(party);
    eye.disconnect();
  }

  /** The widget has come into view. */
  async function seen() {
    eye.disconnect();
    recall();
    if (!shown && !silent) {
      shown = signal('shown');
      keep();
    }
    if (!may.includes('read')) return;
    const latest = known.at(-1);
    const { ticket } = party;
    const memo = recall();
    const [code, answer] = await talk(`${url}/state`, { ticket });
    if (code === 401) expire(ticket, {});
    const gone = !recall() && memo;
    const its = tail(answer?.event_id);
    // The service knows which word is the newest, whatever the clocks say: what it tells holds, unless that is old news,
    // or something was said since it was asked, or has not left yet.
    if (!answer?.feedback || latest !== known.at(-1) || (!doubt && known.includes(its))) return;
    if (!waiting().some((item) => item.key === key && item.event.type !== 'signal')) {
      const { rating } = answer.feedback;
      // In the order of ours, for the two are compared as text.
      said = tidy({ ...answer.feedback, rating: rating && { value: rating.value, scale: rating.scale } });
      known = [its];
      doubt = undefined;
      word = undefined;
      undoable = false;
      if (!gone) keep();
      paint(true);
    }
  }

  /** @type {import('./delivery.js').Party['hear']} */
  function hear(what, detail, ticket) {
    const memo = recall();
    if (what === 'sent') refused = 0;
    if (what === 'expired') expire(ticket, detail);
    else emit(what, detail, host);
    const its = tail(detail.event.id);
    const latest = its === known.at(-1);
    const error = what === 'error' && known.includes(its);
    if (error) {
      known[known.indexOf(its)] = ''; // what comes of the others is still heard
      if (latest) said = before;
      else for (const field in detail.event) (doubt ??= {})[field] = 0;
      word = 'error';
      undoable = false;
      open ||= !!(detail.event.comment || detail.event.correction); // here is what was written
    } else if (latest) {
      if (what === 'sent') word = doubt ? 'error' : kind() ? detail.status : 'withdrawn';
      else word = place(detail) in memory ? 'unsafe' : what;
    } else return;
    if (memo) keep();
    paint();
  }

  /**
   * The host hears of each ticket once; after a pause that grows, where fresh ones are refused as well.
   *
   * @param {string} ticket
   * @param {object} detail
   */
  function expire(ticket, detail) {
    if (told === ticket) return;
    told = ticket;
    setTimeout(() => ticket === party.ticket && emit('expired', detail, host), refused++ && backoff(refused, Math.random()));
  }
}

/** What tells an event from others. The service may have changed the time before it. @param {string | null} [id] */
const tail = (id) => `${id}`.slice(14);

/** Puts a random hex digit for each x. @param {string} pattern */
const random = (pattern) => pattern.replace(/x/g, () => (/** @type {any} */ (crypto.getRandomValues(new Uint8Array(1))) % 16).toString(16));
