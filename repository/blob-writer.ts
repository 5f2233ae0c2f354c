/** A thread's own packs: puts new blobs into them, and hands over those that are full. */
import { getRandomValues, hash } from 'node:crypto';
import type { StoredFigures, WorkerSettings } from './archive-messages.ts';
import { createBlobCompressor } from './compression.ts';
import { prepareNativeKey } from './crypto.ts';
import type { KnownBlobs } from './known-blobs.ts';
import { loadNativeCompressor } from './native-zstd.ts';
import { PackBuilder } from './pack.ts';
import { packEntries, type PackEntries } from './pack-entries.ts';
import type { BlobType } from './repository.ts';

/**
 * Data blobs go at random into one of two open packs: else the order and sizes of a pack's blobs would tell an
 * observer of the storage which known files are there (restic 0.18's release notes). Of 256 random numbers so many choose
 * the fuller one, four of five: would both get as much, they would be full at the same time, and take 12 MiB a thread more.
 */
const TO_FULLER = 205;

export type HandOver = (pack: PackEntries, content: Buffer) => void;

export class BlobWriter {
  readonly #known: KnownBlobs;
  readonly #dataPacks: readonly [PackBuilder, PackBuilder];
  readonly #treePack: PackBuilder;
  readonly #handOver: HandOver;
  readonly #random = new Uint8Array(256);
  #randomUsed = 256;
  #stored: StoredFigures = { blobs: 0, plainBytes: 0, storedBytes: 0 };

  constructor(settings: WorkerSettings, known: KnownBlobs, handOver: HandOver) {
    const key = prepareNativeKey(settings.key);
    const compress = createBlobCompressor(settings.compression, loadNativeCompressor);
    const newPack = (): PackBuilder => new PackBuilder(key, { ...settings, compress });
    this.#known = known;
    this.#dataPacks = [newPack(), newPack()];
    this.#treePack = newPack();
    this.#handOver = handOver;
  }

  /** Stores a data blob unless it is known; returns its id. */
  addData(plain: Uint8Array): string {
    const id = hash('sha256', plain, 'buffer');
    const hex = id.toString('hex');
    if (this.#known.claim(id)) this.#add(this.#chooseDataPack(), 'data', hex, plain);
    return hex;
  }

  /** Stores a tree blob, which the caller knows to be new. */
  addTree(id: string, plain: Uint8Array): void {
    this.#add(this.#treePack, 'tree', id, plain);
  }

  /** Hands over the packs that are not full yet. */
  finish(): void {
    for (const pack of [...this.#dataPacks, this.#treePack]) if (pack.blobCount > 0) this.#finishPack(pack);
  }

  /** What was stored since the last call. */
  takeFigures(): StoredFigures {
    const stored = this.#stored;
    this.#stored = { blobs: 0, plainBytes: 0, storedBytes: 0 };
    return stored;
  }

  #chooseDataPack(): PackBuilder {
    const [first, second] = this.#dataPacks;
    const [fuller, emptier] = first.sizeBytes >= second.sizeBytes ? [first, second] : [second, first];
    return this.#randomByte() < TO_FULLER ? fuller : emptier;
  }

  #add(pack: PackBuilder, type: BlobType, id: string, plain: Uint8Array): void {
    const blob = pack.add(type, id, plain);
    this.#stored.blobs++;
    this.#stored.plainBytes += plain.length;
    this.#stored.storedBytes += blob.length;
    if (pack.isFull) this.#finishPack(pack);
  }

  #finishPack(builder: PackBuilder): void {
    const { pack, content } = builder.finish();
    this.#handOver(packEntries(pack), content);
  }

  #randomByte(): number {
    if (this.#randomUsed === this.#random.length) {
      getRandomValues(this.#random);
      this.#randomUsed = 0;
    }
    return this.#random[this.#randomUsed++]!;
  }
}
