/** The archiver's worker threads: hands jobs out, takes finished packs in, and keeps what is under way within bounds. */
import type { Worker } from 'node:worker_threads';
import { SmallHeap } from '../files/collector.ts';
import { keepYoungGeneration, startThread } from '../files/v8-flags.ts';
import type { Job, JobResult, MessageFromWorker, MessageToWorker, WorkerSettings } from './archive-messages.ts';
import type { SharedBlobTable } from './blob-table.ts';
import type { KnownBlobs } from './known-blobs.ts';
import { giveBackFreed } from './native-memory.ts';
import type { PackEntries } from './pack-entries.ts';
import { endThread } from '../files/end-thread.ts';
import { workerModule } from '../files/worker-module.ts';

/** Jobs that a worker has at once: the next one is there when it finishes one. */
const JOBS_PER_WORKER = 2;
/** Jobs that may wait before `whenReady` holds the walk back. */
const MAX_QUEUED_JOBS = 8;
/** Finished packs not yet written; beyond it no job is handed out. */
const MAX_UNWRITTEN_PACK_BYTES = 32 * 1024 * 1024;

/**
 * A worker's objects live for one blob, but the memory behind its buffers is freed only when they are collected: a small
 * young generation is collected often.
 */
const YOUNG_GENERATION_MIB = 2;

const END: MessageToWorker = { kind: 'end' };

export interface PoolOptions {
  settings: Omit<WorkerSettings, 'knownBlobs' | 'abort'>;
  known: KnownBlobs;
  /** The repository's index, which has the packs that were saved meanwhile. */
  shareIndex: () => SharedBlobTable;
  maxWorkers: number;
  /** Writes a finished pack. */
  savePack: (pack: PackEntries, content: Uint8Array) => Promise<void>;
}

interface PendingJob {
  job: Job;
  resolve: (result: JobResult) => void;
  reject: (error: unknown) => void;
}

interface PoolWorker {
  thread: Worker;
  underWay: Map<number, PendingJob>;
  /** Of the known blobs that it has been given. */
  knownVersion: number;
  /** Set when it was asked to end. */
  ended?: Promise<void>;
}

/** Workers start when there is work for them. Any failure ends the pool: all its promises are rejected with it. */
export class WorkerPool {
  readonly #options: PoolOptions;
  readonly #abort = new SharedArrayBuffer(4);
  readonly #workers: PoolWorker[] = [];
  readonly #queue: PendingJob[] = [];
  readonly #waiting: { resolve: () => void; reject: (error: unknown) => void }[] = [];
  readonly #packWrites = new Set<Promise<void>>();
  #unwrittenBytes = 0;
  #jobNumber = 0;
  #failure: { error: unknown } | undefined;
  /** From the first pack on, when it is no backup of little: what takes the most memory comes with them. */
  #heap: SmallHeap | undefined;

  constructor(options: PoolOptions) {
    this.#options = options;
  }

  get hasFailed(): boolean {
    return this.#failure !== undefined;
  }

  /** Whether there are threads already. */
  get hasStarted(): boolean {
    return this.#workers.length > 0;
  }

  get maxWorkers(): number {
    return this.#options.maxWorkers;
  }

  /** Runs a job on the worker that has least to do. */
  run<Kind extends Job['kind']>(job: Extract<Job, { kind: Kind }>): Promise<Extract<JobResult, { kind: Kind }>> {
    return this.#enqueue(job) as Promise<Extract<JobResult, { kind: Kind }>>;
  }

