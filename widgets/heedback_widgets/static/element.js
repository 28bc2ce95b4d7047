/** `<heedback-rating>`: attributes in, events out. What is wrong with an attribute is said, never thrown. */

import { read } from './attributes.js';
import { emit } from './delivery.js';
import { labels } from './labels.js';
import { session } from './session.js';
import { sheet } from './style.js';
import { open } from './ticket.js';

let count = 0; // of widgets that this page has had

export class HeedbackRating extends HTMLElement {
  static observedAttributes = ['ticket'];

  #root = this.attachShadow({ mode: 'open' });
  #turn = {}; // of the latest start, the only one that goes on
  #name = count++ ? ` (${count})` : ''; // tells this widget from others of the page
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
    if (!this.isConnected) return this.#close();
    this.#root.adoptedStyleSheets = [sheet]; // keeps the place until there is something to see
    try {
      const ticket = read(this, 'ticket', /./);
      const near = /** @type {HTMLElement | null} */ (this.closest('[lang]'))?.lang;
      const { default: words } = await labels(this.getAttribute('locale') ?? near ?? navigator.language);
      const holds = await open(ticket).catch(() => { throw 'ticket'; });
      // A fresh ticket for the same leaves everything as it is.
      if (turn !== this.#turn || this.#session?.renew(holds)) return;
      this.#close();
      this.#session = session(this, this.#root, words, holds, this.#name);
    } catch (problem) {
      if (turn !== this.#turn) return;
      this.#close();
      // Nothing can be said here: the plain form in the tag, if there is one, has to do.
      this.#root.replaceChildren(document.createElement('slot'));
      console.warn(problem, this);
      emit('error', { status: 'attribute', problem: `${problem}` }, this);
    }
  }

  #close() {
    this.#session = /** @type {undefined} */ (this.#session?.close());
  }
}
