/** Buckets of S3 by the SDK of AWS, which is loaded with this file. */
import type { Readable } from 'node:stream';
import { crc32 } from 'node:zlib';
import {
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  type GetObjectCommandOutput,
  type HeadObjectCommandOutput,
  type ListObjectsV2CommandOutput,
  type S3Client,
} from '@aws-sdk/client-s3';
import type { BucketRules } from '../common/bucket-rules.ts';
import { ifThere, StorageError, throwIfAborted } from '../common/errors.ts';
import type { OnRetry } from '../common/progress.ts';
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
import { openBody, wrongRange, type BodyAnswer, type BodyChecksum, type BodyRequest } from './bucket-body.ts';
import type { StorageVerb } from './bucket-errors.ts';
import type { ConnectionLimit } from './connection-limit.ts';
import { decodeCrc } from './crc32c.ts';
import { readS3Rules } from './s3-bucket-rules.ts';
import { createS3Client } from './s3-client.ts';
import { copyS3Object, replaceS3Metadata } from './s3-copy.ts';
import { httpStatusOf, translateS3Error } from './s3-errors.ts';
import type { S3Signer } from './s3-request.ts';
import { probeS3Rights } from './s3-rights.ts';
import { COPY_LIMITS, S3_TRAITS, type S3CopyLimits, type S3Options, type S3Settings } from './s3-settings.ts';
import { writeS3Object } from './s3-upload.ts';
import type { ByteRange, CallOptions, StorageRights } from './storage.ts';

/** Nothing is asked before the first call. `limit`: of its connections. */
export async function openS3ByTheSdk(
  settings: S3Settings,
  options: S3Options,
  limit: ConnectionLimit,
): Promise<S3SdkBucket> {
  const client = await createS3Client(settings, options, limit);
  return new S3SdkBucket(client, settings, options);
}

export class S3SdkBucket implements Bucket {
  readonly name: string;
  readonly prefix: string;
  readonly times = S3_TRAITS.times;
  readonly listsMetadata = S3_TRAITS.listsMetadata;
  readonly knowsWhatItRemoves = S3_TRAITS.knowsWhatItRemoves;
  readonly #client: S3Client;
  readonly #bucket: string;
  readonly #onRetry: OnRetry | undefined;
  readonly #copyLimits: S3CopyLimits;

  constructor(client: S3Client, { bucket, prefix = '' }: S3Settings, { onRetry, copyLimits }: S3Options) {
    this.name = `s3://${bucket}`;
    this.prefix = prefix;
    this.#client = client;
    this.#bucket = bucket;
    this.#onRetry = onRetry;
    this.#copyLimits = copyLimits ?? COPY_LIMITS;
  }

  list(keyPrefix: string, call: CallOptions & { atMost?: number } = {}): AsyncGenerator<BucketObject> {
    const { atMost = Infinity } = call;
    const pages = this.#pages(keyPrefix, atMost < PAGE_OBJECTS ? { MaxKeys: atMost } : {}, call);
    return itemsOf(pages, objectsIn, atMost);
  }

  async *listFolder(keyPrefix: string, call: CallOptions = {}): AsyncGenerator<BucketFolderPage> {
    for await (const page of this.#pages(keyPrefix, { Delimiter: '/' }, call)) {
      yield {
        objects: objectsIn(page),
        folders: (page.CommonPrefixes ?? []).flatMap(({ Prefix }) => Prefix ?? []),
      };
    }
  }

