import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, it } from 'vitest';
import type { Bucket } from '../../storage/bucket.ts';
import { openGcsBucket } from '../../storage/gcs.ts';

const OBJECT = { key: 'a/large', sizeBytes: 6 * 1024 ** 3, modifiedAt: new Date(0), version: '1' };

/** A service that copies in steps, as Google's does with large objects, and which no server of the tests does. */
async function withSteps(
  answers: (number | { done?: boolean; rewriteToken?: string })[],
  body: (bucket: Bucket, seen: string[]) => Promise<void>,
): Promise<void> {
  const seen: string[] = [];
  const server = createServer((request, response) => {
    seen.push(`${request.method} ${request.url}`);
    const answer = answers[seen.length - 1] ?? {};
    if (typeof answer === 'number') response.writeHead(answer).end();
    else response.setHeader('content-type', 'application/json').end(JSON.stringify(answer));
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const bucket = openGcsBucket({ bucket: 'vault', endpoint });
  try {
    await body(bucket, seen);
  } finally {
    bucket.close();
    server.close();
  }
}

it('copies a large object in as many requests as the service wants, and repeats the one that failed', async () => {
  const answers = [{ done: false, rewriteToken: 'one+' }, 503, { done: false, rewriteToken: 'two' }, { done: true }];
  await withSteps(answers, async (bucket, seen) => {
    await bucket.copy(OBJECT, 'b/ü');
    const path = 'POST /storage/v1/b/vault/o/a%2Flarge/rewriteTo/b/vault/o/b%2F%C3%BC';
    const tokens = ['', '?rewriteToken=one%2B', '?rewriteToken=one%2B', '?rewriteToken=two'];
    expect(seen).toEqual(tokens.map((token) => path + token));
  });
});

it('is no copy where the service stops in the middle', async () => {
  await withSteps([{ done: false, rewriteToken: 'one' }, { done: false }], async (bucket) => {
    const refusal = { code: 'StorageUnreachable', message: expect.stringContaining('not whole') };
    await expect(bucket.copy(OBJECT, 'b')).rejects.toMatchObject(refusal);
  });
  await withSteps([{ done: false, rewriteToken: 'one' }, 404], async (bucket) => {
    await expect(bucket.copy(OBJECT, 'b')).rejects.toMatchObject({ code: 'NotFound' });
  });
});
