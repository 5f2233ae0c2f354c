import { chmod, lchown, lutimes, mkdir, rename, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { takeObjectLease } from '../../activities/object-lease.ts';
import { sync } from '../../activities/sync.ts';
import type { ByteString } from '../../common/byte-string.ts';
import type { ActionRequest, SyncSettings } from '../../domain/action.ts';
import type { LocationRequests, SyncFigures } from '../../domain/run-record.ts';
import type { FileTree } from '../../files/file-tree.ts';
import { openLocalTree } from '../../files/local-tree.ts';
import type { Bucket } from '../../storage/bucket.ts';
import { bytes, collect, read } from '../files/tree-contract/tree-under-test.ts';
import { BUCKET_KINDS, type BucketService } from '../servers/bucket-services.ts';
import { openBucketSync } from './server-sync.ts';
import { fillFolder } from './sync-settings.ts';
import { type Workbench } from './workbench.ts';

describe.each(BUCKET_KINDS)('a sync into a bucket of $name', ({ peer, start }) => {
  peer.describe('on a real server', () => {
    let service: BucketService;
    let bench: Workbench;
    let settings: SyncSettings;
    let bucket: Bucket;
    let prefix: string;

    beforeAll(async () => {
      service = await start();
    });
    afterAll(() => service.stop());
    beforeEach(async () => {
      ({ bench, settings, path: prefix } = await openBucketSync(service));
      bucket = await service.open(`${prefix}/orders`);
    });
    afterEach(async () => {
      bucket.close();
      await bench.remove();
    });

    const run = (changes: Partial<ActionRequest> = {}) =>
      sync(bench.deps, bench.request(settings, changes), bench.context());
    const figures = async (changes: Partial<ActionRequest> = {}) => (await run(changes)).figures as SyncFigures;
    const fill = (files: Record<string, string>) => fillFolder(bench.source, files);
    const openTarget = (): Promise<FileTree> =>
      bench.deps.openTree(service.location('standby', prefix), 'orders', 'reader');
    const keys = async (below = `${prefix}/`): Promise<string[]> =>
      (await collect(bucket.list(below))).map(({ key }) => key.slice(below.length));

    /** All that a copy must have of its source. */
    async function describeTree(tree: FileTree): Promise<Record<string, string>> {
      const found: Record<string, string> = {};
      const include = ({ path }: { path: ByteString }): boolean => !path.startsWith('.holdfast');
      for await (const { path, type, mode, uid, gid, mtimeNs, linkTarget } of tree.walk({ include })) {
        const content = type === 'file' ? (await read(tree, path)).toString() : (linkTarget ?? type);
        found[path] = [content, type === 'symlink' ? '' : mode.toString(8), uid, gid, mtimeNs].join(' ');
      }
      await tree.close();
      return found;
    }
    const expectCopied = async (): Promise<void> =>
      expect(await describeTree(await openTarget())).toEqual(await describeTree(openLocalTree(bench.source)));

    it('has all of its source to the nanosecond, and a second run finds nothing to do', async () => {
      await fill({ 'a.txt': 'a', 'sub/deep/b.txt': 'bb', 'sub/empty': '', 'grüße & co.txt': 'c' });
      await mkdir(join(bench.source, 'hollow'), { mode: 0o750 });
      await chmod(join(bench.source, 'a.txt'), 0o4711);
      await symlink('../elsewhere/ü', join(bench.source, 'sub/link'));
      await lutimes(join(bench.source, 'sub/link'), 1, 1_234_567_890.5);
      await utimes(join(bench.source, 'sub'), 1e9, 1e9 + 0.75);
      await chmod(join(bench.source, 'sub/deep'), 0o555);
      await lchown(join(bench.source, 'a.txt'), 1234, 2345);
      await writeFile(join(bench.source, 'large'), Buffer.alloc(11 * 1024 * 1024, 'x'));
      const first = await run();
      expect(first.findings).toEqual([]);
      expect(first.figures).toMatchObject({ filesExamined: 6, filesCopied: 6, filesVerified: 5 });
      await expectCopied();
      const second = await run();
      expect(second.findings).toEqual([]);
      expect(second.figures).toMatchObject({ filesCopied: 0, filesRemoved: 0, filesUnchanged: 6, metadataUpdated: 0 });
      expect(await keys()).not.toContainEqual(expect.stringContaining('lock'));
    });

    it('records what it asked of the location, and as whom', async () => {
      await fill({
        'a.txt': 'a'.repeat(1000),
        'sub/b.txt': 'b'.repeat(2000),
        'large.bin': 'c'.repeat(3 * 1024 * 1024),
      });
      settings.verifyShare = 1;
      const bytesTotal = 3000 + 3 * 1024 * 1024;
      const { requests = [] } = await run();
      expect(requests.map(({ location, role }) => `${location} ${role}`)).toEqual([
        'standby writer',
        'standby maintainer',
      ]);
      const [writer, maintainer] = requests as [LocationRequests, LocationRequests];
      // Three files, two folders and the marker; all of it is read once more.
      expect(writer.writes).toBeGreaterThanOrEqual(6);
      expect(writer.reads).toBeGreaterThanOrEqual(3);
      expect(writer.bytesWritten - bytesTotal).toBeGreaterThan(0);
      expect(writer.bytesWritten - bytesTotal).toBeLessThan(10_000);
      expect(writer.bytesRead).toBeGreaterThanOrEqual(bytesTotal);
      // The file by which the target was tried for names that it does not tell apart.
      expect(writer.removes).toBe(1);
      // The lock of the target.
      expect(maintainer.removes).toBeGreaterThan(0);
      const again = (await run()).requests?.[0];
      expect(again).toMatchObject({ role: 'writer', removes: 0 });
      expect(again!.bytesWritten).toBeLessThan(100);
      expect(again!.lists).toBeGreaterThan(0);
    });

    it('carries over changes and removals, and tells in a dry run what it would do', async () => {
      await fill({ 'change.txt': '1', 'gone/a/b.txt': 'z', 'file-to-folder': 'x', 'folder-to-file/in.txt': 'y' });
      await fill({ 'mode.txt': 'm', 'link-to-file': '' });
      await rm(join(bench.source, 'link-to-file'));
      await symlink('mode.txt', join(bench.source, 'link-to-file'));
      await run();
      await fill({ 'change.txt': '22', 'new/n.txt': 'n' });
      for (const name of ['gone', 'file-to-folder', 'folder-to-file', 'link-to-file'])
        await rm(join(bench.source, name), { recursive: true });
      await fill({ 'file-to-folder/f.txt': 'fff', 'folder-to-file': 'now a file', 'link-to-file': 'file' });
      await chmod(join(bench.source, 'mode.txt'), 0o600);
      const before = await describeTree(await openTarget());
      const plan = await figures({ dryRun: true });
      expect(plan.decisions).toContainEqual({ step: 'replace', path: 'change.txt', reason: 'size 1 → 2' });
      expect(await describeTree(await openTarget())).toEqual(before);
      const outcome = await run();
      expect(outcome.findings).toEqual([]);
      expect(outcome.figures).toMatchObject({ metadataUpdated: 1 });
      await expectCopied();
      expect(await figures()).toMatchObject({ filesCopied: 0, filesRemoved: 0, metadataUpdated: 0 });
    });

    it('moves by the service itself what was renamed, and reads nothing where the service has a checksum', async () => {
      await fill({ 'old/name.txt': 'x'.repeat(2 * 1024 * 1024), 'same.txt': 'same' });
      settings.verifyShare = 0;
      settings.guards.maxDelete = { share: 1, files: 10 };
      await run();
      await rename(join(bench.source, 'old'), join(bench.source, 'new'));
      await utimes(join(bench.source, 'same.txt'), 1, 1);
      settings.checksum = true;
      const outcome = await run();
      expect(outcome.figures).toMatchObject({ filesRenamed: 1, filesCopied: 0, bytesCopied: 0, metadataUpdated: 1 });
      await expectCopied();
    });

    it('keeps aside what it replaces and removes, as long as the policy says', async () => {
      settings.versions = '30d';
      settings.guards.maxDelete = { share: 1, files: 10 };
      await fill({ 'a.txt': 'first', 'sub/gone.txt': 'gone' });
      await run();
      await fill({ 'a.txt': 'second' });
      await rm(join(bench.source, 'sub/gone.txt'));
      expect(await figures()).toMatchObject({ filesKept: 2 });
      await expectCopied();
      const kept = (await keys(`${prefix}/orders/.holdfast-versions/`)).filter((key) => key.endsWith('.txt'));
      expect(kept.map((key) => key.replace(/^\d{8}T\d{6}Z\//, ''))).toEqual(['a.txt', 'sub/gone.txt']);
      bench.now = new Date(bench.now.getTime() + 31 * 86_400_000);
      expect(await figures()).toMatchObject({ filesExpired: 2 });
      expect(await keys(`${prefix}/orders/.holdfast-versions/`)).toEqual([]);
    });

    it('is kept encrypted when the policy says so, links left out', async () => {
      settings.encrypt = { password: { env: 'PASSWORD' }, names: 'standard' };
      await fill({ 'a.txt': 'secret', 'sub/b.txt': 'secret too' });
      expect((await run()).findings).toEqual([]);
      expect(JSON.stringify(await describeTree(await openTarget()))).not.toMatch(/secret|a\.txt/);
      expect(await figures()).toMatchObject({ filesCopied: 0, filesVerified: 2, metadataUpdated: 0 });
      await symlink('a.txt', join(bench.source, 'link'));
      expect((await run()).findings.map(({ code }) => code)).toEqual(['sync/not-kept']);
    });

    it('takes up a folder that others filled without an object for it, and leaves odd keys alone', async () => {
      settings.guards.maxDelete = { share: 1, files: 10 };
      const put = (name: string) => bucket.put(`${prefix}/orders/${name}`, Buffer.from('x'));
      for (const name of ['kept/a.txt', 'gone/deep/b.txt']) await put(name);
      await fill({ 'kept/new.txt': 'n' });
      await utimes(join(bench.source, 'kept'), 0, 0);
      await expect(run()).rejects.toMatchObject({ context: { guard: 'foreignTarget' } });
      expect((await run({ accept: ['foreignTarget'] })).findings).toEqual([]);
      await expectCopied();
      if (service.s3 !== undefined) return;
      // versitygw has folders of a disk, and no such keys.
      for (const name of ['kept//b', '../up', '/root']) await put(name);
      const outcome = await run();
      expect(outcome.findings.map(({ code }) => code)).toEqual(Array.from({ length: 3 }, () => 'sync/foreign'));
      expect(await keys(`${prefix}/orders/`)).toEqual(expect.arrayContaining(['../up', '/root', 'kept//b']));
    });

    it('refuses a source that is empty, a target that has vanished, and one of another policy', async () => {
      await fill({ 'a.txt': 'a' });
      const request = bench.request(settings);
      await bench.record(request, await run());
      const before = await keys();
      await rm(join(bench.source, 'a.txt'));
      await expect(run()).rejects.toMatchObject({ context: { guard: 'emptySource' } });
      await fill({ 'a.txt': 'a' });
      const other = bench.request(settings);
      other.action = { ...other.action, policy: 'another' };
      await expect(sync(bench.deps, other, bench.context())).rejects.toMatchObject({
        context: { guard: 'foreignTarget' },
      });
      expect(await keys()).toEqual(before);
      for (const key of before) await bucket.remove(`${prefix}/${key}`);
      await expect(run()).rejects.toMatchObject({ context: { guard: 'missingTarget' } });
      expect(await keys()).toEqual([]);
    });

    it('leaves out names that no key can have, with a finding', async () => {
      await fill({ 'a.txt': 'a', 'control\u0001': 'x' });
      await writeFile(Buffer.from(`${bench.source}/\xff`, 'latin1'), 'odd');
      const outcome = await run();
      expect(outcome.findings.map(({ code }) => code)).toEqual(['sync/not-kept', 'sync/not-kept']);
      expect(outcome.figures).toMatchObject({ filesCopied: 1, filesPending: 2 });
      expect(await figures()).toMatchObject({ filesCopied: 0, filesPending: 2 });
    });

    it('keeps to the rate of its location', async () => {
      await fill({ big: 'x'.repeat(300_000) });
      settings.verifyShare = 0;
      settings.to.limits = { uploadBytesPerSecond: 100_000 };
      const startedAt = performance.now();
      await run();
      expect(performance.now() - startedAt).toBeGreaterThan(1500);
    });

    it('does not interleave with another run, and leaves no lock behind', async () => {
      await fill(Object.fromEntries(Array.from({ length: 30 }, (_, index) => [`f${index}`, 'x'])));
      const outcomes = await Promise.all([figures(), figures()]);
      expect(outcomes.map(({ filesCopied }) => filesCopied).toSorted((a, b) => a - b)).toEqual([0, 30]);
      expect((await keys()).filter((key) => key.includes('lock'))).toEqual([]);
    });

    it('takes over the lock of a machine that is gone, by the clock of the service, and notices when its own is taken', async () => {
      // Services tell times in whole seconds.
      const timing = { refreshMilliseconds: 50, staleAfterMilliseconds: 2500, pollMilliseconds: 50 };
      const storage = await bench.deps.openStorage(settings.to, '', 'maintainer');
      const holder = { token: 't', pid: 1, host: 'elsewhere', startedAt: 'then' };
      await storage.write('lock', Buffer.from(JSON.stringify(holder)));
      const refused = takeObjectLease(storage, 'lock', { subject: 'the sync target' }, timing);
      await expect(refused).rejects.toMatchObject({ code: 'RepositoryLocked' });
      const options = { subject: 'the sync target', waitSeconds: 30 };
      const lease = await takeObjectLease(storage, 'lock', options, timing);
      await storage.write('lock', Buffer.from(JSON.stringify({ token: 'another' })));
      await expect.poll(() => lease.lost.aborted, { timeout: 5000 }).toBe(true);
      await lease.release();
      expect(await keys()).toEqual(['lock']);
      await storage.close();
    });

    it('has a single writer win who takes the lock at the same moment', async () => {
      const storages = await Promise.all([1, 2, 3, 4].map(() => bench.deps.openStorage(settings.to, '', 'maintainer')));
      const taken = await Promise.allSettled(
        storages.map((storage) => takeObjectLease(storage, 'lock', { subject: 'the sync target' })),
      );
      const leases = taken.flatMap((result) => (result.status === 'fulfilled' ? result.value : []));
      expect(leases).toHaveLength(1);
      await leases[0]!.release();
      expect(await keys()).toEqual([]);
      for (const storage of storages) await storage.close();
    });

    it('needs no right to remove as writer where its location has a maintainer', async () => {
      if (service.s3 === undefined) return;
      const adds = ['s3:GetObject', 's3:ListBucket', 's3:PutObject', 's3:AbortMultipartUpload'];
      for (const name of ['sync-writer', 'sync-maintainer']) await service.s3.createUser(name);
      await service.s3.setPolicy('vault', { 'sync-writer': adds, 'sync-maintainer': [...adds, 's3:DeleteObject'] });
      const [writer, maintainer] = [
        { credentials: { env: 'sync-writer' } },
        { credentials: { env: 'sync-maintainer' } },
      ];
      settings.to.identities = { writer, maintainer };
      settings.versions = '30d';
      settings.guards.maxDelete = { share: 1, files: 10 };
      await fill({ 'a.txt': 'first', 'sub/gone.txt': 'gone', 'old.txt': 'renamed' });
      expect((await run()).findings).toEqual([]);
      await fill({ 'a.txt': 'second' });
      await chmod(join(bench.source, 'a.txt'), 0o600);
      await rm(join(bench.source, 'sub'), { recursive: true });
      await rename(join(bench.source, 'old.txt'), join(bench.source, 'new.txt'));
      const outcome = await run();
      expect(outcome.findings).toEqual([]);
      expect(outcome.figures).toMatchObject({ filesKept: 2, filesRenamed: 1 });
      await expectCopied();
      // Without one it is told what it may not, and nothing is lost.
      settings.to.identities = { writer };
      delete settings.versions;
      await expect(run()).rejects.toMatchObject({ code: 'AccessDenied' });
      await expectCopied();
    });

    it('says that the bucket does not exist, instead of filling an empty target', async () => {
      await fill({ 'a.txt': 'a' });
      const missing = service.location('standby', prefix);
      Object.assign(missing.s3 ?? missing.gcs!, { bucket: 'no-such-bucket' });
      settings.to = missing;
      await expect(run()).rejects.toMatchObject({ code: 'NotFound', message: expect.stringContaining('bucket') });
      expect((await collect(openLocalTree(bench.source).list(bytes('')))).map(({ path }) => path)).toEqual(['a.txt']);
    });
  });
});
