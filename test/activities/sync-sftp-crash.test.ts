/** A sync to an SSH server that is killed: what stands there is whole, and the next run goes on. */
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, expect } from 'vitest';
import { sync } from '../../activities/sync.ts';
import type { SyncSettings } from '../../domain/action.ts';
import type { SyncFigures } from '../../domain/run-record.ts';
import { requirePeer } from '../peers.ts';
import { startSshd, type SshServer } from '../servers/sshd.ts';
import {
  ALL_FILES,
  contentOf,
  filesIn,
  fillFolders,
  hasUnfinished,
  isUnfinished,
  killOnTheWay,
} from './killed-sync.ts';
import { openSshSync } from './server-sync.ts';
import { tick, type Workbench } from './workbench.ts';

/** So large that the run is killed while it is on its way, and many small ones get their names meanwhile. */
const SLOW_BYTES = 256 * 1024 * 1024;
const sshd = requirePeer('sshd');

sshd.describe('a sync to an SSH server that is killed', () => {
  let server: SshServer;
  let bench: Workbench;
  let settings: SyncSettings;
  let target: string;

  beforeAll(async () => {
    server = await startSshd(sshd.command);
  });
  afterAll(() => server.stop());
  beforeEach(async () => {
    const guards: SyncSettings['guards'] = { emptySource: 'refuse', maxDelete: { share: 0.1, files: 10_000 } };
    ({ bench, settings, target } = await openSshSync(server, { guards, verifyShare: 0 }));
  });
  afterEach(() => bench.remove());

  const figures = async () => (await sync(bench.deps, bench.request(settings), bench.context())).figures as SyncFigures;

  /** The server still does what it was asked for before the client died. */
  async function settle(): Promise<void> {
    const look = async (): Promise<string> => JSON.stringify((await readdir(target, { recursive: true })).toSorted());
    for (let before = ''; ; await delay(300)) {
      const now = await look();
      if (now === before) return;
      before = now;
    }
  }

  /** The names there, of which each must have one of the contents whole. */
  async function expectWhole(beginnings: string[]): Promise<void> {
    for (const name of await readdir(target, { recursive: true })) {
      if (isUnfinished(name) || !/^\d+\/\d+$/.test(name)) continue;
      const content = await readFile(join(target, name), 'utf8');
      expect(beginnings.map((beginning) => contentOf(beginning, name))).toContain(content);
    }
  }

  sshd.it('shows nothing half-written, and the next run copies only what is missing', async () => {
    await fillFolders(bench.source, 'first', 0, 6);
    await figures();
    const done = await filesIn(target, 'first');
    await fillFolders(bench.source, 'first', 6);
    // Before its siblings in the order of the walk.
    await writeFile(join(bench.source, '0slow'), Buffer.alloc(SLOW_BYTES));
    const hasSlow = async (): Promise<boolean> =>
      (await hasUnfinished(target)) || (await readdir(target)).includes('0slow');
    const isOnTheWay = async (): Promise<boolean> =>
      (await hasSlow()) && (await filesIn(target, 'first')).size >= done.size + 20;
    await killOnTheWay(bench.request(settings), isOnTheWay);
    await settle();
    expect(await hasUnfinished(target)).toBe(true);
    expect(await readdir(target)).not.toContain('0slow');
    await expectWhole(['first']);
    const before = await filesIn(target, 'first');
    expect(before.size).toBeGreaterThanOrEqual(done.size + 20);
    expect(before.size).toBeLessThan(ALL_FILES);
    await rm(join(bench.source, '0slow'));
    expect(await figures()).toMatchObject({
      filesCopied: ALL_FILES - before.size,
      filesUnchanged: before.size,
      filesPending: 0,
    });
    const after = await filesIn(target, 'first');
    expect(after.size).toBe(ALL_FILES);
    for (const [name, inode] of [...done, ...before]) expect(after.get(name)).toBe(inode);
    await expectWhole(['first']);
    expect(await figures()).toMatchObject({ filesCopied: 0, filesRemoved: 0, filesUnchanged: ALL_FILES });
  });

  sshd.it('leaves of each file that it replaced the old or the new content, and redoes none', async () => {
    await fillFolders(bench.source, 'old');
    await figures();
    await tick();
    await fillFolders(bench.source, 'newer');
    await killOnTheWay(bench.request(settings), async () => (await filesIn(target, 'newer')).size >= 30);
    await settle();
    await expectWhole(['old', 'newer']);
    const before = await filesIn(target, 'newer');
    expect(before.size).toBeLessThan(ALL_FILES);
    expect(await figures()).toMatchObject({ filesCopied: ALL_FILES - before.size });
    const after = await filesIn(target, 'newer');
    expect(after.size).toBe(ALL_FILES);
    for (const [name, inode] of before) expect(after.get(name)).toBe(inode);
  });
});
