import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { walkSnapshot } from '../../repository/walk-snapshot.ts';
import { noise } from '../repository/odd-tree.ts';
import { requirePeer } from '../peers.ts';
import { createRepositoryFixture, type RepositoryFixture } from './repository-fixture.ts';

const restic = requirePeer('restic');

/** A source in two states, with a change of each kind between them; returns source and ids. */
async function backUpChanges(fixture: RepositoryFixture): Promise<{ source: string; before: string; after: string }> {
  const source = join(fixture.folder, 'source');
  const at = (...names: string[]): string => join(source, ...names);
  for (const folder of ['same/deep', 'gone/deep', 'moved', 'to-file', 'mode'])
    mkdirSync(at(folder), { recursive: true });
  for (const name of [
    'changed',
    'to-folder',
    'touched',
    'same/deep/a',
    'gone/deep/b',
    'moved/c',
    'to-file/d',
    'mode/e',
  ])
    writeFileSync(at(name), name);
  writeFileSync(at('same/big'), noise(3_000_000, 'kept'));
  writeFileSync(at('gone/copy-of-big'), noise(3_000_000, 'kept'));
  writeFileSync(at('gone/big'), noise(2_000_000, 'gone'));
  writeFileSync(at('empty'), '');
  symlinkSync('changed', at('link'));
  expect((await fixture.run(['backup', source])).status).toBe(0);
  writeFileSync(at('changed'), 'other content');
  rmSync(at('to-folder'));
  mkdirSync(at('to-folder'));
  writeFileSync(at('to-folder/in'), 'in');
  utimesSync(at('touched'), 1_700_000_000, 1_700_000_000);
  rmSync(at('gone'), { recursive: true });
  renameSync(at('moved'), at('moved-away'));
  rmSync(at('to-file'), { recursive: true });
  writeFileSync(at('to-file'), 'now a file');
  chmodSync(at('mode/e'), 0o600);
  rmSync(at('link'));
  symlinkSync('same', at('link'));
  mkdirSync(at('new'));
  symlinkSync('nowhere', at('new/link'));
  writeFileSync(Buffer.concat([Buffer.from(at('new/')), Buffer.from([0x66, 0xff])]), 'odd');
  expect((await fixture.run(['backup', source])).status).toBe(0);
  const [before, after] = await fixture.repository.listSnapshots();
  return { source, before: before!.id, after: after!.id };
}

function linesOf(text: string): Record<string, unknown>[] {
  return text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

test('tells what was added, removed and changed, and in how many bytes', async () => {
  await using fixture = await createRepositoryFixture();
  const { source, before, after } = await backUpChanges(fixture);
  const { status, stdout, stderr } = await fixture.run(['diff', before.slice(0, 12), 'latest']);
  expect(status).toBe(0);
  expect(stdout.split('\n')).toEqual([
    `M    ${source}/changed`,
    `-    ${source}/gone/`,
    `-    ${source}/gone/big`,
    `-    ${source}/gone/copy-of-big`,
    `-    ${source}/gone/deep/`,
    `-    ${source}/gone/deep/b`,
    `-    ${source}/moved/`,
    `-    ${source}/moved/c`,
    `+    ${source}/moved-away/`,
    `+    ${source}/moved-away/c`,
    `+    ${source}/new/`,
    `+    ${source}/new/f\\xff`,
    `+    ${source}/new/link`,
    `T    ${source}/to-file`,
    `T    ${source}/to-folder/`,
    expect.stringMatching(/^added 2 files, 2 folders, 1 other entry; .* in 3 data blobs and \d+ tree blobs$/),
    expect.stringMatching(/^removed 4 files, 3 folders, 0 other entries; .* in \d+ data blobs and \d+ tree blobs$/),
    'changed 1 file',
    '',
  ]);
  expect(stderr).toMatch(/^from [0-9a-f]{8} of .*\nto {3}[0-9a-f]{8} of .*\n$/);
  const same = await fixture.run(['diff', after, after, '-q', '--metadata']);
  expect([same.status, same.stdout, same.stderr]).toEqual([0, '', '']);
});

restic.it(
  'tells what restic tells, with the same statistics, with and without metadata, in both directions',
  async () => {
    await using fixture = await createRepositoryFixture();
    const { before, after } = await backUpChanges(fixture);
    const base = ['-r', fixture.where, '--password-file', join(fixture.folder, 'password'), '--no-cache', '--json'];
    for (const metadata of [[], ['--metadata']]) {
      for (const pair of [
        [before, after],
        [after, before],
      ]) {
        const theirs = linesOf(
          execFileSync(restic.command, [...base, 'diff', ...metadata, ...pair], { encoding: 'utf8' }),
        );
        const { status, stdout } = await fixture.run(['diff', '--json', ...metadata, ...pair]);
        expect(status).toBe(0);
        const ours = linesOf(stdout).map(({ path_raw: raw, ...line }) =>
          raw === undefined ? line : { ...line, path: Buffer.from(raw as string, 'base64').toString() },
        );
        expect(ours).toEqual(theirs);
      }
    }
  },
  60_000,
);

test('compares folders of snapshots, and refuses what is none', async () => {
  await using fixture = await createRepositoryFixture();
  const { source, before, after } = await backUpChanges(fixture);
  const moved = await fixture.run(['diff', `${before}:${source}/moved`, `${after}:${source}/moved-away`, '-q']);
  expect([moved.status, moved.stdout]).toEqual([0, '']);
  const other = await fixture.run(['diff', `${before}:${source}/moved`, `${after}:${source}/new`, '-q']);
  expect(other.stdout).toBe('-    /c\n+    /f\\xff\n+    /link\n');
  expect((await fixture.run(['diff', `${before}:${source}/changed`, after])).status).toBe(2);
  expect((await fixture.run(['diff', before, `${after}:/nothing`])).status).toBe(2);
  expect((await fixture.run(['diff', before])).status).toBe(2);
});

test('a folder that cannot be read is named, the rest is compared: exit 5', async () => {
  await using fixture = await createRepositoryFixture();
  const { source, before, after } = await backUpChanges(fixture);
  await fixture.repository.loadIndex();
  const trees = new Map<string, string>();
  const [first] = await fixture.repository.listSnapshots();
  for await (const { path, node } of walkSnapshot(fixture.repository, first!.tree))
    if (node.subtree !== undefined) trees.set(path, node.subtree);
  const { packId, offset } = fixture.repository.findBlob('tree', trees.get(`${source}/gone/deep`)!)!;
  const pack = join(fixture.where, 'data', packId.slice(0, 2), packId);
  const content = readFileSync(pack);
  content[offset + 20]! ^= 1;
  chmodSync(pack, 0o600);
  writeFileSync(pack, content);
  const { status, stdout, stderr } = await fixture.run(['diff', before, after]);
  expect(status).toBe(5);
  expect(stderr).toMatch(/critical: .*\/gone\/deep cannot be compared: /);
  expect(stdout).toContain(`+    ${source}/new/link\n`);
});
