/** The process that the benchmark measures for holdfast: moves files to or from a location by the product's own drivers. */
import { createReadStream, createWriteStream, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { forEachConcurrently } from '../common/concurrency.ts';
import { openStorage } from '../storage/open-storage.ts';
import { keepYoungGeneration } from '../files/young-generation.ts';
import type { StorageLocation } from '../storage/storage-location.ts';

export interface MoveRequest {
  action: 'put' | 'get' | 'files';
  location: StorageLocation;
  /** Here: a file, or for `files` the folder of all that are sent. */
  place: string;
  /** There. For `files` those of the folder count. */
  name: string;
}

const READ_BYTES = 1024 * 1024;

/** Small files under way. */
const FILES = 64;

// As `cli/begin-early.ts` does for all but backups.
keepYoungGeneration();
const { action, location, place, name } = JSON.parse(process.argv[2] ?? '') as MoveRequest;
const storage = await openStorage(location, '', action === 'get' ? 'reader' : 'writer', {
  environment: process.env,
  resolveSecret: () => Promise.reject(new Error('the benchmark knows no secrets')),
});
if (action === 'put') {
  await storage.write(name, createReadStream(place, { highWaterMark: READ_BYTES }));
} else if (action === 'get') {
  await pipeline(await storage.openRead(name), createWriteStream(place));
} else {
  await forEachConcurrently(readdirSync(place), FILES, async (file) => {
    // At once: the pool of threads takes ten times as long for so little, and nothing is read from a disk.
    await storage.write(file, readFileSync(path.join(place, file)), { existing: 'refuse' });
  });
}
await storage.close();
