/** Words for values and schemas in sentences about problems. */
import type { DocumentPath } from './loaded-document.ts';
import { withoutControls } from './problem.ts';
import type { SchemaNode } from './schema-tree.ts';

/** How a sentence names a part: by its last key, with the number of a list item. */
export function namePath(path: DocumentPath): string {
  const last = path.at(-1);
  if (last === undefined) return 'the document';
  if (typeof last === 'string') return printable(last);
  return `item ${last + 1} of ${namePath(path.slice(0, -1))}`;
}

export function firstSentence(text: string | undefined): string {
  const sentence = text?.split(/[.:;](\s|$)/)[0] ?? '';
  return sentence.charAt(0).toLowerCase() + sentence.slice(1);
}

export function suchAs(schema: SchemaNode): string {
  const examples = (schema.examples ?? []).filter((example) => typeof example !== 'object').slice(0, 3);
  return examples.length === 0 ? '' : ` like ${examples.map(String).join(', ')}`;
}

export function exampleOf(schema: SchemaNode | undefined): string {
  const example = schema?.examples?.[0] ?? schema?.const ?? schema?.enum?.[0];
  if (example === undefined) return '';
  if (typeof example !== 'object' || example === null) return ` ${String(example)}`;
  const members = Object.entries(example);
  const short = members.length === 1 && typeof members[0]?.[1] === 'string';
  return short ? ` { ${members[0]?.[0]}: ${String(members[0]?.[1])} }` : '';
}

export function withArticle(title: string): string {
  const words = /^[A-Z]{2}/.test(title) ? title : title.charAt(0).toLowerCase() + title.slice(1);
  if (words === 'text') return 'text';
  return `${/^[aeiou]/.test(words) ? 'an' : 'a'} ${words}`;
}

export function kindOfType(type: string | string[] | undefined): string {
  const names: Record<string, string> = {
    string: 'text',
    integer: 'a whole number',
    number: 'a number',
    boolean: 'true or false',
    object: 'a map of keys',
    array: 'a list',
  };
  return [type ?? 'object']
    .flat()
    .map((name) => names[name] ?? name)
    .join(' or ');
}

export function kindOfValue(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  if (value === null) return 'nothing';
  return (
    { string: 'text', number: 'a number', boolean: 'true or false', object: 'a map of keys' }[
      typeof value as 'string'
    ] ?? 'this'
  );
}

/** A value in a sentence: short, and without what a terminal would act on. */
export function show(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object' && value !== null) return 'a map of keys';
  if (typeof value === 'number' && !Number.isFinite(value))
    // As YAML writes them.
    return Number.isNaN(value) ? '.nan' : value > 0 ? '.inf' : '-.inf';
  return typeof value === 'string' ? `"${printable(value)}"` : String(value);
}

export function printable(text: string): string {
  const clean = withoutControls(text.slice(0, 61));
  return clean.length > 60 ? `${clean.slice(0, 57)}…` : clean;
}

export function listOf(words: readonly string[]): string {
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} and ${words.at(-1)}`;
}
