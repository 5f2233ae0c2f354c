import { chmodSync, mkdirSync, renameSync, statSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import type { ArchivedEntry } from '../../repository/archive-report.ts';
import { parseGoTime } from '../../repository/go-time.ts';
import { decodeTree, type TreeNode } from '../../repository/tree-node.ts';
import { createArchiveFixture, type ArchiveFixture } from './archive-fixture.ts';
import { noise } from './odd-tree.ts';

const MINUTE = 60_000;

function fill(fixture: ArchiveFixture, files: Record<string, string>): (name: string) => string {
  const at = (name: string): string => path.join(fixture.source, name);
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(path.dirname(at(name)), { recursive: true });
    writeFileSync(at(name), content);
  }
  return at;
}

describe('change detection', () => {
  it('may leave out the change time, or the inode and the change time', async () => {
    using fixture = await createArchiveFixture();
    const at = fill(fixture, { a: 'one', b: 'two' });
    const modified = new Date('2026-01-01T00:00:00Z');
    for (const name of ['a', 'b']) utimesSync(at(name), modified, modified);
    const { snapshotId: parent } = await fixture.archive();
    // Another change time alone, and another inode, too.
    utimesSync(at('a'), modified, modified);
    writeFileSync(at('new'), 'TWO');
    renameSync(at('new'), at('b'));
    utimesSync(at('b'), modified, modified);
    const compare = async (changeDetection: object): Promise<number> =>
      (await fixture.archive({ changeDetection, parent })).figures.filesUnmodified;
    expect(await compare({})).toBe(0);
    expect(await compare({ ignoreCtime: true })).toBe(1);
    expect(await compare({ ignoreInode: true })).toBe(2);
  });
});

describe('access times', () => {
  it('are kept on demand, and else put equal to the modification times', async () => {
    using fixture = await createArchiveFixture();
    const at = fill(fixture, { a: 'one' });
    utimesSync(at('a'), new Date('2026-02-01T00:00:00Z'), new Date('2026-01-01T00:00:00Z'));
    const atimeOf = async (withAtime: boolean): Promise<bigint | undefined> => {
      const { snapshot } = await fixture.archive({ withAtime, parent: 'none' });
      return parseGoTime((await nodeAt(fixture, snapshot.tree, at('a'))).atime);
    };
    expect(await atimeOf(false)).toBe(BigInt(Date.parse('2026-01-01T00:00:00Z')) * 1_000_000n);
    utimesSync(at('a'), new Date('2026-02-01T00:00:00Z'), new Date('2026-01-01T00:00:00Z'));
    expect(await atimeOf(true)).toBe(BigInt(Date.parse('2026-02-01T00:00:00Z')) * 1_000_000n);
  });
});

describe('the listener of a backup', () => {
  it('is told of each file and folder, and of what was left out but not of what is below that', async () => {
    using fixture = await createArchiveFixture();
    const at = fill(fixture, { a: 'one', 'sub/b': 'two', 'marked/.skip': '', 'marked/x': 'x', 'no/deep/y': 'y' });
    symlinkSync('a', at('link'));
    const settings = { exclude: ['no'], iexclude: ['*.TMP'], excludeIfPresent: ['.skip'], excludeLargerThanBytes: 100 };
    writeFileSync(at('big'), noise(101, 'big'));
    writeFileSync(at('c.tmp'), '');
    const first = await follow(fixture, settings);
    expect(first).toEqual({
      a: 'new 3',
      'sub/b': 'new 3',
      'marked/.skip': 'new 0',
      'marked/': 'new',
      'sub/': 'new',
      '': 'new',
      'marked/x': 'excluded',
      no: 'excluded',
      big: 'excluded',
      'c.tmp': 'excluded',
    });
    writeFileSync(at('sub/b'), 'TWO');
    expect(await follow(fixture, settings)).toMatchObject({
      a: 'unmodified 3',
      'sub/b': 'changed 3',
      'sub/': 'changed',
      'marked/': 'unmodified',
    });
  });

  async function follow(fixture: ArchiveFixture, source: object): Promise<Record<string, string>> {
    const told: Record<string, string> = {};
    const onEntry = ({ outcome, path: absolute, sizeBytes }: ArchivedEntry): void => {
      if (!absolute.startsWith(`${fixture.source}/`)) return;
      const name = absolute.slice(fixture.source.length + 1);
      expect(Object.hasOwn(told, name)).toBe(false);
      told[name] = sizeBytes === undefined ? outcome : `${outcome} ${sizeBytes}`;
    };
    await fixture.archive({ source, onEntry });
    return told;
  }
});

