/** The one empty repository that all programs of restic's format start from: the same key, scrypt cost and chunk boundaries. */
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { initRepository } from '../repository/init-repository.ts';
import { openLocalStorage } from '../storage/local.ts';
import { findOnPath } from './find-on-path.ts';
import { run } from './measure-process.ts';
import type { Program } from './programs.ts';

export const PASSWORD = 'bench';

export interface EmptyRepository {
  folder: string;
  passwordFile: string;
  /** From its key file: what every program pays to open it. */
  scrypt: { N: number; r: number; p: number };
}

/**
 * Made once in a work folder: by restic where there is one, since restic lets nobody choose scrypt's cost but
 * calibrates it; else by holdfast, which calibrates alike.
 */
export async function prepareEmptyRepository(work: string, programs: Program[]): Promise<EmptyRepository> {
  const folder = path.join(work, 'empty-repository');
  const passwordFile = path.join(work, 'password');
  writeFileSync(passwordFile, `${PASSWORD}\n`, { mode: 0o600 });
  if (!existsSync(folder)) {
    const unfinished = `${folder}.unfinished`;
    rmSync(unfinished, { recursive: true, force: true });
    mkdirSync(unfinished, { recursive: true });
    await create(unfinished, passwordFile, programs);
    renameSync(unfinished, folder);
  }
  return { folder, passwordFile, scrypt: readScrypt(folder) };
}

async function create(folder: string, passwordFile: string, programs: Program[]): Promise<void> {
  const restic = programs.find((program) => program.kind === 'restic')?.start[0] ?? findOnPath('restic');
  if (restic === undefined) {
    await (await initRepository(openLocalStorage(folder), PASSWORD)).close();
    return;
  }
  const place = ['--repo', folder, '--password-file', passwordFile, '--no-cache'];
  run({ file: restic, args: ['init', '--repository-version', '2', ...place] });
}

function readScrypt(folder: string): EmptyRepository['scrypt'] {
  const [name = ''] = readdirSync(path.join(folder, 'keys'));
  const { N, r, p } = JSON.parse(readFileSync(path.join(folder, 'keys', name), 'utf8')) as EmptyRepository['scrypt'];
  return { N, r, p };
}
