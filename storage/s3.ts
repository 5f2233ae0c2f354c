/** The S3 backend: objects of a bucket below a prefix, on any service that speaks S3. */
import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { crc32 } from 'node:zlib';
import {
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  type GetObjectCommandOutput,
  type S3Client,
} from '@aws-sdk/client-s3';
import { IntegrityError, NotFoundError, StorageError, throwIfAborted } from '../common/errors.ts';
import type { StorageVerb } from './bucket-errors.ts';
import { bucketKeys } from './bucket-keys.ts';
import { encodeCrc } from './crc32c.ts';
import { collectBody, resumeBody } from './resume-body.ts';
import { createS3Agents, createS3Client, type S3Options, type S3Settings } from './s3-client.ts';
import { httpStatusOf, translateS3Error } from './s3-errors.ts';
import { createS3Putter, type S3Putter } from './s3-put.ts';
import { probeS3Rights } from './s3-rights.ts';
import { writeS3Object } from './s3-upload.ts';
import type { ByteRange, CallOptions, ObjectEntry, Storage, StorageRights, WriteOptions } from './storage.ts';

/**
 * The storage below `settings.prefix`. The bucket must exist. `existing: 'refuse'` is decided by the service
 * (`If-None-Match`), which also compares the CRC-32 of what arrives. Nothing is asked before the first call.
 */
export async function openS3Storage(settings: S3Settings, options: S3Options = {}): Promise<Storage> {
  const agents = createS3Agents(options);
  const client = await createS3Client(settings, options, agents);
  const { bucket, prefix = '', endpoint, forcePathStyle } = settings;
  const isPlain = endpoint !== undefined && forcePathStyle === true;
  return new S3Storage(client, bucket, prefix, isPlain ? createS3Putter(client, bucket, endpoint, agents) : undefined);
}

class S3Storage implements Storage {
  readonly description: string;
  readonly capabilities = { atomicWrites: true };
  readonly #client: S3Client;
  readonly #bucket: string;
  readonly #put: S3Putter | undefined;
  readonly #keys: ReturnType<typeof bucketKeys>;

  constructor(client: S3Client, bucket: string, prefix: string, put: S3Putter | undefined) {
    this.#client = client;
    this.#put = put;
    this.#bucket = bucket;
    this.#keys = bucketKeys(prefix);
    this.description = `s3://${[bucket, prefix].filter((part) => part !== '').join('/')}`;
  }