describe('a backup that is to be skipped when nothing changed', () => {
  it('saves no snapshot then, and one as soon as something is different', async () => {
    using fixture = await createArchiveFixture();
    const at = fill(fixture, { a: 'one' });
    const first = await fixture.archive({ skipIfUnchanged: true });
    expect(first.skipped).toBe(false);
    const files = fixture.files();
    const second = await fixture.archive({ skipIfUnchanged: true });
    expect([second.skipped, second.snapshotId]).toEqual([true, first.snapshotId]);
    expect(fixture.files().filter((name) => name.startsWith('snapshots/'))).toEqual(
      files.filter((name) => name.startsWith('snapshots/')),
    );
    // The folder above the source has changed, the source has not.
    writeFileSync(path.join(fixture.folder, 'beside'), '');
    expect((await fixture.archive({ skipIfUnchanged: true })).skipped).toBe(true);
    chmodSync(fixture.source, 0o711);
    expect((await fixture.archive({ skipIfUnchanged: true })).skipped).toBe(false);
    expect((await fixture.archive()).skipped).toBe(false);
    writeFileSync(at('a'), 'two');
    expect((await fixture.archive({ skipIfUnchanged: true })).skipped).toBe(false);
  });
});

describe('what a parent must have in common with a backup', () => {
  it('can be any of host, paths and tags', async () => {
    using fixture = await createArchiveFixture();
    const at = fill(fixture, { a: 'one', 'sub/b': 'two' });
    const ago = (minutes: number): Date => new Date(Date.now() - minutes * MINUTE);
    const here = await fixture.archive({ time: ago(5) });
    const tagged = await fixture.archive({ time: ago(6), tags: ['x', 'y'], hostname: 'app-02' });
    const sub = await fixture.archive({ time: ago(4), directories: [at('sub')] });
    const parentOf = async (request: object): Promise<string | undefined> =>
      (await fixture.archive({ time: ago(3), ...request })).parentId;
    expect(await parentOf({ time: ago(4.5) })).toBe(here.snapshotId);
    expect(await parentOf({ groupBy: ['host'], time: ago(3.5) })).toBe(sub.snapshotId);
    expect(await parentOf({ groupBy: ['tags'], parentTags: ['y'] })).toBe(tagged.snapshotId);
    expect(await parentOf({ groupBy: ['tags'], parentTags: ['z'] })).toBeUndefined();
    expect(await parentOf({ groupBy: ['host', 'tags'], parentTags: ['y'] })).toBeUndefined();
  });
});

describe('packs', () => {
  it('are as large as is asked for', async () => {
    using fixture = await createArchiveFixture();
    const at = fill(fixture, {});
    for (let file = 0; file < 40; file++) writeFileSync(at(`file-${file}`), noise(200_000, String(file)));
    await fixture.archive({ packSizeBytes: 1024 * 1024, workers: 1 });
    const sizes = fixture
      .files()
      .filter((name) => name.startsWith('data/'))
      .map((name) => statSync(path.join(fixture.vault, name)).size);
    expect(Math.max(...sizes)).toBeLessThan(1_400_000);
    expect(sizes.length).toBeGreaterThan(6);
  });
});

async function nodeAt(fixture: ArchiveFixture, treeId: string, absolute: string): Promise<TreeNode> {
  const repository = await fixture.open();
  await repository.loadIndex();
  let node: TreeNode | undefined;
  let subtree: string | undefined = treeId;
  for (const name of absolute.split('/').filter((part) => part !== '')) {
    node = decodeTree(await repository.loadBlob('tree', subtree!)).find((entry) => entry.name === name);
    subtree = node?.subtree;
  }
  await repository.close();
  return node!;
}
