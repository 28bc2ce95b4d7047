/** `<heedback-rating>`: attributes in, events out. What is wrong with an attribute is said, never thrown. */

import { read } from './attributes.js';
import { emit } from './delivery.js';
import { labels } from './labels.js';
import { session } from './session.js';
import { sheet } from './style.js';
import { open } from './ticket.js';

/** What tells the widgets of this page apart. */
const names = new Set();

export class HeedbackRating extends HTMLElement {
  static observedAttributes = ['ticket'];

  #root = this.attachShadow({ mode: 'open' });
  #turn = {}; // of the latest start, the only one that goes on
  /** @type {string | undefined} */
  #name;
  /** @type {Promise<void> | undefined} */
  #ready;
  /** @type {ReturnType<typeof session> | undefined} */
  #session;

  connectedCallback() {
    this.#ready = this.#start();
  }

  attributeChangedCallback() {
    this.#ready = this.#start();
  }

  disconnectedCallback() {
    this.#ready = this.#start();
  }

  /**
   * Implicit evidence about the output.
   *
   * @param {string} name one of the wire's signals
   * @param {number} [value]
   * @returns {Promise<boolean>} whether it is on its way; the ticket may not allow it
   */
  async signal(name, value) {
    await this.#ready;
    return !!this.#session?.signal(name, value);
  }

  /**
   * Prompts the person for a rating, unless they were prompted `ask-limit` times (1) in the last seven days.
   *
   * @returns {Promise<boolean>} whether it did
   */
  async ask() {
    await this.#ready;
    return !!this.#session?.ask();
  }

  async #start() {
    const turn = (this.#turn = {});
    await 0; // once for all attributes, and for an element that only moves
    if (turn !== this.#turn) return;
    if (!this.isConnected) {
      names.delete(this.#name);
      this.#name = undefined;
      return this.#close();
    }
    this.#call();
    this.#root.adoptedStyleSheets = [sheet]; // keeps the place until there is something to see
    try {
      const ticket = read(this, 'ticket', /./);
      // From within a shadow root nothing above it is found.
      const near = /** @type {HTMLElement} */ (this.closest('[lang]') ?? document.documentElement).lang;
      const { default: words } = await labels(this.getAttribute('locale') ?? (near || navigator.language));
      const holds = await open(ticket).catch(() => { throw 'ticket'; });
      // A fresh ticket for the same leaves everything as it is.
      if (turn !== this.#turn || this.#session?.renew(holds)) return;
      this.#close();
      this.#session = session(this, this.#root, words, holds, /** @type {string} */ (this.#name));
    } catch (problem) {
      if (turn !== this.#turn) return;
      this.#close();
      // Nothing can be said here: the plain form in the tag, if there is one, has to do.
      this.#root.replaceChildren(document.createElement('slot'));
      console.warn(problem, this);
      // What is thrown here is words about an attribute; a module that is not there has a message of its own.
      emit('error', { status: /** @type {any} */ (problem).message ? 'language' : 'attribute', problem: `${problem}` }, this);
    }
  }

  /** Its label and, if another one has the same or none, a number as low as can be. It keeps the one it has. */
  #call() {
    const label = this.getAttribute('label');
    const base = label ? `: ${label}` : '';
    if (`${this.#name} (`.startsWith(`${base} (`)) return;
    names.delete(this.#name);
    let count = 1;
    for (this.#name = base; names.has(this.#name); ) this.#name = `${base} (${++count})`;
    names.add(this.#name);
  }

  #close() {
    this.#session = /** @type {undefined} */ (this.#session?.close());
  }
}
