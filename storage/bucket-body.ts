/** The bytes of a bucket's object: asked for again where they broke off, of the very same object, and compared with its checksum. */
import { Readable } from 'node:stream';
import { IntegrityError, StorageError } from '../common/errors.ts';
import type { OnRetry } from '../common/progress.ts';
import type { BucketMetadata, OpenedObject } from './bucket.ts';
import { encodeCrc } from './crc32c.ts';
import { resumeBody } from './resume-body.ts';
import type { ByteRange, CallOptions } from './storage.ts';

export interface BodyAnswer {
  body: Readable;
  sizeBytes: number;
  version: string | undefined;
  metadata: BucketMetadata;
  /** Of the whole object, if the service has one. */
  checksum: BodyChecksum | undefined;
}

export interface BodyChecksum {
  /** `CRC-32C` */
  name: string;
  /** In base64. */
  wanted: string;
  next: (piece: Uint8Array, previous: number) => number;
}

export interface BodyRequest {
  /** For messages: `s3://bucket/key`. */
  place: string;
  /**
   * Asks for the bytes from `offset` to `end` (Infinity: all that are there). `beyond`: the object ends before the offset;
   * `replaced`: it is no longer the version that is wanted.
   */
  get(offset: number, end: number, version: string | undefined): Promise<BodyAnswer | 'beyond' | 'replaced'>;
  /** The contract's error for a failure that stays. */
  translate(error: unknown): Error;
  onRetry?: OnRetry | undefined;
}

/** undefined: the range begins behind the end. */
export async function openBody(
  { place, get, translate, onRetry }: BodyRequest,
  range: ByteRange | undefined,
  { signal }: CallOptions,
): Promise<OpenedObject | undefined> {
  const start = range?.offset ?? 0;
  const end = start + (range?.length ?? Infinity);
  const first = await get(start, end, undefined);
  if (first === 'beyond') return undefined;
  if (first === 'replaced') throw replaced(place);
  const pieces = resumeBody(
    {
      body: first.body,
      sizeBytes: first.sizeBytes,
      // The version makes sure that the rest is of the same bytes, not of what replaced them meanwhile.
      from: async (done) => {
        const rest = await get(start + done, end, first.version);
        if (typeof rest === 'string') throw replaced(place);
        return rest.body;
      },
      translate,
      onRetry,
    },
    signal,
  );
  const { sizeBytes, metadata, checksum } = first;
  const isVerified = range === undefined && checksum !== undefined;
  const discard = (): void => void first.body.destroy();
  return { pieces: isVerified ? verified(pieces, checksum, place) : pieces, sizeBytes, metadata, discard };
}

function replaced(place: string): StorageError {
  return new StorageError(`${place} was replaced while it was read`);
}

async function* verified(
  pieces: AsyncIterable<Buffer>,
  { name, wanted, next }: BodyChecksum,
  place: string,
): AsyncGenerator<Buffer> {
  let sum = 0;
  for await (const piece of pieces) {
    sum = next(piece, sum);
    yield piece;
  }
  if (encodeCrc(sum) !== wanted) {
    throw new IntegrityError(`${place} does not have the bytes that were stored: its ${name} is another`, {
      hint: 'Run it again; if it stays, the object is damaged: bring it back from a copy.',
    });
  }
}

/** For a service that answers with other bytes than it was asked for. */
export function wrongRange(place: string): IntegrityError {
  return new IntegrityError(`the service of ${place} does not send the range that it is asked for`);
}

/** The object's bytes; whoever ends the stream early ends the download. undefined: none. */
export function openedStream(opened: OpenedObject | undefined): Readable {
  const stream = Readable.from(opened?.pieces ?? [], { objectMode: false });
  return stream.once('close', () => opened?.discard());
}
