import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished, vi } from 'vitest';
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

const OWN = { s3: { bucket: 'vault', region: 'eu-central-1' } };

it.each([
  [OWN, 'AWS_ENDPOINT_URL_S3'],
  [OWN, 'AWS_ENDPOINT_URL'],
  [{ gcs: { bucket: 'vault' } }, 'STORAGE_EMULATOR_HOST'],
] satisfies [StorageLocation, string][])(
  'does not let a variable lead a Location elsewhere, and says what to write (%o, %s)',
  async (location, name) => {
    const environment = { ...surroundings('').environment, [name]: 'http://key:geheim@minio.example:9000' };
    const opening = openStorage(location, '', 'writer', { ...surroundings(''), environment });
    await expect(opening).rejects.toMatchObject({
      code: 'Usage',
      message: expect.stringMatching(new RegExp(`^the variable ${name} would lead (s3|gs)://vault to `)) as string,
      hint: expect.stringContaining('write endpoint: http://…@minio.example:9000 into the Location') as string,
    });
    await expect(opening).rejects.not.toThrow(/geheim/);
    const named = { ...surroundings(''), environment };
    await (await openStorage(S3, '', 'writer', named)).close();
  },
);

it("refuses what AWS's configuration file says of a Location's service, and follows it for a person's own URL", async () => {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-aws-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, 'config'), '[default]\nendpoint_url = http://127.0.0.1:1\n');
  vi.stubEnv('AWS_CONFIG_FILE', join(folder, 'config'));
  onTestFinished(() => void vi.unstubAllEnvs());
  await expect(openStorage(OWN, '', 'writer', surroundings(''))).rejects.toMatchObject({
    code: 'Usage',
    message: expect.stringContaining("endpoint_url of AWS's configuration file") as string,
  });
  const asked = await openStorage({ s3: { ...OWN.s3, mayBeConfigured: true } }, '', 'reader', surroundings(''));
  await expect(asked.stat('a')).rejects.toThrow(/ECONNREFUSED/);
  await asked.close();
}, 30_000);
