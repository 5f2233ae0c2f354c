/** Opens a bucket for an identity: of the policies, or of the standard variables of AWS and Google. */
import { HoldfastError } from '../common/errors.ts';
import type { Bucket } from './bucket.ts';
import { refuseEndpointVariable } from './bucket-endpoint.ts';
import { joinPrefix } from './bucket-keys.ts';
import type { S3Credentials } from './s3-settings.ts';
import { silenceLimit } from './silence-limit.ts';
import type {
  GcsStorageLocation,
  S3StorageLocation,
  StorageIdentity,
  StorageSurroundings,
} from './storage-location.ts';

/**
 * The bucket, with a prefix that ends with `path`. Only the client of the service that is asked for is loaded. Throws Usage where
 * the environment would lead it to another service, and what resolving the secret throws.
 */
export async function openBucket(
  location: GcsStorageLocation | S3StorageLocation,
  path: string,
  identity: StorageIdentity,
  surroundings: StorageSurroundings,
): Promise<Bucket> {
  const { environment, resolveSecret, onRetry } = surroundings;
  const secret = identity.credentials === undefined ? undefined : await resolveSecret(identity.credentials);
  const { connections } = location.limits ?? {};
  const idleMilliseconds = silenceLimit(surroundings);
  const limits = {
    ...(connections === undefined ? {} : { connections }),
    ...(idleMilliseconds === undefined ? {} : { idleMilliseconds }),
    ...(onRetry === undefined ? {} : { onRetry }),
  };
  if (location.s3 !== undefined) {
    const region = location.s3.region ?? (environment['AWS_REGION'] || environment['AWS_DEFAULT_REGION'] || undefined);
    if (location.s3.endpoint === undefined) refuseEndpointVariable(`s3://${location.s3.bucket}`, 's3', environment);
    const credentials = secret === undefined ? variablesOf(environment) : parseAccessKey(secret);
    const { openS3Bucket } = await import('./s3.ts');
    return openS3Bucket(
      {
        ...location.s3,
        prefix: joinPrefix(location.s3.prefix ?? '', path),
        ...(region === undefined ? {} : { region }),
      },
      { ...limits, ...(credentials === undefined ? {} : { credentials }) },
    );
  }
  const { openGcsBucket } = await import('./gcs.ts');
  const keyFile = environment['GOOGLE_APPLICATION_CREDENTIALS'] || undefined;
  if (location.gcs.endpoint === undefined) refuseEndpointVariable(`gs://${location.gcs.bucket}`, 'gs', environment);
  return openGcsBucket(
    { ...location.gcs, prefix: joinPrefix(location.gcs.prefix ?? '', path) },
    {
      ...limits,
      ...(secret === undefined ? {} : { credentials: secret }),
      ...(secret !== undefined || keyFile === undefined ? {} : { keyFile }),
    },
  );
}

/** A profile that is named goes before keys in variables; profiles, roles and files are the client's own affair. */
function variablesOf(environment: StorageSurroundings['environment']): S3Credentials | undefined {
  const accessKeyId = environment['AWS_ACCESS_KEY_ID'] || undefined;
  const secretAccessKey = environment['AWS_SECRET_ACCESS_KEY'] || undefined;
  const sessionToken = environment['AWS_SESSION_TOKEN'] || undefined;
  if (environment['AWS_PROFILE'] || accessKeyId === undefined || secretAccessKey === undefined) return undefined;
  return { accessKeyId, secretAccessKey, ...(sessionToken === undefined ? {} : { sessionToken }) };
}

/** `ACCESS_KEY_ID:SECRET_ACCESS_KEY`; its text never goes into the error. */
function parseAccessKey(secret: string): S3Credentials {
  const [, accessKeyId, secretAccessKey] = /^([^:\s]+):(\S+)$/.exec(secret) ?? [];
  if (accessKeyId === undefined || secretAccessKey === undefined) {
    throw new HoldfastError(
      'Usage',
      'the credentials of the bucket are not of the form ACCESS_KEY_ID:SECRET_ACCESS_KEY',
      {
        hint: 'Put both into the secret, joined by a colon, on one line.',
      },
    );
  }
  return { accessKeyId, secretAccessKey };
}
