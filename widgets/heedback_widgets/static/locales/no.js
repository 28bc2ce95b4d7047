/** Norwegian. */

export { default } from './nb.js';
