import { expect, test } from 'vitest';
import { compile } from '../../domain/compile.ts';
import { notBuiltPaths } from '../../domain/not-built.ts';
import type { Kind, LoadedDocument } from '../../schemas/loaded-document.ts';
import { followReference, KINDS, objectBranch, rootSchema, type SchemaNode } from '../../schemas/schema-tree.ts';

/**
 * Read by people; the name, which a document carries beside its content; and what says only what is so anyway: `overlap`,
 * `access.public` has one value that is built, and `embedded` is what happens without `address`.
 */
const WITHOUT_EFFECT =
  /^(apiVersion|kind|metadata\.(name|owner|description|labels)|.*\.overlap|spec\.(access\.public|engine\.embedded))$/;
/** Its policies are what is compiled: the loader makes them. */
const EXPANDED = 'PolicySet';
/** The schema allows it only beside a key that is not built. */
const BESIDE_NOT_BUILT = ['Policy: spec.restoreTest.assert.*.min'];

/** A value for each key of a schema: examples where there are some. `without` leaves keys out, so that others are looked at. */
function fill(node: SchemaNode, without: ReadonlySet<string>): unknown {
  const schema = objectBranch(followReference(node));
  if (schema.properties !== undefined) {
    const keys = Object.entries(schema.properties).filter(([key]) => !without.has(key));
    return Object.fromEntries(keys.map(([key, child]) => [key, fill(child, without)]));
  }
  if (typeof schema.additionalProperties === 'object') return { high: fill(schema.additionalProperties, without) };
  if (schema.type === 'array') return [fill(schema.items ?? {}, without)];
  return schema.const ?? schema.enum?.[0] ?? schema.examples?.[0] ?? schema.default;
}

/** Every path of a schema that holds a value, `*` for list items and free keys. */
function leaves(node: SchemaNode, path: string[] = []): string[] {
  const schema = objectBranch(followReference(node));
  if (schema.properties !== undefined)
    return Object.entries(schema.properties).flatMap(([key, child]) => leaves(child, [...path, key]));
  if (typeof schema.additionalProperties === 'object' && path.at(-1) !== 'labels')
    return leaves(schema.additionalProperties, [...path, '*']);
  if (schema.type === 'array' && followReference(schema.items ?? {}).type === 'object')
    return leaves(schema.items ?? {}, [...path, '*']);
  return [path.join('.')];
}

/** The value, which notes each path that is read of it. */
function observed(value: unknown, path: string[], seen: Set<string>): unknown {
  if (typeof value !== 'object' || value === null) return value;
  return new Proxy(value, {
    get(target, key, receiver) {
      const member: unknown = Reflect.get(target, key, receiver);
      if (typeof key === 'symbol' || typeof member === 'function') return member;
      const free = Array.isArray(target) || path.at(-1) === 'importance';
      const next = [...path, free ? '*' : key];
      seen.add(next.join('.'));
      return observed(member, next, seen);
    },
  });
}

// Keys that hide others: with a cron expression nobody asks for `every`.
const VARIANTS = [
  [],
  ['cron'],
  ['cron', 'at'],
  ['all', 'files'],
  ['all'],
  ['env'],
  ['env', 'command'],
  ['exists'],
  ['exists', 'file'],
  ['local', 'suspend'],
  ['local', 'gcs'],
  ['local', 'gcs', 's3'],
  ['own retention'],
  ['own retention', 'cron', 'suspend'],
  ['own retention', 'own rules'],
  ['own retention', 'cron', 'at', 'suspend'],
];

function readPaths(): Map<Kind, Set<string>> {
  const seen = new Map<Kind, Set<string>>(KINDS.map((kind) => [kind, new Set<string>()]));
  for (const without of VARIANTS) {
    const documents = KINDS.map((kind): LoadedDocument => {
      const content = fill(rootSchema(kind), new Set(without)) as {
        kind: Kind;
        metadata: { name: string };
        spec: Record<string, unknown>;
      };
      content.metadata.name = kind === 'Location' ? 'vault' : 'offsite';
      if (kind === 'Policy') linkPolicy(content.spec, without);
      if (kind === 'Project') content.spec['evidence'] = { ...(content.spec['evidence'] as object), location: 'vault' };
      if (kind === 'Project' && without.includes('exists'))
        delete (content.spec['engine'] as Record<string, unknown>)['address'];
      const watched = observed(content, [], seen.get(kind) ?? new Set()) as LoadedDocument['content'];
      return {
        kind,
        name: content.metadata.name,
        content: watched,
        directory: '/a',
        policyFolder: '/a',
        mark: () => ({ file: 'a', line: 1, column: 1, length: 1, sourceLine: '' }),
      };
    });
    compile(documents, { stateDirectory: '/a', digest: (text) => text, readScript: () => '' });
  }
  return seen;
}

function linkPolicy(spec: Record<string, unknown>, without: readonly string[]): void {
  for (const sync of spec['sync'] as { to: string }[]) sync.to = 'vault';
  for (const backup of spec['backup'] as { to: string; retention?: unknown }[]) {
    backup.to = 'offsite';
    if (without.includes('own retention')) delete backup.retention;
  }
  for (const copy of spec['copy'] as { from: string; to: string }[]) copy.from = copy.to = 'offsite';
  if (without.includes('own rules')) (spec['retention'] as { keep: unknown }).keep = 'class';
  spec['importance'] = 'high';
}

test('each key of the language has an effect on an action, or is refused as not built', () => {
  const seen = readPaths();
  const ignored = KINDS.filter((kind) => kind !== EXPANDED).flatMap((kind) => {
    const refused = notBuiltPaths(kind);
    return leaves(rootSchema(kind))
      .filter((path) => !WITHOUT_EFFECT.test(path) && !seen.get(kind)?.has(path))
      .filter((path) => !refused.some((part) => part === 'kind' || path === part || path.startsWith(`${part}.`)))
      .map((path) => `${kind}: ${path}`);
  });
  expect(ignored).toEqual(BESIDE_NOT_BUILT);
});
