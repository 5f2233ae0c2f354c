import { chmod, lchown, mkdir, rm, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect } from 'vitest';
import { sync } from '../../activities/sync.ts';
import type { SyncSettings } from '../../domain/action.ts';
import type { SyncFigures } from '../../domain/run-record.ts';
import { openLocalTree } from '../../files/local-tree.ts';
import { openRclone, type RealRclone } from '../files/real-rclone.ts';
import { walk } from '../files/tree-contract/tree-under-test.ts';
import { requirePeer } from '../peers.ts';
import { BUCKET_KINDS, type BucketService } from '../servers/bucket-services.ts';
import { openBucketSync } from './server-sync.ts';
import { fillFolder } from './sync-settings.ts';
import { PASSWORD, type Workbench } from './workbench.ts';

const rclone = requirePeer('rclone');
const NOT_OURS = ['--exclude', '.holdfast*'];

describe.each(BUCKET_KINDS)('a sync into a bucket of $name, beside rclone', ({ name, peer, start }) => {
  peer.describe('on a real server', () => {
    let service: BucketService;
    let bench: Workbench;
    let settings: SyncSettings;
    let remote: string;
    let program: RealRclone;

    beforeAll(async () => {
      service = await start();
    });
    afterAll(() => service.stop());
    beforeEach(async () => {
      const opened = await openBucketSync(service, { verifyShare: 0 });
      ({ bench, settings } = opened);
      settings.guards.maxDelete = { share: 1, files: 1000 };
      remote = service.remote(`${opened.path}/orders`);
      const elsewhere = { cwd: bench.directory, environment: service.rcloneEnvironment };
      program = await openRclone(rclone.command, remote, { password: PASSWORD }, 'standard', elsewhere);
      await fillFolder(bench.source, {
        'a.txt': 'a',
        'sub/deep/b & ü.txt': 'bb',
        'sub/empty': '',
        'sub/large': 'x'.repeat(9_000_000),
      });
      for (const [file, seconds] of [
        ['a.txt', 1_234_567_890.123_456],
        ['sub/deep/b & ü.txt', 1],
        ['sub/empty', 1_700_000_000],
      ] as const)
        await utimes(join(bench.source, file), seconds, seconds);
    });
    afterEach(() => bench.remove());

    const run = async (accept: string[] = []) =>
      (await sync(bench.deps, bench.request(settings, { accept }), bench.context())).figures as SyncFigures;
    /** What rclone would do to make the remote equal, one line each. */
    const wouldDo = async (): Promise<string[]> => {
      const { status, stderr } = await program.attempt('sync', bench.source, remote, '--dry-run', '-v', ...NOT_OURS);
      expect(status).toBe(0);
      return stderr.split('\n').filter((line) => /Skipped/.test(line));
    };

    rclone.it('rclone finds equal what was synced: contents, names and times to the nanosecond', async () => {
      await run();
      expect(await wouldDo()).toEqual([]);
      await program.run('check', bench.source, remote, ...NOT_OURS);
      const listed = (place: string) => program.run('lsl', place, ...NOT_OURS);
      const lines = async (place: string) => (await listed(place)).split('\n').toSorted();
      expect(await lines(remote)).toEqual(await lines(bench.source));
      // What has changed is seen.
      await utimes(join(bench.source, 'a.txt'), 5, 5);
      expect((await wouldDo()).join()).toMatch(/a\.txt: Skipped update modification time/);
    });

    rclone.it('a sync finds nothing to copy in what rclone wrote, and marks it as its own', async () => {
      await chmod(join(bench.source, 'a.txt'), name === 'S3' ? 0o4750 : 0o644);
      if (name === 'S3') await lchown(join(bench.source, 'a.txt'), 1234, 2345);
      await program.run('copy', '--metadata', bench.source, remote);
      expect(await run(['foreignTarget'])).toMatchObject({ filesCopied: 0, filesUnchanged: 4, filesRemoved: 0 });
      expect(await run()).toMatchObject({ filesCopied: 0, metadataUpdated: 0 });
      expect(await wouldDo()).toEqual([]);
    });

    rclone.it('rclone brings back from a copy all but what it does not know: empty folders', async () => {
      await mkdir(join(bench.source, 'hollow'));
      await run();
      const restored = join(bench.directory, 'restored');
      await program.run('copy', '--metadata', remote, restored, ...NOT_OURS);
      await program.run('check', bench.source, restored);
      await rm(join(bench.source, 'hollow'), { recursive: true });
      expect(await walk(openLocalTree(restored))).toEqual(await walk(openLocalTree(bench.source)));
    });

    rclone.it('rclone reads an encrypted copy, and a sync one that rclone has encrypted', async () => {
      settings.encrypt = { password: { env: 'PASSWORD' }, names: 'standard' };
      await run();
      await program.run('cryptcheck', bench.source, 'crypt:');
      expect((await program.run('lsf', '-R', '--files-only', 'crypt:')).trim().split('\n').toSorted()).toEqual([
        'a.txt',
        'sub/deep/b & ü.txt',
        'sub/empty',
        'sub/large',
      ]);
      await program.run('purge', remote);
      await program.run('copy', '--metadata', bench.source, 'crypt:');
      expect(await run(['foreignTarget', 'missingTarget'])).toMatchObject({ filesCopied: 0, filesUnchanged: 4 });
    });
  });
});
