import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { toBytes } from '../../files/byte-path.ts';
import type { ByteString } from '../../common/byte-string.ts';
import { createRepositoryFixture, type RepositoryFixture } from './repository-fixture.ts';

function fill(fixture: RepositoryFixture, files: Record<string, string>): string {
  const source = join(fixture.folder, 'source');
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(source, name)), { recursive: true });
    writeFileSync(join(source, name), content);
  }
  return source;
}

/** Names of the files and links in the newest snapshot, from the folder on. */
async function filesIn(fixture: RepositoryFixture, folder: string): Promise<string[]> {
  const { stdout } = await fixture.run(['ls', 'latest', '--host', 'h', '--json']);
  const nodes = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { message_type: string; type?: string; path: string })
    .filter((node) => node.message_type === 'node' && node.type !== 'dir');
  return nodes.map(({ path }) => path.slice(path.startsWith(folder) ? folder.length + 1 : 0)).toSorted();
}

describe('what a backup leaves out', () => {
  it('is named by patterns, by files of patterns, by markers and by size', async () => {
    await using fixture = await createRepositoryFixture();
    const source = fill(fixture, {
      'keep.log': '',
      'drop.log': '',
      'Drop.TMP': '',
      'cache/CACHEDIR.TAG': 'Signature: 8a477f597d28d172789f06886806bc55\n',
      'cache/x': '',
      'private/.nobackup': 'yes, please',
      'private/x': '',
      'maybe/.nobackup': 'no',
      'maybe/x': '',
      'home/me/x': '',
      'home/you/x': '',
      large: 'x'.repeat(2000),
    });
    writeFileSync(join(fixture.folder, 'excludes'), '# logs\n*.log\n!keep.log\n$WHO\n');
    writeFileSync(join(fixture.folder, 'iexcludes'), 'drop.tmp\n');
    const selection = ['--exclude-file', 'excludes', '--iexclude-file', 'iexcludes', '--exclude-larger-than', '1k'];
    const markers = ['--exclude-caches', '--exclude-if-present', '.nobackup:yes'];
    const { status, stderr } = await fixture.run(['backup', 'source', '-H', 'h', ...selection, ...markers], {
      environment: { WHO: 'me' },
    });
    expect([status, stderr]).toEqual([0, '']);
    expect(await filesIn(fixture, source)).toEqual([
      'cache/CACHEDIR.TAG',
      'home/you/x',
      'keep.log',
      'maybe/.nobackup',
      'maybe/x',
      'private/.nobackup',
    ]);
  });

  it('is refused when a pattern is malformed or a file of patterns is not there: exit 2', async () => {
    await using fixture = await createRepositoryFixture();
    fill(fixture, { a: '' });
    const malformed = await fixture.run(['backup', 'source', '-e', 'ok', '--iexclude', 'x[']);
    expect([malformed.status, malformed.stderr]).toEqual([2, expect.stringContaining('not a valid pattern: "x["')]);
    const absent = await fixture.run(['backup', 'source', '--exclude-file', 'nowhere']);
    expect([absent.status, absent.stderr]).toEqual([2, expect.stringContaining('nowhere does not exist')]);
    expect(await fixture.repository.listSnapshots()).toEqual([]);
  });
});

describe('what a backup is of', () => {
  it('can stand in lists: with wildcards, verbatim, or with zero bytes, from a file or stdin', async () => {
    await using fixture = await createRepositoryFixture();
    const source = fill(fixture, { a1: '', a2: '', '*': '', '# b': '', 'c d': '', e: '' });
    const odd = Buffer.concat([Buffer.from(`${source}/`), toBytes('\xff\n' as ByteString)]);
    writeFileSync(odd, '');
    writeFileSync(join(fixture.folder, 'list'), 'source/a?\n\n# source/e\nsource/none*\n');
    writeFileSync(join(fixture.folder, 'verbatim'), 'source/*\nsource/# b\n');
    const raw = Buffer.concat([Buffer.from('source/c d\0'), odd, Buffer.from('\0')]).toString('latin1');
    writeFileSync(join(fixture.folder, 'raw'), Buffer.from(raw, 'latin1'));
    const lists = ['--files-from', 'list', '--files-from-verbatim', '-', '--files-from-raw', 'raw'];
    const { status, stderr } = await fixture.run(['backup', '-H', 'h', ...lists], {
      input: 'source/*\nsource/# b\n',
    });
    expect([status, stderr]).toEqual([0, 'warning: source/none* is in a list of files, but fits none\n']);
    expect(await filesIn(fixture, source)).toEqual(['# b', '*', '\\xff\\n', 'a1', 'a2', 'c d']);
    const cut = await fixture.run(['backup', '--files-from-raw', '-'], { input: 'source/e' });
    expect([cut.status, cut.stderr]).toEqual([2, expect.stringContaining('does not end with a zero byte')]);
    const nothing = await fixture.run(['backup', '--files-from', '-'], { input: '\n' });
    expect([nothing.status, nothing.stderr]).toEqual([2, expect.stringContaining('nothing to back up is named')]);
  });

  it('is backed up without what is not there, as long as something is: exit 3', async () => {
    await using fixture = await createRepositoryFixture();
    const source = fill(fixture, { a: '' });
    const { status, stderr } = await fixture.run(['backup', '-H', 'h', 'source', 'nowhere']);
    expect([status, stderr]).toEqual([3, 'warning: not backed up: nowhere: it does not exist\n']);
    expect(await filesIn(fixture, source)).toEqual(['a']);
    expect(await fixture.repository.listSnapshots()).toMatchObject([{ paths: [source] }]);
    expect((await fixture.run(['backup', 'nowhere', 'neither'])).status).toBe(8);
  });

  it('is a symbolic link itself, or with a slash behind it what it points to', async () => {
    await using fixture = await createRepositoryFixture();
    const source = fill(fixture, { 'folder/x': '' });
    symlinkSync('folder', join(source, 'link'));
    symlinkSync('nowhere', join(source, 'dangling'));
    const plain = await fixture.run(['backup', '-H', 'h', 'source/link', 'source/dangling']);
    expect([plain.status, plain.stderr]).toEqual([0, expect.stringContaining('source/link is a symbolic link')]);
    expect(await filesIn(fixture, source)).toEqual(['dangling', 'link']);
    expect((await fixture.run(['backup', '-H', 'h', 'source/link/'])).stderr).toBe('');
    expect(await filesIn(fixture, source)).toEqual(['link/x']);
  });
});

