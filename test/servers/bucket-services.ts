/** Both services of buckets for tests that ask the same of each: how a Location names them, and how rclone does. */
import type { StorageIdentity } from '../../common/storage-identity.ts';
import type { RemoteLocationSettings } from '../../domain/action.ts';
import type { Bucket } from '../../storage/bucket.ts';
import { openBucket } from '../../storage/open-bucket.ts';
import type { StorageSurroundings } from '../../storage/storage-location.ts';
import { requirePeer, type Peer } from '../peers.ts';
import { startFakeGcsServer } from './fake-gcs-server.ts';
import { startVersitygw, type S3Server } from './versitygw.ts';

const BUCKET = 'vault';

export interface BucketService {
  /** Below a prefix of the one bucket that there is. */
  location(name: string, prefix: string): RemoteLocationSettings;
  /** The same, as a policy says it: one line of YAML. */
  yaml(prefix: string): string;
  /** Knows everybody. */
  surroundings: StorageSurroundings;
  identity: StorageIdentity | undefined;
  /** What the identity's secret is; absent: nobody is asked who it is. */
  accessKey?: string;
  open(prefix: string): Promise<Bucket>;
  /** How rclone names a prefix; the settings come from `rcloneEnvironment`. */
  remote(prefix: string): string;
  rcloneEnvironment: Record<string, string>;
  s3?: S3Server;
  stop(): Promise<void>;
}

export interface BucketKind {
  name: string;
  peer: Peer;
  start(): Promise<BucketService>;
}

const versitygw = requirePeer('versitygw');
const fakeGcs = requirePeer('fake-gcs-server');

export const BUCKET_KINDS: readonly BucketKind[] = [
  { name: 'S3', peer: versitygw, start: startS3 },
  { name: 'Google Cloud Storage', peer: fakeGcs, start: startGcs },
];

async function startS3(): Promise<BucketService> {
  const server = await startVersitygw(versitygw.command);
  await server.createBucket(BUCKET);
  const { endpoint, region, root } = server;
  const surroundings: StorageSurroundings = {
    environment: {},
    // A reference names the account.
    resolveSecret: async (reference) => {
      const name = 'env' in reference ? reference.env : '';
      return `${name}:${name === root.accessKeyId ? root.secretAccessKey : `${name}-secret`}`;
    },
  };
  const identity = { credentials: { env: root.accessKeyId } };
  const s3 = (prefix: string) => ({ bucket: BUCKET, prefix, endpoint, region, forcePathStyle: true });
  return {
    location: (name, prefix) => ({ name, s3: s3(prefix), identities: { writer: identity } }),
    yaml: (prefix) => `s3: ${JSON.stringify(s3(prefix))}`,
    surroundings,
    identity,
    accessKey: `${root.accessKeyId}:${root.secretAccessKey}`,
    open: (prefix) => openBucket({ s3: s3(prefix) }, '', identity, surroundings),
    remote: (prefix) => `:s3:${BUCKET}/${prefix}`,
    rcloneEnvironment: {
      AWS_ACCESS_KEY_ID: root.accessKeyId,
      AWS_SECRET_ACCESS_KEY: root.secretAccessKey,
      // rclone cannot use one that the surroundings name.
      AWS_CA_BUNDLE: '',
      RCLONE_S3_PROVIDER: 'Other',
      RCLONE_S3_ENV_AUTH: 'true',
      RCLONE_S3_ENDPOINT: endpoint,
      RCLONE_S3_REGION: region,
    },
    s3: server,
    stop: () => server.stop(),
  };
}

async function startGcs(): Promise<BucketService> {
  const server = await startFakeGcsServer(fakeGcs.command, { inMemory: true });
  await server.createBucket(BUCKET);
  const { endpoint } = server;
  const surroundings: StorageSurroundings = {
    environment: {},
    resolveSecret: () => Promise.reject(new Error('nobody is asked for a secret here')),
  };
  const gcs = (prefix: string) => ({ bucket: BUCKET, prefix, endpoint });
  return {
    location: (name, prefix) => ({ name, gcs: gcs(prefix) }),
    yaml: (prefix) => `gcs: ${JSON.stringify(gcs(prefix))}`,
    surroundings,
    identity: undefined,
    open: (prefix) => openBucket({ gcs: gcs(prefix) }, '', {}, surroundings),
    remote: (prefix) => `:gcs:${BUCKET}/${prefix}`,
    rcloneEnvironment: {
      RCLONE_GCS_ANONYMOUS: 'true',
      RCLONE_GCS_ENDPOINT: `${endpoint}/storage/v1/`,
      RCLONE_GCS_BUCKET_POLICY_ONLY: 'true',
    },
    stop: () => server.stop(),
  };
}
