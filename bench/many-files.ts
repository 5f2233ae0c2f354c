/** The corpora of the benchmark of scaling: many small files, each with content of its own, in folders of a hundred. */
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { seededBytes } from './seeded-bytes.ts';

const FILES_A_FOLDER = 100;
const FOLDERS_A_FOLDER = 100;
const LEAST_BYTES = 200;
const MOST_BYTES = 1000;

export function manyFilesName(count: number): string {
  return `files-${count}`;
}

/** The folder with that many files; makes it when it is not there whole. A million take two minutes and 4 GiB of blocks. */
export function prepareManyFiles(work: string, count: number, say: (line: string) => void): string {
  const folder = path.join(work, 'corpora-scaling', manyFilesName(count));
  if (existsSync(folder)) return folder;
  say(`making ${count} files`);
  const unfinished = `${folder}.unfinished`;
  rmSync(unfinished, { recursive: true, force: true });
  for (let first = 0, number = 0; first < count; first += FILES_A_FOLDER, number++) {
    const parent = path.join(unfinished, name(Math.floor(number / FOLDERS_A_FOLDER)), name(number % FOLDERS_A_FOLDER));
    mkdirSync(parent, { recursive: true });
    writeFolder(parent, count, first, Math.min(FILES_A_FOLDER, count - first));
  }
  renameSync(unfinished, folder);
  return folder;
}

/** Text, as most small files are; of another corpus every file has other content. */
function writeFolder(folder: string, corpus: number, first: number, count: number): void {
  const random = seededBytes('holdfast many files', count * (MOST_BYTES + 2), corpus, first);
  for (let index = 0; index < count; index++) {
    const from = index * (MOST_BYTES + 2);
    const size = LEAST_BYTES + (random.readUInt16LE(from) % (MOST_BYTES - LEAST_BYTES + 1));
    const content = random.toString('base64', from + 2, from + 2 + size).slice(0, size);
    writeFileSync(path.join(folder, `${name(index)}.txt`), content);
  }
}

function name(number: number): string {
  return String(number).padStart(3, '0');
}
