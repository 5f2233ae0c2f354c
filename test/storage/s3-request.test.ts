import { expect, it } from 'vitest';
import { HoldfastError } from '../../common/errors.ts';
import { openS3Bucket } from '../../storage/s3.ts';

it('tells of credentials that no header can carry as it tells of all that fails, and without them', async () => {
  const settings = { bucket: 'vault', endpoint: 'http://127.0.0.1:1', region: 'us-east-1', forcePathStyle: true };
  const credentials = { accessKeyId: 'schlüssel\u{1f511}', secretAccessKey: 'geheim' };
  const bucket = await openS3Bucket(settings, { credentials });
  try {
    for (const call of [() => bucket.head('a'), () => bucket.put('a', Buffer.from('x'))]) {
      const failure: unknown = await call().catch((error: unknown) => error);
      expect(failure).toBeInstanceOf(HoldfastError);
      expect((failure as Error).message).not.toMatch(/schl|geheim/);
    }
  } finally {
    bucket.close();
  }
});