describe('what becomes of each file', () => {
  it('is told with -vv, and with --json -v, in restic’s words', async () => {
    await using fixture = await createRepositoryFixture();
    const source = fill(fixture, { a: 'one', b: 'two', 'sub/c.tmp': '' });
    const lines = async (args: string[]): Promise<string[]> => {
      const { stdout } = await fixture.run(['backup', 'source', '--exclude', '*.tmp', ...args]);
      return stdout.split('\n').filter((line) => line.includes(source));
    };
    const first = [`new       ${source}/a, 3 B`, `new       ${source}/b, 3 B`, `excluded  ${source}/sub/c.tmp`];
    const folders = [`new       ${source}/sub/`, `new       ${source}/`];
    expect((await lines(['-n', '-vv'])).toSorted()).toEqual([...first, ...folders].toSorted());
    expect(await lines(['-v'])).toEqual([]);
    writeFileSync(join(source, 'b'), 'TWO');
    expect((await lines(['-vv'])).toSorted()).toEqual(
      [
        `unchanged ${source}/a`,
        `modified  ${source}/b, 3 B`,
        `excluded  ${source}/sub/c.tmp`,
        `unchanged ${source}/sub/`,
        `modified  ${source}/`,
      ].toSorted(),
    );
    const json = (await lines(['--json', '-v'])).map((line) => JSON.parse(line) as object);
    expect(json).toContainEqual({ message_type: 'verbose_status', action: 'unchanged', item: `${source}/b`, size: 3 });
    expect((await lines(['--json'])).length).toBe(0);
  });
});

describe('a snapshot made by hand', () => {
  it('has the time, host and parent that are asked for, and is left out when nothing changed', async () => {
    await using fixture = await createRepositoryFixture();
    const source = fill(fixture, { 'deep/a': 'one' });
    const backup = async (...args: string[]) =>
      JSON.parse((await fixture.run(['backup', `${source}/deep`, '--json', ...args])).stdout) as Record<
        string,
        unknown
      >;
    const first = await backup('--time', '2026-01-02 03:04:05', '-H', 'h');
    const [snapshot] = await fixture.repository.listSnapshots();
    expect(new Date(snapshot!.time)).toEqual(new Date('2026-01-02T03:04:05'));
    expect(await backup('--host', 'h', '--skip-if-unchanged')).toMatchObject({ skipped: true, filesUnmodified: 1 });
    expect(await backup('--host', 'h', '--force')).toMatchObject({ filesNew: 1 });
    const id = String(first['snapshotId']);
    expect(await backup('--host', 'other', '--parent', id.slice(0, 12))).toMatchObject({ parentId: id });
    expect(await backup('--host', 'third', '--group-by', 'paths')).toMatchObject({ filesUnmodified: 1 });
    expect(await backup('--host', 'fourth', '--group-by', 'host')).toMatchObject({ filesNew: 1 });
    const wrong = await fixture.run(['backup', source, '--group-by', 'hosts']);
    expect([wrong.status, wrong.stderr]).toEqual([2, expect.stringContaining('"hosts" is none of')]);
    expect((await fixture.run(['backup', source, '--pack-size', '1'])).status).toBe(2);
    expect(
      (await fixture.run(['backup', source, '--compression', 'off', '--pack-size', '8', '--no-scan'])).status,
    ).toBe(0);
  });
});
