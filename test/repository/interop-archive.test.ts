import { appendFileSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect } from 'vitest';
import { requirePeer } from '../peers.ts';
import { createArchiveFixture } from './archive-fixture.ts';
import { describeTree, makeOddTree } from './odd-tree.ts';
import { realRestic, type RealRestic } from './real-restic.ts';

const restic = requirePeer('restic');

describe('backups of holdfast, seen by the real restic', () => {
  restic.it('are clean in every byte, and restic restores them equal in content and metadata', async () => {
    using fixture = await createArchiveFixture();
    makeOddTree(fixture.source);
    const result = await fixture.archive();
    expect(result.unreadable).toEqual([]);
    const peer = realRestic(restic.command, fixture.folder);
    peer.run(['check', '--read-data']);
    const target = path.join(fixture.folder, 'restored');
    peer.run(['restore', result.snapshotId, '--target', target]);
    expect(describeTree(path.join(target, fixture.source))).toEqual(describeTree(fixture.source));
  });

  restic.it('give every folder the tree that restic gives it: restic after holdfast adds nothing', async () => {
    using fixture = await createArchiveFixture();
    makeOddTree(fixture.source);
    const ours = await fixture.archive();
    const peer = realRestic(restic.command, fixture.folder);
    const theirs = backup(peer, ['--host', 'elsewhere', fixture.source]);
    expect(theirs.summary).toMatchObject({ files_new: expect.any(Number), files_unmodified: 0, data_blobs: 0 });
    expect(treeAt(peer, theirs.tree, fixture.source)).toBe(treeAt(peer, ours.snapshot.tree, fixture.source));
  });

  restic.it(
    'find all that restic has stored: holdfast after restic adds nothing, and reads nothing again',
    async () => {
      using fixture = await createArchiveFixture({ initialize: false });
      makeOddTree(fixture.source);
      const peer = realRestic(restic.command, fixture.folder);
      const theirs = backup(peer, ['--host', 'app-01', fixture.source]);
      const expected = treeAt(peer, theirs.tree, fixture.source);
      const withParent = await fixture.archive();
      expect(withParent.parentId).toBe(theirs.id);
      expect(withParent.figures).toMatchObject({ filesNew: 0, filesChanged: 0 });
      expect(withParent.figures.filesUnmodified).toBeGreaterThan(20);
      const withoutParent = await fixture.archive({ parent: 'none' });
      expect(withoutParent.figures.filesUnmodified).toBe(0);
      for (const { snapshot } of [withParent, withoutParent]) {
        expect(snapshot.summary!.data_blobs).toBe(0);
        expect(treeAt(peer, snapshot.tree, fixture.source)).toBe(expected);
      }
      peer.run(['check', '--read-data']);
    },
  );

  restic.it('are a parent for restic, which then reads only what changed', async () => {
    using fixture = await createArchiveFixture();
    makeOddTree(fixture.source);
    const ours = await fixture.archive();
    appendFileSync(path.join(fixture.source, 'small'), 'more');
    const peer = realRestic(restic.command, fixture.folder);
    const theirs = backup(peer, ['--host', 'app-01', fixture.source]);
    // Two more names are links to the same file.
    expect(theirs.summary).toMatchObject({ files_new: 0, files_changed: 3, data_blobs: 1 });
    expect(theirs.parent).toBe(ours.snapshotId);
  });

  restic.it(
    'nest the parents of several directories in one tree as restic does, also below a link and within another',
    async () => {
      using fixture = await createArchiveFixture();
      for (const name of ['one/inner', 'two', 'real/data'])
        mkdirSync(path.join(fixture.source, name), { recursive: true });
      for (const name of ['one/inner/a', 'two/b', 'real/data/c']) writeFileSync(path.join(fixture.source, name), name);
      symlinkSync('real', path.join(fixture.source, 'link'));
      const at = (name: string): string => path.join(fixture.source, name);
      const directories = [at('two'), at('link/data'), at('one/inner'), at('one')];
      const ours = await fixture.archive({ directories, tags: ['holdfast', 'policy=x'] });
      const peer = realRestic(restic.command, fixture.folder);
      const theirs = backup(peer, ['--host', 'app-01', '--tag', 'holdfast,policy=x', ...directories]);
      expect(theirs.parent).toBe(ours.snapshotId);
      expect(treeAt(peer, theirs.tree, fixture.source)).toBe(treeAt(peer, ours.snapshot.tree, fixture.source));
      const { paths, hostname, username, tags, excludes, time } = JSON.parse(
        peer.run(['cat', 'snapshot', ours.snapshotId]),
      );
      expect({ paths, hostname, username, tags, excludes }).toEqual({
        paths: theirs.paths,
        hostname: theirs.hostname,
        username: theirs.username,
        tags: theirs.tags,
        excludes: theirs.excludes,
      });
      const zone = /(Z|[+-]\d\d:\d\d)$/;
      expect(zone.exec(time)?.[0]).toBe(zone.exec(theirs.time)?.[0]);
    },
  );

  restic.it('leave out what restic leaves out: patterns, markers, caches and large files', async () => {
    using fixture = await createArchiveFixture();
    const at = (name: string): string => path.join(fixture.source, name);
    for (const name of ['a/tmp', 'b/cache', 'c/marked/deep', 'd']) mkdirSync(at(name), { recursive: true });
    for (const name of [
      'a/x.tmp',
      'a/keep.tmp',
      'a/tmp/y',
      'b/cache/z',
      'b/w',
      'c/marked/v',
      'c/marked/deep/u',
      'd/t',
    ]) {
      writeFileSync(at(name), name);
    }
    writeFileSync(at('b/cache/CACHEDIR.TAG'), 'Signature: 8a477f597d28d172789f06886806bc55\n');
    writeFileSync(at('c/marked/.nobackup'), 'yes');
    writeFileSync(at('d/large'), Buffer.alloc(5000));
    const exclude = ['*.tmp', '!keep.tmp', `${at('a')}/t*`];
    const source = { exclude, excludeIfPresent: ['.nobackup'], excludeCaches: true, excludeLargerThanBytes: 4096 };
    const ours = await fixture.archive({ source });
    const peer = realRestic(restic.command, fixture.folder);
    const flags = exclude.flatMap((pattern) => ['--exclude', pattern]);
    flags.push('--exclude-if-present', '.nobackup', '--exclude-caches', '--exclude-larger-than', '4k');
    const theirs = backup(peer, [...flags, fixture.source]);
    expect(treeAt(peer, theirs.tree, fixture.source)).toBe(treeAt(peer, ours.snapshot.tree, fixture.source));
    expect(ours.snapshot.excludes).toEqual(theirs.excludes);
  });
});

