/**
 * Which thread of a restore does what next. The kernel lets one thread at a time write into a file, and the others spin
 * meanwhile: so a file's parts go to one thread, as long as the others find something else to do.
 */
import type { PartUnit } from './restore-big-file.ts';
import type { BatchUnit, FileUnit } from './restore-units.ts';

/** How far the walk is ahead of the threads: enough to begin large files first, so that none is left for the end. */
const MAX_WAITING_UNITS = 32;
/** 15 MiB or so; a file of 50 GiB has as many. */
const MAX_WAITING_BLOBS = 50_000;

type Work = BatchUnit | PartUnit;

interface OpenFile {
  thread: number;
  /** What of it nobody has begun. */
  left: Work[];
  /** Set until `left` is known. Never rejected. */
  opening?: Promise<void>;
}

/** `stop` must be called and awaited, whatever happens. */
export class RestoreQueue {
  readonly #open: (unit: FileUnit) => Promise<Work[]>;
  readonly #waiting: (BatchUnit | FileUnit)[] = [];
  #waitingBlobs = 0;
  readonly #files = new Set<OpenFile>();
  readonly #filling: Promise<void>;
  #changed = Promise.withResolvers<void>();
  #isWhole = false;
  #isStopped = false;
  #failure: { error: unknown } | undefined;

  /** @param open Makes a file, and says what is to be done for it. Called once for each that a thread begins with. */
  constructor(units: AsyncIterable<BatchUnit | FileUnit>, open: (unit: FileUnit) => Promise<Work[]>) {
    this.#open = open;
    this.#filling = this.#fill(units);
  }

  /** undefined: nothing is left. Throws what the walk throws, and what `open` throws. */
  async next(thread: number): Promise<Work | undefined> {
    while (!this.#isStopped) {
      if (this.#failure !== undefined) throw this.#failure.error;
      const own = this.#files.values().find((file) => file.thread === thread);
      const file = own === undefined ? this.#takeLargestFile() : undefined;
      if (own?.opening !== undefined) await own.opening;
      else if (own !== undefined) return this.#takeFrom(own, 'first');
      else if (file !== undefined) await this.#begin(thread, file);
      else {
        const work = this.#takeBatch() ?? this.#takeFromOthers();
        if (work !== undefined || (this.#isWhole && this.#files.size === 0)) return work;
        await this.#changed.promise;
      }
    }
    return undefined;
  }

  /** Nothing more is handed out, and the walk ends. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#tell();
    await this.#filling;
  }

  async #fill(units: AsyncIterable<BatchUnit | FileUnit>): Promise<void> {
    try {
      for await (const unit of units) {
        this.#waiting.push(unit);
        this.#waitingBlobs += blobsOf(unit);
        this.#tell();
        while (this.#isFull && !this.#isStopped) await this.#changed.promise;
        if (this.#isStopped) return;
      }
    } catch (error) {
      this.#failure = { error };
    } finally {
      this.#isWhole = true;
      this.#tell();
    }
  }

  get #isFull(): boolean {
    return this.#waiting.length >= MAX_WAITING_UNITS || this.#waitingBlobs >= MAX_WAITING_BLOBS;
  }

  async #begin(thread: number, unit: FileUnit): Promise<void> {
    const opening = this.#open(unit);
    const settled = opening.then(
      () => undefined,
      () => undefined,
    );
    const file: OpenFile = { thread, left: [], opening: settled };
    this.#files.add(file);
    try {
      file.left = await opening;
    } finally {
      delete file.opening;
      if (file.left.length === 0) this.#files.delete(file);
      this.#tell();
    }
  }

  #takeLargestFile(): FileUnit | undefined {
    let largest: FileUnit | undefined;
    for (const unit of this.#waiting) {
      if (unit.kind === 'file' && unit.sizeBytes > (largest?.sizeBytes ?? 0)) largest = unit;
    }
    return largest === undefined ? undefined : this.#takeWaiting(largest);
  }

  #takeBatch(): BatchUnit | undefined {
    const batch = this.#waiting.find((unit) => unit.kind === 'batch');
    return batch === undefined ? undefined : this.#takeWaiting(batch);
  }

  #takeWaiting<Unit extends BatchUnit | FileUnit>(unit: Unit): Unit {
    this.#waiting.splice(this.#waiting.indexOf(unit), 1);
    this.#waitingBlobs -= blobsOf(unit);
    this.#tell();
    return unit;
  }

  /** From the end of the file that has most left, so that both writers go on in a row. */
  #takeFromOthers(): Work | undefined {
    let most: OpenFile | undefined;
    for (const file of this.#files) if (file.left.length > (most?.left.length ?? 0)) most = file;
    return most === undefined ? undefined : this.#takeFrom(most, 'last');
  }

  #takeFrom(file: OpenFile, which: 'first' | 'last'): Work | undefined {
    const work = which === 'first' ? file.left.shift() : file.left.pop();
    if (file.left.length === 0) this.#files.delete(file);
    return work;
  }

  #tell(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }
}

function blobsOf(unit: BatchUnit | FileUnit): number {
  if (unit.kind === 'file') return unit.content.length;
  return unit.contents.reduce((sum, content) => sum + content.length, 0);
}
