import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createEntryFinder } from '../../repository/find-entries.ts';
import { requirePeer } from '../peers.ts';
import { createRepositoryFixture, type RepositoryFixture } from './repository-fixture.ts';

const restic = requirePeer('restic');

/** Two snapshots, between which one of two folders changes. */
async function backUpTwice(fixture: RepositoryFixture): Promise<string> {
  const source = join(fixture.folder, 'source');
  for (const folder of ['same/deep', 'other/same']) mkdirSync(join(source, folder), { recursive: true });
  for (const name of ['a.txt', 'same/b.txt', 'same/deep/c.TXT', 'other/[odd]', 'other/same/d.txt', '!important'])
    writeFileSync(join(source, name), name);
  writeFileSync(Buffer.concat([Buffer.from(join(source, 'same/')), Buffer.from([0x66, 0xff, 0x0a])]), 'odd');
  symlinkSync('a.txt', join(source, 'link'));
  expect((await fixture.run(['backup', source, '--tag', 'first'])).status).toBe(0);
  writeFileSync(join(source, 'other/new.txt'), 'new');
  expect((await fixture.run(['backup', source, '--tag', 'second'])).status).toBe(0);
  return source;
}

interface Match {
  snapshot: string;
  path: string;
}

async function find(fixture: RepositoryFixture, ...args: string[]): Promise<Match[]> {
  const { status, stdout } = await fixture.run(['find', '--json', ...args]);
  expect(status).toBe(0);
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Match);
}

test('finds in every snapshot, or in those that the filters leave, with a heading for each', async () => {
  await using fixture = await createRepositoryFixture();
  const source = await backUpTwice(fixture);
  const { status, stdout, stderr } = await fixture.run(['find', 'new.txt', '[a-b].txt']);
  const [a, b, added] = ['a.txt', 'same/b.txt', 'other/new.txt'].map((name) => join(source, name));
  expect([status, stdout]).toEqual([0, [a, b, a, added, b, ''].join('\n')]);
  expect(stderr).toMatch(/^in [0-9a-f]{8} of .*:\nin [0-9a-f]{8} of .*:\n5 matches in 2 of 2 snapshots\n$/);
  expect((await fixture.run(['find', 'new.txt', '--tag', 'first', '-q'])).stdout).toBe('');
  const long = await fixture.run(['find', '-lq', 'link', '--tag', 'second']);
  expect(long.stdout).toMatch(/^lrwxrwxrwx .*source\/link -> a\.txt\n$/);
  expect((await find(fixture, '!important')).map(({ path }) => path)).toEqual(Array(2).fill(`${source}/!important`));
  expect((await fixture.run(['find'])).status).toBe(2);
  expect((await fixture.run(['find', ''])).status).toBe(2);
  expect((await fixture.run(['find', '[a'])).stderr).toContain('not a valid pattern');
});

restic.it(
  'finds what restic finds',
  async () => {
    await using fixture = await createRepositoryFixture();
    const source = await backUpTwice(fixture);
    const options = ['-r', fixture.where, '--password-file', join(fixture.folder, 'password'), '--no-cache', '--json'];
    const patterns = [
      ['a.txt'],
      ['*.txt', 'link'],
      ['same'],
      ['same/*'],
      ['same/deep'],
      [`${source}/same`],
      [`${source}/*/same`],
      [`${source}/**/*.txt`],
      ['**/same/**'],
      ['/'],
      ['f*'],
      ['\\[odd\\]'],
      ['other/../same'],
      ['nothing'],
    ];
    for (const wanted of patterns) {
      const answer = execFileSync(restic.command, [...options, 'find', ...wanted], { encoding: 'utf8' });
      const theirs = (JSON.parse(answer) as { snapshot: string; matches: { path: string }[] }[]).flatMap(
        ({ snapshot, matches }) => matches.map(({ path }) => `${snapshot} ${path.replace('\ufffd\n', '\\xff\\n')}`),
      );
      const ours = (await find(fixture, ...wanted)).map(({ snapshot, path }) => `${snapshot} ${path}`);
      expect([wanted, ours.toSorted()]).toEqual([wanted, theirs.toSorted()]);
    }
  },
  60_000,
);

test('a folder that did not change is read once, wherever the pattern leads', async () => {
  await using fixture = await createRepositoryFixture();
  const source = await backUpTwice(fixture);
  await fixture.repository.loadIndex();
  const depth = source.split('/').length;
  const [first, second] = await fixture.repository.listSnapshots();
  const finder = createEntryFinder(fixture.repository, ['*.txt']);
  const found = [...(await finder.find(first!.tree)).entries];
  expect(found.map(({ path }) => path)).toContain(`${source}/same/b.txt`);
  const read = finder.treesRead;
  expect(read).toBe(depth + 4);
  expect([...(await finder.find(second!.tree)).entries].length).toBe(found.length + 1);
  // The folders above, and the one that changed.
  expect(finder.treesRead - read).toBe(depth + 1);
  const anchored = createEntryFinder(fixture.repository, ['/nowhere/*']);
  await anchored.find(first!.tree);
  expect(anchored.treesRead).toBe(1);
});

test('a folder that cannot be read is named, the rest is searched: exit 5', async () => {
  await using fixture = await createRepositoryFixture();
  const source = await backUpTwice(fixture);
  const tree = Buffer.from('{"nodes":[]}\n');
  const { id } = await fixture.repository.saveBlob('tree', tree);
  const gone = 'ab'.repeat(32);
  const node = (name: string, subtree: string): string =>
    `{"name":"${name}","type":"dir","mtime":"2026-01-01T00:00:00Z","atime":"2026-01-01T00:00:00Z",` +
    `"ctime":"2026-01-01T00:00:00Z","uid":0,"gid":0,"content":null,"subtree":"${subtree}"}`;
  const root = await fixture.repository.saveBlob(
    'tree',
    Buffer.from(`{"nodes":[${node('lost', gone)},${node('z', id)}]}\n`),
  );
  await fixture.repository.flush();
  await fixture.repository.saveIndex();
  await fixture.addSnapshot({ tree: root.id, hostname: 'damaged' });
  const { status, stdout, stderr } = await fixture.run(['find', 'a.txt', 'z']);
  expect([status, stdout]).toEqual([5, expect.stringContaining(`/z\n`)]);
  expect(stdout).toContain(`${source}/a.txt\n`);
  expect(stderr).toMatch(/critical: in [0-9a-f]{8} of .*: \/lost cannot be searched: tree blob abab/);
  for (const name of readdirSync(join(fixture.where, 'data'), { recursive: true, encoding: 'utf8' })) {
    const path = join(fixture.where, 'data', name);
    if (statSync(path).isFile()) rmSync(path);
  }
  expect((await fixture.run(['find', 'a.txt'])).status).toBe(5);
});
