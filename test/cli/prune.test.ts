import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { pruneRules } from '../../cli/prune.ts';
import type { PrunePlanFigures } from '../../domain/prune-figures.ts';
import { createRepositoryFixture, type RepositoryFixture } from './repository-fixture.ts';
import { runCli } from './run-cli.ts';

async function backUpTwice(fixture: RepositoryFixture): Promise<void> {
  const source = join(fixture.folder, 'source');
  mkdirSync(source);
  for (const content of ['a', 'b']) {
    writeFileSync(join(source, 'file'), content.repeat(100_000) + Math.random());
    expect((await fixture.run(['backup', source])).status).toBe(0);
  }
}

function packs(fixture: RepositoryFixture): string[] {
  const entries = readdirSync(join(fixture.where, 'data'), { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map(({ name }) => name);
}

test('says what it will delete and rewrite, does nothing in a dry run, and then just that', async () => {
  await using fixture = await createRepositoryFixture();
  await backUpTwice(fixture);
  await fixture.run(['forget', '--keep-last', '1']);
  const before = packs(fixture);
  const dry = await fixture.run(['prune', '--dry-run']);
  expect([dry.status, dry.stdout]).toEqual([0, expect.stringMatching(/^delete +\d packs? +\d+ blobs/m)]);
  expect(dry.stdout).toContain('nothing was changed');
  expect(packs(fixture)).toEqual(before);
  const real = await fixture.run(['prune', '--max-unused', '0%', '--json']);
  const { plan, figures } = JSON.parse(real.stdout) as {
    plan: PrunePlanFigures;
    figures: { bytesFreed: number };
  };
  expect(plan.bytes.freed).toBeGreaterThan(0);
  expect(figures.bytesFreed).toBe(plan.bytes.freed);
  expect(packs(fixture).length).toBeLessThan(before.length);
  expect((await fixture.run(['check', '--read-data'])).status).toBe(0);
  const unlocked = await fixture.run(['prune', '--no-lock']);
  expect([unlocked.status, unlocked.stderr]).toEqual([2, expect.stringContaining('with a lock alone')]);
  const invalid = await fixture.run(['prune', '--max-unused', 'much']);
  expect([invalid.status, invalid.stderr]).toEqual([
    2,
    expect.stringContaining('"much" does not say how much may stay unused'),
  ]);
});

test('damage that a snapshot needs stops prune before it deletes anything: exit 5', async () => {
  await using fixture = await createRepositoryFixture();
  await backUpTwice(fixture);
  await fixture.run(['forget', '--keep-last', '1']);
  for (const pack of packs(fixture)) rmSync(join(fixture.where, 'data', pack.slice(0, 2), pack));
  const { status } = await fixture.run(['prune']);
  expect(status).toBe(5);
});

test('what was forgotten by hand in a repository of the policies is spared for as long as they say', async () => {
  await using fixture = await createRepositoryFixture();
  await backUpTwice(fixture);
  mkdirSync(join(fixture.folder, 'policies'));
  const documents = [
    'apiVersion: holdfast/v1\nkind: Location\nmetadata: { name: vault }\nspec: { local: { path: .. } }',
    'apiVersion: holdfast/v1\nkind: Repository\nmetadata: { name: demo }\nspec: { location: vault, path: vault, passwordFrom: { file: ../password }, prune: { after: 7d } }',
  ];
  writeFileSync(join(fixture.folder, 'policies/all.yaml'), documents.join('\n---\n'));
  const run = (...args: string[]) => runCli([...args, '--repository', 'demo'], { directory: fixture.folder });
  expect((await run('forget', '--keep-last', '1')).status).toBe(0);
  const sparing = await run('prune', '--max-unused', '0%');
  expect(sparing.stdout).toContain('sparing 1 snapshot forgotten within 7d');
  expect(sparing.stdout).toMatch(/^free in all +0 blobs/m);
  const freeing = await run('prune', '--max-unused', '0%', '--forgotten-too');
  expect(freeing.stdout).not.toMatch(/^free in all +0 blobs/m);
});

test('takes restic’s limits', () => {
  const rules = (options: object) => pruneRules({ lock: true, maxUnused: '5%', ...options });
  expect(rules({})).toEqual({ maxUnused: { share: 0.05 } });
  expect(rules({ maxUnused: '500M' }).maxUnused).toEqual({ bytes: 500 * 2 ** 20 });
  expect(rules({ maxUnused: 'unlimited' }).maxUnused).toBe('unlimited');
  expect(rules({ maxRepackSize: 0 })).toMatchObject({ maxRepackBytes: 0 });
  expect(rules({ repackSmall: true }).smallPackBytes).toBe(0.8 * 16 * 2 ** 20);
  expect(rules({ repackSmallerThan: 1000 }).smallPackBytes).toBe(1000);
  expect(() => rules({ repackSmallerThan: 2 ** 30 })).toThrow('more than a pack has');
  expect(() => rules({ maxUnused: '-1' })).toThrow('does not say how much');
});
