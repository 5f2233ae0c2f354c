/** Copies on S3's side of what is too large for one request: with limits that a test can reach. */
import { randomBytes } from 'node:crypto';
import { HeadObjectCommand, ListMultipartUploadsCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import type { Bucket } from '../../storage/bucket.ts';
import { openS3Bucket } from '../../storage/s3.ts';
import { requirePeer } from '../peers.ts';
import { startFaultProxy, type FaultProxy } from '../servers/fault-proxy.ts';
import { startVersitygw, type S3Server } from '../servers/versitygw.ts';

const MiB = 1024 * 1024;
/** S3 takes no smaller parts, but for the last one. */
const copyLimits = { largestBytes: 6 * MiB, partBytes: 5 * MiB };
const METADATA = { mtime: '1700000000.5', owner: 'alice' };

const versitygw = requirePeer('versitygw');

versitygw.describe('large copies on S3, on versitygw', () => {
  let server: S3Server;
  let proxy: FaultProxy;
  let bucket: Bucket;
  let client: S3Client;

  beforeAll(async () => {
    server = await startVersitygw(versitygw.command);
    await server.createBucket('vault');
    proxy = await startFaultProxy(() => server.endpoint);
    const { endpoint, region, root: credentials } = server;
    client = new S3Client({ endpoint, region, credentials, forcePathStyle: true });
  });
  afterAll(async () => {
    client.destroy();
    await proxy.stop();
    await server.stop();
  });
  beforeEach(async () => {
    const settings = { bucket: 'vault', endpoint: proxy.endpoint, region: server.region, forcePathStyle: true };
    bucket = await openS3Bucket(settings, { credentials: server.root, copyLimits });
  });
  afterEach(async () => {
    proxy.inject(() => undefined);
    proxy.seen.length = 0;
    bucket.close();
    // Parts that nobody finishes would be paid for.
    expect((await client.send(new ListMultipartUploadsCommand({ Bucket: 'vault' }))).Uploads ?? []).toEqual([]);
  });

  const put = (key: string, content: Buffer): Promise<unknown> =>
    client.send(
      new PutObjectCommand({ Bucket: 'vault', Key: key, Body: content, Metadata: METADATA, ContentType: 'text/csv' }),
    );
  const read = async (key: string): Promise<Buffer> => {
    const pieces: Buffer[] = [];
    for await (const piece of (await bucket.get(key))!.pieces) pieces.push(piece);
    return Buffer.concat(pieces);
  };
  const describeObject = async (key: string) => {
    const { Metadata, ContentType } = await client.send(new HeadObjectCommand({ Bucket: 'vault', Key: key }));
    return { ...Metadata, ContentType };
  };
  const partsCopied = (): string[] =>
    proxy.seen.flatMap((line) => /^PUT .*partNumber=(\d+)/.exec(line)?.[1] ?? []).toSorted();

  it.each([
    [6 * MiB, []],
    [6 * MiB + 1, ['1', '2']],
    [10 * MiB, ['1', '2']],
    [13 * MiB + 7, ['1', '2', '3']],
  ])('copies %i bytes in the parts %j, whole and with all that is known of it', async (size, parts) => {
    const content = randomBytes(size);
    const from = `from/ü & ${size}+%`;
    await put(from, content);
    const object = (await bucket.head(from))!;
    await bucket.copy(object, `to/${size}`);
    expect(partsCopied()).toEqual(parts);
    expect((await read(`to/${size}`)).equals(content)).toBe(true);
    expect(await describeObject(`to/${size}`)).toEqual({ ...METADATA, ContentType: 'text/csv' });
    expect((await bucket.head(from))?.version).toBe(object.version);
  });

  it('changes the metadata of a large object, and nothing else of it', async () => {
    const content = randomBytes(7 * MiB);
    await put('large', content);
    await bucket.changeMetadata('large', () => ({ owner: 'bob' }));
    expect(partsCopied()).toEqual(['1', '2']);
    expect((await read('large')).equals(content)).toBe(true);
    expect(await describeObject('large')).toEqual({ ...METADATA, owner: 'bob', ContentType: 'text/csv' });
  });

  it('copies no mixture of an object and of what replaced it', async () => {
    await put('replaced', randomBytes(11 * MiB));
    const other = randomBytes(11 * MiB);
    const object = (await bucket.head('replaced'))!;
    let isReplaced = false;
    let replacing: Promise<void> | undefined;
    // The second part has to wait until there is another object.
    proxy.inject((method, url) => {
      if (method !== 'PUT' || !url.includes('partNumber=2') || isReplaced) return undefined;
      replacing ??= put('replaced', other).then(() => void (isReplaced = true));
      return { kind: 'status', status: 503 };
    });
    await expect(bucket.copy(object, 'mixture')).rejects.toMatchObject({
      code: 'StorageUnreachable',
      message: 's3://vault/replaced was replaced while it was copied',
    });
    await replacing;
    expect(await bucket.head('mixture')).toBeUndefined();
  });

  it('is no copy when a part fails for good', async () => {
    await put('source', randomBytes(11 * MiB));
    const object = (await bucket.head('source'))!;
    proxy.inject((method, url) =>
      method === 'PUT' && url.includes('partNumber=2') ? { kind: 'status', status: 500 } : undefined,
    );
    await expect(bucket.copy(object, 'failed')).rejects.toMatchObject({ code: 'StorageUnreachable', retryable: true });
    expect(await bucket.head('failed')).toBeUndefined();
  });
});
