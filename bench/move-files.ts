/** The process that the benchmark measures for holdfast: moves files to or from a location by the product's own drivers. */
import { readdirSync, readFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import path from 'node:path';
import { forEachConcurrently } from '../common/concurrency.ts';
import { fromText } from '../files/byte-path.ts';
import { writePieces } from '../files/durable-file.ts';
import { openLocalTree } from '../files/local-tree.ts';
import { openStorage } from '../storage/open-storage.ts';
import { keepYoungGeneration } from '../files/v8-flags.ts';
import type { StorageLocation } from '../storage/storage-location.ts';

export interface MoveRequest {
  action: 'put' | 'get' | 'files';
  location: StorageLocation;
  /** Here: a file, or for `files` the folder of all that are sent. */
  place: string;
  /** There. For `files` those of the folder count. */
  name: string;
}

/** Small files under way. */
const FILES = 64;

// As `cli/main.ts` does for all but backups.
keepYoungGeneration();
const { action, location, place, name } = JSON.parse(process.argv[2] ?? '') as MoveRequest;
const storage = await openStorage(location, '', action === 'get' ? 'reader' : 'writer', {
  environment: process.env,
  resolveSecret: () => Promise.reject(new Error('the benchmark knows no secrets')),
});
if (action === 'put') {
  const tree = openLocalTree(path.dirname(place));
  await storage.write(name, await tree.openRead(fromText(path.basename(place))));
} else if (action === 'get') {
  await using file = await open(place, 'w');
  await writePieces(file, await storage.openRead(name));
} else {
  await forEachConcurrently(readdirSync(place), FILES, async (file) => {
    // At once: the pool of threads takes ten times as long for so little, and nothing is read from a disk.
    await storage.write(file, readFileSync(path.join(place, file)), { existing: 'refuse' });
  });
}
await storage.close();