  /** Resolves when few jobs wait: the walk asks before it goes on, so that it is never far ahead of the workers. */
  async whenReady(): Promise<void> {
    while (this.#failure === undefined && this.#queue.length >= MAX_QUEUED_JOBS) {
      await new Promise<void>((resolve, reject) => this.#waiting.push({ resolve, reject }));
    }
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  /** Has the last packs handed over, and resolves when all are written. All jobs must have been answered. */
  async finish(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => this.#send(worker, { kind: 'finish' })));
    while (this.#packWrites.size > 0) await Promise.all(this.#packWrites);
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  /**
   * Ends all threads, each with what it has in its hands; jobs under way are rejected with the error at once. May be
   * called by everything that fails: each waits for the same end.
   */
  async stop(error: unknown): Promise<void> {
    this.#fail(error);
    await Promise.allSettled(this.#workers.map((worker) => (worker.ended ??= endThread(worker.thread, END))));
    await Promise.allSettled(this.#packWrites);
  }

  #enqueue(job: Job): Promise<JobResult> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure.error);
    return new Promise((resolve, reject) => {
      // Trees are whole and waiting in memory, so they go first.
      if (job.kind === 'trees') this.#queue.unshift({ job, resolve, reject });
      else this.#queue.push({ job, resolve, reject });
      this.#dispatch();
    });
  }

  #dispatch(): void {
    while (this.#queue.length > 0 && this.#failure === undefined) {
      if (this.#unwrittenBytes > MAX_UNWRITTEN_PACK_BYTES) return;
      const next = this.#queue[0]!;
      // All trees of a backup lie in the packs of one worker, so that few packs hold many.
      const worker = next.job.kind === 'trees' ? (this.#workers[0] ?? this.#start()) : this.#chooseWorker();
      if (worker === undefined) return;
      this.#queue.shift();
      this.#hand(worker, next);
      if (this.#queue.length < MAX_QUEUED_JOBS) for (const { resolve } of this.#waiting.splice(0)) resolve();
    }
  }

  #chooseWorker(): PoolWorker | undefined {
    const idlest = this.#workers.toSorted((a, b) => a.underWay.size - b.underWay.size)[0];
    if (idlest !== undefined && idlest.underWay.size === 0) return idlest;
    if (this.#workers.length < this.#options.maxWorkers) return this.#start();
    return idlest !== undefined && idlest.underWay.size < JOBS_PER_WORKER ? idlest : undefined;
  }

  #send(worker: PoolWorker, job: Job): Promise<JobResult> {
    // A thread that was ended answers no more.
    if (this.#failure !== undefined) return Promise.reject(this.#failure.error);
    return new Promise((resolve, reject) => this.#hand(worker, { job, resolve, reject }));
  }

  #hand(worker: PoolWorker, pending: PendingJob): void {
    const { known, shareIndex } = this.#options;
    if (known.nearlyFull) known.grow(1, shareIndex);
    if (worker.knownVersion !== known.version) {
      worker.thread.postMessage({ kind: 'known', memory: known.memory } satisfies MessageToWorker);
      worker.knownVersion = known.version;
    }
    const number = this.#jobNumber++;
    worker.underWay.set(number, pending);
    worker.thread.postMessage(
      { kind: 'job', number, job: pending.job } satisfies MessageToWorker,
      ownMemory(pending.job),
    );
  }

  #start(): PoolWorker {
    keepYoungGeneration();
    const { settings, known } = this.#options;
    const workerData: WorkerSettings = { ...settings, knownBlobs: known.memory, abort: this.#abort };
    const thread = startThread(workerModule('./archive-worker', import.meta.url), {
      workerData,
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION_MIB },
    });
    const worker: PoolWorker = { thread, underWay: new Map(), knownVersion: known.version };
    this.#workers.push(worker);
    thread.on('message', (message: MessageFromWorker) => this.#receive(worker, message));
    thread.on('error', (error) => this.#fail(error));
    thread.on('messageerror', (error) => this.#fail(error));
    thread.on('exit', (code) => this.#fail(new Error(`a worker thread of the backup ended with code ${code}`)));
    return worker;
  }

  #receive(worker: PoolWorker, message: MessageFromWorker): void {
    if (this.#failure !== undefined) return;
    if (message.kind === 'pack') {
      this.#writePack(message.pack, message.content);
      return;
    }
    const pending = worker.underWay.get(message.number);
    worker.underWay.delete(message.number);
    pending?.resolve(message.result);
    this.#heap?.keep();
    this.#dispatch();
  }

  #writePack(pack: PackEntries, content: Uint8Array): void {
    if (this.#queue.length > 0) this.#heap ??= new SmallHeap();
    const size = content.length;
    this.#unwrittenBytes += size;
    const written = this.#options.savePack(pack, content).then(
      () => {
        this.#packWrites.delete(written);
        this.#unwrittenBytes -= size;
        // Its memory is freed at once, not when the collector comes by.
        (content.buffer as ArrayBuffer).transfer(0);
        giveBackFreed();
        this.#dispatch();
      },
      (error: unknown) => {
        this.#packWrites.delete(written);
        this.#fail(error);
      },
    );
    this.#packWrites.add(written);
  }

  #fail(error: unknown): void {
    if (this.#failure !== undefined) return;
    this.#failure = { error };
    Atomics.store(new Int32Array(this.#abort), 0, 1);
    const underWay = this.#workers.flatMap((worker) => [...worker.underWay.values()]);
    for (const { reject } of [...this.#queue.splice(0), ...underWay, ...this.#waiting.splice(0)]) reject(error);
  }
}

/** What is handed over instead of being copied: trees with memory of their own. Small ones share theirs with what else Node put there. */
function ownMemory(job: Job): ArrayBuffer[] {
  if (job.kind !== 'trees') return [];
  return job.trees
    .map(({ content }) => content)
    .filter(({ length, buffer }) => length === buffer.byteLength)
    .map(({ buffer }) => buffer);
}
