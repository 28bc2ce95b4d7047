/**
 * What is on the page: built node by node (no markup is parsed, so a policy has nothing against it), then painted.
 *
 * What a host may style has a part, and a class of the same name for our own sheet.
 */

import { read } from './attributes.js';
import { COMMENT_CHARS, CORRECTION_CHARS, reasonsOf } from './logic.js';

/**
 * @typedef {import('./logic.js').Said} Said
 * @typedef {import('./logic.js').Kind} Kind
 *
 * @typedef {HTMLElement & { [property: string]: any }} Draft A reason or a field of the details, which has `ariaPressed` or
 *   `value` as its `kept`, and `of` to tell what is said of it.
 * @typedef {{ [name: string]: string }} Begun What drafts hold that is not said.
 */

/** Up; down it is turned by the sheet. */
const THUMB = 'M7 11v9H4v-9zl4-7q2 0 2 2l-1 4h6q2 0 2 2l-2 8H7';
/** @type {{ [part: string]: string }} */
const ICONS = {
  flag: 'M5 21V4h12l-2 4 2 4H5',
  star: 'm12 3 3 6 6 1-4 4 1 6-6-3-6 3 1-6-4-4 6-1z',
};

/**
 * @param {Element} host
 * @param {ShadowRoot} root
 * @param {import('./labels.js').Labels} words
 * @param {string[]} may
 * @param {import('./logic.js').Labelled} lists
 * @param {string} name tells this widget from others, after what a button is called
 * @param {Begun | undefined} desk what was begun in an element that has gone
 * @param {(rating: import('./logic.js').Rating | false) => void} choose a rating or, without one, the flag
 * @param {() => void} undo
 * @param {() => void} more
 * @param {(written: { [field: string]: unknown }) => void} send
 * @throws what is wrong with an attribute
 */
