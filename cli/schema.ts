/** `holdfast schema`: explains the policy language, path by path. */
import { stringify } from 'yaml';
import { HoldfastError } from '../common/errors.ts';
import { type Explanation, explainKinds, explainPath, type KeyExplanation } from '../schemas/explain-path.ts';
import { renderReference } from '../schemas/reference.ts';
import { isNotBuilt } from '../domain/not-built.ts';
import type { CliCommand, Output } from './command.ts';
import { ExitStatus } from './exit-status.ts';
import { renderTable } from './table.ts';

interface Options {
  markdown?: boolean;
}

export const command: CliCommand<Options> = {
  configure(command) {
    command
      .description('Explains the policy language: what a key means, what may stand there, an example, its schema.')
      .argument('[path]', 'a kind or a path in it, like policy or policy.spec.backup.every')
      .option('--markdown', 'the whole reference as one page');
  },

  async run({ output, json }, { args, options }) {
    const path = args[0] as string | undefined;
    if (options.markdown === true) {
      const beside = path ?? (json ? '--json' : undefined);
      if (beside !== undefined) {
        throw new HoldfastError('Usage', '--markdown is the page of the whole language', {
          hint: `leave "${beside}" out`,
        });
      }
      output.line(renderReference(isNotBuilt).trimEnd());
      return ExitStatus.done;
    }
    if (path === undefined) {
      const kinds = explainKinds();
      if (json) output.json({ apiVersion: 'holdfast/v1', kinds });
      tellKinds(output, kinds);
      return ExitStatus.done;
    }
    const explanation = explainPath(path);
    if (json) output.json({ ...explanation, built: !isNotBuilt(explanation.kind, explanation.steps) });
    tell(output, explanation);
    return ExitStatus.done;
  },
};

function tellKinds(output: Output, kinds: KeyExplanation[]): void {
  output.line('The kinds of documents of holdfast/v1:\n');
  const rows = kinds.map(({ key, description }) => [`  ${key}`, description]);
  for (const line of renderTable([{ heading: '  Kind' }, { heading: 'Meaning' }], rows, output.columns))
    output.line(line);
  output.line('\nholdfast schema policy.spec.backup explains a part.');
}

function tell(output: Output, explanation: Explanation): void {
  const { style } = output;
  const { path, type, description, keys, values, pattern, example, kind, steps, oneOf } = explanation;
  output.line(`${style.bold(path)}  ${style.dim(type)}`);
  output.line(`\n${description}`);
  if (isNotBuilt(kind, steps)) output.line(style.warning('\nNot built yet: it validates, and apply refuses it.'));
  if (oneOf !== undefined) output.line(`\nExactly one of: ${oneOf.join(', ')}`);
  if (explanation.default !== undefined) output.line(`\nDefault: ${inline(explanation.default)}`);
  if (values !== undefined) output.line(`\nValues: ${values.map(inline).join(', ')}`);
  if (keys.length > 0) {
    output.line('');
    const rows = keys.map((key) => [
      `  ${key.key}${key.required ? ' *' : ''}`,
      key.type,
      key.default === undefined ? '' : inline(key.default),
      !isNotBuilt(kind, steps) && isNotBuilt(kind, [...steps, key.key])
        ? `(not built yet) ${key.description}`
        : key.description,
    ]);
    const headings = ['  Key', 'Type', 'Default', 'Meaning'].map((heading) => ({ heading }));
    for (const line of renderTable(headings, rows, output.columns)) output.line(line);
    if (keys.some(({ required }) => required)) output.line('  * must be given');
  }
  const written = stringify({ [path.split('.').at(-1) ?? '']: example }, { lineWidth: 0 }).trimEnd();
  const shown = path.includes('.') ? written : stringify(example, { lineWidth: 0 }).trimEnd();
  output.line(`\nExample:\n${shown.replaceAll(/^/gm, '  ')}`);
  if (pattern !== undefined) output.line(`\nSchema: ${JSON.stringify({ type: 'string', pattern })}`);
  else if (keys.length > 0) output.line('\nSchema: with --json');
}

function inline(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
