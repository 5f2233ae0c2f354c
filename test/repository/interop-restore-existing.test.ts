import {
  appendFileSync,
  chmodSync,
  cpSync,
  lstatSync,
  mkdirSync,
  openSync,
  closeSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { sha256Hex } from '../../repository/crypto.ts';
import { openRepository } from '../../repository/open-repository.ts';
import { restore, type RestoreRequest } from '../../repository/restore.ts';
import { openLocalStorage } from '../../storage/local.ts';
import { requirePeer } from '../peers.ts';
import { noise } from './odd-tree.ts';
import { realRestic } from './real-restic.ts';
import { withTemporaryFolder } from './repository-fixture.ts';

const restic = requirePeer('restic-new');

const MADE = new Date('2024-05-05T10:00:00.123Z');
/** What has a later time was touched by this test. */
const RECENT = new Date('2025-01-01T00:00:00Z');

const CASES: [arguments: string[], request: Partial<RestoreRequest>][] = [
  [[], {}],
  [['--overwrite', 'if-changed'], { overwrite: 'if-changed' }],
  [['--overwrite', 'if-newer'], { overwrite: 'if-newer' }],
  [['--overwrite', 'never'], { overwrite: 'never' }],
  [['--delete'], {}],
  [['--delete', '--include', '*.txt'], { include: ['*.txt'] }],
  [['--delete', '--exclude', '*.txt'], { exclude: ['*.txt'] }],
  [['--delete', '--include', '/d'], { include: ['/d'] }],
  [['--delete', '--exclude', '/d'], { exclude: ['/d'] }],
  [
    ['--delete', '--overwrite', 'never', '--include', 'd', '--include', 'f'],
    { overwrite: 'never', include: ['d', 'f'] },
  ],
  [['--delete', '--iinclude', 'D', '--include', 'x'], { iinclude: ['D'], include: ['x'] }],
  [['--iexclude', '*.TXT', '--delete'], { iexclude: ['*.TXT'] }],
];

describe('a restore into a folder that has been changed since', () => {
  restic.it(
    'leaves what the same options of restic leave',
    async () => {
      await withTemporaryFolder(async (folder) => {
        const source = join(folder, 'src');
        makeSource(source);
        const peer = realRestic(restic.command, folder);
        peer.run(['backup', source]);
        const repository = await openRepository(openLocalStorage(peer.directory), peer.password);
        const [snapshot] = await repository.listSnapshots();
        for (const [words, request] of CASES) {
          const [theirs, ours] = ['theirs', 'ours'].map((name) => changedCopy(source, join(folder, name)));
          peer.run(['restore', `latest:${source}`, '--target', theirs!, ...words]);
          const deleteExtras = words.includes('--delete') ? (): Promise<void> => Promise.resolve() : undefined;
          const whole = { snapshot: snapshot!, target: ours!, subPath: source, deleteExtras, ...request };
          expect((await restore(repository, whole)).problems).toEqual([]);
          expect({ words, tree: describeFolder(ours!) }).toEqual({ words, tree: describeFolder(theirs!) });
        }
        await repository.close();
      });
    },
    120_000,
  );
});

function makeSource(source: string): void {
  for (const name of ['d/e', 'f', 'g']) mkdirSync(join(source, name), { recursive: true });
  for (const name of ['a.txt', 'd/b.log', 'd/e/c.txt', 'f/x', 'g/y.txt'])
    writeFileSync(join(source, name), `as ${name}`);
  writeFileSync(join(source, 'big'), noise(3_000_000, 'big'));
  for (const name of readdirSync(source, { recursive: true, encoding: 'utf8' }))
    utimesSync(join(source, name), MADE, MADE);
  symlinkSync('a.txt', join(source, 'link'));
}

/** Newer, older, of equal size and time, shorter, missing, additional, and of another kind. */
function changedCopy(source: string, copy: string): string {
  rmSync(copy, { recursive: true, force: true });
  cpSync(source, copy, { recursive: true, preserveTimestamps: true, verbatimSymlinks: true });
  writeFileSync(join(copy, 'a.txt'), 'newer');
  utimesSync(join(copy, 'a.txt'), new Date('2030-01-01'), new Date('2030-01-01'));
  writeFileSync(join(copy, 'd/b.log'), 'older');
  utimesSync(join(copy, 'd/b.log'), new Date('2001-01-01'), new Date('2001-01-01'));
  writeFileSync(join(copy, 'f/x'), 'AS f/x');
  utimesSync(join(copy, 'f/x'), MADE, MADE);
  rmSync(join(copy, 'd/e/c.txt'));
  mkdirSync(join(copy, 'd/extra/deep'), { recursive: true });
  for (const name of ['d/extra/deep/e.txt', 'f/e.log', 'zz.txt']) writeFileSync(join(copy, name), name);
  rmSync(join(copy, 'link'));
  symlinkSync('other', join(copy, 'link'));
  chmodSync(join(copy, 'g'), 0o700);
  const big = openSync(join(copy, 'big'), 'r+');
  writeSync(big, 'X', 1_500_000);
  closeSync(big);
  appendFileSync(join(copy, 'big'), 'more');
  return copy;
}

/** Times only of what has one of the snapshot, or one that was set on purpose. */
function describeFolder(root: string): string[] {
  const paths = readdirSync(root, { recursive: true, encoding: 'utf8' }).toSorted();
  return paths.map((path) => {
    const stats = lstatSync(join(root, path));
    const touched = stats.mtime > RECENT && stats.mtime.getFullYear() !== 2030;
    const content = stats.isSymbolicLink()
      ? readlinkSync(join(root, path))
      : stats.isFile()
        ? readFileSync(join(root, path)).toString('latin1')
        : '';
    return `${path} ${stats.mode.toString(8)} ${touched ? 'now' : stats.mtime.toISOString()} ${content.length > 100 ? hashOf(content) : content}`;
  });
}

function hashOf(content: string): string {
  return sha256Hex(Buffer.from(content, 'latin1'));
}