  /** Of a thousand each, in the order of the keys' UTF-8 bytes, as the service promises. */
  async *#pages(
    Prefix: string,
    query: { Delimiter?: string; MaxKeys?: number },
    call: CallOptions,
  ): AsyncGenerator<ListObjectsV2CommandOutput> {
    let token: string | undefined;
    do {
      const next = token === undefined ? {} : { ContinuationToken: token };
      const page = await this.#guard('list', this.#placeOf(Prefix), call, (send) =>
        this.#client.send(new ListObjectsV2Command({ Bucket: this.#bucket, Prefix, ...query, ...next }), send),
      );
      yield page;
      token = page.IsTruncated === true ? page.NextContinuationToken : undefined;
      // What it does not show would be taken for gone.
      if (page.IsTruncated === true && (token ?? '') === '') throw cutShort(this.#placeOf(Prefix));
    } while (token !== undefined);
  }

  async head(key: string, call: CallOptions = {}) {
    const head = await ifThere(this.#head(key, call));
    return head && toObject(key, head);
  }

  get(key: string, range?: ByteRange, call: CallOptions = {}): Promise<OpenedObject | undefined> {
    const place = this.#placeOf(key);
    const translate = (error: unknown): Error => translateS3Error(error, 'read', place, call.signal);
    const get = (...wanted: Parameters<BodyRequest['get']>) => this.#get(key, wanted, call);
    return openBody({ place, translate, get, onRetry: this.#onRetry }, range, call);
  }

  put(key: string, content: Uint8Array | AsyncIterable<Uint8Array>, call: PutOptions = {}): Promise<void> {
    return this.#put(key, content, call, false);
  }

  /** After a request that may have done it, of which no answer came. */
  putAgain(key: string, content: Uint8Array, call: PutOptions): Promise<void> {
    return this.#put(key, content, call, true);
  }

  async #put(key: string, content: Uint8Array | AsyncIterable<Uint8Array>, call: PutOptions, isUnheard: boolean) {
    throwIfAborted(call.signal);
    const target = {
      client: this.#client,
      bucket: this.#bucket,
      key,
      isUnheard,
      onRetry: this.#onRetry,
      readBack: async (signal?: AbortSignal) => (await this.get(key, undefined, signal ? { signal } : {}))?.pieces,
    };
    await this.#guard('write', this.#placeOf(key), call, () => writeS3Object(target, content, call));
  }

  async copy(object: BucketObject, toKey: string, call: CallOptions = {}): Promise<void> {
    const target = { client: this.#client, bucket: this.#bucket, key: toKey, limits: this.#copyLimits };
    await this.#guard('copy', this.#placeOf(object.key), call, (send) => copyS3Object(target, object, send));
  }

  async changeMetadata(
    key: string,
    decide: (object: DescribedObject) => BucketMetadata,
    call: CallOptions = {},
  ): Promise<void> {
    const head = await this.#head(key, call);
    const object = toObject(key, head);
    const metadata = { ...object.metadata, ...decide(object) };
    const target = { client: this.#client, bucket: this.#bucket, key, limits: this.#copyLimits };
    await this.#guard('write', this.#placeOf(key), call, (send) => replaceS3Metadata(target, head, metadata, send));
  }

  async remove(key: string, call: CallOptions = {}): Promise<void> {
    await this.#guard('remove', this.#placeOf(key), call, (send) =>
      this.#client.send(new DeleteObjectCommand({ Bucket: this.#bucket, Key: key }), send),
    );
  }

  /** Where the service encrypts by a key of its customer's, the tag is no MD5. */
  async checksums(key: string, call: CallOptions = {}): Promise<ContentChecksum[]> {
    const head = await this.#head(key, call, { ChecksumMode: 'ENABLED' });
    const { ETag = '', ServerSideEncryption, SSECustomerAlgorithm } = head;
    const isPlain = (ServerSideEncryption ?? 'AES256') === 'AES256' && SSECustomerAlgorithm === undefined;
    const md5 = isPlain ? /^"?([0-9a-f]{32})"?$/.exec(ETag)?.[1] : undefined;
    const crc = wholeChecksum(head)?.wanted;
    return [
      ...(md5 === undefined ? [] : [{ algorithm: 'md5' as const, value: md5 }]),
      ...(crc === undefined ? [] : [{ algorithm: 'crc32' as const, value: decodeCrc(crc) }]),
    ];
  }

  probeRights(key: string, call: CallOptions = {}): Promise<StorageRights> {
    return this.#guard('read', this.#placeOf(key), call, (send) =>
      probeS3Rights(this.#client, { Bucket: this.#bucket, Key: key }, send),
    );
  }

  rules(call: CallOptions = {}): Promise<BucketRules> {
    return this.#guard('read', `the rules of ${this.name}`, call, (send) =>
      readS3Rules(this.#client, this.#bucket, send),
    );
  }

  /** By whom requests are signed now, and how far this machine's clock is behind the service's. Throws what the SDK throws without credentials. */
  async signer(): Promise<S3Signer> {
    const { config } = this.#client;
    const [{ accessKeyId, secretAccessKey, sessionToken }, region] = await Promise.all([
      config.credentials(),
      config.region(),
    ]);
    const session = sessionToken === undefined ? {} : { sessionToken };
    return { accessKeyId, secretAccessKey, ...session, region, clockOffsetMilliseconds: config.systemClockOffset };
  }

  close(): void {
    this.#client.destroy();
  }

  #head(key: string, call: CallOptions, more: { ChecksumMode?: 'ENABLED' } = {}): Promise<HeadObjectCommandOutput> {
    return this.#guard('read', this.#placeOf(key), call, (send) =>
      this.#client.send(new HeadObjectCommand({ Bucket: this.#bucket, Key: key, ...more }), send),
    );
  }

  async #get(
    key: string,
    [offset, end, version]: [offset: number, end: number, version: string | undefined],
    call: CallOptions,
  ): Promise<BodyAnswer | 'beyond' | 'replaced'> {
    const isWhole = offset === 0 && end === Infinity;
    const command = new GetObjectCommand({
      Bucket: this.#bucket,
      Key: key,
      ...(isWhole ? { ChecksumMode: 'ENABLED' } : { Range: `bytes=${offset}-${end === Infinity ? '' : end - 1}` }),
      ...(version === undefined ? {} : { IfMatch: version }),
    });
    return this.#guard('read', this.#placeOf(key), call, async (send) => {
      let response: GetObjectCommandOutput;
      try {
        response = await this.#client.send(command, send);
      } catch (error) {
        if (httpStatusOf(error) === 416) return 'beyond';
        if (httpStatusOf(error) === 412 && version !== undefined) return 'replaced';
        throw error;
      }
      const body = response.Body as Readable;
      if (!(response.ContentRange?.startsWith(`bytes ${offset}-`) ?? offset === 0)) {
        body.destroy();
        throw wrongRange(this.#placeOf(key));
      }
      const { ContentLength = 0, ETag, Metadata = {} } = response;
      return { body, sizeBytes: ContentLength, version: ETag, metadata: Metadata, checksum: wholeChecksum(response) };
    });
  }

  async #guard<Result>(
    verb: StorageVerb,
    what: string,
    call: CallOptions,
    send: (options: { abortSignal?: AbortSignal }) => Promise<Result>,
  ): Promise<Result> {
    throwIfAborted(call.signal);
    try {
      return await send(call.signal === undefined ? {} : { abortSignal: call.signal });
    } catch (error) {
      throw translateS3Error(error, verb, what, call.signal);
    }
  }

  #placeOf(key: string): string {
    return `${this.name}/${key}`;
  }
}

