/**
 * What a ticket says of itself. The browser cannot check the signature and need not: who changes a ticket is refused.
 *
 * @typedef {object} Ticket
 * @property {string} ticket as it was given
 * @property {string} key of the person and the output
 * @property {string | null} user
 * @property {string[]} may
 */

/**
 * @param {string} text `kid.body.signature`; the body is JSON in URL-safe base64, deflated if a dot stands before it
 * @returns {Promise<Ticket>}
 * @throws when it is no ticket
 */
export async function open(text) {
  const packed = atob(/** @type {string} */ (text.split('.').at(-2)).replace(/-/g, '+').replace(/_/g, '/'));
  const { body } = /** @type {any} */ (new Response(Uint8Array.from(packed, (mark) => mark.charCodeAt(0))));
  const its = await new Response(text.includes('..') ? body.pipeThrough(new DecompressionStream('deflate')) : body).json();
  return { ...its, ticket: text, key: `${its.output_id} ${its.user}` };
}
