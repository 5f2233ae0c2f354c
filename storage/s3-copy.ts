/** Copies an object within a bucket of S3 by the service itself, with its metadata or with other: also one that is too large for one request. */
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateMultipartUploadCommand,
  HeadObjectCommand,
  UploadPartCopyCommand,
  type CompletedPart,
  type HeadObjectCommandOutput,
  type S3Client,
} from '@aws-sdk/client-s3';
import { forEachConcurrently } from '../common/concurrency.ts';
import { StorageError } from '../common/errors.ts';
import type { BucketMetadata, BucketObject } from './bucket.ts';
import { httpStatusOf } from './s3-errors.ts';
import type { S3CopyLimits } from './s3-settings.ts';
import { CLEANUP_MILLISECONDS } from './s3-upload.ts';

export interface S3CopyTarget {
  client: S3Client;
  bucket: string;
  key: string;
  limits: S3CopyLimits;
}

type SendOptions = { abortSignal?: AbortSignal };

const CONCURRENT_PARTS = 4;

/** With its metadata. Throws the client's own errors. */
export async function copyS3Object(target: S3CopyTarget, from: BucketObject, send: SendOptions): Promise<void> {
  const { client, bucket: Bucket, key: Key, limits } = target;
  if (from.sizeBytes > limits.largestBytes) {
    const head = await client.send(new HeadObjectCommand({ Bucket, Key: from.key }), send);
    const source = { key: from.key, head, metadata: head.Metadata ?? {} };
    return unlessReplaced(`s3://${Bucket}/${from.key} was replaced while it was copied`, () =>
      copyParts(target, source, send),
    );
  }
  await client.send(new CopyObjectCommand({ Bucket, Key, CopySource: sourceOf(Bucket, from.key) }), send);
}

/** Copies the object onto itself: nothing else changes the metadata of one. `head`: what it is now. */
export async function replaceS3Metadata(
  target: S3CopyTarget,
  head: HeadObjectCommandOutput,
  metadata: BucketMetadata,
  send: SendOptions,
): Promise<void> {
  const { client, bucket: Bucket, key: Key, limits } = target;
  await unlessReplaced(`s3://${Bucket}/${Key} was replaced while its metadata was changed`, async () => {
    if ((head.ContentLength ?? 0) > limits.largestBytes) return copyParts(target, { key: Key, head, metadata }, send);
    const command = new CopyObjectCommand({
      ...keptHeaders(head),
      Bucket,
      Key,
      CopySource: sourceOf(Bucket, Key),
      ...(head.ETag === undefined ? {} : { CopySourceIfMatch: head.ETag }),
      MetadataDirective: 'REPLACE',
      Metadata: metadata,
    });
    await client.send(command, send);
  });
}

/** The condition that does not hold is that the source is the version that was seen. */
async function unlessReplaced(message: string, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (httpStatusOf(error) !== 412) throw error;
    throw new StorageError(message, { cause: error });
  }
}

async function copyParts(
  { client, bucket: Bucket, key: Key, limits: { partBytes } }: S3CopyTarget,
  { key, head, metadata }: { key: string; head: HeadObjectCommandOutput; metadata: BucketMetadata },
  send: SendOptions,
): Promise<void> {
  const { ContentLength: size = 0, ETag: etag } = head;
  const created = { ...keptHeaders(head), Bucket, Key, Metadata: metadata };
  const { UploadId } = await client.send(new CreateMultipartUploadCommand(created), send);
  const upload = { Bucket, Key, UploadId };
  const source = { CopySource: sourceOf(Bucket, key), ...(etag === undefined ? {} : { CopySourceIfMatch: etag }) };
  const parts: CompletedPart[] = [];
  try {
    const numbers = Array.from({ length: Math.ceil(size / partBytes) }, (_, index) => index + 1);
    await forEachConcurrently(numbers, CONCURRENT_PARTS, async (PartNumber) => {
      const end = Math.min(PartNumber * partBytes, size) - 1;
      const CopySourceRange = `bytes=${(PartNumber - 1) * partBytes}-${end}`;
      const command = new UploadPartCopyCommand({ ...upload, ...source, PartNumber, CopySourceRange });
      const { CopyPartResult } = await client.send(command, send);
      parts.push({ PartNumber, ETag: CopyPartResult?.ETag });
    });
    const Parts = parts.toSorted((a, b) => a.PartNumber! - b.PartNumber!);
    await client.send(new CompleteMultipartUploadCommand({ ...upload, MultipartUpload: { Parts } }), send);
  } catch (error) {
    // A failure here must not hide the first one.
    const abortSignal = AbortSignal.timeout(CLEANUP_MILLISECONDS);
    await client.send(new AbortMultipartUploadCommand(upload), { abortSignal }).catch(() => undefined);
    throw error;
  }
}

/** As a header has it. */
function sourceOf(bucket: string, key: string): string {
  return `${bucket}/${key.split('/').map(encodeURIComponent).join('/')}`;
}

/** What a copy with other metadata must be told again. */
function keptHeaders(head: HeadObjectCommandOutput) {
  const { ContentType, CacheControl, ContentDisposition, ContentEncoding, ContentLanguage, StorageClass } = head;
  const headers = { ContentType, CacheControl, ContentDisposition, ContentEncoding, ContentLanguage, StorageClass };
  return Object.fromEntries(Object.entries(headers).filter(([, value]) => value !== undefined)) as Partial<
    Pick<HeadObjectCommandOutput, keyof typeof headers>
  >;
}
