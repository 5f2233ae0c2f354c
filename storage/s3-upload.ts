/** Writes one object to S3: at once, or in parts when its length is not known, and never over another one when that is refused. */
import { crc32 } from 'node:zlib';
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  PutObjectCommand,
  UploadPartCommand,
  type CompletedPart,
  type S3Client,
} from '@aws-sdk/client-s3';
import { forEachConcurrently } from '../common/concurrency.ts';
import { throwIfAborted } from '../common/errors.ts';
import type { OnRetry } from '../common/progress.ts';
import { backOff, MAX_ATTEMPTS } from './backoff.ts';
import { encodeCrc } from './crc32c.ts';
import { cutParts } from './cut-parts.ts';
import { attemptsOf, httpStatusOf, isObstructed } from './s3-errors.ts';
import { LARGEST_PUT_BYTES } from './s3-settings.ts';
import type { PutOptions } from './bucket.ts';

export interface S3Target {
  client: S3Client;
  bucket: string;
  key: string;
  /** An earlier request, of which no answer came, may have stored the very content. */
  isUnheard: boolean;
  onRetry: OnRetry | undefined;
  /** What is stored under the key now. */
  readBack(signal?: AbortSignal): Promise<AsyncIterable<Uint8Array> | undefined>;
}

/** What was sent: enough to know it again. */
interface SentContent {
  sizeBytes: number;
  crc: number;
}

const MiB = 1024 * 1024;

const CONCURRENT_PARTS = 3;

/** How long leftovers may take to be cleared away after a failure. */
export const CLEANUP_MILLISECONDS = 15_000;

/**
 * S3 takes 10,000 parts. They grow, so that small streams need little memory (32 MiB) and large ones find room (336 GiB,
 * with 192 MiB of memory). What is longer than that ends with the service's refusal of the next part.
 */
function partSize(number: number): number {
  if (number <= 1000) return 8 * MiB;
  return number <= 5000 ? 24 * MiB : 48 * MiB;
}

/** Throws the client's own errors: 412 when the name is there and `existing` says `refuse`. */
export async function writeS3Object(
  target: S3Target,
  content: Uint8Array | AsyncIterable<Uint8Array>,
  call: PutOptions,
): Promise<void> {
  if (content instanceof Uint8Array) {
    if (content.length <= LARGEST_PUT_BYTES) return putObject(target, content, call);
    return putParts(target, cutParts(single(content), partSize), call);
  }
  const parts = cutParts(content, partSize);
  try {
    const first = await parts.next();
    if (first.done !== true && first.value.length < partSize(1)) {
      throwIfAborted(call.signal);
      return await putObject(target, first.value, call);
    }
    return await putParts(target, withFirst(first, parts), call);
  } finally {
    await parts.return();
  }
}

async function putObject(target: S3Target, content: Uint8Array, call: PutOptions) {
  const { client, bucket, key } = target;
  const crc = crc32(content);
  const command = {
    Bucket: bucket,
    Key: key,
    Body: content,
    ContentLength: content.length,
    ChecksumCRC32: encodeCrc(crc),
    ...described(call),
    ...condition(call),
  };
  const send = (): Promise<unknown> => client.send(new PutObjectCommand(command), sendOptions(call.signal));
  await refusingOnlyOthers(call, { sizeBytes: content.length, crc }, target, send);
}

async function putParts(target: S3Target, parts: AsyncIterable<Uint8Array>, call: PutOptions): Promise<void> {
  const { client, bucket, key } = target;
  const place = { Bucket: bucket, Key: key };
  const { UploadId } = await client.send(
    new CreateMultipartUploadCommand({ ...place, ...described(call), ChecksumAlgorithm: 'CRC32' }),
    sendOptions(call.signal),
  );
  const upload = { ...place, UploadId };
  try {
    const { completed, sent } = await sendParts(client, upload, parts, call.signal);
    const command = { ...upload, MultipartUpload: { Parts: completed }, ...condition(call) };
    await refusingOnlyOthers(call, sent, { ...target, isUnheard: false }, () =>
      client.send(new CompleteMultipartUploadCommand(command), sendOptions(call.signal)),
    );
  } catch (error) {
    // Parts of an upload that nobody finishes are paid for, and never seen. A failure here must not hide the first one.
    const signal = AbortSignal.timeout(CLEANUP_MILLISECONDS);
    await client.send(new AbortMultipartUploadCommand(upload), sendOptions(signal)).catch(() => undefined);
    throw error;
  }
}

