import { ListMultipartUploadsCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Retry } from '../../common/progress.ts';
import { bucketStorage } from '../../storage/bucket-storage.ts';
import { openS3Bucket } from '../../storage/s3.ts';
import { requirePeer } from '../peers.ts';
import { startFaultProxy } from '../servers/fault-proxy.ts';
import { startVersitygw, type S3Server } from '../servers/versitygw.ts';
import { describeBucketFaults } from './bucket-faults.ts';
import { describeStorageContract } from './contract.ts';

const versitygw = requirePeer('versitygw');

versitygw.describe('S3, on versitygw', () => {
  let server: S3Server;
  let prefixes = 0;

  beforeAll(async () => {
    server = await startVersitygw(versitygw.command);
    await server.createBucket('vault');
  });
  afterAll(() => server.stop());

  const open = async (prefix: string, credentials = server.root) => {
    const { endpoint, region } = server;
    const settings = { bucket: 'vault', prefix, endpoint, region, forcePathStyle: true };
    return bucketStorage(await openS3Bucket(settings, { credentials }));
  };
  const freshPrefix = () => `test/${(prefixes += 1)}`;

  describeStorageContract('S3', async (body) => {
    const prefix = freshPrefix();
    const [storage, other] = [await open(prefix), await open(prefix)];
    try {
      await body({ storage, reopen: () => other });
    } finally {
      await storage.close();
      await other.close();
    }
  });

  describeBucketFaults(async (body) => {
    const proxy = await startFaultProxy(() => server.endpoint);
    const { endpoint } = proxy;
    const settings = { bucket: 'vault', prefix: freshPrefix(), endpoint, region: server.region, forcePathStyle: true };
    const told: (Retry | undefined)[] = [];
    const options = { credentials: server.root, idleMilliseconds: 500, onRetry: told.push.bind(told) };
    const storage = bucketStorage(await openS3Bucket(settings, options));
    try {
      const isObject = (url: string) => url.includes('/vault/test/');
      const isPut = (method: string, url: string) => method === 'PUT' && isObject(url);
      await body({ storage, proxy, told, isPut, isGet: (method, url) => method === 'GET' && isObject(url) });
    } finally {
      await storage.close();
      await proxy.stop();
    }
  });

  it('leaves no part of an upload that failed or was stopped', async () => {
    const storage = await open(freshPrefix());
    const stop = new AbortController();
    const write = storage.write('object', piecesUntil(stop), { signal: stop.signal });
    await expect(write).rejects.toMatchObject({ code: 'Interrupted' });
    await storage.close();
    const { endpoint, region, root: credentials } = server;
    const client = new S3Client({ endpoint, region, forcePathStyle: true, credentials });
    const { Uploads = [] } = await client.send(new ListMultipartUploadsCommand({ Bucket: 'vault' }));
    client.destroy();
    expect(Uploads).toEqual([]);
  });

  it('lets one of two long streams win that must not replace', async () => {
    const storage = await open(freshPrefix());
    const writes = ['a', 'b'].map((letter) => storage.write('object', manyPieces(letter), { existing: 'refuse' }));
    const results = await Promise.allSettled(writes);
    expect(results.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
    const winner = results[0]?.status === 'fulfilled' ? 'a' : 'b';
    expect((await storage.read('object')).equals(Buffer.alloc(20 * 1024 * 1024, winner))).toBe(true);
    await storage.close();
  });
});

async function* manyPieces(letter: string): AsyncIterable<Buffer> {
  for (let number = 0; number < 20; number += 1) yield Buffer.alloc(1024 * 1024, letter);
}

async function* piecesUntil(stop: AbortController): AsyncIterable<Buffer> {
  yield* manyPieces('x');
  stop.abort();
  yield* manyPieces('x');
}
