/** The backend of buckets: the Storage contract on the objects below a bucket's prefix. */
import { randomBytes } from 'node:crypto';
import type { Readable } from 'node:stream';
import { NotFoundError } from '../common/errors.ts';
import type { Bucket, BucketObject } from './bucket.ts';
import { openedStream } from './bucket-body.ts';
import { bucketKeys } from './bucket-keys.ts';
import { guarded } from './guarded.ts';
import { collectBody } from './resume-body.ts';
import type { ByteRange, CallOptions, ObjectEntry, Storage, StorageRights, WriteOptions } from './storage.ts';

/** Nothing is asked before the first call. Closing it closes the bucket. */
export function bucketStorage(bucket: Bucket): Storage {
  return guarded(new BucketStorage(bucket));
}

class BucketStorage implements Storage {
  readonly description: string;
  readonly capabilities = { atomicWrites: true };
  readonly #bucket: Bucket;
  readonly #keys: ReturnType<typeof bucketKeys>;

  constructor(bucket: Bucket) {
    this.description = describeBucket(bucket);
    this.#bucket = bucket;
    this.#keys = bucketKeys(bucket.prefix);
  }

  async *list(prefix: string, call: CallOptions = {}): AsyncGenerator<ObjectEntry, void, void> {
    for await (const object of this.#bucket.list(this.#keys.prefixOf(prefix), call)) {
      const name = this.#keys.nameOf(object.key);
      if (name !== undefined) yield toEntry(name, object);
    }
  }

  async read(name: string, range?: ByteRange, call: CallOptions = {}): Promise<Buffer> {
    if (range?.length === 0) {
      await this.#require(name, call);
      return Buffer.alloc(0);
    }
    const opened = await this.#bucket.get(this.#keys.keyOf(name), range, call);
    return opened === undefined ? Buffer.alloc(0) : collectBody(opened.pieces, opened.sizeBytes);
  }

  async openRead(name: string, call: CallOptions = {}): Promise<Readable> {
    return openedStream(await this.#bucket.get(this.#keys.keyOf(name), undefined, call));
  }

  async write(name: string, content: Uint8Array | AsyncIterable<Uint8Array>, call: WriteOptions = {}): Promise<void> {
    await this.#bucket.put(this.#keys.keyOf(name), content, call);
  }

  async remove(name: string, call: CallOptions = {}): Promise<void> {
    if (!this.#bucket.knowsWhatItRemoves) await this.#require(name, call);
    await this.#bucket.remove(this.#keys.keyOf(name), call);
  }

  async stat(name: string, call: CallOptions = {}): Promise<ObjectEntry | undefined> {
    const object = await this.#bucket.head(this.#keys.keyOf(name), call);
    return object && toEntry(name, object);
  }

  async probeRights(call: CallOptions = {}): Promise<StorageRights> {
    return this.#bucket.probeRights(this.#keys.keyOf(`.probe-${randomBytes(12).toString('hex')}`), call);
  }

  async close(): Promise<void> {
    this.#bucket.close();
  }

  async #require(name: string, call: CallOptions): Promise<void> {
    const key = this.#keys.keyOf(name);
    if ((await this.#bucket.head(key, call)) !== undefined) return;
    throw new NotFoundError(`${this.#bucket.name}/${key} does not exist`);
  }
}

/** For messages: `s3://vault/prefix`. */
export function describeBucket({ name, prefix }: Bucket): string {
  return prefix === '' ? name : `${name}/${prefix}`;
}

function toEntry(name: string, { sizeBytes, modifiedAt }: BucketObject): ObjectEntry {
  return { name, sizeBytes, modifiedAt };
}
