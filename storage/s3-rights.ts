/** What an identity may do in a bucket of S3, asked so that even a service which ignores conditions changes nothing of ours. */
import { DeleteObjectCommand, PutObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { httpStatusOf } from './s3-errors.ts';
import type { StorageRights } from './storage.ts';

/**
 * Uploads content under a name that is not there, with the checksum of other content: a service looks at the rights
 * first (403), and else at the checksum (400). Deletes the same name: what is not there is deleted by who may delete.
 */
export async function probeS3Rights(
  client: S3Client,
  place: { Bucket: string; Key: string },
  send: { abortSignal?: AbortSignal },
): Promise<StorageRights> {
  const wrong = { Body: 'probe', ContentLength: 5, ChecksumCRC32: 'AAAAAA==' };
  const write = await isAllowed(() => client.send(new PutObjectCommand({ ...place, ...wrong }), send));
  const remove = await isAllowed(() => client.send(new DeleteObjectCommand(place), send));
  return { write, remove };
}

async function isAllowed(ask: () => Promise<unknown>): Promise<boolean> {
  try {
    await ask();
    return true;
  } catch (error) {
    const status = httpStatusOf(error);
    if (status === 403) return false;
    if (status === 400 || status === 404 || status === 412) return true;
    throw error;
  }
}
