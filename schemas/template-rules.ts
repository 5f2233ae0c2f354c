/** What a PolicySet's template and its entries demand of each other. */
import { suggest } from '../common/suggest.ts';
import type { DocumentPath } from './loaded-document.ts';
import { placeholdersOf, wholePlaceholder } from './placeholders.ts';
import type { Problem } from './problem.ts';
import type { PolicySet } from './types.ts';
import type { YamlPart } from './yaml-source.ts';

/** Of one set; and of all sets of a file. A value is made for each policy, and each is checked. */
const MOST_ENTRIES = 1000;
const MOST_POLICIES = 2000;
const MOST_VALUES = 300_000;

/** What the sets of one file may still make. */
export class RoomForSets {
  #policies = MOST_POLICIES;
  #values = MOST_VALUES;

  /** What is too much; nothing is taken then. */
  take(policies: number, values: number): string | undefined {
    if (policies > this.#policies)
      return `with this set this file would make more than ${MOST_POLICIES.toLocaleString('en')} policies by sets`;
    if (values > this.#values)
      return `with this set this file would make more than ${MOST_VALUES.toLocaleString('en')} values by sets`;
    this.#policies -= policies;
    this.#values -= values;
    return undefined;
  }
}

function countValues(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 1;
  return Object.values(value).reduce((sum: number, member) => sum + countValues(member), 1);
}

interface Told {
  code: string;
  message: string;
  hint: string;
  severity?: Problem['severity'];
  which?: 'key';
}

/** Errors of placeholders, and a warning for each value that no placeholder takes. The set has its schema's shape. */
export function findTemplateProblems(part: YamlPart, room: RoomForSets): Problem[] {
  const { each, template } = (part.data as PolicySet).spec;
  const count = Object.keys(each).length;
  if (count > MOST_ENTRIES) {
    const message = `this set would make ${count} policies; one may make ${MOST_ENTRIES.toLocaleString('en')}`;
    const mark = part.mark(['spec', 'each'], 'key');
    return [{ ...mark, severity: 'error', code: 'too-long', message, hint: 'make several sets of it' }];
  }
  const tooMuch = room.take(count, count * countValues(template));
  if (tooMuch !== undefined) {
    const mark = part.mark(['spec', 'each'], 'key');
    const hint = 'put some of them into other files, and long lists of patterns into files of their own';
    return [{ ...mark, severity: 'error', code: 'too-long', message: tooMuch, hint }];
  }
  const problems: Problem[] = [];
  const tell = (path: DocumentPath, { severity = 'error', which, ...text }: Told): void =>
    void problems.push({ ...part.mark(path, which), severity, ...text });
  const used = new Set<string>();
  for (const [path, text, isKey] of textsOf(template, ['spec', 'template'])) {
    for (const name of placeholdersOf(text)) {
      used.add(name);
      const told = isKey ? tellKey(text) : tellPlaceholder(name, wholePlaceholder(text) !== undefined, each);
      if (told !== undefined) tell(path, told);
    }
  }
  if (Object.hasOwn(template.metadata ?? {}, 'name')) {
    const message = 'the policies of a set have their names from it: NAME-KEY';
    tell(['spec', 'template', 'metadata', 'name'], { code: 'set-name', message, hint: 'remove it', which: 'key' });
  }
  for (const [path, told] of tellValues(each, used)) tell(path, told);
  return problems;
}

/** All texts of a template, and its keys. */
function* textsOf(value: unknown, path: DocumentPath): Generator<[path: DocumentPath, text: string, isKey: boolean]> {
  if (typeof value === 'string') yield [path, value, false];
  if (typeof value !== 'object' || value === null) return;
  const members: [string | number, unknown][] = Array.isArray(value) ? [...value.entries()] : Object.entries(value);
  for (const [key, member] of members) {
    if (typeof key === 'string') yield [[...path, key], key, true];
    yield* textsOf(member, [...path, key]);
  }
}

function tellKey(key: string): Told {
  return {
    code: 'misplaced-placeholder',
    message: `a placeholder cannot be part of a key: ${key}`,
    hint: 'write it in a value',
    which: 'key',
  };
}

function tellPlaceholder(name: string, whole: boolean, each: PolicySet['spec']['each']): Told | undefined {
  if (name === 'key') return undefined;
  for (const [key, values] of Object.entries(each)) {
    if (!Object.hasOwn(values, name)) {
      const meant = suggest(name, ['key', ...Object.keys(values)]);
      const hint = meant === undefined ? `add ${name}: to it` : `did you mean "${meant}"?`;
      return { code: 'unknown-reference', message: `the entry "${key}" has no value for \${${name}}`, hint };
    }
    if (Array.isArray(values[name]) && !whole) {
      const message = `\${${name}} is a list in the entry "${key}", and cannot be part of a text`;
      return { code: 'wrong-type', message, hint: `write "\${${name}}" alone, or a text in the entry` };
    }
  }
  return undefined;
}

/** Values that nobody takes: each name once, at the first entry that has it. */
function* tellValues(each: PolicySet['spec']['each'], used: ReadonlySet<string>): Generator<[DocumentPath, Told]> {
  const seen = new Set<string>();
  const unknown = [...used].filter(
    (name) => name !== 'key' && !Object.values(each).every((values) => Object.hasOwn(values, name)),
  );
  for (const [key, values] of Object.entries(each)) {
    for (const name of Object.keys(values)) {
      if (seen.has(name)) continue;
      seen.add(name);
      const path = ['spec', 'each', key, name];
      if (name === 'key') {
        const message = '"key" is the name of the entry itself';
        yield [path, { code: 'reserved-name', message, hint: 'give this value another name', which: 'key' }];
      } else if (!used.has(name)) {
        // A misspelt placeholder is told already, with what it must be.
        if (suggest(name, unknown) !== undefined) continue;
        const hint = `write "\${${name}}" where it belongs, or remove it`;
        const message = `the template does not use the value "${name}"`;
        yield [path, { code: 'unused-value', message, hint, severity: 'warning', which: 'key' }];
      }
    }
  }
}