  /** Pages of a thousand, in the order of the keys' UTF-8 bytes, as the service promises. */
  async *list(prefix: string, call: CallOptions = {}): AsyncGenerator<ObjectEntry, void, void> {
    const Prefix = this.#keys.prefixOf(prefix);
    let token: string | undefined;
    do {
      const page = await this.#guard('list', `s3://${this.#bucket}/${Prefix}`, call, (send) =>
        this.#client.send(
          new ListObjectsV2Command({
            Bucket: this.#bucket,
            Prefix,
            ...(token === undefined ? {} : { ContinuationToken: token }),
          }),
          send,
        ),
      );
      for (const { Key = '', Size = 0, LastModified = new Date(0) } of page.Contents ?? []) {
        throwIfAborted(call.signal);
        const name = this.#keys.nameOf(Key);
        if (name !== undefined) yield { name, sizeBytes: Size, modifiedAt: LastModified };
      }
      token = page.IsTruncated === true ? page.NextContinuationToken : undefined;
    } while (token !== undefined);
  }

  async read(name: string, range?: ByteRange, call: CallOptions = {}): Promise<Buffer> {
    const key = this.#keys.keyOf(name);
    if (range?.length === 0) {
      await this.#head(key, call);
      return Buffer.alloc(0);
    }
    const opened = await this.#open(key, range, call);
    return opened === undefined ? Buffer.alloc(0) : collectBody(opened.pieces, opened.sizeBytes);
  }

  async openRead(name: string, call: CallOptions = {}): Promise<Readable> {
    const opened = await this.#open(this.#keys.keyOf(name), undefined, call);
    return Readable.from(opened?.pieces ?? [], { objectMode: false });
  }

  async write(name: string, content: Uint8Array | AsyncIterable<Uint8Array>, call: WriteOptions = {}): Promise<void> {
    const key = this.#keys.keyOf(name);
    throwIfAborted(call.signal);
    const target = {
      client: this.#client,
      bucket: this.#bucket,
      key,
      put: this.#put,
      readBack: async (signal?: AbortSignal) => (await this.#open(key, undefined, signal ? { signal } : {}))?.pieces,
    };
    try {
      await writeS3Object(target, content, call);
    } catch (error) {
      throw translateS3Error(error, 'write', this.#placeOf(key), call.signal);
    }
  }

  /** Deleting what is not there is a success for S3, so that it is looked up before. */
  async remove(name: string, call: CallOptions = {}): Promise<void> {
    const key = this.#keys.keyOf(name);
    await this.#head(key, call);
    await this.#guard('remove', this.#placeOf(key), call, (send) =>
      this.#client.send(new DeleteObjectCommand({ Bucket: this.#bucket, Key: key }), send),
    );
  }

  async stat(name: string, call: CallOptions = {}): Promise<ObjectEntry | undefined> {
    try {
      const head = await this.#head(this.#keys.keyOf(name), call);
      return { name, sizeBytes: head.ContentLength ?? 0, modifiedAt: head.LastModified ?? new Date(0) };
    } catch (error) {
      if (error instanceof NotFoundError) return undefined;
      throw error;
    }
  }

  probeRights(call: CallOptions = {}): Promise<StorageRights> {
    const key = this.#keys.keyOf(`.probe-${randomBytes(12).toString('hex')}`);
    return this.#guard('read', this.#placeOf(key), call, (send) =>
      probeS3Rights(this.#client, { Bucket: this.#bucket, Key: key }, send),
    );
  }

  async close(): Promise<void> {
    this.#client.destroy();
  }

  #head(key: string, call: CallOptions) {
    return this.#guard('read', this.#placeOf(key), call, (send) =>
      this.#client.send(new HeadObjectCommand({ Bucket: this.#bucket, Key: key }), send),
    );
  }

  /** undefined: the range begins behind the end. Bytes of a whole object are compared with its checksum, if it has one. */
  async #open(
    key: string,
    range: ByteRange | undefined,
    call: CallOptions,
  ): Promise<{ pieces: AsyncIterable<Buffer>; sizeBytes: number } | undefined> {
    const place = this.#placeOf(key);
    const translate = (error: unknown): Error => translateS3Error(error, 'read', place, call.signal);
    const start = range?.offset ?? 0;
    const get = (offset: number, etag?: string) =>
      this.#get(key, offset, start + (range?.length ?? Infinity), etag, call);
    let first: GetObjectCommandOutput;
    try {
      throwIfAborted(call.signal);
      first = await get(start);
    } catch (error) {
      if (httpStatusOf(error) === 416) return undefined;
      throw translate(error);
    }
    const sizeBytes = first.ContentLength ?? 0;
    const pieces = resumeBody(
      {
        body: first.Body as Readable,
        sizeBytes,
        // The tag makes sure that the rest is of the same bytes, not of what replaced them meanwhile.
        from: async (done) => {
          try {
            return (await get(start + done, first.ETag)).Body as Readable;
          } catch (error) {
            if (httpStatusOf(error) === 412) throw new StorageError(`${place} was replaced while it was read`);
            throw translate(error);
          }
        },
        translate,
      },
      call.signal,
    );
    const wanted = range === undefined ? wholeChecksum(first) : undefined;
    return { pieces: wanted === undefined ? pieces : verified(pieces, wanted, place), sizeBytes };
  }

  async #get(key: string, offset: number, end: number, etag: string | undefined, call: CallOptions) {
    const last = end === Infinity ? '' : end - 1;
    const response = await this.#client.send(
      new GetObjectCommand({
        Bucket: this.#bucket,
        Key: key,
        ...(offset === 0 && end === Infinity ? { ChecksumMode: 'ENABLED' } : { Range: `bytes=${offset}-${last}` }),
        ...(etag === undefined ? {} : { IfMatch: etag }),
      }),
      sendOptions(call),
    );
    const partial = response.ContentRange?.startsWith(`bytes ${offset}-`) ?? offset === 0;
    if (!partial) {
      (response.Body as Readable).destroy();
      throw new IntegrityError(`the service of ${this.#placeOf(key)} does not send the range that it is asked for`);
    }
    return response;
  }

  async #guard<Result>(
    verb: StorageVerb,
    what: string,
    call: CallOptions,
    send: (options: { abortSignal?: AbortSignal }) => Promise<Result>,
  ): Promise<Result> {
    throwIfAborted(call.signal);
    try {
      return await send(sendOptions(call));
    } catch (error) {
      throw translateS3Error(error, verb, what, call.signal);
    }
  }

  #placeOf(key: string): string {
    return `s3://${this.#bucket}/${key}`;
  }
}

function sendOptions({ signal }: CallOptions): { abortSignal?: AbortSignal } {
  return signal === undefined ? {} : { abortSignal: signal };
}

/** The CRC-32 of a whole object; of one that was sent in parts there is only a checksum of checksums. */
function wholeChecksum({ ChecksumCRC32: checksum }: GetObjectCommandOutput): string | undefined {
  return checksum === undefined || checksum.includes('-') ? undefined : checksum;
}

async function* verified(pieces: AsyncIterable<Buffer>, wanted: string, place: string): AsyncGenerator<Buffer> {
  let sum = 0;
  for await (const piece of pieces) {
    sum = crc32(piece, sum);
    yield piece;
  }
  if (encodeCrc(sum) !== wanted) {
    throw new IntegrityError(`${place} does not have the bytes that were stored: its CRC-32 is another`, {
      hint: 'Run it again; if it stays, the object is damaged: bring it back from a copy.',
    });
  }
}
