import { afterAll, beforeAll } from 'vitest';
import { openGcsStorage } from '../../storage/gcs.ts';
import { requirePeer } from '../peers.ts';
import { startFakeGcsServer, type GcsServer } from '../servers/fake-gcs-server.ts';
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

  const open = (prefix: string) => openGcsStorage({ bucket: 'vault', prefix, endpoint: server.endpoint });
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
});
