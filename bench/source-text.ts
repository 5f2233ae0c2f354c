/** Source text: the programs and headers that are on the machine, one after the other. */
import { closeSync, openSync, readdirSync, readFileSync, writeSync } from 'node:fs';
import path from 'node:path';

const FOLDERS = [path.join(import.meta.dirname, '..', 'node_modules'), '/usr/include', '/usr/lib/python3', '/usr/src'];
const SOURCE = /\.(ts|mts|cts|js|mjs|cjs|json|md|h|hpp|c|cc|cpp|py|go|rs)$/;

/** Writes at most `bytes`, and less when the machine has no more: what lies there twice is not written twice. */
export function createSourceText(file: string, bytes: number): void {
  const descriptor = openSync(file, 'w');
  let left = bytes;
  try {
    for (const source of sourceFiles()) {
      if (left <= 0) break;
      const content = readFileSync(source).subarray(0, left);
      writeSync(descriptor, content);
      left -= content.length;
    }
  } finally {
    closeSync(descriptor);
  }
}

function* sourceFiles(): Generator<string> {
  for (const folder of FOLDERS) yield* filesBelow(folder);
}

function* filesBelow(folder: string): Generator<string> {
  let entries;
  try {
    entries = readdirSync(folder, { withFileTypes: true });
  } catch {
    return; // Not every machine has every folder.
  }
  for (const entry of entries.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    const full = path.join(folder, entry.name);
    if (entry.isDirectory()) yield* filesBelow(full);
    else if (entry.isFile() && SOURCE.test(entry.name)) yield full;
  }
}
