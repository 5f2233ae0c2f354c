/** Buckets of Google Cloud Storage. */
import type { BucketRules } from '../common/bucket-rules.ts';
import { HoldfastError, ifThere, StorageError, throwIfAborted } from '../common/errors.ts';
import type { ContentChecksum } from '../files/file-tree.ts';
import { itemsOf, PAGE_OBJECTS } from './at-most.ts';
import type {
  Bucket,
  BucketFolderPage,
  BucketMetadata,
  BucketObject,
  DescribedObject,
  OpenedObject,
  PutOptions,
} from './bucket.ts';
import { openBody, wrongRange, type BodyAnswer, type BodyChecksum } from './bucket-body.ts';
import type { StorageVerb } from './bucket-errors.ts';
import { crc32c, decodeCrc } from './crc32c.ts';
import { GCS_RULE_FIELDS, rulesOfGcsBucket, type GcsBucketDescription } from './gcs-bucket-rules.ts';
import { GcsClient, parseAnswer, type GcsDownload } from './gcs-client.ts';
import { GcsResponseError, gcsStatusOf, translateGcsError } from './gcs-errors.ts';
import type { GcsOptions, GcsSettings } from './gcs-settings.ts';
import { objectPath, writeGcsObject, type GcsObject } from './gcs-upload.ts';
import type { ByteRange, CallOptions, StorageRights } from './storage.ts';

/**
 * The bucket must exist; access to it is uniform: no object gets rules of its own. `existing: 'refuse'` is decided by the
 * service (`ifGenerationMatch=0`), which also compares the CRC-32C of what arrives. Nothing is asked before the first
 * call. Throws Usage for credentials that are none.
 */
export function openGcsBucket(settings: GcsSettings, options: GcsOptions = {}): Bucket {
  return new GcsBucket(new GcsClient(settings, options), settings.bucket, settings.prefix ?? '');
}

interface GcsPage {
  items?: GcsObject[];
  prefixes?: string[];
  nextPageToken?: string;
}

const OBJECT_FIELDS = 'name,size,updated,generation,metadata';

class GcsBucket implements Bucket {
  readonly name: string;
  readonly prefix: string;
  readonly times = 'rfc3339';
  readonly listsMetadata = true;
  readonly knowsWhatItRemoves = true;
  readonly #client: GcsClient;
  readonly #bucket: string;

  constructor(client: GcsClient, bucket: string, prefix: string) {
    this.name = `gs://${bucket}`;
    this.prefix = prefix;
    this.#client = client;
    this.#bucket = bucket;
  }

  list(keyPrefix: string, call: CallOptions & { atMost?: number } = {}): AsyncGenerator<BucketObject> {
    const { atMost = Infinity } = call;
    const fields = `items(${OBJECT_FIELDS}),nextPageToken`;
    const query = { fields, maxResults: String(Math.min(atMost, PAGE_OBJECTS)) };
    return itemsOf(this.#pages(keyPrefix, query, call), objectsIn, atMost);
  }

  async *listFolder(keyPrefix: string, call: CallOptions = {}): AsyncGenerator<BucketFolderPage> {
    const query = {
      fields: `items(${OBJECT_FIELDS}),prefixes,nextPageToken`,
      maxResults: String(PAGE_OBJECTS),
      delimiter: '/',
      // With what is known of the folders themselves.
      includeTrailingDelimiter: 'true',
    };
    for await (const page of this.#pages(keyPrefix, query, call))
      yield { objects: objectsIn(page), folders: page.prefixes ?? [] };
  }

  /** In the order of the names' UTF-8 bytes, as the service promises. */
  async *#pages(prefix: string, query: Record<string, string>, call: CallOptions): AsyncGenerator<GcsPage> {
    let token: string | undefined;
    do {
      const all = { prefix, ...query, ...(token === undefined ? {} : { pageToken: token }) };
      const page = await this.#guard('list', prefix, call, () =>
        this.#client.sendForJson<GcsPage>({ method: 'GET', url: objectPath(this.#bucket), query: all }, call.signal),
      );
      yield page;
      token = page.nextPageToken;
    } while (token !== undefined && token !== '');
  }

