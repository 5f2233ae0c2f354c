import { readFileSync } from 'node:fs';
import path from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { generateEditorSchema } from '../../schemas/editor-schema.ts';
import { generateTypes, generateValidators, KIND_FILES } from '../../schemas/generate.ts';
import { followReference, KINDS, rootSchema, type SchemaNode } from '../../schemas/schema-tree.ts';
import { checkFiles } from './check-files.ts';

const SCHEMAS = path.join(import.meta.dirname, '../../schemas');
const read = (file: string): string => readFileSync(path.join(SCHEMAS, file), 'utf8');

/** Every schema node with its path. */
function* nodes(schema: SchemaNode, at: string): Generator<[string, SchemaNode]> {
  yield [at, schema];
  for (const [key, child] of Object.entries(schema.properties ?? {})) yield* nodes(child, `${at}.${key}`);
  if (schema.items !== undefined) yield* nodes(schema.items, `${at}[]`);
  if (typeof schema.additionalProperties === 'object') yield* nodes(schema.additionalProperties, `${at}.*`);
}

const allNodes = (): [string, SchemaNode][] => {
  const { $defs } = JSON.parse(read('definitions.schema.json')) as { $defs: Record<string, SchemaNode> };
  return [
    ...KINDS.flatMap((kind) => [...nodes(rootSchema(kind), kind)]),
    ...Object.entries($defs).flatMap(([name, schema]) => [...nodes(schema, `#${name}`)]),
  ];
};

describe('the generated files', () => {
  test('the committed types are those of the schemas', async () => {
    expect(read('types.ts')).toBe(await generateTypes());
  });

  test('the committed validators are those of the schemas', async () => {
    expect(read('validators.ts')).toBe(await generateValidators());
  });

  test('the committed schema for editors is made of the schemas', () => {
    expect(read('holdfast.schema.json')).toBe(generateEditorSchema());
  });
});

describe('the schemas', () => {
  test('are valid draft 2020-12', () => {
    const ajv = new Ajv2020({ strict: false });
    for (const file of ['definitions', 'holdfast', ...Object.values(KIND_FILES)]) {
      expect(ajv.validateSchema(JSON.parse(read(`${file}.schema.json`))), file).toBe(true);
    }
  });

  test('describe each property', () => {
    const bare = allNodes().filter(([at, node]) => !at.endsWith('[]') && !followReference(node).description);
    expect(bare.map(([at]) => at)).toEqual([]);
  });

  test('give each plain value an example, a default or its words', () => {
    const lacking = allNodes()
      .map(([at, node]) => [at, followReference(node)] as const)
      .filter(([at, node]) => !at.endsWith('[]') && ['string', 'integer', 'number'].includes(String(node.type)))
      .filter(([, node]) => node.examples === undefined && node.default === undefined && node.enum === undefined);
    expect(lacking.map(([at]) => at)).toEqual([]);
  });

  test('close each map, so that a misspelt key is never ignored', () => {
    const open = allNodes().filter(([, node]) => node.properties !== undefined && node.additionalProperties !== false);
    expect(open.map(([at]) => at)).toEqual([]);
  });

  test('have no key that YAML 1.1 reads as a boolean', () => {
    const words = /\.(y|n|yes|no|on|off|true|false|null|~)$/i;
    expect(allNodes().flatMap(([at]) => (words.test(at) ? [at] : []))).toEqual([]);
  });

  test('give examples and defaults that are valid themselves', () => {
    const ajv = new Ajv2020({ strict: false });
    ajv.addSchema(JSON.parse(read('definitions.schema.json')), 'definitions.schema.json');
    for (const [at, node] of allNodes()) {
      const { $ref, default: standard, examples = [], ...rest } = node;
      const reference = $ref?.replace(/^#/, 'definitions.schema.json#');
      const text = JSON.stringify({ ...rest, ...(reference === undefined ? {} : { $ref: reference }) });
      const validate = ajv.compile(JSON.parse(text.replaceAll('"#/$defs', '"definitions.schema.json#/$defs')));
      for (const example of [...examples, ...(standard === undefined ? [] : [standard])]) {
        expect(validate(example), `${at}: ${JSON.stringify(example)}`).toBe(true);
      }
    }
  });
});

test('the schema for editors accepts the demo, and finds what is wrong with a document by its kind', () => {
  const validate = new Ajv2020({ strict: false }).compile(JSON.parse(read('holdfast.schema.json')));
  const demo = readFileSync(path.join(SCHEMAS, '../policies/demo.yaml'), 'utf8');
  const documents = demo.split(/^---$/m).map((text) => parse(text) as Record<string, unknown>);
  expect(documents.map((document) => validate(document))).toEqual([true, true, true, true, true]);
  expect(validate({ ...documents[1], kind: 'Repository' })).toBe(false);
});

test('the whole language validates, and each part that is not built is named with its place', async () => {
  const text = readFileSync(path.join(import.meta.dirname, 'whole-language.txt'), 'utf8');
  const named = { 'tests/verify-orders.sh': '#!/bin/sh\nexit 0\n', 'excludes.txt': '*.bak\n' };
  const { problems, notBuilt, documents } = await checkFiles({ 'all.yaml': text, ...named });
  expect(problems.map(({ severity, message }) => `${severity}: ${message}`)).toEqual([
    'warning: the template does not use the value "exclude"',
  ]);
  // The set makes two policies.
  expect(documents).toHaveLength(12);
  const lines = text.split('\n');
  expect(notBuilt.map(({ message, line }) => `${message} | ${lines[line - 1]?.trim().slice(0, 24)}`))
    .toMatchInlineSnapshot(`
    [
      "not built yet: signing of records | evidence: { location: le",
      "not built yet: approvals | approvers: [alice, bob]",
      "not built yet: notifications | notify:",
      "not built yet: the heartbeat | heartbeat: { urlFrom: { ",
      "not built yet: exceptions from findings | exceptions:",
      "not built yet: the kind Provider | kind: Provider",
      "not built yet: the provider of a location | provider: acme-storage",
      "not built yet: the site of a location | site: berlin",
      "not built yet: the medium of a location | medium: disk",
      "not built yet: the check of immutability | immutability: { mode: co",
      "not built yet: probes of access | probes:",
      "not built yet: the check of keys | keys: { allowed: ["holdf",
      "not built yet: the objective of copies | objectives: { rpo: 2h, r",
      "not built yet: requirements on providers | requires: { regions: [eu",
      "not built yet: hooks | hooks: { before: [{ scri",
      "not built yet: an assertion in SQL | - { sql: "select count(*",
      "not built yet: the medium of a location | spec: { local: { path: .",
    ]
  `);
});
