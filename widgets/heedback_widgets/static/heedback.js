/** Registers `<heedback-rating>`. Who wants another name registers the class of `element.js`. */

import { begin } from './delivery.js';
import { HeedbackRating } from './element.js';

if (!customElements.get('heedback-rating')) {
  customElements.define('heedback-rating', HeedbackRating);
  begin();
}
