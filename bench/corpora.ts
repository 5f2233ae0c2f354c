/** The files that are backed up: made once for each scale, with fixed seeds, and kept in the work folder. */
import { createHash } from 'node:crypto';
import { cpSync, existsSync, lstatSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { createDatabaseFile } from './database-file.ts';
import { seededBytes } from './seeded-bytes.ts';
import { createSourceText } from './source-text.ts';
import type { CorpusName } from './workload.ts';

const MiB = 1024 * 1024;
const TREE = '/usr/share';

/** Bytes of the one file of the corpus `database`, and its name. */
export const DATABASE_BYTES = 4096 * MiB;
export const DATABASE_NAME = 'orders.db';

/** The folder of the corpus; makes it when it is not there whole. */
export function prepareCorpus(work: string, name: CorpusName, scale: number, say: (line: string) => void): string {
  const folder = path.join(work, `corpora-${scale}`, name);
  if (existsSync(folder)) return folder;
  say(`making the corpus ${name}`);
  const unfinished = `${folder}.unfinished`;
  rmSync(unfinished, { recursive: true, force: true });
  mkdirSync(unfinished, { recursive: true });
  CREATORS[name](unfinished, scale);
  renameSync(unfinished, folder);
  return folder;
}

const CREATORS: Record<CorpusName, (folder: string, scale: number) => void> = {
  tree: copyTree,
  big: createBigFiles,
  database: (folder, scale) => createDatabaseFile(path.join(folder, DATABASE_NAME), DATABASE_BYTES * scale),
};

/** A copy: the original is of the system, and changes under a benchmark. Of a smaller scale, each file has the same chance. */
function copyTree(folder: string, scale: number): void {
  cpSync(TREE, folder, {
    recursive: true,
    preserveTimestamps: true,
    verbatimSymlinks: true,
    filter: (source) => scale === 1 || isDirectory(source) || chance(source) < scale,
  });
}

function createBigFiles(folder: string, scale: number): void {
  const program = readFileSync(process.execPath);
  writeFileSync(path.join(folder, 'program'), program.subarray(0, program.length * scale));
  writeFileSync(path.join(folder, 'random'), seededBytes('holdfast random', Math.floor(256 * MiB * scale)));
  createSourceText(path.join(folder, 'source-text'), 256 * MiB * scale);
  createDatabaseFile(path.join(folder, DATABASE_NAME), 384 * MiB * scale);
}

function isDirectory(file: string): boolean {
  return lstatSync(file).isDirectory();
}

/** 0 to 1, the same for the same name. */
function chance(name: string): number {
  return createHash('sha256').update(name).digest().readUInt32BE(0) / 2 ** 32;
}
