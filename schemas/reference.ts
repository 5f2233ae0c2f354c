/** The whole language as one Markdown page: every kind, every map in it, every key. */
import { stringify } from 'yaml';
import { type Explanation, explainKinds, explainPath, type KeyExplanation } from './explain-path.ts';
import type { Kind } from './loaded-document.ts';

/** Whether a part validates, but nothing carries it out yet. */
export type IsNotBuilt = (kind: Kind, steps: readonly string[]) => boolean;

const BEGINNING = `# The policy language holdfast/v1

Every kind of document with every key, made by \`npm run generate\` from the JSON Schemas of this folder. \`holdfast schema PATH\`
shows the same for one part, with \`--json\` its JSON Schema, too. Keys with a star must be given.

A file holds at most 1 MiB and 2,000 documents, a document 96 KiB and 100 aliases, a PolicySet 1,000 policies. What is larger is told as such, and not read: split it.

Documents of the older version \`holdfast/v1beta1\` are read as this one, and \`holdfast upgrade\` rewrites them. It differs in two places: every
\`every\` is called \`interval\`, and a Policy's \`backup\` is a map by repository (\`backup: { offsite: { interval: 1h } }\`), not a list (\`backup: [{ to: offsite, every: 1h }]\`).
`;

/** Ends with a line feed. */
export function renderReference(isNotBuilt: IsNotBuilt): string {
  const kinds = explainKinds().map(({ key, description }) => ({ path: key.toLowerCase(), key, description }));
  const contents = kinds.map(({ path, key, description }) => `- [${key}](#${anchorOf(path)}): ${description}`);
  const sections = kinds.flatMap(({ path }) => sectionsOf(path, isNotBuilt));
  return `${[BEGINNING, ...contents, ...sections].join('\n')}\n`;
}

/** Of the map at the path, then of each map in it. */
function sectionsOf(path: string, isNotBuilt: IsNotBuilt): string[] {
  const explanation = explainPath(path);
  const { kind, steps, keys } = explanation;
  const below = keys.map(({ key }) => explainPath(`${path}.${key}`)).filter((child) => child.keys.length > 0);
  const linked = new Set(below.map((child) => child.steps.at(-1)));
  const notBuilt = isNotBuilt(kind, steps);
  const rows = keys.map((key) => {
    const mark = !notBuilt && isNotBuilt(kind, [...steps, key.key]) ? '(not built yet) ' : '';
    return rowOf(key, linked.has(key.key) ? `${path}.${key.key}` : undefined, mark);
  });
  return [
    '',
    `${steps.length === 0 ? '##' : '###'} ${path}`,
    '',
    ...textOf(explanation, notBuilt),
    '| Key | Type | Default | Meaning |',
    '| --- | --- | --- | --- |',
    ...rows,
    '',
    '```yaml',
    exampleOf(explanation),
    '```',
    ...below.flatMap((child) => sectionsOf(child.path, isNotBuilt)),
  ];
}

function textOf({ type, description, oneOf, ...explanation }: Explanation, notBuilt: boolean): string[] {
  const sentences = [`${description} (${type})`];
  if (notBuilt) sentences.push('Not built yet: it validates, and `apply` refuses it.');
  if (oneOf !== undefined) sentences.push(`Exactly one of: ${oneOf.map((key) => `\`${key}\``).join(', ')}.`);
  if (explanation.default !== undefined) sentences.push(`Default: ${code(explanation.default)}.`);
  return sentences.flatMap((sentence) => [sentence, '']);
}

function rowOf(key: KeyExplanation, path: string | undefined, mark: string): string {
  const name = path === undefined ? `\`${key.key}\`` : `[\`${key.key}\`](#${anchorOf(path)})`;
  const cells = [
    key.required ? `${name} \\*` : name,
    escapeCell(key.type),
    key.default === undefined ? '' : code(key.default),
    escapeCell(mark + key.description),
  ];
  return `| ${cells.join(' | ')} |`;
}

function exampleOf({ path, steps, example }: Explanation): string {
  const shown = steps.length === 0 ? example : { [path.slice(path.lastIndexOf('.') + 1)]: example };
  return stringify(shown, { lineWidth: 0 }).trimEnd();
}

function code(value: unknown): string {
  return `\`${escapeCell(typeof value === 'string' ? value : JSON.stringify(value))}\``;
}

function escapeCell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ');
}

/** As GitHub makes it of a heading. */
function anchorOf(heading: string): string {
  return heading.toLowerCase().replaceAll('.', '');
}