  async head(key: string, call: CallOptions = {}) {
    const described = await ifThere(this.#describe(key, OBJECT_FIELDS, call));
    return described && toObject(key, described);
  }

  get(key: string, range?: ByteRange, call: CallOptions = {}): Promise<OpenedObject | undefined> {
    const place = this.#placeOf(key);
    const translate = (error: unknown): Error => translateGcsError(error, 'read', place, call.signal);
    const get = (...wanted: [offset: number, end: number, version: string | undefined]) =>
      this.#guard('read', key, call, () => this.#get(key, wanted, call));
    return openBody({ place, translate, get, onRetry: this.#client.told.onRetry }, range, call);
  }

  async put(key: string, content: Uint8Array | AsyncIterable<Uint8Array>, call: PutOptions = {}): Promise<void> {
    const target = { client: this.#client, bucket: this.#bucket, key };
    await this.#guard('write', key, call, () => writeGcsObject(target, content, call));
  }

  /** Large objects take several requests, each of which the service ends after half a minute. */
  async copy(object: BucketObject, toKey: string, call: CallOptions = {}): Promise<void> {
    const url = `${objectPath(this.#bucket, object.key)}/rewriteTo/b/${encodeURIComponent(this.#bucket)}/o/${encodeURIComponent(toKey)}`;
    for (let token: string | undefined; ;) {
      const query: Record<string, string> = token === undefined ? {} : { rewriteToken: token };
      const answer = await this.#guard('copy', object.key, call, () =>
        this.#client.sendForJson<{ done?: boolean; rewriteToken?: string }>(
          { method: 'POST', url, query },
          call.signal,
        ),
      );
      if (answer.done !== false) return;
      // As long as it is not done the object is not there: a move would remove the only one.
      if ((answer.rewriteToken ?? '') === '') throw copyCutShort(this.#placeOf(object.key));
      token = answer.rewriteToken;
    }
  }

  async changeMetadata(
    key: string,
    decide: (object: DescribedObject) => BucketMetadata,
    call: CallOptions = {},
  ): Promise<void> {
    const object = toObject(key, await this.#describe(key, OBJECT_FIELDS, call));
    await this.#guard('write', key, call, async () => {
      // What is not named stays.
      const body = [Buffer.from(JSON.stringify({ metadata: decide(object) }))];
      const headers = { 'content-type': 'application/json' };
      const query = { ifGenerationMatch: object.version };
      try {
        const change = { method: 'PATCH', url: objectPath(this.#bucket, key), query, headers, body } as const;
        await this.#client.sendForJson(change, call.signal);
      } catch (error) {
        if (gcsStatusOf(error) !== 412) throw error;
        throw new StorageError(`${this.#placeOf(key)} was replaced while its metadata was changed`, { cause: error });
      }
    });
  }

  async remove(key: string, call: CallOptions = {}): Promise<void> {
    await this.#guard('remove', key, call, async () => {
      try {
        const request = { method: 'DELETE', url: objectPath(this.#bucket, key) } as const;
        await this.#client.send(request, call.signal);
      } catch (error) {
        // Sent twice, because an answer got lost: it is gone, by the first.
        if (error instanceof GcsResponseError && error.status === 404 && error.attempts > 1) return;
        throw error;
      }
    });
  }

  /** Of objects that were composed of others there is no MD5. */
  async checksums(key: string, call: CallOptions = {}): Promise<ContentChecksum[]> {
    const { md5Hash, crc32c: crc } = await this.#describe(key, 'md5Hash,crc32c', call);
    return [
      ...(md5Hash === undefined
        ? []
        : [{ algorithm: 'md5' as const, value: Buffer.from(md5Hash, 'base64').toString('hex') }]),
      ...(crc === undefined ? [] : [{ algorithm: 'crc32c' as const, value: decodeCrc(crc) }]),
    ];
  }

  /** The service tells by itself; an emulator that does not know the question tells nothing. */
  probeRights(_key: string, call: CallOptions = {}): Promise<StorageRights> {
    const [create, remove] = ['storage.objects.create', 'storage.objects.delete'];
    const url = `/storage/v1/b/${encodeURIComponent(this.#bucket)}/iam/testPermissions?permissions=${create}&permissions=${remove}`;
    return this.#guard('read', '', call, async () => {
      const answer = await this.#client.send({ method: 'GET', url, accept: [404, 501] }, call.signal);
      if (answer.status !== 200) return {};
      const { permissions = [] } = parseAnswer<{ permissions?: string[] }>(answer);
      return { write: permissions.includes(create!), remove: permissions.includes(remove!) };
    });
  }

  rules(call: CallOptions = {}): Promise<BucketRules> {
    const url = `/storage/v1/b/${encodeURIComponent(this.#bucket)}`;
    const request = { method: 'GET', url, query: { fields: GCS_RULE_FIELDS } } as const;
    return this.#guard('read', '', call, async () =>
      rulesOfGcsBucket(await this.#client.sendForJson<GcsBucketDescription>(request, call.signal)),
    );
  }

  close(): void {
    this.#client.close();
  }

  #describe(key: string, fields: string, call: CallOptions): Promise<GcsObject> {
    const request = { method: 'GET', url: objectPath(this.#bucket, key), query: { fields } } as const;
    return this.#guard('read', key, call, () => this.#client.sendForJson<GcsObject>(request, call.signal));
  }

  async #get(
    key: string,
    [offset, end, generation]: [offset: number, end: number, version: string | undefined],
    call: CallOptions,
  ): Promise<BodyAnswer | 'beyond' | 'replaced'> {
    const whole = offset === 0 && end === Infinity;
    const response = await this.#client.download(
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
    const { status, headers, body } = response;
    if (status === 404 || status === 416) {
      body.resume();
      return status === 404 ? 'replaced' : 'beyond';
    }
    if (status === 200 && offset > 0 && headers['content-range']?.startsWith(`bytes ${offset}-`) !== true) {
      body.destroy();
      throw wrongRange(this.#placeOf(key));
    }
    const version = headers['x-goog-generation'];
    return {
      body,
      sizeBytes: Number(headers['content-length'] ?? 0),
      version: version === undefined ? undefined : String(version),
      metadata: metadataOf(response),
      checksum: checksumOf(response),
    };
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
    return `${this.name}/${key}`;
  }
}

function objectsIn({ items = [] }: GcsPage): BucketObject[] {
  return items.map((listed) => toObject(listed.name ?? '', listed));
}

function copyCutShort(place: string): StorageError {
  return new StorageError(`the copy of ${place} is not whole: the service does not say how it goes on`, {
    hint: 'The service has to know rewrites that take several requests (rewriteToken).',
    retryable: false,
  });
}

function toObject(key: string, answer: GcsObject): DescribedObject {
  const { size = '0', updated = '', generation = '', metadata = {} } = answer;
  return { key, sizeBytes: Number(size), modifiedAt: new Date(updated), version: generation, metadata };
}

const METADATA_HEADER = 'x-goog-meta-';

function metadataOf({ headers }: GcsDownload): BucketMetadata {
  const named = Object.entries(headers).filter(([name]) => name.startsWith(METADATA_HEADER));
  return Object.fromEntries(named.map(([name, value]) => [name.slice(METADATA_HEADER.length), String(value)]));
}

function checksumOf({ headers }: GcsDownload): BodyChecksum | undefined {
  const wanted = /(?:^|,\s*)crc32c=([^,\s]+)/.exec(String(headers['x-goog-hash'] ?? ''))?.[1];
  return wanted === undefined ? undefined : { name: 'CRC-32C', wanted, next: crc32c };
}