interface TheirSnapshot {
  id: string;
  tree: string;
  time: string;
  parent?: string;
  paths: string[];
  hostname: string;
  username: string;
  tags?: string[];
  excludes?: string[];
  summary: Record<string, unknown>;
}

function backup(peer: RealRestic, args: string[]): TheirSnapshot {
  const summary = JSON.parse(
    peer
      .run(['backup', '--json', ...args])
      .trim()
      .split('\n')
      .at(-1)!,
  );
  return {
    ...JSON.parse(peer.run(['cat', 'snapshot', summary.snapshot_id])),
    id: idOf(peer, summary.snapshot_id),
    summary,
  };
}

function idOf(peer: RealRestic, prefix: string): string {
  const ids = peer.run(['list', 'snapshots']).trim().split('\n');
  return ids.find((id) => id.startsWith(prefix))!;
}

/** The id of the folder's tree. Above it the trees change whenever another program uses the temporary folder. */
function treeAt(peer: RealRestic, root: string, folder: string): string {
  return folder
    .split('/')
    .slice(1)
    .reduce((tree, name) => {
      const { nodes } = JSON.parse(peer.run(['cat', 'blob', tree])) as { nodes: { name: string; subtree: string }[] };
      return nodes.find((node) => node.name === name)!.subtree;
    }, root);
}
