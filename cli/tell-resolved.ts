/** Shows what a policy comes to: its values with their origin, and the actions that follow from them. */
import type { Action } from '../domain/action.ts';
import { describeTiming } from '../domain/action-fields.ts';
import type { Output } from './command.ts';
import { type Origin, pathText, type ResolvedDocument } from './resolved-values.ts';
import { renderTable } from './table.ts';
import { formatDuration } from '../common/durations.ts';

export function tellResolved(output: Output, documents: readonly ResolvedDocument[], actions: readonly Action[]): void {
  const { style } = output;
  const rows = documents.map(({ values }) =>
    values.map(({ path, value, from }) => [`  ${pathText(path)}`, inline(value), style.dim(describeOrigin(from))]),
  );
  // All documents have the same columns.
  const table = renderTable([{ heading: '' }, { heading: '' }, { heading: '' }], rows.flat(), output.columns).slice(1);
  for (const [index, { kind, name, file, line }] of documents.entries()) {
    output.line(`${style.bold(`${kind} ${name}`)}  ${style.dim(`${file}:${line}`)}`);
    for (const text of table.splice(0, rows[index]!.length)) output.line(text);
    output.line();
  }
  output.line(style.bold('Actions'));
  const headings = ['  Action', 'Runs', 'Timeout', 'On host'].map((heading) => ({ heading }));
  for (const text of renderTable(headings, actions.map(rowOf), output.columns)) output.line(text);
  output.line();
}

function rowOf({ id, schedule, suspended, host }: Action): string[] {
  const until = suspended?.until === undefined ? '' : ` until ${suspended.until}`;
  const runs = suspended === undefined ? describeTiming(schedule) : `not${until}: ${suspended.reason}`;
  return [`  ${id}`, runs, formatDuration(schedule.timeoutSeconds), host ?? 'any'];
}

function describeOrigin(from: Origin): string {
  if (from.kind === 'built-in') return 'built-in';
  if (from.kind === 'file') {
    const place = `${from.file}:${from.line}`;
    return from.document === undefined ? place : `${place} (${from.document.replace('/', ' ')})`;
  }
  if ('file' in from) return `class ${from.class}, ${from.file}:${from.line}`;
  return `class ${from.class}, built-in${from.builtIn === from.class ? '' : ` (of ${from.builtIn})`}`;
}

function inline(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
