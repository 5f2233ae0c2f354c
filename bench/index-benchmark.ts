/** `npm run bench -- index`: what an index of ten million blobs weighs and how fast it is, also from several threads at once. */
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Worker } from 'node:worker_threads';
import { BlobIndex } from '../repository/blob-index.ts';
import { KnownBlobs } from '../repository/known-blobs.ts';
import type { LookupResult, LookupTask } from './index-lookups.ts';
import { documentIndex, judgeIndex, type IndexReport, type Rate } from './index-report.ts';
import { describeMachine } from './machine.ts';
import { parseSave } from './report-document.ts';
import { runBenchmark } from './run-benchmark.ts';
import { isMissed } from './targets.ts';
import { blobIds, BLOBS_A_PACK, idAt, syntheticPack, type BlobSet } from './synthetic-blobs.ts';

const HELP = `npm run bench -- index [options]

Fills an index with synthetic blobs and prints what it weighs and how fast blobs are added and found, by the main thread and
by worker threads at once in the memory they share. Exit status 1: something that must be reached was not.

  --blobs N     blobs in the index (default 10000000, which takes a minute or two)
  --threads N   worker threads that look up at once (default: as many as there are processors)
  --save NAME   write the report to NAME.md and NAME.json, to be committed
  --json        one JSON document instead of a table
  --help        this text
`;

/** Blobs that a thread looks up, or adds, when there are enough. */
const LOOKUPS = 1_000_000;

interface IndexOptions {
  packs: number;
  threads: number;
  save: string | undefined;
  json: boolean;
  help: boolean;
}

/** The exit status is 1 when something that must be reached was not. */
export function runIndexBenchmark(args: string[]): Promise<void> {
  return runBenchmark(args, {
    help: HELP,
    parse: parseOptions,
    measure: measureIndex,
    document: documentIndex,
    isMissed: ({ verdicts }) => verdicts.some(isMissed),
  });
}

function parseOptions(args: string[]): IndexOptions {
  const { values } = parseArgs({
    args,
    options: {
      blobs: { type: 'string', default: '10000000' },
      threads: { type: 'string', default: String(availableParallelism()) },
      save: { type: 'string' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const packs = Math.ceil(Number(values.blobs) / BLOBS_A_PACK);
  const threads = Number(values.threads);
  if (!(packs >= 1)) throw new Error(`--blobs ${values.blobs} is not a number of blobs.`);
  if (!Number.isInteger(threads) || threads < 1) throw new Error(`--threads ${values.threads} is not a number.`);
  return { packs, threads, save: parseSave(values.save), json: values.json, help: values.help };
}

async function measureIndex({ packs, threads }: IndexOptions): Promise<IndexReport> {
  // Once with few, so that code and its compiled form are not counted as the index's memory.
  fill(100);
  const before = memoryWithoutGarbage();
  const { index, known, added } = fill(packs);
  const after = memoryWithoutGarbage();
  const blobs = index.blobCount;
  const tables = index.memoryBytes;
  const heapBytes = after.heapUsed - before.heapUsed;
  const lookups = Math.min(packs, Math.ceil(LOOKUPS / BLOBS_A_PACK));
  const spread = { packs: lookups, step: Math.floor(packs / lookups) };
  const rates = [added, lookUp(index, 'indexed', spread), lookUp(index, 'absent', spread)];
  rates.push(await claimInThreads(known, { set: 'indexed', ...spread }, threads));
  known.grow(lookups * BLOBS_A_PACK);
  rates.push(await claimInThreads(known, { set: 'added', packs: lookups, step: 1 }, threads));
  return {
    finished: new Date().toISOString(),
    machine: describeMachine('/'),
    blobs,
    packs,
    threads,
    tableBytes: tables,
    heapBytes,
    residentBytes: after.rss - before.rss,
    peakBytes: process.resourceUsage().maxRSS * 1024,
    rates,
    verdicts: judgeIndex(blobs, tables, tables + heapBytes),
  };
}

/** As a backup does it: the index of all packs, which its threads share. */
function fill(packs: number): { index: BlobIndex; known: KnownBlobs; added: Rate } {
  const index = new BlobIndex();
  let seconds = 0;
  for (let number = 0; number < packs; number++) {
    const pack = syntheticPack(number);
    const start = performance.now();
    index.add(pack);
    seconds += (performance.now() - start) / 1000;
  }
  const known = new KnownBlobs({ index: index.share() });
  return { index, known, added: { name: 'added to the index', threads: 1, blobs: index.blobCount, seconds } };
}

/** By the main thread, with all that is known of a blob's place. */
function lookUp(index: BlobIndex, set: BlobSet, { packs, step }: { packs: number; step: number }): Rate {
  let seconds = 0;
  let found = 0;
  for (let pack = 0; pack < packs; pack++) {
    const ids = blobIds(set, pack * step);
    const texts = Array.from({ length: BLOBS_A_PACK }, (_, blob) => idAt(ids, blob).toString('hex'));
    const start = performance.now();
    for (const id of texts) if (index.find('data', id) !== undefined) found++;
    seconds += (performance.now() - start) / 1000;
  }
  const blobs = packs * BLOBS_A_PACK;
  demandCount(`lookups of ${set} blobs`, found, set === 'indexed' ? blobs : 0);
  return { name: `looked up, ${set}`, threads: 1, blobs, seconds };
}

/** All threads claim the same blobs at once: known ones are nobody's, and each new one is exactly one thread's. */
async function claimInThreads(
  known: KnownBlobs,
  task: Pick<LookupTask, 'set' | 'packs' | 'step'>,
  threads: number,
): Promise<Rate> {
  const workers = Array.from({ length: threads }, () => {
    const workerData: LookupTask = { ...task, memory: known.memory };
    return new Worker(new URL('index-lookups.ts', import.meta.url), { workerData });
  });
  const answers = await Promise.all(workers.map((worker) => once(worker, 'message')));
  const results = answers.map(([result]) => result as LookupResult);
  const sum = (pick: (result: LookupResult) => number): number =>
    results.reduce((total, each) => total + pick(each), 0);
  const blobs = task.packs * BLOBS_A_PACK;
  demandCount(
    `claims of ${task.set} blobs`,
    sum(({ claimed }) => claimed),
    task.set === 'indexed' ? 0 : blobs,
  );
  const name = task.set === 'indexed' ? 'claimed by threads, known' : 'claimed by threads, new';
  // Of a thread: their clocks ran at the same time.
  return { name, threads, blobs: sum((result) => result.blobs), seconds: sum(({ seconds }) => seconds) / threads };
}

/** A table that answers wrongly is not fast. */
function demandCount(what: string, found: number, wanted: number): void {
  if (found !== wanted) throw new Error(`${found} of ${what} were answered with yes instead of ${wanted}.`);
}

/** Of this process. */
function memoryWithoutGarbage(): NodeJS.MemoryUsage {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
  return process.memoryUsage();
}