function cutShort(place: string): StorageError {
  return new StorageError(`the list of ${place} is not whole: the service does not say where it goes on`, {
    hint: 'The service has to know version 2 of the lists of S3 (ListObjectsV2).',
    retryable: false,
  });
}

function objectsIn({ Contents = [] }: ListObjectsV2CommandOutput): BucketObject[] {
  return Contents.map((listed) => toObject(listed.Key ?? '', listed));
}

interface ListedObject {
  Size?: number | undefined;
  LastModified?: Date | undefined;
  ETag?: string | undefined;
}

function toObject(key: string, answer: HeadObjectCommandOutput): DescribedObject;
function toObject(key: string, answer: ListedObject): BucketObject;
function toObject(key: string, answer: ListedObject | HeadObjectCommandOutput): BucketObject {
  const { LastModified = new Date(0), ETag = '' } = answer;
  const object = { key, modifiedAt: LastModified, version: ETag };
  if ('$metadata' in answer)
    return { ...object, sizeBytes: answer.ContentLength ?? 0, metadata: answer.Metadata ?? {} };
  return { ...object, sizeBytes: answer.Size ?? 0 };
}

/** The CRC-32 of a whole object; of one that was sent in parts there is only a checksum of checksums. */
function wholeChecksum({ ChecksumCRC32: wanted }: { ChecksumCRC32?: string | undefined }): BodyChecksum | undefined {
  return wanted === undefined || wanted.includes('-') ? undefined : { name: 'CRC-32', wanted, next: crc32 };
}
