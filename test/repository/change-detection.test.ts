import {
  appendFileSync,
  chmodSync,
  copyFileSync,
  mkdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import type { FileIdentity } from '../../repository/archive-messages.ts';
import { isUnchanged } from '../../repository/change-detection.ts';
import { formatGoTime } from '../../repository/go-time.ts';
import type { TreeNode } from '../../repository/tree-node.ts';
import { requirePeer } from '../peers.ts';
import { createArchiveFixture } from './archive-fixture.ts';
import { realRestic } from './real-restic.ts';

const TIME = 1_790_000_000_123_456_789n;

const FACTS: FileIdentity = { sizeBytes: 10, inode: 7n, mtimeNs: TIME, ctimeNs: TIME + 5n };

function nodeOf({ sizeBytes, inode, mtimeNs, ctimeNs }: FileIdentity): TreeNode {
  const [mtime, ctime] = [formatGoTime(mtimeNs), formatGoTime(ctimeNs)];
  const node = { name: 'a', type: 'file', mtime, atime: mtime, ctime, uid: 0, gid: 0, content: [] };
  return { ...node, size: sizeBytes, inode } as unknown as TreeNode;
}

describe('a file is unchanged', () => {
  it.each([
    ['by nothing', {}, true],
    ['but for its size', { sizeBytes: 11 }, false],
    ['but for a nanosecond of its modification time', { mtimeNs: TIME + 1n }, false],
    ['but for a nanosecond of its change time', { ctimeNs: TIME + 6n }, false],
    ['but for its inode', { inode: 8n }, false],
  ])('%s: %o, %s', (_, change, expected) => {
    const now = { ...FACTS, ...change };
    expect(isUnchanged(now, nodeOf(FACTS))).toBe(expected);
  });

  it('when only the parent’s time zone is another', () => {
    const previous = nodeOf(FACTS);
    previous.mtime = '2026-09-21T18:13:20.123456789+04:00';
    expect(formatGoTime(TIME)).not.toBe(previous.mtime);
    expect(isUnchanged(FACTS, previous)).toBe(true);
  });
});

describe('changes between two backups', () => {
  const restic = requirePeer('restic');
  restic.it('are counted as restic counts them: content, times, inode, mode, type, new and removed files', async () => {
    using fixture = await createArchiveFixture();
    const at = (name: string): string => path.join(fixture.source, name);
    const names = ['still', 'grown', 'touched', 'mode', 'inode', 'to-link', 'to-folder', 'removed', 'below/moved'];
    mkdirSync(at('below'));
    for (const name of names) writeFileSync(at(name), `content of ${name}`);
    await fixture.archive();
    appendFileSync(at('grown'), 'more');
    utimesSync(at('touched'), 1_700_000_000, 1_700_000_000);
    chmodSync(at('mode'), 0o600);
    const { atime, mtime } = statSync(at('inode'));
    copyFileSync(at('inode'), at('copy'));
    utimesSync(at('copy'), atime, mtime);
    renameSync(at('copy'), at('inode'));
    for (const name of ['to-link', 'to-folder', 'removed']) rmSync(at(name));
    symlinkSync('still', at('to-link'));
    mkdirSync(at('to-folder'));
    renameSync(at('below/moved'), at('moved'));
    const peer = realRestic(restic.command, fixture.folder);
    // Both with the same parent.
    const output = peer.run(['backup', '--json', '--host', 'app-01', fixture.source]);
    const theirs = JSON.parse(output.trim().split('\n').at(-1)!) as Record<string, number>;
    const [parent] = await snapshotIds(fixture);
    const { figures } = await fixture.archive({ parent: parent! });
    expect([figures.filesNew, figures.filesChanged, figures.filesUnmodified]).toEqual([
      theirs['files_new'],
      theirs['files_changed'],
      theirs['files_unmodified'],
    ]);
    expect([figures.filesNew, figures.filesChanged, figures.filesUnmodified]).toEqual([1, 4, 1]);
  });
});

async function snapshotIds(fixture: Awaited<ReturnType<typeof createArchiveFixture>>): Promise<string[]> {
  const repository = await fixture.open();
  const snapshots = await repository.listSnapshots();
  await repository.close();
  return snapshots.map(({ id }) => id);
}
