import {
  chmod,
  lstat,
  lutimes,
  mkdir,
  readdir,
  readFile,
  readlink,
  rm,
  stat,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect } from 'vitest';
import { takeObjectLease } from '../../activities/object-lease.ts';
import { sync } from '../../activities/sync.ts';
import type { ActionRequest, SyncSettings } from '../../domain/action.ts';
import type { SyncFigures } from '../../domain/run-record.ts';
import type { Storage } from '../../storage/storage.ts';
import { requirePeer } from '../peers.ts';
import { startSshd, type SshServer } from '../servers/sshd.ts';
import { openSshSync } from './server-sync.ts';
import { fillFolder } from './sync-settings.ts';
import { type Workbench } from './workbench.ts';

const sshd = requirePeer('sshd');

sshd.describe('a sync to an SSH server', () => {
  let server: SshServer;
  let bench: Workbench;
  let settings: SyncSettings;
  let target: string;

  beforeAll(async () => {
    server = await startSshd(sshd.command);
  });
  afterAll(() => server.stop());
  beforeEach(async () => {
    ({ bench, settings, target } = await openSshSync(server));
  });
  afterEach(() => bench.remove());

  const run = (changes: Partial<ActionRequest> = {}) =>
    sync(bench.deps, bench.request(settings, changes), bench.context());
  const figures = async (changes: Partial<ActionRequest> = {}) => (await run(changes)).figures as SyncFigures;
  const fill = (files: Record<string, string>) => fillFolder(bench.source, files);
  /** Everything that SFTP keeps: of times whole seconds. */
  const describeFolder = async (folder: string): Promise<Record<string, string>> => {
    const found: Record<string, string> = {};
    for (const name of (await readdir(folder, { recursive: true })).toSorted()) {
      if (name.startsWith('.holdfast-sync')) continue;
      const stats = await lstat(join(folder, name));
      const content = stats.isSymbolicLink()
        ? await readlink(join(folder, name))
        : stats.isFile()
          ? await readFile(join(folder, name), 'utf8')
          : 'folder';
      found[name] = [content, (stats.mode & 0o7777).toString(8), stats.uid, Math.floor(stats.mtimeMs / 1000)].join(' ');
    }
    return found;
  };

  sshd.it('has the content, modes, links and seconds of its source, and a second run finds nothing to do', async () => {
    await fill({ 'a.txt': 'a', 'sub/deep/b.txt': 'bb', 'sub/empty': '', 'grüße.txt': 'c' });
    await mkdir(join(bench.source, 'hollow'), { mode: 0o750 });
    await chmod(join(bench.source, 'a.txt'), 0o4711);
    await symlink('../elsewhere', join(bench.source, 'sub/link'));
    await utimes(join(bench.source, 'sub'), 1e9, 1e9 + 0.75);
    await chmod(join(bench.source, 'sub/deep'), 0o555);
    const first = await run();
    expect(first.findings).toEqual([]);
    expect(first.figures).toMatchObject({ filesExamined: 5, filesCopied: 5, filesVerified: 4, bytesTotal: 4 });
    expect(await describeFolder(target)).toEqual(await describeFolder(bench.source));
    const second = await run();
    expect(second.findings).toEqual([]);
    expect(second.figures).toMatchObject({ filesCopied: 0, filesRemoved: 0, filesUnchanged: 5, metadataUpdated: 0 });
  });

  sshd.it('records what it asked of the server, and as whom', async () => {
    await fill({ 'a.txt': 'a'.repeat(1000), 'sub/b.txt': 'b'.repeat(2000), 'large.bin': 'c'.repeat(3 * 1024 * 1024) });
    settings.verifyShare = 1;
    const bytesTotal = 3000 + 3 * 1024 * 1024;
    const { requests = [] } = await run();
    const { user } = server.identity('admin');
    expect(requests).toMatchObject([
      { location: 'standby', role: 'writer', user, removes: 1 },
      { location: 'standby', role: 'maintainer', user },
    ]);
    const [writer, maintainer] = requests;
    expect(writer!.writes).toBeGreaterThanOrEqual(4);
    expect(writer!.reads).toBeGreaterThanOrEqual(3);
    expect(writer!.bytesWritten - bytesTotal).toBeGreaterThan(0);
    expect(writer!.bytesWritten - bytesTotal).toBeLessThan(10_000);
    expect(writer!.bytesRead).toBeGreaterThanOrEqual(bytesTotal);
    expect(maintainer!.removes).toBeGreaterThan(0);
    await rm(join(bench.source, 'sub'), { recursive: true });
    settings.guards.maxDelete = { share: 1, files: 10 };
    expect((await run()).requests).toMatchObject([{ role: 'writer', removes: 2, bytesWritten: 0 }, {}]);
  });

  sshd.it('carries over changes and removals, and tells in a dry run what it would do', async () => {
    await fill({ 'change.txt': '1', 'gone/a/b.txt': 'z', 'file-to-folder': 'x', 'folder-to-file/in.txt': 'y' });
    await run();
    await fill({ 'change.txt': '22', 'new/n.txt': 'n' });
    for (const name of ['gone', 'file-to-folder', 'folder-to-file'])
      await rm(join(bench.source, name), { recursive: true });
    await fill({ 'file-to-folder/f.txt': 'fff', 'folder-to-file': 'now a file' });
    const before = await describeFolder(target);
    const plan = await figures({ dryRun: true });
    expect(plan.decisions).toContainEqual({ step: 'replace', path: 'change.txt', reason: 'size 1 → 2' });
    expect(await describeFolder(target)).toEqual(before);
    const outcome = await run();
    expect(outcome.findings).toEqual([]);
    expect(await describeFolder(target)).toEqual(await describeFolder(bench.source));
    expect(await figures()).toMatchObject({ filesCopied: 0, filesRemoved: 0, metadataUpdated: 0 });
  });

  sshd.it(
    'has the first and the last second of SFTP for times before and after them, and does not copy again for that',
    async () => {
      await fill({ 'old/a.txt': 'a', 'late.txt': 'b' });
      await symlink('a.txt', join(bench.source, 'old/link'));
      // A negative number would be the present for Node.
      const before = new Date(-86_400_500);
      for (const name of ['old/a.txt', 'old/link', 'old']) await lutimes(join(bench.source, name), before, before);
      await utimes(join(bench.source, 'late.txt'), 2 ** 32 + 10, 2 ** 32 + 10);
      const first = await run();
      expect(first.findings).toEqual([]);
      for (const name of ['old/a.txt', 'old/link', 'old']) expect((await lstat(join(target, name))).mtimeMs).toBe(0);
      expect((await lstat(join(target, 'late.txt'))).mtimeMs).toBe((2 ** 32 - 1) * 1000);
      expect((await run()).figures).toMatchObject({ filesCopied: 0, metadataUpdated: 0, filesUnchanged: 3 });
    },
  );

  sshd.it('is kept encrypted when the policy says so', async () => {
    settings.encrypt = { password: { env: 'PASSWORD' }, names: 'standard' };
    await fill({ 'a.txt': 'secret', 'sub/b.txt': 'secret too' });
    expect((await run()).findings).toEqual([]);
    expect(JSON.stringify(await describeFolder(target))).not.toContain('secret');
    expect(await figures()).toMatchObject({ filesCopied: 0, filesVerified: 2 });
  });

  sshd.it('refuses a source that is empty, a target that has vanished, and an account that may only add', async () => {
    await fill({ 'a.txt': 'a' });
    const request = bench.request(settings);
    await bench.record(request, await run());
    const { to } = settings;
    settings.to = { ...to, identities: { writer: server.identity('writer') } } as SyncSettings['to'];
    await expect(run()).rejects.toMatchObject({ code: 'AccessDenied', message: expect.stringContaining('only add') });
    settings.to = to;
    await rm(join(bench.source, 'a.txt'));
    await expect(run()).rejects.toMatchObject({ context: { guard: 'emptySource' } });
    await fill({ 'a.txt': 'a' });
    await rm(target, { recursive: true });
    await expect(run()).rejects.toMatchObject({ context: { guard: 'missingTarget' } });
  });

  sshd.it('leaves out names that are not UTF-8, with a finding', async () => {
    await fill({ 'a.txt': 'a' });
    await writeFile(Buffer.from(`${bench.source}/\xff`, 'latin1'), 'odd');
    const outcome = await run();
    expect(outcome.findings.map(({ code }) => code)).toEqual(['sync/not-kept']);
    expect(outcome.figures).toMatchObject({ filesPending: 1 });
    expect((await readdir(target)).filter((name) => !name.startsWith('.holdfast'))).toEqual(['a.txt']);
  });

  sshd.it('does not interleave with another run, and leaves no lock behind', async () => {
    await fill(Object.fromEntries(Array.from({ length: 30 }, (_, index) => [`f${index}`, 'x'])));
    const outcomes = await Promise.all([figures(), figures()]);
    expect(outcomes.map(({ filesCopied }) => filesCopied).toSorted((a, b) => a - b)).toEqual([0, 30]);
    expect((await readdir(join(target, '..'))).filter((name) => name.includes('lock'))).toEqual([]);
  });

  sshd.it('keeps to the rate of its location', async () => {
    await fill({ big: 'x'.repeat(300_000) });
    settings.verifyShare = 0;
    settings.to.limits = { uploadBytesPerSecond: 100_000 };
    const startedAt = performance.now();
    await run();
    expect(performance.now() - startedAt).toBeGreaterThan(1500);
    expect((await stat(join(target, 'big'))).size).toBe(300_000);
  });

  sshd.describe('its lock', () => {
    const timing = { refreshMilliseconds: 50, staleAfterMilliseconds: 2500, pollMilliseconds: 20 };
    const options = { subject: 'the sync target', waitSeconds: 20 };
    let storage: Storage;
    beforeEach(async () => {
      storage = await bench.deps.openStorage(settings.to, '', 'maintainer');
    });
    afterEach(() => storage.close());

    sshd.it('of another machine is waited for while it is fresh, and taken over when it is not', async () => {
      const holder = { token: 't', pid: 1, host: 'elsewhere', startedAt: 'then' };
      await storage.write('lock', Buffer.from(JSON.stringify(holder)));
      const refused = takeObjectLease(storage, 'lock', { subject: 'the sync target' }, timing);
      await expect(refused).rejects.toMatchObject({
        code: 'RepositoryLocked',
        message: 'the sync target is in use by process 1 on elsewhere, since then',
      });
      const told: string[] = [];
      const taken = { ...options, onWait: (by: string) => void told.push(by) };
      const lease = await takeObjectLease(storage, 'lock', taken, timing);
      expect(told.length).toBeGreaterThan(0);
      await lease.release();
      expect(await readdir(join(target, '..'))).toEqual([]);
    });

    sshd.it('is lost when somebody has taken it over', async () => {
      const lease = await takeObjectLease(storage, 'lock', options, timing);
      await storage.write('lock', Buffer.from(JSON.stringify({ token: 'another' })));
      await expect.poll(() => lease.lost.aborted, { timeout: 5000 }).toBe(true);
      await lease.release();
      expect(await readdir(join(target, '..'))).toEqual(['lock']);
    });

    sshd.it('does not stand in the way of its own process when it could not be removed at its end', async () => {
      const lost = await bench.deps.openStorage(settings.to, '', 'maintainer');
      const left = await takeObjectLease(lost, 'lock', { subject: 'the sync target' });
      await lost.close();
      await expect(left.release()).rejects.toBeInstanceOf(Error);
      expect(await readdir(join(target, '..'))).toContain('lock');
      const lease = await takeObjectLease(storage, 'lock', { subject: 'the sync target' });
      await lease.release();
      expect(await readdir(join(target, '..'))).toEqual([]);
    });
  });
});
