import { afterAll, beforeAll } from 'vitest';
import { openS3Storage } from '../../storage/s3.ts';
import { requirePeer } from '../peers.ts';
import { startVersitygw, type S3Server } from '../servers/versitygw.ts';
import { describeStorageContract } from './contract.ts';

const versitygw = requirePeer('versitygw');

versitygw.describe('S3, on versitygw', () => {
  let server: S3Server;
  let prefixes = 0;

  beforeAll(async () => {
    server = await startVersitygw(versitygw.command);
    await server.createBucket('vault');
  });
  afterAll(() => server.stop());

  const open = (prefix: string, credentials = server.root) => {
    const { endpoint, region } = server;
    return openS3Storage({ bucket: 'vault', prefix, endpoint, region, forcePathStyle: true }, { credentials });
  };
  const freshPrefix = () => `test/${(prefixes += 1)}`;

  describeStorageContract('S3', async (body) => {
    const prefix = freshPrefix();
    const [storage, other] = [await open(prefix), await open(prefix)];
    try {
      await body({ storage, reopen: () => other });
    } finally {
      await storage.close();
      await other.close();
    }
  });
});
