/** The contract of a bucket's service, below both the objects of a repository and trees of files: keys, as the service has them. */
import type { BucketRules } from '../common/bucket-rules.ts';
import type { ContentChecksum } from '../files/file-tree.ts';
import type { ByteRange, CallOptions, StorageRights, WriteOptions } from './storage.ts';

/** What its writer wants known of an object: names in lower case. */
export type BucketMetadata = Readonly<Record<string, string>>;

export interface BucketObject {
  key: string;
  sizeBytes: number;
  modifiedAt: Date;
  /** Another one when the content is another. */
  version: string;
  /** Absent: the service's lists do not tell it; `head` does. */
  metadata?: BucketMetadata;
}

/** With all that is known of it. */
export type DescribedObject = BucketObject & { metadata: BucketMetadata };

/** A part of what lies directly below a prefix that ends with a slash. */
export interface BucketFolderPage {
  /** May hold the object whose key is the prefix, and objects whose keys are those of `folders`. */
  objects: BucketObject[];
  /** What all keys below a further slash begin with, the slash included. One may be told on several pages. */
  folders: string[];
}

export interface PutOptions extends WriteOptions {
  metadata?: BucketMetadata;
}

export interface OpenedObject {
  pieces: AsyncIterable<Buffer>;
  sizeBytes: number;
  /** As far as the answer has it. */
  metadata: BucketMetadata;
  /** Ends what was begun: of pieces that nobody reads nobody else would. */
  discard(): void;
}

/**
 * Promises: a put is all-or-nothing, and durable and readable at once. Errors are those of `Storage`: absence is
 * NotFoundError, and so on. Requests that may be sent again are, when their failure may pass.
 */
export interface Bucket {
  /** For messages, without the prefix: `s3://vault`. */
  readonly name: string;
  /** All that is used of it begins with this; no slash at its ends, empty: all of it. */
  readonly prefix: string;
  /** How programs that keep files' times in the metadata of this service's objects write them: `1700000000.5`, or `2023-11-14T22:13:20.5Z`. */
  readonly times: 'decimal' | 'rfc3339';
  /** Lists tell the objects' metadata, and those of a folder also the objects of the folders in it. */
  readonly listsMetadata: boolean;
  /** Whether `remove` says that there was no such object. */
  readonly knowsWhatItRemoves: boolean;
  /** All objects whose keys begin with this, in the order of the keys' UTF-8 bytes, in bounded memory. `atMost`: no more than these. */
  list(keyPrefix: string, options?: CallOptions & { atMost?: number }): AsyncIterable<BucketObject>;
  listFolder(keyPrefix: string, options?: CallOptions): AsyncIterable<BucketFolderPage>;
  /** undefined: there is no such object. */
  head(key: string, options?: CallOptions): Promise<DescribedObject | undefined>;
  /** undefined: the range begins behind the end. Bytes of a whole object are compared with its checksum, if it has one. */
  get(key: string, range?: ByteRange, options?: CallOptions): Promise<OpenedObject | undefined>;
  put(key: string, content: Uint8Array | AsyncIterable<Uint8Array>, options?: PutOptions): Promise<void>;
  /** By the service itself, with its metadata; replaces what is there. */
  copy(object: BucketObject, toKey: string, options?: CallOptions): Promise<void>;
  /** Adds to, or changes, the metadata of an object: what `decide` says when it has seen it. The content stays. */
  changeMetadata(
    key: string,
    decide: (object: DescribedObject) => BucketMetadata,
    options?: CallOptions,
  ): Promise<void>;
  remove(key: string, options?: CallOptions): Promise<void>;
  /** What the service knows of the whole content by itself, the best first. */
  checksums(key: string, options?: CallOptions): Promise<ContentChecksum[]>;
  /** @param key Of nothing that is there. */
  probeRights(key: string, options?: CallOptions): Promise<StorageRights>;
  /** Of the bucket as a whole, as far as the service tells; throws AccessDenied where this identity may not ask. */
  rules(options?: CallOptions): Promise<BucketRules>;
  close(): void;
}
