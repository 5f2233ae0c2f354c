import { expect, it } from 'vitest';
import type { SecretReference } from '../../common/secret-reference.ts';
import { openStorage } from '../../storage/open-storage.ts';
import type { StorageLocation } from '../../storage/storage-location.ts';

const S3: StorageLocation = { s3: { bucket: 'vault', prefix: 'a', endpoint: 'http://127.0.0.1:1' } };

function surroundings(secret: string, asked: SecretReference[] = []) {
  return {
    environment: { AWS_ACCESS_KEY_ID: 'key', AWS_SECRET_ACCESS_KEY: 'secret' },
    resolveSecret(reference: SecretReference): Promise<string> {
      asked.push(reference);
      return Promise.resolve(secret);
    },
  };
}

it('opens a bucket below the prefix and the path, and tells no secret', async () => {
  const s3 = await openStorage(S3, 'b', 'writer', surroundings(''));
  expect(s3.description).toBe('s3://vault/a/b');
  await s3.close();
  const gcs = await openStorage(
    { gcs: { bucket: 'vault', endpoint: 'http://127.0.0.1:1' } },
    '',
    'reader',
    surroundings(''),
  );
  expect(gcs.description).toBe('gs://vault');
  await gcs.close();
});

it('acts as the identity of the role, and as the writer where there is none', async () => {
  const asked: SecretReference[] = [];
  const location: StorageLocation = {
    ...S3,
    identities: { writer: { credentials: { env: 'WRITER' } }, maintainer: { credentials: { env: 'MAINTAINER' } } },
  };
  for (const role of ['writer', 'maintainer', 'reader'] as const) {
    await (await openStorage(location, '', role, surroundings('key:secret', asked))).close();
  }
  expect(asked).toEqual([{ env: 'WRITER' }, { env: 'MAINTAINER' }, { env: 'WRITER' }]);
});

it.each([
  [{ ...S3, identities: { writer: { credentials: { env: 'X' } } } }, 'gehe im'],
  [{ gcs: { bucket: 'vault' }, identities: { writer: { credentials: { env: 'X' } } } }, 'geheim'],
] satisfies [StorageLocation, string][])(
  'says what is wrong with credentials that are none, without them',
  async (location, secret) => {
    const opening = openStorage(location, '', 'writer', surroundings(secret));
    await expect(opening).rejects.toMatchObject({ code: 'Usage' });
    await expect(opening).rejects.not.toThrow(/gehe/);
  },
);
