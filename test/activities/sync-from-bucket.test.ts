import { readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { sync } from '../../activities/sync.ts';
import type { ActionRequest, SyncSettings } from '../../domain/action.ts';
import type { SyncFigures } from '../../domain/run-record.ts';
import type { Bucket } from '../../storage/bucket.ts';
import { BUCKET_KINDS, type BucketService } from '../servers/bucket-services.ts';
import { openBench } from './server-sync.ts';
import { fillFolder, syncSettings } from './sync-settings.ts';
import { namesIn, sourceSettings, type Workbench } from './workbench.ts';

describe.each(BUCKET_KINDS)('a sync from a bucket of $name', ({ peer, start }) => {
  peer.describe('on a real server', () => {
    let service: BucketService;
    let bench: Workbench;
    let settings: SyncSettings;
    let bucket: Bucket;
    let prefix: string;
    let target: string;

    beforeAll(async () => {
      service = await start();
    });
    afterAll(() => service.stop());
    beforeEach(async () => {
      ({ bench, path: prefix } = await openBench(service));
      target = join(bench.directory, 'standby', 'orders');
      bucket = await service.open(`${prefix}/orders`);
      settings = syncSettings(bench, {
        source: sourceSettings([`/${prefix}/orders`]),
        from: { location: service.location('warehouse', prefix), path: 'orders' },
      });
    });
    afterEach(async () => {
      bucket.close();
      await bench.remove();
    });

    const run = (changes: Partial<ActionRequest> = {}, by = settings) =>
      sync(bench.deps, bench.request(by, changes), bench.context());
    const figures = async (changes: Partial<ActionRequest> = {}) => (await run(changes)).figures as SyncFigures;
    /** Objects as any program puts them: nothing says what they are as files. */
    const put = async (objects: Record<string, string>): Promise<void> => {
      for (const [name, content] of Object.entries(objects))
        await bucket.put(`${prefix}/orders/${name}`, Buffer.from(content));
    };

    it('makes files of objects that no sync has put there, and follows what becomes of them', async () => {
      await put({ 'a.txt': 'a', 'sub/deep/b.txt': 'bb', 'grüße & co.txt': 'c', 'skip.tmp': 't', 'never/in.txt': 'n' });
      settings.source.exclude = ['*.tmp', `/${prefix}/orders/never`];
      const first = await run();
      expect(first.findings).toEqual([]);
      expect(first.figures).toMatchObject({ filesExamined: 3, filesCopied: 3, filesVerified: 3, bytesTotal: 4 });
      expect(await namesIn(target)).toEqual(['a.txt', 'grüße & co.txt', 'sub']);
      expect(await readFile(join(target, 'sub/deep/b.txt'), 'utf8')).toBe('bb');
      expect((await stat(join(target, 'a.txt'))).mode & 0o777).toBe(0o644);
      const again = await run();
      expect(again.findings).toEqual([]);
      expect(again.figures).toMatchObject({ filesCopied: 0, filesUnchanged: 3, filesRemoved: 0, metadataUpdated: 0 });
      await put({ 'a.txt': 'longer', 'new/n.txt': 'n' });
      await bucket.remove(`${prefix}/orders/sub/deep/b.txt`);
      const plan = await figures({ dryRun: true });
      expect(plan.decisions).toContainEqual({ step: 'replace', path: 'a.txt', reason: 'size 1 → 6' });
      expect(await figures()).toMatchObject({ filesCopied: 2, filesRemoved: 1 });
      expect(await readFile(join(target, 'a.txt'), 'utf8')).toBe('longer');
      expect(await namesIn(target)).toEqual(expect.arrayContaining(['a.txt', 'grüße & co.txt', 'new']));
    });

    it('brings back what a sync has put there, to the nanosecond, and goes on into another place of a bucket', async () => {
      await fillFolder(bench.source, { 'a.txt': 'a', 'sub/b.txt': 'bb', 'sub/empty': '' });
      await utimes(join(bench.source, 'a.txt'), 1e9, 1e9 + 0.75);
      const there = syncSettings(bench, { to: service.location('warehouse', prefix) });
      expect((await run({}, there)).findings).toEqual([]);
      expect((await run()).findings).toEqual([]);
      for (const name of ['a.txt', 'sub', 'sub/b.txt']) {
        const was = await stat(join(bench.source, name), { bigint: true });
        const is = await stat(join(target, name), { bigint: true });
        expect([is.mtimeNs, is.mode]).toEqual([was.mtimeNs, was.mode]);
      }
      // The marker there is the first sync's own, and no part of the files.
      settings.to = service.location('standby', `${prefix}-standby`);
      expect(await figures()).toMatchObject({ filesCopied: 3, filesVerified: 3 });
      expect(await figures()).toMatchObject({ filesCopied: 0, filesUnchanged: 3, metadataUpdated: 0 });
    });

    it('asks the service for its checksums where contents are to be compared, and keeps what markers leave out', async () => {
      await put({
        'a.txt': 'right',
        'cache/in.txt': 'x',
        'cache/CACHEDIR.TAG': 'Signature: 8a477f597d28d172789f06886806bc55',
      });
      Object.assign(settings, { checksum: true, verifyShare: 0 });
      settings.source.excludeCaches = true;
      await run();
      expect(await namesIn(join(target, 'cache'))).toEqual(['CACHEDIR.TAG']);
      const { atime, mtime } = await stat(join(target, 'a.txt'));
      await writeFile(join(target, 'a.txt'), 'wrong');
      await utimes(join(target, 'a.txt'), atime, mtime);
      expect(await figures()).toMatchObject({ filesCopied: 1, filesUnchanged: 1 });
      expect(await readFile(join(target, 'a.txt'), 'utf8')).toBe('right');
    });

    it('refuses a prefix without objects and a bucket that is not there, with the target untouched', async () => {
      await put({ 'a.txt': 'a' });
      await run();
      await bucket.remove(`${prefix}/orders/a.txt`);
      await expect(run()).rejects.toMatchObject({ code: 'GuardRefused', context: { guard: 'emptySource' } });
      const missing = service.location('warehouse', prefix);
      Object.assign(missing.s3 ?? missing.gcs!, { bucket: 'no-such-bucket' });
      const from = { location: missing, path: 'orders' };
      await expect(run({}, { ...settings, from })).rejects.toMatchObject({ code: 'NotFound' });
      expect(await namesIn(target)).toEqual(['a.txt']);
      expect(await figures({ accept: ['emptySource'] })).toMatchObject({ filesRemoved: 1 });
      await rm(target, { recursive: true });
    });
  });
});
