/** The backend of Google Cloud Storage: objects of a bucket below a prefix. */
import { Readable } from 'node:stream';
import { HoldfastError, IntegrityError, NotFoundError, StorageError, throwIfAborted } from '../common/errors.ts';
import type { StorageVerb } from './bucket-errors.ts';
import { bucketKeys } from './bucket-keys.ts';
import { crc32c, encodeCrc } from './crc32c.ts';
import { GcsClient, readText, type GcsOptions, type GcsResponse, type GcsSettings } from './gcs-client.ts';
import { GcsResponseError, translateGcsError } from './gcs-errors.ts';
import { objectPath, writeGcsObject, type GcsObject } from './gcs-upload.ts';
import { collectBody, resumeBody } from './resume-body.ts';
import type { ByteRange, CallOptions, ObjectEntry, Storage, StorageRights, WriteOptions } from './storage.ts';

/**
 * The storage below `settings.prefix`. The bucket must exist; access to it is uniform: no object gets rules of its own.
 * `existing: 'refuse'` is decided by the service (`ifGenerationMatch=0`), which also compares the CRC-32C of what
 * arrives. Nothing is asked before the first call. Throws Usage for credentials that are none.
 */
export function openGcsStorage(settings: GcsSettings, options: GcsOptions = {}): Storage {
  return new GcsStorage(new GcsClient(settings, options), settings.bucket, settings.prefix ?? '');
}

class GcsStorage implements Storage {
  readonly description: string;
  readonly capabilities = { atomicWrites: true };
  readonly #client: GcsClient;
  readonly #bucket: string;
  readonly #keys: ReturnType<typeof bucketKeys>;

  constructor(client: GcsClient, bucket: string, prefix: string) {
    this.#client = client;
    this.#bucket = bucket;
    this.#keys = bucketKeys(prefix);
    this.description = `gs://${[bucket, prefix].filter((part) => part !== '').join('/')}`;
  }

  /** Pages of a thousand, in the order of the names' UTF-8 bytes, as the service promises. */
  async *list(prefix: string, call: CallOptions = {}): AsyncGenerator<ObjectEntry, void, void> {
    const wanted = this.#keys.prefixOf(prefix);
    const fields = 'items(name,size,updated),nextPageToken';
    let token: string | undefined;
    do {
      const query = {
        prefix: wanted,
        maxResults: '1000',
        fields,
        ...(token === undefined ? {} : { pageToken: token }),
      };
      const page = await this.#guard('list', wanted, call, () =>
        this.#client.sendForJson<{ items?: GcsObject[]; nextPageToken?: string }>(
          { method: 'GET', url: objectPath(this.#bucket), query },
          call.signal,
        ),
      );
      for (const object of page.items ?? []) {
        throwIfAborted(call.signal);
        const name = this.#keys.nameOf(object.name ?? '');
        if (name !== undefined) yield toEntry(name, object);
      }
      token = page.nextPageToken;
    } while (token !== undefined && token !== '');
  }

