/** Norwegian Nynorsk: in Bokmål, which is nearer than English. */

export { default } from './nb.js';
