import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { makeOddTree, noise } from '../repository/odd-tree.ts';
import { requirePeer } from '../peers.ts';
import { createRepositoryFixture, type RepositoryFixture } from './repository-fixture.ts';

const restic = requirePeer('restic');

/** Two snapshots of one host and one of another, with hard links and a folder that all share. */
async function backUpThrice(fixture: RepositoryFixture): Promise<string> {
  const source = join(fixture.folder, 'source');
  makeOddTree(source);
  mkdirSync(join(source, 'plain'));
  writeFileSync(join(source, 'plain/noise'), noise(1_000_000, 'noise'));
  expect((await fixture.run(['backup', source, '--tag', 'first'])).status).toBe(0);
  writeFileSync(join(source, 'more'), 'more');
  expect((await fixture.run(['backup', source, '--tag', 'second'])).status).toBe(0);
  expect((await fixture.run(['backup', join(source, 'plain'), '--tag', 'third'])).status).toBe(0);
  return source;
}

restic.it(
  'counts what restic counts, of all snapshots, of some, and of one',
  async () => {
    await using fixture = await createRepositoryFixture();
    await backUpThrice(fixture);
    const base = ['-r', fixture.where, '--password-file', join(fixture.folder, 'password'), '--no-cache', '--json'];
    const [first, second] = (await fixture.repository.listSnapshots()).map(({ id }) => id);
    for (const mode of ['restore-size', 'raw-data']) {
      for (const chosen of [[], [first!], [first!, second!], ['--tag', 'third']]) {
        const theirs = JSON.parse(
          execFileSync(restic.command, [...base, 'stats', '--mode', mode, ...chosen], { encoding: 'utf8' }),
        ) as Record<string, number>;
        // restic 0.14 counts no files in raw-data, and writes a zero.
        if (mode === 'raw-data') delete theirs['total_file_count'];
        const { status, stdout } = await fixture.run(['stats', '--json', '--mode', mode, ...chosen]);
        expect([mode, chosen, status, JSON.parse(stdout)]).toEqual([mode, chosen, 0, expect.objectContaining(theirs)]);
      }
    }
  },
  60_000,
);

test('says it in words; the same snapshot named twice counts once', async () => {
  await using fixture = await createRepositoryFixture();
  const source = await backUpThrice(fixture);
  const depth = source.split('/').length - 1;
  const third = await fixture.run(['stats', '--tag', 'third']);
  expect([third.status, third.stderr]).toEqual([0, '']);
  expect(third.stdout).toBe(`1 snapshot with ${depth + 2} entries\n977 KiB to restore\n`);
  const raw = await fixture.run(['stats', '--mode', 'raw-data', '--tag', 'third', 'latest', 'latest']);
  expect(raw.stdout).toMatch(/^1 snapshot with \d+ blobs\n[\d.]+ KiB stored, .* uncompressed \(1\.\d\d to 1\)\n$/);
  expect((await fixture.run(['stats', '--mode', 'all'])).status).toBe(2);
  expect((await fixture.run(['stats', 'fedcba9876'])).status).toBe(2);
  const none = await fixture.run(['stats', '--json', '--host', 'nobody', '--mode', 'raw-data']);
  expect(JSON.parse(none.stdout)).toMatchObject({ total_size: 0, compression_ratio: 1, snapshots_count: 0 });
});

test('a damaged tree makes the figures too low, which is said: exit 5', async () => {
  await using fixture = await createRepositoryFixture();
  const source = await backUpThrice(fixture);
  await fixture.repository.loadIndex();
  const third = (await fixture.repository.listSnapshots()).at(-1)!;
  const { packId, offset } = fixture.repository.findBlob('tree', third.tree)!;
  const pack = join(fixture.where, 'data', packId.slice(0, 2), packId);
  const content = readFileSync(pack);
  content[offset + 20]! ^= 1;
  chmodSync(pack, 0o600);
  writeFileSync(pack, content);
  for (const mode of ['restore-size', 'raw-data']) {
    const { status, stderr } = await fixture.run(['stats', '--mode', mode]);
    expect([source, mode, status]).toEqual([source, mode, 5]);
    expect(stderr).toContain('critical: the figures are too low: tree');
  }
});
