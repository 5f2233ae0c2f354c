/** What was asked about single objects of a bucket, for as long as its list says that they are the same. */
import type { ByteString } from '../common/byte-string.ts';
import type { FileEntry } from '../files/file-tree.ts';
import type { BucketObject } from './bucket.ts';

/** Some 20 MiB. Of more, none are added: a walk that comes to them again would only find those that it is about to forget. */
const MOST_ENTRIES = 50_000;

interface Seen {
  version: string;
  modifiedAt: number;
  entry: FileEntry;
}

export class SeenEntries {
  readonly #seen = new Map<ByteString, Seen>();

  find(path: ByteString, { version, modifiedAt }: BucketObject): FileEntry | undefined {
    const seen = this.#seen.get(path);
    return seen?.version === version && seen.modifiedAt === modifiedAt.getTime() ? seen.entry : undefined;
  }

  add(entry: FileEntry, { version, modifiedAt }: BucketObject): void {
    if (this.#seen.size >= MOST_ENTRIES && !this.#seen.has(entry.path)) return;
    this.#seen.set(entry.path, { version, modifiedAt: modifiedAt.getTime(), entry });
  }

  /** A time of a whole second may be that of the object before, too. */
  forget(path: ByteString): void {
    this.#seen.delete(path);
  }

  clear(): void {
    this.#seen.clear();
  }
}
