/** A worker thread of the index's benchmark: looks blobs up in the shared table, or adds them, and says how long it took. */
import { parentPort, workerData } from 'node:worker_threads';
import { KnownBlobs, type KnownBlobsMemory } from '../repository/known-blobs.ts';
import { blobIds, BLOBS_A_PACK, idAt, type BlobSet } from './synthetic-blobs.ts';

export interface LookupTask {
  memory: KnownBlobsMemory;
  set: BlobSet;
  /** Looked at are `packs` packs, each `step`th. */
  packs: number;
  step: number;
}

export interface LookupResult {
  blobs: number;
  /** How many this thread was told to store, because nobody had them. */
  claimed: number;
  /** In lookups alone: making the ids is not counted. */
  seconds: number;
}

const { memory, set, packs, step } = workerData as LookupTask;
const known = new KnownBlobs(memory);
const result: LookupResult = { blobs: packs * BLOBS_A_PACK, claimed: 0, seconds: 0 };
for (let pack = 0; pack < packs; pack++) {
  const ids = blobIds(set, pack * step);
  const start = performance.now();
  for (let blob = 0; blob < BLOBS_A_PACK; blob++) if (known.claim(idAt(ids, blob))) result.claimed++;
  result.seconds += (performance.now() - start) / 1000;
}
parentPort?.postMessage(result);
