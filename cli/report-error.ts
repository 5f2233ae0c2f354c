/** How an error is told: one sentence and what to do next, as JSON for programs; a stack only where it helps. */
import { HoldfastError } from '../common/errors.ts';
import type { Style } from './command.ts';
import { statusOfError } from './exit-status.ts';

export interface ErrorDocument {
  error: {
    code: string;
    message: string;
    hint?: string;
    context?: Record<string, string | number | boolean>;
    /** Of policies: every problem with its place. */
    problems?: readonly unknown[];
    exitStatus: number;
  };
}

const REPORT_HINT =
  'this is a fault of holdfast: report it to its maintainers, with the command, what it prints with -v, and holdfast version';

export function errorDocument(error: unknown): ErrorDocument {
  const exitStatus = statusOfError(error);
  if (!(error instanceof HoldfastError))
    return { error: { code: 'Unexpected', message: messageOf(error), hint: REPORT_HINT, exitStatus } };
  const { code, message, hint, context } = error;
  const facts = Object.keys(context).length === 0 ? undefined : context;
  return { error: { code, message, hint, context: facts, problems: problemsOf(error), exitStatus } };
}

/** A PolicyError carries them; its class is not loaded for commands that read no policy. */
function problemsOf(error: HoldfastError): readonly unknown[] | undefined {
  return 'problems' in error && Array.isArray(error.problems) ? error.problems : undefined;
}

/** `stack: 'always'` (HOLDFAST_DEBUG=1), `'unexpected'` (-v) or `'never'`. */
export function renderError(error: unknown, style: Style, stack: 'always' | 'unexpected' | 'never'): string {
  const expected = error instanceof HoldfastError;
  const hint = expected ? error.hint : REPORT_HINT;
  const heading = style.bad(expected ? 'error:' : 'unexpected error:');
  // Problems of policies begin with their own place, which editors and terminals turn into a link.
  const lines = expected && problemsOf(error) !== undefined ? [error.message, ''] : [`${heading} ${messageOf(error)}`];
  if (hint !== undefined)
    lines.push(...hint.split('\n').map((line, index) => (index === 0 ? `  → ${line}` : `    ${line}`)));
  const shown = stack === 'always' || (stack === 'unexpected' && !expected);
  if (shown && error instanceof Error) lines.push(style.dim(renderStack(error)));
  return lines.join('\n');
}

function renderStack(error: Error): string {
  const own = error.stack ?? String(error);
  return error.cause instanceof Error ? `${own}\ncaused by ${renderStack(error.cause)}` : own;
}

function messageOf(error: unknown): string {
  if (error instanceof Error) return error.message === '' ? error.name : error.message;
  return String(error);
}
