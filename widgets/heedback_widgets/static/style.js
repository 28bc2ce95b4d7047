/** How it looks: the host's font and colour, and next to nothing of its own. Nothing moves. */

// What is pressed has a border, not a shadow: shadows are gone where colours are forced.
const CSS = `
:host([hidden]){display:none}
:host{display:block;min-height:var(--s);font-size:.875em;overflow-wrap:anywhere;white-space:normal;--s:32px;--a:var(--heedback-accent,light-dark(#0b6358,#74cbbb))}
*{font:inherit;color:inherit;margin:0;padding:0;border:0;border-radius:var(--heedback-radius,8px);background:none}
.row,.status,.reasons,.foot{display:flex;flex-wrap:wrap;gap:4px;align-items:center}
.status,.goes{flex:1 9em}
button{align-self:start;min-width:var(--s);border:2px solid #0000;min-height:var(--s);cursor:pointer}
button:hover,[aria-pressed=true]{background:color-mix(in srgb,currentColor 9%,#0000)}
:focus-visible{outline:2px solid var(--a)}
svg{display:block;width:24px;height:24px;scale:.75;margin:auto;fill:var(--f,none);stroke:currentColor;stroke-width:2}
.down svg{rotate:180deg}
[aria-pressed=true],.star:has(~.star[aria-pressed=true]){--f:color-mix(in srgb,currentColor 25%,#0000);color:var(--a)}
.flag{--a:var(--heedback-harm,light-dark(#a8201a,#ff8f85))}
.undo,.more{text-decoration:underline}
.details,.field{display:grid;gap:8px;padding:8px 0;max-width:40em}
.undo,.more,.reason,.send{padding:0 8px}
.reason,textarea{border:1px solid var(--heedback-line,color-mix(in srgb,currentColor 58%,#0000))}
.reason{border-radius:9em}
[aria-pressed=true]{border-color:currentColor}
textarea{resize:vertical;padding:8px;unicode-bidi:plaintext}
button.send{background:var(--a);color:var(--heedback-on-accent,light-dark(#fff,#000))}
@media(pointer:coarse){:host{--s:44px}}
@media(forced-colors:active){button[aria-pressed=true]{background:Highlight;color:HighlightText;forced-color-adjust:none}}
`;

/** One sheet for all elements; a policy that forbids inline styles has nothing against it. */
export const sheet = new CSSStyleSheet();
sheet.replaceSync(CSS);
