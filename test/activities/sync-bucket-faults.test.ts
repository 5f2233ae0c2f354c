import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { sync } from '../../activities/sync.ts';
import type { RemoteLocationSettings, SyncSettings } from '../../domain/action.ts';
import type { SyncFigures } from '../../domain/run-record.ts';
import type { Bucket } from '../../storage/bucket.ts';
import { collect } from '../files/tree-contract/tree-under-test.ts';
import { requirePeer } from '../peers.ts';
import { BUCKET_KINDS, type BucketService } from '../servers/bucket-services.ts';
import { startFaultProxy, type Fault, type FaultProxy } from '../servers/fault-proxy.ts';
import { startToxiproxy, type Toxiproxy } from '../servers/toxiproxy.ts';
import { reachLocations } from './reach-locations.ts';
import { openBench } from './server-sync.ts';
import { fillFolder, syncSettings } from './sync-settings.ts';
import { sourceSettings, type Workbench } from './workbench.ts';

const MiB = 1024 * 1024;
const SMALL_FILES = 30;

/** Each request has five tries with pauses between them, and what hangs is given up after a second. */
const RUN_LIMIT_MILLISECONDS = 60_000;

const toxiproxy = requirePeer('toxiproxy-server');

describe.each(BUCKET_KINDS)('a sync with a bucket of $name', ({ peer, start }) => {
  peer.describe('on a real server', () => {
    let service: BucketService;
    let faulty: FaultProxy;
    let bench: Workbench;
    let prefix: string;
    /** Without a proxy. */
    let bucket: Bucket;

    beforeAll(async () => {
      service = await start();
      faulty = await startFaultProxy(() => endpointOf(service.location('vault', '')));
    });
    afterAll(async () => {
      await faulty.stop();
      await service.stop();
    });
    beforeEach(async () => {
      ({ bench, path: prefix } = await openBench(service));
      reachLocations(bench.deps, { ...service.surroundings, environment: { HOLDFAST_STORAGE_TIMEOUT: '1s' } });
      bucket = await service.open(prefix);
      faulty.inject(() => undefined);
      const small = Array.from({ length: SMALL_FILES }, (_, number) => [
        `sub ${number % 3}/file ${number}`,
        `${number}`,
      ]);
      await fillFolder(bench.source, Object.fromEntries(small) as Record<string, string>);
      await mkdir(join(bench.source, 'hollow'));
      await symlink('file', join(bench.source, 'link'));
      // More than goes in one request.
      await writeFile(join(bench.source, 'large'), randomBytes(9 * MiB));
    });
    afterEach(async () => {
      bucket.close();
      await bench.remove();
    });

    const toBucket = (endpoint: string, changes: Partial<SyncSettings> = {}): SyncSettings =>
      syncSettings(bench, { to: redirected(service.location('standby', prefix), endpoint), ...changes });
    const directly = (): SyncSettings => syncSettings(bench, { to: service.location('standby', prefix) });
    const fromBucket = (endpoint: string, to: string): SyncSettings =>
      syncSettings(bench, {
        source: sourceSettings([`/${prefix}/orders`]),
        from: { location: redirected(service.location('standby', prefix), endpoint), path: 'orders' },
        path: to,
      });
    const run = async (settings: SyncSettings): Promise<{ figures: SyncFigures; findings: unknown[] }> => {
      const begun = performance.now();
      try {
        const { figures, findings } = await sync(bench.deps, bench.request(settings), bench.context());
        return { figures: figures as SyncFigures, findings };
      } finally {
        expect(performance.now() - begun).toBeLessThan(RUN_LIMIT_MILLISECONDS);
      }
    };
    const names = async (): Promise<string[]> => {
      const below = `${prefix}/orders/`;
      return (await collect(bucket.list(below))).map(({ key }) => key.slice(below.length));
    };
    /** Every file that can be seen there has the content that the source has, or had. */
    const expectNothingHalf = async (before: Readonly<Record<string, Buffer>> = {}): Promise<void> => {
      for (const name of await names()) {
        if (name === '' || name.endsWith('/') || name.startsWith('.holdfast') || name === 'link') continue;
        const opened = await bucket.get(`${prefix}/orders/${name}`);
        const stored = Buffer.concat(await collect(opened!.pieces));
        const isOne = [await readFile(join(bench.source, name)), before[name]].some((one) => one?.equals(stored));
        expect([name, isOne]).toEqual([name, true]);
      }
    };
    /** A run without faults brings all that is missing, and the next one finds nothing to do. */
    const expectRepaired = async (all?: number): Promise<void> => {
      expect((await run(directly())).findings).toEqual([]);
      await expectDone(run(directly()), 0, all);
    };
    const expectDone = async (running: ReturnType<typeof run>, copied: number, all = SMALL_FILES + 2) => {
      const { findings, figures } = await running;
      expect(findings).toEqual([]);
      expect([figures.filesCopied, figures.filesUnchanged]).toEqual([copied, all - copied]);
      await expectNothingHalf();
    };
    const expectUnreachable = (running: Promise<unknown>): Promise<void> =>
      expect(running).rejects.toMatchObject({ code: 'StorageUnreachable', retryable: true });
    /** Befalls every third request when it is first made, so that none is unlucky five times. */
    const third = (fault: (count: number) => Fault) => {
      const made = new Set<string>();
      return (method: string, url: string): Fault | undefined => {
        const line = `${method} ${url}`;
        const isNew = !made.has(line);
        made.add(line);
        return isNew && made.size % 3 === 0 ? fault(made.size / 3) : undefined;
      };
    };

    it(
      'finishes in both directions though every third request is answered 429, 500 or 503 at first',
      async () => {
        const statuses = [429, 500, 503];
        faulty.inject(third((count) => ({ kind: 'status', status: statuses[count % 3]! })));
        await expectDone(run(toBucket(faulty.endpoint)), SMALL_FILES + 2);
        await expectDone(run(toBucket(faulty.endpoint)), 0);
        expect((await run(fromBucket(faulty.endpoint, 'back'))).findings).toEqual([]);
        const back = await readFile(join(bench.directory, 'standby', 'back', 'large'));
        expect(back.equals(await readFile(join(bench.source, 'large')))).toBe(true);
      },
      2 * RUN_LIMIT_MILLISECONDS,
    );

    it(
      'finishes though the first answer to every third request is lost',
      async () => {
        faulty.inject(third(() => ({ kind: 'lose-answer' })));
        await expectDone(run(toBucket(faulty.endpoint)), SMALL_FILES + 2);
        await expectDone(run(directly()), 0);
      },
      2 * RUN_LIMIT_MILLISECONDS,
    );

    it(
      'fails where files are answered 500 alone, keeps what was there, and the next run goes on',
      async () => {
        const before = await readFile(join(bench.source, 'large'));
        await run(directly());
        await fillFolder(bench.source, { 'sub 1/new': 'new', 'sub 0/file 0': 'changed' });
        await writeFile(join(bench.source, 'large'), randomBytes(9 * MiB + 1));
        const isFile = /(large|file|new)/;
        faulty.inject((method, url) =>
          method !== 'GET' && method !== 'HEAD' && isFile.test(decodeURIComponent(url))
            ? { kind: 'status', status: 500 }
            : undefined,
        );
        await expectUnreachable(run(toBucket(faulty.endpoint)));
        await expectNothingHalf({ large: before, 'sub 0/file 0': Buffer.from('0') });
        expect(await names()).not.toContain('sub 1/new');
        await expectRepaired(SMALL_FILES + 3);
      },
      2 * RUN_LIMIT_MILLISECONDS,
    );

    it(
      'ends in time where the service falls silent in the middle, and the next run goes on',
      async () => {
        let requests = 0;
        faulty.inject(() => ((requests += 1) > 40 ? { kind: 'hang' } : undefined));
        await expectUnreachable(run(toBucket(faulty.endpoint)));
        await expectNothingHalf();
        expect(requests).toBeGreaterThan(40);
        // The lock could not be taken away; that the next run waits until it counts as left behind is tested elsewhere.
        for (const { key } of await collect(bucket.list(`${prefix}/.holdfast-sync.`)))
          if (key.includes('.lock')) await bucket.remove(key);
        await expectRepaired();
      },
      2 * RUN_LIMIT_MILLISECONDS,
    );

    toxiproxy.describe('behind a network that cuts connections', () => {
      let proxy: Toxiproxy;
      beforeAll(async () => {
        const port = Number(new URL(endpointOf(service.location('vault', ''))).port);
        proxy = await startToxiproxy(toxiproxy.command, port);
      });
      afterAll(() => proxy.stop());
      beforeEach(() => proxy.set());

      it(
        'finishes in both directions where each connection lives for 2 MiB, or 9 MiB of what is sent',
        async () => {
          const endpoint = `http://127.0.0.1:${proxy.port}`;
          await proxy.set(
            { type: 'limit_data', attributes: { bytes: 9.5 * MiB }, stream: 'upstream' },
            { type: 'limit_data', attributes: { bytes: 2 * MiB }, stream: 'downstream' },
          );
          await expectDone(run(toBucket(endpoint)), SMALL_FILES + 2);
          expect((await run(fromBucket(endpoint, 'back'))).findings).toEqual([]);
          const back = await readFile(join(bench.directory, 'standby', 'back', 'large'));
          expect(back.equals(await readFile(join(bench.source, 'large')))).toBe(true);
        },
        2 * RUN_LIMIT_MILLISECONDS,
      );
    });
  });
});

function endpointOf(location: RemoteLocationSettings): string {
  return location.s3?.endpoint ?? location.gcs?.endpoint ?? '';
}

/** The same, through another endpoint. */
function redirected(location: RemoteLocationSettings, endpoint: string): RemoteLocationSettings {
  const { s3, gcs } = location;
  return {
    ...location,
    ...(s3 === undefined ? {} : { s3: { ...s3, endpoint } }),
    ...(gcs === undefined ? {} : { gcs: { ...gcs, endpoint } }),
  } as RemoteLocationSettings;
}
