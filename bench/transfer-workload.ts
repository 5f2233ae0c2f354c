/** What is measured of the remote locations: the operations, on which server, and the files that they move. */
import { closeSync, existsSync, mkdirSync, openSync, renameSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import path from 'node:path';
import { seededBytes } from './seeded-bytes.ts';

export const SERVER_KINDS = ['sftp', 's3', 'gcs'] as const;
export type ServerKind = (typeof SERVER_KINDS)[number];

/** `put` and `get` move one large file, `files` sends many small ones, `backup` fills a repository; `long` ones move a file of 5 GiB. */
export const TRANSFERS = ['put', 'get', 'files', 'backup', 'long-put', 'long-get'] as const;
export type Transfer = (typeof TRANSFERS)[number];

const ON: Record<Transfer, readonly ServerKind[]> = {
  put: ['sftp'],
  get: ['sftp'],
  files: SERVER_KINDS,
  backup: ['sftp'],
  'long-put': ['sftp'],
  'long-get': ['sftp'],
};

/** On which servers a transfer is measured. */
export function serversOf(transfer: Transfer, wanted: readonly ServerKind[]): ServerKind[] {
  return ON[transfer].filter((kind) => wanted.includes(kind));
}

const MiB = 1024 * 1024;
const LARGE_BYTES = 1024 * MiB;
const LONG_BYTES = 5 * 1024 * MiB;
const SMALL_COUNT = 2000;
const SMALL_BYTES = 10 * 1024;

/** The path of the file that `put`, `get` and the long ones move; made when it is not there whole. */
export function prepareLargeFile(work: string, transfer: Transfer, scale: number): string {
  const isLong = transfer.startsWith('long');
  const bytes = Math.ceil((isLong ? LONG_BYTES : LARGE_BYTES) * scale);
  const file = path.join(work, `transfer-${bytes}`);
  if (existsSync(file)) return file;
  const unfinished = `${file}.unfinished`;
  const descriptor = openSync(unfinished, 'w');
  for (let done = 0, block = 0; done < bytes; done += 16 * MiB, block++) {
    writeSync(descriptor, seededBytes('holdfast transfer', Math.min(16 * MiB, bytes - done), 0, block * MiB));
  }
  closeSync(descriptor);
  renameSync(unfinished, file);
  return file;
}

/** The folder of the small files; made when it is not there whole. */
export function prepareSmallFiles(work: string, scale: number): string {
  const count = Math.ceil(SMALL_COUNT * scale);
  const folder = path.join(work, `transfer-files-${count}`);
  if (existsSync(folder)) return folder;
  const unfinished = `${folder}.unfinished`;
  rmSync(unfinished, { recursive: true, force: true });
  mkdirSync(unfinished, { recursive: true });
  for (let number = 0; number < count; number++) {
    const name = `file-${String(number).padStart(4, '0')}`;
    writeFileSync(path.join(unfinished, name), seededBytes('holdfast small', SMALL_BYTES, number));
  }
  renameSync(unfinished, folder);
  return folder;
}
