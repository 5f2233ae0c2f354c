/** Writes one object to Google Cloud Storage: at once, or by a resumable upload, and never over another one when that is refused. */
import { randomBytes } from 'node:crypto';
import { IntegrityError, StorageError, throwIfAborted } from '../common/errors.ts';
import { backOff, MAX_ATTEMPTS } from './backoff.ts';
import { mayPass } from './bucket-errors.ts';
import { crc32c, encodeCrc } from './crc32c.ts';
import { cutParts } from './cut-parts.ts';
import { parseAnswer, type GcsAnswer, type GcsClient } from './gcs-client.ts';
import { GcsResponseError, gcsStatusOf } from './gcs-errors.ts';
import type { BucketMetadata, PutOptions } from './bucket.ts';

/** What the service tells of an object; numbers come as text. */
export interface GcsObject {
  name?: string;
  size?: string;
  updated?: string;
  generation?: string;
  crc32c?: string;
  md5Hash?: string;
  metadata?: BucketMetadata;
}

export interface GcsTarget {
  client: GcsClient;
  bucket: string;
  key: string;
}

const MiB = 1024 * 1024;

/** Larger content is sent in pieces of this, so that a failure repeats little. A multiple of 256 KiB, as the service demands. */
const CHUNK_BYTES = 16 * MiB;

/** How long leftovers may take to be cleared away after a failure. */
const CLEANUP_MILLISECONDS = 15_000;

/** The service answers a cancelled upload with this. */
const CANCELLED = 499;

/** The path of an object, or of all of them. */
export function objectPath(bucket: string, key?: string): string {
  const objects = `/storage/v1/b/${encodeURIComponent(bucket)}/o`;
  return key === undefined ? objects : `${objects}/${encodeURIComponent(key)}`;
}

/** Throws the client's errors: 412 when the name is there and `existing` says `refuse`. */
export async function writeGcsObject(
  target: GcsTarget,
  content: Uint8Array | AsyncIterable<Uint8Array>,
  call: PutOptions,
): Promise<void> {
  if (content instanceof Uint8Array && content.length <= CHUNK_BYTES) return uploadAtOnce(target, content, call);
  const parts = cutParts(content instanceof Uint8Array ? single(content) : content, () => CHUNK_BYTES);
  try {
    const first = await parts.next();
    throwIfAborted(call.signal);
    if (first.done === true) throw new TypeError('there is always a first part');
    if (first.value.length < CHUNK_BYTES) return await uploadAtOnce(target, first.value, call);
    return await uploadResumably(target, first.value, parts, call);
  } finally {
    await parts.return();
  }
}

/** Metadata and bytes in one request; the service compares the CRC-32C before the object appears. */
async function uploadAtOnce({ client, bucket, key }: GcsTarget, content: Uint8Array, call: PutOptions): Promise<void> {
  const checksum = encodeCrc(crc32c(content));
  const boundary = randomBytes(24).toString('hex');
  const metadata = JSON.stringify({ ...described(key, call), crc32c: checksum });
  const head = `--${boundary}\r\ncontent-type: application/json\r\n\r\n${metadata}\r\n--${boundary}\r\ncontent-type: application/octet-stream\r\n\r\n`;
  try {
    await client.sendForJson<GcsObject>(
      {
        method: 'POST',
        url: `/upload${objectPath(bucket)}`,
        query: { uploadType: 'multipart', name: key, ...condition(call) },
        headers: { 'content-type': `multipart/related; boundary=${boundary}` },
        body: [Buffer.from(head), content, Buffer.from(`\r\n--${boundary}--\r\n`)],
      },
      call.signal,
    );
  } catch (error) {
    // An answer got lost, and the request was sent again: what is there may be its own work.
    const mayBeOurs = error instanceof GcsResponseError && error.status === 412 && error.attempts > 1;
    if (!mayBeOurs || !(await isStored({ client, bucket, key }, content.length, checksum, call.signal))) throw error;
  }
}

async function isStored({ client, bucket, key }: GcsTarget, size: number, checksum: string, signal?: AbortSignal) {
  const url = objectPath(bucket, key);
  const stored = await client.sendForJson<GcsObject>({ method: 'GET', url }, signal);
  return stored.size === String(size) && stored.crc32c === checksum;
}

async function uploadResumably(
  target: GcsTarget,
  first: Buffer,
  rest: AsyncIterator<Buffer, void>,
  call: PutOptions,
): Promise<void> {
  const { client } = target;
  const session = await beginSession(target, call);
  try {
    let [offset, sum] = [0, 0];
    for (let chunk = first; ;) {
      sum = crc32c(chunk, sum);
      // Only the last piece names the size of all.
      const next = await rest.next();
      throwIfAborted(call.signal);
      const end = offset + chunk.length;
      const piece = { chunk, offset, ...(next.done === true ? { total: end, checksum: encodeCrc(sum) } : {}) };
      const stored = await sendPiece(client, session, piece, call.signal);
      if (next.done === true) {
        await verify(target, stored, encodeCrc(sum));
        return;
      }
      offset = end;
      chunk = next.value;
    }
  } catch (error) {
    // Pieces of an upload that nobody finishes are never seen; they go now instead of in a week.
    await client
      .send(
        { method: 'DELETE', url: session, once: true, accept: [CANCELLED] },
        AbortSignal.timeout(CLEANUP_MILLISECONDS),
      )
      .catch(() => undefined);
    throw error;
  }
}