export function view(host, root, words, may, lists, name, desk, choose, undo, more, send) {
  const mode = read(host, 'mode', /^(thumbs|stars)$/, 'thumbs');
  const theme = read(host, 'theme', /^(light|dark|)$/);
  const privacy = read(host, 'privacy-url', /^((https?:\/)?\/[^/]|$)/);
  const marks = mode === 'stars' ? [1, 2, 3, 4, 5].map((value) => mark('star', value)) : [mark('up', 1), mark('down', 0)];
  const flag = mark('flag', 0);
  const status = make('span', 'message', { role: 'status' });
  const undoing = button('undo', words.undo, () => {
    undo();
    latest.focus(); // this button is gone now
  });
  const opening = button('more', words.details, more);
  /** @type {Draft[]} */
  const drafts = [];
  /** What was said when all was painted last. @type {Said} */
  let last = {};
  const comment = field('comment', COMMENT_CHARS);
  const correction = field('correction', CORRECTION_CHARS);
  const box = make('div', 'widget', { role: 'group', ariaLabel: words.rate + name, lang: words.lang, dir: words.dir },
    make('div', 'row', {}, ...(may.includes('rate') ? marks : []), may.includes('flag') ? flag : '',
      make('div', 'status', {}, status, undoing, opening)));
  let latest = opening; // where the focus goes after Undo: without a press on this page, to where what is undone was sent
  /** @type {HTMLElement | undefined} */
  let details;
  /** @type {Kind | false | undefined} */
  let shown;
  /** The reasons of each list that has been open. @type {{ [kind: string]: Draft[] }} */
  const chosen = {};

  box.style.colorScheme = theme;
  root.replaceChildren(box);
  return { paint, unsaid: () => Object.fromEntries(drafts.filter(begun).map((draft) => [draft['name'], draft[draft['kept']]])) };

  /**
   * @param {Said} said
   * @param {string} text
   * @param {unknown} undoable
   * @param {Kind | undefined} kind of the details there could be
   * @param {boolean} open whether they are
   * @param {boolean} [fresh] whether it was said elsewhere: then it stands in the details too, where nobody has begun.
   *   Else what somebody has pressed or written stays, said or not.
   */
  function paint(said, text, undoable, kind, open, fresh) {
    const rated = said.rating?.scale === mode && said.rating.value;
    for (const node of [flag, ...marks]) {
      node.ariaPressed = `${node === flag ? !!said.flag : +node.value === rated}`;
    }
    if (status.textContent !== text) status.textContent = text;
    undoing.hidden = !undoable;
    opening.hidden = !kind;
    opening.ariaExpanded = `${open}`;
    if (fresh) for (const draft of drafts) if (!begun(draft)) draft[draft['kept']] = draft['of'](said);
    last = said;
    const next = open && kind;
    if (shown === next) return;
    details?.remove();
    shown = next;
    if (shown) box.append((details = detail(shown)));
  }

  /** @param {Kind} kind */
  function detail(kind) {
    const corrects = kind === 'down' && may.includes('correct');
    const reasons = (chosen[kind] ??= Object.entries(lists[kind]).map(([key, text]) => {
      const node = button('reason', text || words.reasons[kind][key] || key, () => (node.ariaPressed = `${node.ariaPressed !== 'true'}`), key);
      return draft(node, 'ariaPressed', kind + key, (said) => `${!!reasonsOf(said, kind)?.includes(key)}`);
    }));
    const fields = corrects ? [comment, correction] : [comment];
    return make('div', 'details', {},
      words.why[kind],
      make('div', 'reasons', { role: 'group', ariaLabel: words.why[kind] }, ...reasons),
      ...fields.map((node) => make('label', 'field', {}, words[/** @type {'comment'} */ (node.className)], node)),
      make('div', 'foot', {},
        make('span', 'goes', {}, `${words.goes} `, privacy ? make('a', 'privacy', { href: privacy, target: '_blank' }, words.privacy) : ''),
        button('send', words.send, () => {
          // What nobody changed here is left out: it may be older than what was said elsewhere.
          send({
            ...(reasons.some(begun) && {
              [kind === 'flag' ? 'flag_reasons' : 'reasons']: reasons.filter((node) => node.ariaPressed === 'true').map((node) => node['value']),
            }),
            ...Object.fromEntries(fields.filter(begun).map((node) => [node.className, node['value']])),
          });
          opening.focus();
        })));
  }

  /**
   * @param {HTMLElement} node
   * @param {'value' | 'ariaPressed'} kept
   * @param {string} name
   * @param {(said: Said) => string} of
   * @returns {Draft}
   */
  function draft(node, kept, name, of) {
    drafts.push(Object.assign(node, { kept, name, of, [kept]: desk?.[name] ?? of(last) }));
    return node;
  }

  /** Whether somebody has made something else of it than is said, which has no space at its ends. @param {Draft} draft */
  function begun(draft) {
    return draft[draft['kept']].trim() !== draft['of'](last);
  }

  /** @param {'comment' | 'correction'} part @param {number} maxLength */
  function field(part, maxLength) {
    return draft(make('textarea', part, { maxLength }), 'value', part, (said) => said[part] ?? '');
  }

  /** @param {string} part @param {number} value of a rating */
  function mark(part, value) {
    const [svg, path] = /** @type {any[]} */ (['svg', 'path'].map((tag) => document.createElementNS('http://www.w3.org/2000/svg', tag)));
    path.setAttribute('d', ICONS[part] ?? THUMB);
    svg.append(path);
    const node = button(part, words[/** @type {'flag'} */ (part)].replace('N', /** @type {any} */ (value)), () => {
      latest = node;
      choose(part !== 'flag' && { value, scale: mode });
    }, value, svg);
    node.title = /** @type {string} */ (node.ariaLabel);
    return node;
  }

  /**
   * The second click of a double click is none: it would take back the first, or hit what has come under the mouse.
   * By keyboard there are no such clicks. Enter that is held would click some thirty times a second, also on what has
   * got the focus meanwhile; Tab that is held goes on.
   *
   * @param {string} part
   * @param {string} text
   * @param {() => void} act
   * @param {unknown} [value]
   * @param {Node | string} [inside]
   */
  function button(part, text, act, value = '', inside = text) {
    const onclick = (/** @type {MouseEvent} */ { detail }) => detail > 1 || act();
    const onkeydown = (/** @type {KeyboardEvent} */ { repeat, key }) => !repeat || key !== 'Enter';
    return make('button', part, { ariaLabel: text + name, onclick, onkeydown, value }, inside);
  }
}

/**
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {string} part
 * @param {{ [property: string]: unknown }} properties
 * @param {(Node | string)[]} inside
 */
function make(tag, part, properties, ...inside) {
  const node = Object.assign(document.createElement(tag), { part, className: part, ...properties });
  node.append(...inside);
  return /** @type {HTMLElementTagNameMap[Tag]} */ (node);
}