  async read(name: string, range?: ByteRange, call: CallOptions = {}): Promise<Buffer> {
    const key = this.#keys.keyOf(name);
    if (range?.length === 0) {
      await this.#describe(key, call);
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
    const target = { client: this.#client, bucket: this.#bucket, key };
    await this.#guard('write', key, call, () => writeGcsObject(target, content, call));
  }

  async remove(name: string, call: CallOptions = {}): Promise<void> {
    const key = this.#keys.keyOf(name);
    await this.#guard('remove', key, call, async () => {
      try {
        const request = { method: 'DELETE', url: objectPath(this.#bucket, key) } as const;
        (await this.#client.send(request, call.signal)).body.resume();
      } catch (error) {
        // Sent twice, because an answer got lost: it is gone, by the first.
        if (error instanceof GcsResponseError && error.status === 404 && error.attempts > 1) return;
        throw error;
      }
    });
  }

  async stat(name: string, call: CallOptions = {}): Promise<ObjectEntry | undefined> {
    try {
      return toEntry(name, await this.#describe(this.#keys.keyOf(name), call));
    } catch (error) {
      if (error instanceof NotFoundError) return undefined;
      throw error;
    }
  }

  /** The service tells by itself; an emulator that does not know the question tells nothing. */
  probeRights(call: CallOptions = {}): Promise<StorageRights> {
    const [create, remove] = ['storage.objects.create', 'storage.objects.delete'];
    const url = `/storage/v1/b/${encodeURIComponent(this.#bucket)}/iam/testPermissions?permissions=${create}&permissions=${remove}`;
    return this.#guard('read', '', call, async () => {
      const { status, body } = await this.#client.send({ method: 'GET', url, accept: [404, 501] }, call.signal);
      const text = await readText(body);
      if (status !== 200) return {};
      const { permissions = [] } = JSON.parse(text) as { permissions?: string[] };
      return { write: permissions.includes(create!), remove: permissions.includes(remove!) };
    });
  }

  async close(): Promise<void> {
    this.#client.close();
  }

  #describe(key: string, call: CallOptions): Promise<GcsObject> {
    const query = { fields: 'size,updated' };
    const request = { method: 'GET', url: objectPath(this.#bucket, key), query } as const;
    return this.#guard('read', key, call, () => this.#client.sendForJson<GcsObject>(request, call.signal));
  }

  /** undefined: the range begins behind the end. Bytes of a whole object are compared with its checksum. */
  async #open(
    key: string,
    range: ByteRange | undefined,
    call: CallOptions,
  ): Promise<{ pieces: AsyncIterable<Buffer>; sizeBytes: number } | undefined> {
    const start = range?.offset ?? 0;
    const end = start + (range?.length ?? Infinity);
    const first = await this.#guard('read', key, call, () => this.#get(key, start, end, undefined, call));
    if (first.status === 416) {
      first.body.resume();
      return undefined;
    }
    const generation = first.headers['x-goog-generation'];
    const sizeBytes = Number(first.headers['content-length'] ?? 0);
    const pieces = resumeBody(
      {
        body: first.body,
        sizeBytes,
        // The generation makes sure that the rest is of the same bytes, not of what replaced them meanwhile.
        from: async (done) => {
          const rest = await this.#guard('read', key, call, () =>
            this.#get(key, start + done, end, generation === undefined ? undefined : String(generation), call),
          );
          if (rest.status !== 404 && rest.status !== 416) return rest.body;
          rest.body.resume();
          throw new StorageError(`${this.#placeOf(key)} was replaced while it was read`);
        },
        translate: (error) => translateGcsError(error, 'read', this.#placeOf(key), call.signal),
      },
      call.signal,
    );
    const wanted = range === undefined ? checksumOf(first) : undefined;
    return { pieces: wanted === undefined ? pieces : verified(pieces, wanted, this.#placeOf(key)), sizeBytes };
  }

  async #get(key: string, offset: number, end: number, generation: string | undefined, call: CallOptions) {
    const whole = offset === 0 && end === Infinity;
    const response = await this.#client.send(
      {
        method: 'GET',
        url: objectPath(this.#bucket, key),
        query: { alt: 'media', ...(generation === undefined ? {} : { generation }) },
        headers: {
          // What is stored compressed comes as it is stored, so that sizes and checksums are those of the object.
          'accept-encoding': 'gzip',
          ...(whole ? {} : { range: `bytes=${offset}-${end === Infinity ? '' : end - 1}` }),
        },
        accept: generation === undefined ? [416] : [404, 416],
      },
      call.signal,
    );
    const { status, headers } = response;
    if (status === 200 && offset > 0 && headers['content-range']?.startsWith(`bytes ${offset}-`) !== true) {
      response.body.destroy();
      throw new IntegrityError(`the service of ${this.#placeOf(key)} does not send the range that it is asked for`);
    }
    return response;
  }

  async #guard<Result>(
    verb: StorageVerb,
    key: string,
    call: CallOptions,
    work: () => Promise<Result>,
  ): Promise<Result> {
    throwIfAborted(call.signal);
    try {
      return await work();
    } catch (error) {
      throw error instanceof HoldfastError ? error : translateGcsError(error, verb, this.#placeOf(key), call.signal);
    }
  }

  #placeOf(key: string): string {
    return `gs://${this.#bucket}/${key}`;
  }
}

function toEntry(name: string, { size = '0', updated = '' }: GcsObject): ObjectEntry {
  return { name, sizeBytes: Number(size), modifiedAt: new Date(updated) };
}

function checksumOf({ headers }: GcsResponse): string | undefined {
  return /(?:^|,\s*)crc32c=([^,\s]+)/.exec(String(headers['x-goog-hash'] ?? ''))?.[1];
}

async function* verified(pieces: AsyncIterable<Buffer>, wanted: string, place: string): AsyncGenerator<Buffer> {
  let sum = 0;
  for await (const piece of pieces) {
    sum = crc32c(piece, sum);
    yield piece;
  }
  if (encodeCrc(sum) !== wanted) {
    throw new IntegrityError(`${place} does not have the bytes that were stored: its CRC-32C is another`, {
      hint: 'Run it again; if it stays, the object is damaged: bring it back from a copy.',
    });
  }
}
