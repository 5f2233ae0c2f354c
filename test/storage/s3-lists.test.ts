import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, it } from 'vitest';
import { openS3Bucket } from '../../storage/s3.ts';
import { collect } from '../files/tree-contract/tree-under-test.ts';

it('fails where a service does not say how a list goes on, instead of taking the rest for gone', async () => {
  // As the first version of lists has it, which no server of the tests speaks.
  const answer =
    '<ListBucketResult><IsTruncated>true</IsTruncated><NextMarker>a</NextMarker><Contents><Key>a</Key><Size>1</Size></Contents></ListBucketResult>';
  const server = createServer((_, response) => response.setHeader('content-type', 'application/xml').end(answer));
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const settings = { bucket: 'vault', endpoint, region: 'us-east-1', forcePathStyle: true };
  const bucket = await openS3Bucket(settings, { credentials: { accessKeyId: 'key', secretAccessKey: 'secret' } });
  try {
    const refusal = { code: 'StorageUnreachable', retryable: false, message: expect.stringContaining('not whole') };
    await expect(collect(bucket.list(''))).rejects.toMatchObject(refusal);
    await expect(collect(bucket.listFolder(''))).rejects.toMatchObject(refusal);
    expect(await collect(bucket.list('', { atMost: 1 }))).toMatchObject([{ key: 'a' }]);
  } finally {
    bucket.close();
    server.close();
  }
});
