/**
 * Makes `heedback.min.js` of the modules in `static/`: `node build.mjs` writes it, `node build.mjs --check` says whether
 * the one that is there is current. `sources.sha256` holds the digest of the sources, for who has no node.
 */

import { createHash } from 'node:crypto';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { argv, exit } from 'node:process';
import { fileURLToPath } from 'node:url';
import { build, transform } from 'esbuild';
import { minify } from 'terser';

const folder = new URL('heedback_widgets/static/', import.meta.url);
const target = new URL('heedback.min.js', folder);

/** What is not in the file. */
const APART = ['heedback.min.js', 'signals.js'];

/** Properties that no other file, host, device or server ever sees: they get short names. */
const INNER = /^(hear|kept|renew|unsaid)$/;

/** The SHA-256, in hex, of all sources that go into the file, in the order of their names. */
function digest() {
  const hash = createHash('sha256');
  for (const name of readdirSync(folder).filter((name) => name.endsWith('.js') && !APART.includes(name)).sort()) {
    hash.update(readFileSync(new URL(name, folder)));
  }
  return hash.digest('hex');
}

/** The style sheet inside a module is minified as one. */
const styles = {
  name: 'styles',
  setup({ onLoad }) {
    onLoad({ filter: /style\.js$/ }, async ({ path }) => {
      const [before, css, after] = readFileSync(path, 'utf8').split('`');
      const { code } = await transform(css, { loader: 'css', minify: true });
      return { contents: `${before}\`${code.trim()}\`${after}` };
    });
  },
};

const bundle = await build({
  entryPoints: [fileURLToPath(new URL('heedback.js', folder))],
  bundle: true, minify: true, format: 'esm', target: 'es2022', write: false, plugins: [styles],
});
const { code } = await minify(bundle.outputFiles[0].text, {
  module: true, ecma: 2020, mangle: { properties: { regex: INNER } }, compress: { passes: 2, unsafe: true, unsafe_arrows: true, unsafe_methods: true, pure_getters: true, hoist_funs: true, inline: 1 },
});
/** @type {[URL, string][]} */
const made = [[target, `${code.trim()}\n`], [new URL('sources.sha256', folder), `${digest()}\n`]];

if (!argv.includes('--check')) made.forEach(([file, text]) => writeFileSync(file, text));
else if (made.some(([file, text]) => readFileSync(file, 'utf8') !== text)) {
  console.log('heedback.min.js is not what its sources make: run ./dev widget');
  exit(1);
}
