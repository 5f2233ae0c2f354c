import { bucketStorage } from '../../storage/bucket-storage.ts';
import { openGcsBucket } from '../../storage/gcs.ts';
import { openS3Bucket } from '../../storage/s3.ts';
import { requirePeer } from '../peers.ts';
import { startFakeGcsServer } from '../servers/fake-gcs-server.ts';
import { freePort } from '../servers/spawn-server.ts';
import { startToxiproxy } from '../servers/toxiproxy.ts';
import { startVersitygw } from '../servers/versitygw.ts';
import { describeFaults, type FaultyServer } from './fault-matrix.ts';

const toxiproxy = requirePeer('toxiproxy-server');
const versitygw = requirePeer('versitygw');
const fakeGcs = requirePeer('fake-gcs-server');

async function startS3(folder?: string): Promise<FaultyServer> {
  const server = await startVersitygw(versitygw.command, folder === undefined ? {} : { folder });
  await server.createBucket('vault');
  const proxy = await startToxiproxy(toxiproxy.command, Number(new URL(server.endpoint).port));
  const { accessKeyId, secretAccessKey } = server.root;
  return {
    endpoint: server.endpoint,
    optionsOf: (repository, endpoint = `http://127.0.0.1:${proxy.port}`) => ({
      args: ['--repo', `s3://vault/${repository}`, '--endpoint', endpoint],
      environment: {
        AWS_ACCESS_KEY_ID: accessKeyId,
        AWS_SECRET_ACCESS_KEY: secretAccessKey,
        AWS_PROFILE: undefined,
      },
    }),
    async open(repository) {
      const { endpoint, region, root: credentials } = server;
      const settings = { bucket: 'vault', prefix: repository, endpoint, region, forcePathStyle: true };
      return bucketStorage(await openS3Bucket(settings, { credentials }));
    },
    setToxics: (...toxics) => proxy.set(...toxics),
    restart: () => server.restart(),
    async stop() {
      await proxy.stop();
      await server.stop();
    },
  };
}

async function startGcs(folder?: string): Promise<FaultyServer> {
  const port = await freePort();
  const proxy = await startToxiproxy(toxiproxy.command, port);
  const externalUrl = `http://127.0.0.1:${proxy.port}`;
  const options = { port, externalUrl, ...(folder === undefined ? {} : { folder }) };
  const server = await startFakeGcsServer(fakeGcs.command, options);
  await server.createBucket('vault');
  return {
    endpoint: server.endpoint,
    optionsOf: (repository, endpoint = externalUrl) => ({
      args: ['--repo', `gs://vault/${repository}`, '--endpoint', endpoint],
      environment: { GOOGLE_APPLICATION_CREDENTIALS: undefined },
    }),
    open: async (repository) =>
      bucketStorage(openGcsBucket({ bucket: 'vault', prefix: repository, endpoint: server.endpoint })),
    setToxics: (...toxics) => proxy.set(...toxics),
    restart: () => server.restart(),
    async stop() {
      await proxy.stop();
      await server.stop();
    },
  };
}

versitygw.describe('commands on a bucket of S3 through faults', () =>
  toxiproxy.describe('of the network and the server', () => describeFaults(startS3, true)),
);

fakeGcs.describe('commands on a bucket of Google Cloud Storage through faults', () =>
  toxiproxy.describe('of the network and the server', () => describeFaults(startGcs, true)),
);
