/** What a failed run tells: the finding that its record carries beside the error. */
import type { Action } from './action.ts';
import type { Finding } from './finding.ts';
import type { RunError } from './run-record.ts';

/**
 * The finding of a run whose work could not be done. An error may name the finding's code itself, by `context.finding`
 * (`source/missing`, `guard/empty-source`); otherwise it is `run/CODE` in kebab-case: `run/wrong-password`.
 */
export function failureFinding(action: Action, error: RunError, named?: unknown): Finding {
  return {
    code: typeof named === 'string' && named !== '' ? named : `run/${kebabCase(error.code)}`,
    severity: 'critical',
    subject: action.id,
    message: error.message,
    ...(error.hint === undefined ? {} : { hint: error.hint }),
  };
}

function kebabCase(word: string): string {
  return word.replaceAll(/(?<=[a-z])(?=[A-Z])/g, '-').toLowerCase();
}
