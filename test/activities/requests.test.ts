import { expect } from 'vitest';
import { withRepository } from '../../activities/with-repository.ts';
import { initRepository } from '../../repository/init-repository.ts';
import { bucketStorage } from '../../storage/bucket-storage.ts';
import { openS3Bucket } from '../../storage/s3.ts';
import { createDependencies } from '../../worker.ts';
import { requirePeer } from '../peers.ts';
import { startVersitygw } from '../servers/versitygw.ts';

const versitygw = requirePeer('versitygw');

versitygw.it('a run on a remote repository tells what it asked of the location, class by class', async () => {
  const server = await startVersitygw(versitygw.command);
  try {
    await server.createBucket('vault');
    const { endpoint, region, root } = server;
    const s3 = { bucket: 'vault', prefix: 'repository', endpoint, region, forcePathStyle: true };
    const storage = bucketStorage(await openS3Bucket(s3, { credentials: root }));
    await (await initRepository(storage, 'geheim', { kdf: { N: 1024, r: 8, p: 1 } })).close();
    const dependencies = createDependencies({
      environment: {
        AWS_ACCESS_KEY_ID: root.accessKeyId,
        AWS_SECRET_ACCESS_KEY: root.secretAccessKey,
        PASSWORD: 'geheim',
      },
      hostname: 'vm',
      secretsDirectory: '/nowhere',
      scratchDirectory: '/nowhere',
      allowCommands: false,
    });
    const settings = {
      name: 'offsite',
      location: { name: 'bucket', s3 },
      path: '',
      password: { env: 'PASSWORD' },
      compression: 'auto' as const,
    };
    const figures = { kind: 'access-check', entriesExamined: 0, principals: 0 } as const;
    const context = { signal: AbortSignal.timeout(30_000), progress: { report() {} } };
    const outcome = await withRepository(
      dependencies,
      settings,
      { role: 'reader', lock: 'shared' },
      context,
      async ({ repository }) => {
        await repository.storage.read('config');
        return { figures, findings: [], requests: [] };
      },
    );
    expect(outcome.requests).toHaveLength(1);
    const [{ location, writes, reads, removes, bytesRead } = { location: '', writes: 0 }] = outcome.requests ?? [];
    // Its lock was written and removed; the config, the key and once more the config were read.
    expect([location, writes, removes]).toEqual(['bucket', 1, 1]);
    expect([reads! >= 3, bytesRead! > 300]).toEqual([true, true]);
  } finally {
    await server.stop();
  }
});
