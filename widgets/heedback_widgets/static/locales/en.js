/** @typedef {typeof labels} Labels Every language has every one of these. */

const labels = {
  lang: 'en',
  dir: 'ltr',
  up: 'Good answer',
  down: 'Bad answer',
  flag: 'Report a problem',
  star: 'N of 5 stars',
  rate: 'Rate this answer',
  ask: 'Was this answer helpful?',
  saved: 'Saved.',
  sent: 'Sent.',
  queued: 'Saved on this device; will be sent.',
  unsafe: 'Not sent yet: please keep this page open.',
  expired: 'Not sent yet: please reload this page.',
  error: 'This could not be saved.',
  withdrawn: 'Withdrawn.',
  undo: 'Undo',
  details: 'Details',
  why: { down: 'What could be better?', up: 'What was good?', flag: 'What is the problem?' },
  comment: 'Comment (optional)',
  correction: 'A better answer (optional)',
  send: 'Send details',
  goes: 'Goes to the people who run this, together with the answer.',
  privacy: 'Privacy',
  /** @type {import('../logic.js').Labelled} */
  reasons: {
    down: {
      incorrect: 'Not correct',
      instructions: 'Not what I asked',
      incomplete: 'Something is missing',
      style: 'Style or length',
      sources: 'Wrong source',
      refused: 'Did not answer',
      slow_or_broken: 'Slow or broken',
      other: 'Something else',
    },
    flag: {
      harmful: 'Could do harm',
      biased_or_offensive: 'Insulting or biased',
      private_data: 'Shows private data',
      security: 'Security risk',
      legal: 'Legal problem',
      other: 'Something else',
    },
    up: {
      accurate: 'Correct',
      followed: 'Just what I asked',
      clear: 'Clear',
      thorough: 'Thorough',
      other: 'Something else',
    },
  },
};

export default labels;
