/** Generates what the JSON Schemas are the source of: types (`types.ts`), compiled validators (`validators.ts`), and the schema for editors (`holdfast.schema.json`). */
import { readFile, writeFile } from 'node:fs/promises';
import { Ajv2020 } from 'ajv/dist/2020.js';
import standalone from 'ajv/dist/standalone/index.js';
import { generateEditorSchema } from './editor-schema.ts';
import { compile as compileTypes, type JSONSchema } from 'json-schema-to-typescript';

interface Schema {
  [keyword: string]: unknown;
  $ref?: string;
  $defs?: Record<string, Schema>;
  properties?: Record<string, Schema>;
}

export const KIND_FILES = {
  Project: 'project',
  Provider: 'provider',
  Location: 'location',
  Repository: 'repository',
  Policy: 'policy',
  PolicySet: 'policy-set',
} as const;

const FOLDER = new URL('./', import.meta.url);
const BANNER = '// Generated from the JSON Schemas of this folder by `npm run generate`: change those, not this file.';

async function readSchema(file: string): Promise<Schema> {
  return JSON.parse(await readFile(new URL(file, FOLDER), 'utf8')) as Schema;
}

/** Keywords that bind values but not types; json-schema-to-typescript would turn them into index signatures. */
const ONLY_FOR_VALUES = [
  'dependentRequired',
  'propertyNames',
  'minProperties',
  'maxProperties',
  'minItems',
  'default',
  'examples',
];

/**
 * A schema made ready for types: references to plain values are replaced by their target, so that a duration is a
 * `string` and not one of twenty aliases; references to objects stay, so that each object has one interface.
 */
function forTypes(node: Schema, shared: Record<string, Schema>): Schema {
  if (node.$ref !== undefined) {
    const name = node.$ref.slice(node.$ref.lastIndexOf('/') + 1);
    const target = shared[name];
    if (target === undefined) throw new Error(`no definition ${node.$ref}`);
    if (target['type'] === 'object') return { $ref: `#/definitions/${name}` };
    const { description } = { ...target, ...node } as Schema;
    return { ...forTypes(target, shared), description };
  }
  const result: Schema = {};
  for (const [keyword, value] of Object.entries(node)) {
    if (ONLY_FOR_VALUES.includes(keyword) || keyword === '$schema' || keyword === 'oneOf') continue;
    if (keyword === 'title' && node['type'] !== 'object') continue;
    if (keyword === 'properties')
      result[keyword] = mapValues(value as Record<string, Schema>, (child) => forTypes(child, shared));
    else if (keyword === 'items') result[keyword] = forTypes(value as Schema, shared);
    else if (keyword === 'anyOf') result[keyword] = (value as Schema[]).map((child) => forTypes(child, shared));
    else if (keyword === 'additionalProperties' && typeof value === 'object')
      result[keyword] = forTypes(value as Schema, shared);
    else result[keyword] = value;
  }
  return result;
}

function mapValues<T, R>(record: Record<string, T>, change: (value: T) => R): Record<string, R> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value)]));
}

/** The text of `types.ts`. */
export async function generateTypes(): Promise<string> {
  const shared = (await readSchema('definitions.schema.json')).$defs ?? {};
  const kinds: Schema[] = [];
  for (const file of Object.values(KIND_FILES)) kinds.push(forTypes(await readSchema(`${file}.schema.json`), shared));
  const definitions = mapValues(shared, (schema) => forTypes(schema, shared));
  const root = { title: 'Document', description: 'Any document of holdfast/v1.', oneOf: kinds, definitions };
  return compileTypes(root as JSONSchema, 'Document', {
    additionalProperties: false,
    bannerComment: `/** The documents of holdfast/v1 as types. */\n${BANNER}`,
    unreachableDefinitions: false,
    style: { singleQuote: true, printWidth: 120 },
  });
}

/** The text of `validators.ts`: compiling the schemas at each start would take a quarter of a second. */
export async function generateValidators(): Promise<string> {
  const ajv = new Ajv2020({
    allErrors: true,
    strict: true,
    strictRequired: false,
    strictTypes: false,
    allowUnionTypes: true,
    inlineRefs: false,
    code: { source: true, esm: true },
  });
  for (const file of ['definitions', ...Object.values(KIND_FILES)]) {
    ajv.addSchema(await readSchema(`${file}.schema.json`), `${file}.schema.json`);
  }
  const code = standalone.default(
    ajv,
    mapValues(KIND_FILES, (file) => `${file}.schema.json`),
  );
  if (code.includes('require(')) throw new Error('a keyword needs code of ajv at run time: it cannot stand alone');
  return `/** Checks each kind of document against its JSON Schema. */\n${BANNER}\n// @ts-nocheck\n/* oxlint-disable */\n${code}\n`;
}

if (import.meta.main) {
  await writeFile(new URL('types.ts', FOLDER), await generateTypes());
  await writeFile(new URL('validators.ts', FOLDER), await generateValidators());
  await writeFile(new URL('holdfast.schema.json', FOLDER), generateEditorSchema());
}
