import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { createRepositoryFixture } from './repository-fixture.ts';
import { runCli, type RunOptions } from './run-cli.ts';

const folder = mkdtempSync(join(tmpdir(), 'holdfast-modules-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Loads nothing that the command does not use: every module costs the person at 3 a.m. time, and may be what is broken. */
async function modulesOf(args: string[], options: RunOptions = {}): Promise<string[]> {
  const list = join(folder, 'loaded');
  const result = await runCli(args, {
    ...options,
    nodeArguments: ['--import', new URL('./record-modules.ts', import.meta.url).href],
    environment: { ...options.environment, LOADED_MODULES: list },
  });
  expect([args, result.status, result.stderr]).toEqual([args, 0, '']);
  return readFileSync(list, 'utf8').split('\n');
}

function packagesOf(modules: string[]): string[] {
  const names = modules.map((url) => /\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(url)?.[1]);
  return [...new Set(names.filter((name) => name !== undefined))].toSorted();
}

test('the commands on a repository load neither Temporal nor what reads policies', async () => {
  await using fixture = await createRepositoryFixture();
  await fixture.addSnapshot({});
  const loaded = async (...args: string[]): Promise<string[]> =>
    modulesOf([args[0]!, ...fixture.options, ...args.slice(1)]);
  // What sodium-native itself needs to find its binary belongs to it.
  const needed = expect.toSatisfy((packages: string[]) =>
    packages.every((name) => /^(commander|sodium-native|require-addon|which-runtime|bare-.*)$/.test(name)),
  );
  expect(packagesOf(await loaded('snapshots'))).toEqual(needed);
  expect(packagesOf(await loaded('unlock'))).toEqual(needed);
  expect(packagesOf(await loaded('forget', '--keep-last', '1'))).toEqual(needed);
  for (const words of ['find x -q', 'diff latest latest -q', 'dump latest / -q', 'stats', 'key list'])
    expect([words, packagesOf(await loaded(...words.split(' ')))]).toEqual([words, needed]);
  const ofCheck = await loaded('check');
  expect(packagesOf(ofCheck)).toEqual(needed);
  expect(ofCheck.filter((url) => /\/(engine|workflows|activities|schemas|evidence)\//.test(url))).toEqual([]);
});

test('with a name of the policies, only what reads policies is loaded besides', async () => {
  await using fixture = await createRepositoryFixture();
  mkdirSync(join(fixture.folder, 'policies'));
  const documents = [
    'apiVersion: holdfast/v1\nkind: Location\nmetadata: { name: vault }\nspec: { local: { path: .. } }',
    'apiVersion: holdfast/v1\nkind: Repository\nmetadata: { name: demo }\nspec: { location: vault, path: vault, passwordFrom: { file: ../password } }',
  ];
  writeFileSync(join(fixture.folder, 'policies', 'all.yaml'), documents.join('\n---\n'));
  const modules = await modulesOf(['snapshots', '--repository', 'demo'], { directory: fixture.folder });
  expect(packagesOf(modules)).toContain('yaml');
  expect(modules.filter((url) => /@temporalio|\/koffi\/|\/(engine|workflows|activities)\//.test(url))).toEqual([]);
});

test('version and completion load no library but the one that reads arguments', async () => {
  expect(packagesOf(await modulesOf(['version']))).toEqual(['commander']);
  expect(packagesOf(await modulesOf(['completion', 'bash']))).not.toContain('@temporalio/client');
  const modules = await modulesOf(['--help']);
  expect(modules.filter((url) => /\/cli\//.test(url)).length).toBeLessThan(12);
});
