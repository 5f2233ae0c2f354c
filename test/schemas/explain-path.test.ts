import { describe, expect, test } from 'vitest';
import { explainKinds, explainPath } from '../../schemas/explain-path.ts';
import {
  followReference,
  KINDS,
  objectBranch,
  rootSchema,
  type SchemaNode,
  stepInto,
} from '../../schemas/schema-tree.ts';
import { parse, stringify } from 'yaml';

test('all kinds are explained', () => {
  expect(explainKinds().map(({ key }) => key)).toEqual([
    'Project',
    'Provider',
    'Location',
    'Repository',
    'Policy',
    'PolicySet',
  ]);
});

test.each([
  ['policy.spec.backup.every', 'policy.spec.backup.every'],
  ['Policy.backup.every', 'policy.spec.backup.every'],
  ['policy/spec/backup/0/every', 'policy.spec.backup.every'],
  ['policy.backup[0]', undefined],
  ['policy.spec.retention.keep.daily', 'policy.spec.retention.keep.daily'],
  ['project.importance.archive.backup', 'project.spec.importance.archive.backup'],
  ['policy-set.each', 'policy-set.spec.each'],
  ['policySet', 'policyset'],
])('%s is found', (given, path) => {
  if (path === undefined) expect(() => explainPath(given)).toThrow('no key "backup[0]"');
  else expect(explainPath(given).path).toBe(path);
});

test('a leaf has its words, its default, its example and its pattern', () => {
  expect(explainPath('policy.sync.mode')).toMatchObject({ values: ['mirror', 'copy'], example: 'mirror', keys: [] });
  expect(explainPath('repository.prune.maxUnused')).toMatchObject({ type: 'share', default: '5%', example: '5%' });
  expect(explainPath('policy.backup.every').pattern).toContain('d');
});

test('a map has its keys, those that must be given first, and says where one of several is to be chosen', () => {
  expect(explainPath('policy.backup').keys[0]).toMatchObject({ key: 'to', required: true });
  expect(explainPath('repository.passwordFrom').oneOf).toEqual(['env', 'file', 'command']);
  expect(explainPath('location.spec').oneOf).toEqual(['local', 'sftp', 'gcs', 's3']);
});

describe('a path that leads nowhere', () => {
  test.each([
    ['polcy', 'there is no kind "polcy"', 'did you mean "Policy"?'],
    ['policy.spec.bakup', 'policy.spec has no key "bakup"', 'did you mean "backup"?'],
    ['policy.spec.backup.every.x', 'policy.spec.backup.every has no key "x"', 'it has no keys'],
    ['policy.spec.constructor', 'policy.spec has no key "constructor"', expect.stringContaining('known there')],
  ])('%s', (given, message, hint) => {
    expect(() => explainPath(given)).toThrow(expect.objectContaining({ code: 'NotFound', message, hint }));
  });
});

test('each path of the language is explained, with an example that YAML keeps', () => {
  const paths = function* (node: SchemaNode, path: string): Generator<string> {
    yield path;
    const item = objectBranch(followReference(node));
    const inner = item.type === 'array' ? objectBranch(followReference(item.items ?? {})) : item;
    for (const key of Object.keys(inner.properties ?? {})) yield* paths(stepInto(inner, key) ?? {}, `${path}.${key}`);
  };
  for (const kind of KINDS) {
    for (const path of paths(rootSchema(kind), kind)) {
      const { description, example } = explainPath(path);
      expect(description, path).not.toBe('');
      expect(parse(stringify(example)), path).toEqual(example);
    }
  }
});
