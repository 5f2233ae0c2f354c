import { CreateBucketCommand, PutObjectLockConfigurationCommand, S3Client } from '@aws-sdk/client-s3';
import { expect } from 'vitest';
import { openBucket } from '../../storage/open-bucket.ts';
import { BUCKET_KINDS } from '../servers/bucket-services.ts';

for (const { name, peer, start } of BUCKET_KINDS)
  peer.describe(`the rules of a bucket of ${name}`, () => {
    peer.it('are none where it has none, or where the service knows none', async () => {
      const service = await start();
      try {
        const bucket = await service.open('some/prefix');
        expect(await bucket.rules()).toEqual({ deletes: [], archives: [] });
        bucket.close();
      } finally {
        await service.stop();
      }
    });
  });

const { peer: versitygw, start: startS3 } = BUCKET_KINDS[0]!;
versitygw.describe('the locks of a bucket of S3', () => {
  versitygw.it('are read from the service', async () => {
    const service = await startS3();
    const { endpoint, region, root } = service.s3!;
    const client = new S3Client({ endpoint, region, forcePathStyle: true, credentials: root });
    try {
      await client.send(new CreateBucketCommand({ Bucket: 'locked', ObjectLockEnabledForBucket: true }));
      const Rule = { DefaultRetention: { Mode: 'GOVERNANCE', Days: 35 } } as const;
      await client.send(
        new PutObjectLockConfigurationCommand({
          Bucket: 'locked',
          ObjectLockConfiguration: { ObjectLockEnabled: 'Enabled', Rule },
        }),
      );
      const s3 = { bucket: 'locked', endpoint, region, forcePathStyle: true };
      const bucket = await openBucket({ s3 }, '', service.identity!, service.surroundings);
      expect(await bucket.rules()).toMatchObject({
        lock: { seconds: 35 * 86_400, mode: 'governance', refusesDeletion: false },
      });
      bucket.close();
    } finally {
      client.destroy();
      await service.stop();
    }
  });
});
