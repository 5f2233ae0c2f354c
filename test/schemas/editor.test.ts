import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isScalar, LineCounter, parseDocument, stringify, visit } from 'yaml';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Kind } from '../../schemas/loaded-document.ts';
import { followReference, KINDS, objectBranch, rootSchema, type SchemaNode } from '../../schemas/schema-tree.ts';
import { runCli } from '../cli/run-cli.ts';
import { PROJECT_FOLDER } from '../source-files.ts';
import { type Completion, type LanguageClient, type Position, startLanguageServer } from './yaml-language-client.ts';

/** As in a project that has holdfast installed. */
const folder = mkdtempSync(join(tmpdir(), 'holdfast-editor-'));
mkdirSync(join(folder, 'node_modules'));
symlinkSync(PROJECT_FOLDER, join(folder, 'node_modules/holdfast'));
let client: LanguageClient;
/** The first line of a file that `holdfast init` writes. */
let modeline: string;

beforeAll(async () => {
  expect((await runCli(['init'], { directory: folder })).status).toBe(0);
  modeline = readFileSync(join(folder, 'policies/vault.yaml'), 'utf8').split('\n')[0]!;
  client = await startLanguageServer(folder);
});
afterAll(async () => {
  await client[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

let files = 0;
/** A name that no file had. */
const fresh = (): string => `policies/${++files}.yaml`;

/** What is offered where the text has a `|`. */
async function offered(text: string): Promise<Completion[]> {
  const [before = '', after = ''] = text.split('|');
  const lines = `${modeline}\n${before}`.split('\n');
  const path = fresh();
  void client.open(path, `${modeline}\n${before}${after}`);
  return client.complete(path, { line: lines.length - 1, character: lines.at(-1)!.length });
}

const documentation = ({ documentation: found }: Completion): string =>
  typeof found === 'string' ? found : (found?.value ?? '');

/** A map of the language: the text that leads into it, with a `|` where its keys belong, and its keys. */
interface PlaceOfKeys {
  path: string;
  text: string;
  keys: Record<string, SchemaNode>;
}

function* mapsOf(kind: Kind): Generator<PlaceOfKeys> {
  const root = rootSchema(kind);
  const { apiVersion: _, kind: __, ...keys } = root.properties!;
  const head = `apiVersion: holdfast/v1\nkind: ${kind}\n`;
  yield { path: kind, text: `${head}|\n`, keys };
  for (const [key, node] of Object.entries(keys)) yield* mapsBelow(node, `${kind}.${key}`, `${head}${key}:\n`, '  ');
}

function* mapsBelow(
  node: SchemaNode,
  path: string,
  before: string,
  indent: string,
  inList = false,
): Generator<PlaceOfKeys> {
  const map = objectBranch(followReference(node));
  const start = inList ? before : `${before}${indent}`;
  if (map.type === 'array') {
    yield* mapsBelow(map.items!, `${path}[]`, `${before}${indent}- `, `${indent}  `, true);
  } else if (map.properties !== undefined) {
    yield { path, text: `${start}|\n`, keys: map.properties };
    for (const [key, below] of Object.entries(map.properties))
      yield* mapsBelow(below, `${path}.${key}`, `${start}${key}:\n`, `${indent}  `);
  } else if (typeof map.additionalProperties === 'object') {
    yield* mapsBelow(map.additionalProperties, `${path}.name`, `${start}name:\n`, `${indent}  `);
  }
}

describe.each(KINDS)('a %s', (kind) => {
  test('each key is offered where it belongs, with what it means', async () => {
    let keys = 0;
    for (const place of mapsOf(kind)) {
      const offers = await offered(place.text);
      for (const [key, node] of Object.entries(place.keys)) {
        const { description } = followReference(node);
        const offer = offers.find(({ label }) => label === key);
        expect(documentation(offer ?? { label: key }), `${place.path}.${key}`).toContain(description);
        expect(offer?.insertText, `${place.path}.${key}`).toMatch(new RegExp(`^${key}:`));
        keys++;
      }
    }
    expect(keys).toBeGreaterThan(5);
  });

  test('each key is explained under the pointer', async () => {
    const written = stringify({ apiVersion: 'holdfast/v1', kind, ...(everything(rootSchema(kind)) as object) });
    const text = `${modeline}\n${written}`;
    const path = fresh();
    void client.open(path, text);
    for (const { at, node, name } of keysIn(text, rootSchema(kind))) {
      expect(await client.hover(path, at), `${name} in line ${at.line + 1}`).toContain(
        followReference(node).description,
      );
    }
  });
});

/** A value with every key that the schema has; more than a document may have at a time. */
function everything(node: SchemaNode): unknown {
  const followed = followReference(node);
  const map = objectBranch(followed);
  if (map.type === 'array') return [everything(map.items!)];
  if (map.properties !== undefined)
    return Object.fromEntries(Object.entries(map.properties).map(([key, child]) => [key, everything(child)]));
  if (typeof map.additionalProperties === 'object') return { name: everything(map.additionalProperties) };
  return followed.examples?.[0] ?? followed.default ?? followed.const ?? followed.enum?.[0] ?? {};
}

/** Every key that is written in a document, with its place and its schema. */
function keysIn(text: string, root: SchemaNode): { at: Position; node: SchemaNode; name: string }[] {
  const counter = new LineCounter();
  const found: { at: Position; node: SchemaNode; name: string }[] = [];
  const schemas = new Map<unknown, SchemaNode>();
  const document = parseDocument(text, { lineCounter: counter });
  schemas.set(document.contents, root);
  visit(document, {
    Map(_, map) {
      const schema = objectBranch(followReference(schemas.get(map) ?? {}));
      for (const { key, value } of map.items) {
        if (!isScalar(key)) continue;
        const name = String(key.value);
        const free = typeof schema.additionalProperties === 'object' ? schema.additionalProperties : undefined;
        const node = schema.properties?.[name] ?? free;
        if (node === undefined) continue;
        const { line, col } = counter.linePos(key.range![0]);
        found.push({ at: { line: line - 1, character: col }, node, name });
        schemas.set(value, node);
      }
    },
    Seq(_, list) {
      const { items } = objectBranch(followReference(schemas.get(list) ?? {}));
      for (const item of list.items) if (items !== undefined) schemas.set(item, items);
    },
  });
  return found;
}

describe('what is offered', () => {
  const labels = async (text: string): Promise<string[]> => (await offered(text)).map(({ label }) => label);
  const head = 'apiVersion: holdfast/v1\nkind: Policy\nmetadata: { name: orders }\nspec:\n';

  test('in an empty file: a document of each kind', async () => {
    const offers = await offered('|');
    expect(offers.map(({ label }) => label)).toEqual(expect.arrayContaining([...KINDS]));
    const policy = offers.find(({ label }) => label === 'Policy');
    expect(policy?.insertText).toContain('kind: Policy\nmetadata:\n  name:');
    expect(offers.find(({ label }) => label === 'PolicySet')?.insertText).toContain(String.raw`\${importance}`);
  });

  test('for a kind: its keys, and not those of a kind whose name begins with it', async () => {
    expect(await labels(`${head}  |\n`)).not.toContain('each');
    expect(await labels('apiVersion: holdfast/v1\nkind: |\n')).toEqual([...KINDS]);
  });

  test('for a value: its words, or examples of it', async () => {
    expect(await labels(`${head}  importance: |\n`)).toEqual(
      expect.arrayContaining(['critical', 'high', 'normal', 'low']),
    );
    expect(await labels(`${head}  onDelete: |\n`)).toEqual(['keep', 'expire']);
    expect(await labels(`${head}  sync:\n    - every: |\n`)).toEqual(expect.arrayContaining(['15m', '1h']));
    expect(await labels(`${head}  retention:\n    keep: |\n`)).toContain('class');
  });

  test('with a key: what must be written there, and no settings that have a default', async () => {
    const inserted = async (text: string, key: string) =>
      (await offered(text)).find(({ label }) => label === key)?.insertText;
    expect(await inserted(`${head}  |\n`, 'sync')).toBe('sync:\n  - to: $1\n    mode: $2');
    expect(await inserted(`${head}  |\n`, 'hold')).toBe('hold:\n  until: $1\n  reason: $2\n  by: $3');
  });

  test('in the template of a set: the keys of a policy', async () => {
    const set =
      'apiVersion: holdfast/v1\nkind: PolicySet\nmetadata: { name: a }\nspec:\n  each: { a: {} }\n  template:\n';
    expect(await labels(`${set}    spec:\n      backup:\n        - |\n`)).toEqual(
      expect.arrayContaining(['to', 'every']),
    );
    expect(await labels(`${set}    spec:\n      retention:\n        keep:\n          |\n`)).toContain('daily');
    expect(await labels(`${set}    metadata:\n      |\n`)).not.toContain('name');
  });
});

describe('what is marked', () => {
  const marked = async (text: string) =>
    (await client.open(fresh(), text)).map(({ message, range }) => `${range.start.line + 1}: ${message}`);

  test('nothing in what init writes, in the demo, and in the whole language', async () => {
    const read = (file: string): string => readFileSync(file, 'utf8');
    for (const file of ['vault.yaml', 'project-files.yaml'])
      expect(await marked(read(join(folder, 'policies', file))), file).toEqual([]);
    const whole = read(join(import.meta.dirname, 'whole-language.txt'));
    const demo = read(join(PROJECT_FOLDER, 'policies/demo.yaml')).replaceAll(/^# yaml-language-server.*$/gm, modeline);
    for (const text of [demo, `${modeline}\n${whole.replaceAll('\n---\n', `\n---\n${modeline}\n`)}`])
      expect(await marked(text)).toEqual([]);
  });

  test('a misspelt key, a wrong word, a wrong form, in documents and in templates', async () => {
    const policy =
      'apiVersion: holdfast/v1\nkind: Policy\nmetadata: { name: a }\nspec:\n  source: { directory: /srv }\n';
    const set = 'apiVersion: holdfast/v1\nkind: PolicySet\nmetadata: { name: a }\nspec:\n  each: { a: {} }\n';
    const template = '  template: { spec: { source: { directory: "/srv/${key}" }, proven: "${n}", bakup: [] } }\n';
    const documents = [`${policy}  evry: 1d\n  onDelete: kep\n  retention: { maxForget: 5 }\n`, `${set}${template}`];
    const found = await marked(`${modeline}\n${documents.join(`---\n${modeline}\n`)}`);
    expect(found.toSorted()).toEqual([
      '17: Property bakup is not allowed.',
      '17: Property proven is not allowed.',
      '7: Property evry is not allowed.',
      '8: Value is not accepted. Valid values: "keep", "expire".',
      '9: Incorrect type. Expected "string".',
    ]);
  });
});