async function beginSession({ client, bucket, key }: GcsTarget, call: PutOptions): Promise<string> {
  const { headers } = await client.send(
    {
      method: 'POST',
      url: `/upload${objectPath(bucket)}`,
      query: { uploadType: 'resumable', name: key, ...condition(call) },
      headers: { 'content-type': 'application/json', 'x-upload-content-type': 'application/octet-stream' },
      body: [Buffer.from(JSON.stringify(described(key, call)))],
    },
    call.signal,
  );
  if (headers.location === undefined) throw new StorageError(`the service began no upload of gs://${bucket}/${key}`);
  return headers.location;
}

interface Piece {
  chunk: Buffer;
  /** Where the piece begins in the object. */
  offset: number;
  /** Of the last piece: the size and the CRC-32C of the whole object. */
  total?: number;
  checksum?: string;
}

/** Sends a piece until the service has all of it. The last one gives the finished object. */
async function sendPiece(
  client: GcsClient,
  session: string,
  piece: Piece,
  signal: AbortSignal | undefined,
): Promise<GcsObject | undefined> {
  const end = piece.offset + piece.chunk.length;
  let have = piece.offset;
  for (let failures = 0; ;) {
    let response: GcsAnswer;
    try {
      response = await client.send(pieceRequest(session, piece, have), signal);
    } catch (error) {
      throwIfAborted(signal);
      failures += 1;
      if (!mayPass(gcsStatusOf(error)) || failures >= MAX_ATTEMPTS) throw error;
      await backOff(failures, error, { ...client.told, signal });
      response = await askForProgress(client, session, piece.total, signal);
    }
    if (response.status !== 308) return parseAnswer<GcsObject>(response);
    const reached = persistedBytes(response);
    if (reached < piece.offset || reached > end)
      throw new StorageError(`the service has ${reached} bytes of an upload of which ${end} were sent`);
    if (reached > have) failures = 0;
    have = reached;
    if (have === end && piece.total === undefined) return undefined;
  }
}

function pieceRequest(session: string, { chunk, offset, total, checksum }: Piece, have: number) {
  const body = chunk.subarray(have - offset);
  const range = body.length === 0 ? '*' : `${have}-${offset + chunk.length - 1}`;
  return {
    method: 'PUT' as const,
    url: session,
    headers: {
      'content-range': `bytes ${range}/${total ?? '*'}`,
      ...(checksum === undefined ? {} : { 'x-goog-hash': `crc32c=${checksum}` }),
    },
    body: [body],
    once: true,
    accept: [308],
  };
}

/** After an answer got lost: 308 with what has arrived, or the finished object. */
function askForProgress(client: GcsClient, session: string, total: number | undefined, signal?: AbortSignal) {
  const headers = { 'content-range': `bytes */${total ?? '*'}` };
  return client.send({ method: 'PUT', url: session, headers, accept: [308] }, signal);
}

function persistedBytes({ headers }: GcsAnswer): number {
  const last = /^bytes=0-(\d+)$/.exec(String(headers.range ?? ''))?.[1];
  return last === undefined ? 0 : Number(last) + 1;
}

/** The service compared the sum already; should it not have, exactly what was written goes, and nothing else. */
async function verify(
  { client, bucket, key }: GcsTarget,
  stored: GcsObject | undefined,
  checksum: string,
): Promise<void> {
  if (stored?.crc32c === undefined || stored.crc32c === checksum) return;
  const query = { ifGenerationMatch: stored.generation ?? '0' };
  const request = { method: 'DELETE', url: objectPath(bucket, key), query, accept: [404, 412] } as const;
  await client.send(request, AbortSignal.timeout(CLEANUP_MILLISECONDS));
  throw new IntegrityError(`gs://${bucket}/${key} did not arrive as it was sent: its CRC-32C is another`, {
    hint: 'Run it again; what had arrived was removed.',
    retryable: true,
  });
}

/** What the service is told of an object besides its bytes. */
function described(name: string, { metadata }: PutOptions): GcsObject {
  return { name, ...(metadata === undefined ? {} : { metadata }) };
}

function condition(call: PutOptions): Record<string, string> {
  return call.existing === 'refuse' ? { ifGenerationMatch: '0' } : {};
}

async function* single(content: Uint8Array): AsyncGenerator<Uint8Array> {
  yield content;
}
