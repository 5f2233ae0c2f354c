/** Reading many trees of a snapshot with few reads: neighbours in a pack come together, and are mostly wanted together. */
import { prepareKey, type SealingKey } from './crypto.ts';
import type { CtrCipher } from './native-cipher.ts';
import type { NativeDecompressor } from './native-zstd.ts';
import { packName } from './object-names.ts';
import { openBlob } from './pack.ts';
import type { BlobLocation, Repository } from './repository.ts';

/** A read begins at a multiple of this, and ends at one or at the wanted tree's end. */
const WINDOW_BYTES = 512 * 1024;
/** The walk goes up and down; what it has left behind lies some windows away. */
const MAX_WINDOWS = 6;

interface Window {
  packId: string;
  offset: number;
  content: Uint8Array;
}

/** Every tree is verified like a blob that is loaded alone; memory is bounded by some windows. */
export class TreeReader {
  readonly #repository: Repository;
  readonly #key: SealingKey;
  readonly #native: NativeDecompressor | undefined;
  /** The one used last comes last. */
  readonly #windows: Window[] = [];

  constructor(repository: Repository, native?: NativeDecompressor, ctr?: CtrCipher) {
    this.#repository = repository;
    this.#key = prepareKey(repository.key, ctr);
    this.#native = native;
  }

  /** Like `load`, where nothing has to be read for it; undefined elsewhere. */
  loadHeld(id: string): Buffer | undefined {
    const location = this.#repository.findBlob('tree', id);
    const window = location === undefined ? undefined : this.#held(location);
    return window === undefined ? undefined : this.#open(id, location!, window);
  }

  /** The tree's JSON, valid until the next call. Errors: those of `Repository.loadBlob`. */
  async load(id: string, signal?: AbortSignal): Promise<Buffer> {
    const location = this.#repository.findBlob('tree', id);
    // Its error says what is missing.
    if (location === undefined) return this.#repository.loadBlob('tree', id, { signal });
    return this.#open(id, location, this.#held(location) ?? (await this.#read(location, signal)));
  }

  #open(id: string, location: BlobLocation, { content, offset }: Window): Buffer {
    const start = location.offset - offset;
    const stored = content.subarray(start, start + location.length);
    return openBlob(this.#key, { id, type: 'tree', ...location }, stored, location.packId, this.#native);
  }

  #held({ packId, offset, length }: BlobLocation): Window | undefined {
    const index = this.#windows.findLastIndex(
      (window) =>
        window.packId === packId && window.offset <= offset && offset + length <= window.offset + window.content.length,
    );
    if (index < 0) return undefined;
    const [window] = this.#windows.splice(index, 1);
    this.#windows.push(window!);
    return window;
  }

  async #read({ packId, offset, length }: BlobLocation, signal: AbortSignal | undefined): Promise<Window> {
    const start = offset - (offset % WINDOW_BYTES);
    const end = Math.max(start + WINDOW_BYTES, offset + length);
    const range = { offset: start, length: end - start };
    const content = await this.#repository.storage.read(
      packName(packId),
      range,
      signal === undefined ? {} : { signal },
    );
    const window = { packId, offset: start, content };
    this.#windows.push(window);
    if (this.#windows.length > MAX_WINDOWS) this.#windows.shift();
    return window;
  }
}
