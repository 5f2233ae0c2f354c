import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Retry } from '../../common/progress.ts';
import { bucketStorage } from '../../storage/bucket-storage.ts';
import { openGcsBucket } from '../../storage/gcs.ts';
import { requirePeer } from '../peers.ts';
import { startFaultProxy } from '../servers/fault-proxy.ts';
import { startFakeGcsServer, type GcsServer } from '../servers/fake-gcs-server.ts';
import { describeBucketFaults } from './bucket-faults.ts';
import { describeStorageContract } from './contract.ts';

const fake = requirePeer('fake-gcs-server');

fake.describe('Google Cloud Storage, on fake-gcs-server', () => {
  let server: GcsServer;
  let prefixes = 0;

  beforeAll(async () => {
    server = await startFakeGcsServer(fake.command);
    await server.createBucket('vault');
  });
  afterAll(() => server.stop());

  const open = (prefix: string) => bucketStorage(openGcsBucket({ bucket: 'vault', prefix, endpoint: server.endpoint }));
  const freshPrefix = () => `test/${(prefixes += 1)}`;

  describeStorageContract('Google Cloud Storage', async (body) => {
    const prefix = freshPrefix();
    const [storage, other] = [open(prefix), open(prefix)];
    try {
      await body({ storage, reopen: () => other });
    } finally {
      await storage.close();
      await other.close();
    }
  });

  it('asks how far an upload has come when a piece of it failed, and goes on from there', async () => {
    let endpoint = '';
    const through = await startFaultProxy(() => endpoint);
    const behind = await startFakeGcsServer(fake.command, { externalUrl: through.endpoint });
    endpoint = behind.endpoint;
    try {
      await behind.createBucket('vault');
      const asked: string[] = [];
      let failures = 0;
      const piece = 16 * 1024 * 1024;
      through.inject((method, _url, headers) => {
        const range = String(headers['content-range'] ?? '');
        if (method === 'PUT') asked.push(range);
        if (range.startsWith(`bytes ${piece}-`) && (failures += 1) <= 2) return { kind: 'status', status: 503 };
        // The fake has no answer to this question, which it takes for the end of the upload.
        if (range !== 'bytes */*') return undefined;
        return { kind: 'status', status: 308, headers: { range: `bytes=0-${piece - 1}` } };
      });
      const storage = bucketStorage(openGcsBucket({ bucket: 'vault', endpoint: through.endpoint }));
      await storage.write('object', pieces(40));
      expect((await storage.read('object')).equals(Buffer.alloc(40 * 1024 * 1024, 'x'))).toBe(true);
      expect(asked.filter((range) => range === 'bytes */*')).toHaveLength(2);
      await storage.close();
    } finally {
      await behind.stop();
      await through.stop();
    }
  });

  describeBucketFaults(async (body) => {
    const proxy = await startFaultProxy(() => server.endpoint);
    const settings = { bucket: 'vault', prefix: freshPrefix(), endpoint: proxy.endpoint };
    const told: (Retry | undefined)[] = [];
    const options = { idleMilliseconds: 500, onRetry: told.push.bind(told) };
    const storage = bucketStorage(openGcsBucket(settings, options));
    try {
      const isPut = (method: string, url: string) => method === 'POST' && url.startsWith('/upload/');
      const isGet = (method: string, url: string) => method === 'GET' && url.includes('alt=media');
      await body({ storage, proxy, told, isPut, isGet });
    } finally {
      await storage.close();
      await proxy.stop();
    }
  });
});

async function* pieces(count: number): AsyncIterable<Buffer> {
  for (let number = 0; number < count; number += 1) yield Buffer.alloc(1024 * 1024, 'x');
}