async function sendParts(
  client: S3Client,
  upload: { Bucket: string; Key: string; UploadId: string | undefined },
  parts: AsyncIterable<Uint8Array>,
  outer: AbortSignal | undefined,
): Promise<{ completed: CompletedPart[]; sent: SentContent }> {
  const completed: CompletedPart[] = [];
  const sent: SentContent = { sizeBytes: 0, crc: 0 };
  const failed = new AbortController();
  const signal = outer === undefined ? failed.signal : AbortSignal.any([outer, failed.signal]);
  let number = 0;
  await forEachConcurrently(parts, CONCURRENT_PARTS, async (part) => {
    throwIfAborted(outer);
    const PartNumber = (number += 1);
    sent.sizeBytes += part.length;
    sent.crc = crc32(part, sent.crc);
    const ChecksumCRC32 = encodeCrc(crc32(part));
    const command = { ...upload, PartNumber, Body: part, ContentLength: part.length, ChecksumCRC32 };
    try {
      const { ETag } = await client.send(new UploadPartCommand(command), sendOptions(signal));
      completed.push({ PartNumber, ETag, ChecksumCRC32 });
    } catch (error) {
      failed.abort();
      throw error;
    }
  });
  throwIfAborted(outer);
  completed.sort((a, b) => (a.PartNumber ?? 0) - (b.PartNumber ?? 0));
  return { completed, sent };
}

/**
 * Sends the request that makes the object appear. When an answer got lost and the client sent it again, "exists already"
 * (412), or an upload that is gone (404), may be the echo of a success: what is stored tells. A conflict with another
 * writer (409) is tried again, because it says nothing about who won.
 */
async function refusingOnlyOthers(
  call: PutOptions,
  sent: SentContent,
  { bucket, readBack, onRetry, isUnheard }: Pick<S3Target, 'bucket' | 'readBack' | 'onRetry' | 'isUnheard'>,
  send: () => Promise<unknown>,
): Promise<void> {
  for (let failures = 1; ; failures += 1) {
    try {
      await send();
      if (failures > 1) onRetry?.(undefined);
      return;
    } catch (error) {
      const status = httpStatusOf(error);
      const repeated = attemptsOf(error) > 1 || failures > 1 || isUnheard;
      if (repeated && (status === 412 || (error as Error).name === 'NoSuchUpload')) {
        if (await isStored(sent, await readBack(call.signal))) return;
        throw error;
      }
      if (status !== 409 || isObstructed(error) || failures >= MAX_ATTEMPTS) throw error;
      await backOff(failures, error, { signal: call.signal, onRetry, place: `s3://${bucket}` });
    }
  }
}

async function isStored(sent: SentContent, stored: AsyncIterable<Uint8Array> | undefined): Promise<boolean> {
  const found: SentContent = { sizeBytes: 0, crc: 0 };
  for await (const piece of stored ?? []) {
    found.sizeBytes += piece.length;
    found.crc = crc32(piece, found.crc);
    if (found.sizeBytes > sent.sizeBytes) return false;
  }
  return found.sizeBytes === sent.sizeBytes && found.crc === sent.crc;
}

function described({ metadata }: PutOptions): { Metadata?: Record<string, string> } {
  return metadata === undefined ? {} : { Metadata: { ...metadata } };
}

function condition(call: PutOptions): { IfNoneMatch?: '*' } {
  return call.existing === 'refuse' ? { IfNoneMatch: '*' } : {};
}

function sendOptions(signal: AbortSignal | undefined): { abortSignal?: AbortSignal } {
  return signal === undefined ? {} : { abortSignal: signal };
}

async function* single(content: Uint8Array): AsyncGenerator<Uint8Array> {
  yield content;
}

async function* withFirst(
  first: IteratorResult<Uint8Array, void>,
  rest: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  if (first.done !== true) yield first.value;
  yield* rest;
}
