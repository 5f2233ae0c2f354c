/** Where a program works in a round: a fresh repository, or a copy of one that holds the first backup already. */
import { cpSync, existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import path from 'node:path';
import { PASSWORD, type EmptyRepository } from './empty-repository.ts';
import { run } from './measure-process.ts';
import { KINDS, type Place } from './program-kinds.ts';
import type { Program } from './programs.ts';

/** The folder of the work folder in which rounds work; what is saved lies elsewhere. */
export const LIVE = 'live';

/** A new, empty repository; what a round that was interrupted left there is removed. */
export function createPlace(work: string, program: Program, empty: EmptyRepository): Place {
  const place = clearPlace(work, program, empty);
  const { create } = KINDS[program.kind];
  if (create === undefined) cpSync(empty.folder, place.repository, { recursive: true });
  for (const command of create?.(program.start, place) ?? []) run(command);
  return place;
}

/** Keeps what lies there under `name`, for `loadPlace` in later rounds and runs. */
export function savePlace(work: string, place: Place, name: string): void {
  const saved = path.join(work, 'saved', name);
  const unfinished = `${saved}.unfinished`;
  rmSync(unfinished, { recursive: true, force: true });
  mkdirSync(unfinished, { recursive: true });
  cpSync(place.home, path.join(unfinished, 'home'), { recursive: true });
  linkFiles(place.repository, path.join(unfinished, 'repository'));
  rmSync(saved, { recursive: true, force: true });
  renameSync(unfinished, saved);
}

/** Undefined when nothing was saved under the name. */
export function loadPlace(work: string, program: Program, empty: EmptyRepository, name: string): Place | undefined {
  const saved = path.join(work, 'saved', name);
  if (!existsSync(saved)) return undefined;
  const place = clearPlace(work, program, empty);
  cpSync(path.join(saved, 'home'), place.home, { recursive: true });
  linkFiles(path.join(saved, 'repository'), place.repository);
  return place;
}

function clearPlace(work: string, program: Program, empty: EmptyRepository): Place {
  const folder = path.join(work, LIVE, program.name);
  rmSync(folder, { recursive: true, force: true });
  const home = path.join(folder, 'home');
  mkdirSync(home, { recursive: true });
  return {
    repository: path.join(folder, 'repository'),
    home,
    passwordFile: empty.passwordFile,
    password: PASSWORD,
  };
}

/** Hard links: no program writes into a file that it has stored, and gigabytes need not be copied every round. */
function linkFiles(from: string, to: string): void {
  run({ file: 'cp', args: ['--archive', '--link', from, to] });
}
