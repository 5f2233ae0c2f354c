import {
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { ByteString } from '../../common/byte-string.ts';
import { encodeTree, type TreeNode } from '../../repository/tree-node.ts';
import { noise } from '../repository/odd-tree.ts';
import { createRepositoryFixture, type RepositoryFixture } from './repository-fixture.ts';
import { WITHOUT_ROOT_POWERS } from './run-cli.ts';

async function backUpSource(fixture: RepositoryFixture): Promise<string> {
  const source = join(fixture.folder, 'source');
  mkdirSync(join(source, 'deep'), { recursive: true });
  writeFileSync(join(source, 'a.txt'), 'alpha', { mode: 0o640 });
  writeFileSync(join(source, 'deep', 'b.tmp'), 'beta');
  writeFileSync(join(source, 'deep', 'big'), noise(3_000_000, 'big'));
  symlinkSync('a.txt', join(source, 'link'));
  utimesSync(join(source, 'a.txt'), 1_700_000_000, 1_700_000_000);
  expect((await fixture.run(['backup', source])).status).toBe(0);
  return source;
}

test('restores what was backed up, says how much, and verifies it when asked', async () => {
  await using fixture = await createRepositoryFixture();
  const source = await backUpSource(fixture);
  const { status, stdout, stderr } = await fixture.run(['restore', 'latest', '--target', 'back', '--verify']);
  expect(status).toBe(0);
  expect(stderr).toMatch(/^restoring [0-9a-f]{8} of .*source, made /);
  expect(stdout).toMatch(/^restored 4 files and \d+ folders, 2\.86 MiB, to .*back in .*, verified\n$/);
  const back = join(fixture.folder, 'back', source);
  expect(readFileSync(join(back, 'deep/big'))).toEqual(readFileSync(join(source, 'deep/big')));
  expect(readlinkSync(join(back, 'link'))).toBe('a.txt');
  const { mode, mtimeMs } = lstatSync(join(back, 'a.txt'));
  expect([mode & 0o777, mtimeMs]).toEqual([0o640, 1_700_000_000_000]);
});

test('restores one folder right into the target, or only what patterns leave', async () => {
  await using fixture = await createRepositoryFixture();
  const source = await backUpSource(fixture);
  const part = await fixture.run([
    'restore',
    `latest:${source}/deep`,
    '--target',
    'part',
    '--json',
    '--exclude',
    '*.tmp',
  ]);
  expect(JSON.parse(part.stdout)).toMatchObject({ files: 1, bytes: 3_000_000, problems: [] });
  expect(readdirSync(join(fixture.folder, 'part'))).toEqual(['big']);
  await fixture.run(['restore', 'latest', '--target', 'only', '--include', '*.tmp']);
  expect(readFileSync(join(fixture.folder, 'only', source, 'deep/b.tmp'), 'utf8')).toBe('beta');
  const absent = await fixture.run(['restore', 'latest:/nowhere', '--target', 'none']);
  expect(absent.status).toBe(2);
});

test('a target that is not empty is refused, unless it may be overwritten', async () => {
  await using fixture = await createRepositoryFixture();
  const source = await backUpSource(fixture);
  mkdirSync(join(fixture.folder, 'full', source), { recursive: true });
  writeFileSync(join(fixture.folder, 'full', source, 'a.txt'), 'somebody’s work');
  const refused = await fixture.run(['restore', 'latest', '--target', 'full']);
  expect([refused.status, refused.stderr]).toEqual([8, expect.stringContaining('is not empty')]);
  expect(readFileSync(join(fixture.folder, 'full', source, 'a.txt'), 'utf8')).toBe('somebody’s work');
  expect((await fixture.run(['restore', 'latest', '--target', 'full', '--overwrite', 'always'])).status).toBe(0);
  expect(readFileSync(join(fixture.folder, 'full', source, 'a.txt'), 'utf8')).toBe('alpha');
  const file = await fixture.run(['restore', 'latest', '--target', 'password']);
  expect([file.status, file.stderr]).toEqual([2, expect.stringContaining('not a folder')]);
  const none = await fixture.run(['restore', 'latest']);
  expect([none.status, none.stderr]).toEqual([2, expect.stringContaining('--target')]);
});

test('a target where this account may not write is exit 4, and what to do is said', async () => {
  await using fixture = await createRepositoryFixture();
  const source = await backUpSource(fixture);
  mkdirSync(join(fixture.folder, 'closed'), { mode: 0o555 });
  const wrapper = WITHOUT_ROOT_POWERS;
  for (const wanted of ['latest', `latest:${source}`]) {
    const { status, stderr } = await fixture.run(['restore', wanted, '--target', 'closed'], { wrapper });
    expect([status, stderr]).toEqual([4, expect.stringMatching(/critical: .*EACCES.*\n {2}→ Restore as an account/)]);
  }
  expect(readdirSync(join(fixture.folder, 'closed'))).toEqual([]);
});

test('at 3 a.m. a repository that a dead machine has locked still restores', async () => {
  await using fixture = await createRepositoryFixture();
  await backUpSource(fixture);
  const lock = await fixture.repository.lock('exclusive');
  const { status, stderr } = await fixture.run(['restore', '--at', '2100-01-01', '--target', 'back']);
  await lock.release();
  expect([status, stderr]).toEqual([0, expect.stringContaining('reading without a lock')]);
});

test('damaged data is named, the rest is restored: exit 5', async () => {
  await using fixture = await createRepositoryFixture();
  const source = await backUpSource(fixture);
  const data = join(fixture.where, 'data');
  const packs = readdirSync(data, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
  const largest = packs.toSorted((a, b) => lstatSync(b).size - lstatSync(a).size)[0]!;
  const content = readFileSync(largest);
  // Far behind the small blobs that may come first: in the big file.
  content[content.length >> 1]! ^= 1;
  writeFileSync(largest, content);
  const { status, stderr } = await fixture.run(['restore', 'latest', '--target', 'back']);
  expect([status, stderr]).toEqual([5, expect.stringMatching(/critical: .*source/)]);
  expect(readlinkSync(join(fixture.folder, 'back', source, 'link'))).toBe('a.txt');
});

test('a hostile snapshot writes nothing outside the target', async () => {
  await using fixture = await createRepositoryFixture();
  const { repository } = fixture;
  const evil = (await repository.saveBlob('data', Buffer.from('evil'))).id;
  const time = '2026-01-01T00:00:00Z';
  const node = (name: string, type: string, more: Partial<TreeNode>): TreeNode => {
    const times = { mtime: time, atime: time, ctime: time };
    return { name: name as ByteString, type, mode: 0o644, ...times, uid: 0, gid: 0, content: null, ...more };
  };
  const outside = join(fixture.folder, 'outside');
  mkdirSync(outside);
  const subtree = (
    await repository.saveBlob('tree', encodeTree([node('planted', 'file', { content: [evil], size: 4 })]))
  ).id;
  const tree = await repository.saveBlob(
    'tree',
    encodeTree([
      node('../escaped', 'file', { content: [evil], size: 4 }),
      node('..', 'dir', { subtree }),
      node('x', 'symlink', { linktarget: outside as ByteString }),
      node('x', 'dir', { subtree }),
    ]),
  );
  await repository.flush();
  await repository.saveIndex();
  await repository.saveSnapshot({ time, tree: tree.id, paths: ['/'], hostname: 'evil', username: 'x' });
  const { status } = await fixture.run(['restore', 'latest', '--target', 'deep/target']);
  expect(status).toBe(5);
  expect(readdirSync(outside)).toEqual([]);
  expect(readdirSync(join(fixture.folder, 'deep'))).toEqual(['target']);
  expect(readdirSync(fixture.folder).toSorted()).toEqual(['deep', 'outside', 'password', 'vault']);
});

test('an empty path is a mistake, not the current folder', async () => {
  await using fixture = await createRepositoryFixture();
  await backUpSource(fixture);
  const restored = await fixture.run(['restore', 'latest', '--overwrite', 'always', '--target', '']);
  expect([restored.status, restored.stderr]).toEqual([2, expect.stringContaining('the target is empty')]);
  const backedUp = await fixture.run(['backup', '']);
  expect([backedUp.status, backedUp.stderr]).toEqual([2, expect.stringContaining('a path is empty')]);
});

test('a damaged snapshot file does not keep the others from being restored', async () => {
  await using fixture = await createRepositoryFixture();
  await backUpSource(fixture);
  const { stdout } = await fixture.run(['snapshots', '--json']);
  const [{ id }] = JSON.parse(stdout) as [{ id: string }];
  const broken = 'ab'.repeat(32);
  await fixture.repository.storage.write(`snapshots/${broken}`, Buffer.from('no snapshot at all'));
  const byId = await fixture.run(['restore', id, '--target', 'by-id']);
  expect([byId.status, byId.stderr]).toEqual([0, expect.stringContaining(`warning: the snapshot file ${broken}`)]);
  // The damaged one may have been newer: the answer is not what was asked for with certainty.
  expect((await fixture.run(['restore', 'latest', '--target', 'latest'])).status).toBe(5);
  expect(readdirSync(join(fixture.folder, 'latest'))).toEqual(readdirSync(join(fixture.folder, 'by-id')));
  expect((await fixture.run(['ls', id])).status).toBe(0);
  expect((await fixture.run(['ls', 'latest'])).status).toBe(5);
});
