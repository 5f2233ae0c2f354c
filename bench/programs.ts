/** The programs that are compared: holdfast, the peers on the PATH, and those that were named. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { findOnPath } from './find-on-path.ts';
import { run } from './measure-process.ts';
import { KINDS, PROGRAM_KINDS, type KindName, type Start } from './program-kinds.ts';

export const HOLDFAST = 'holdfast';
export const CHECKOUT = path.join(import.meta.dirname, '..');
const PRODUCT_FOLDERS = ['cli', 'common', 'domain', 'files', 'repository', 'storage'];

export interface Program {
  name: string;
  kind: KindName;
  start: Start;
  /** What it says of itself, for holdfast with a digest of its sources: rounds of other code are other rounds. */
  version: string;
}

/** holdfast first. Throws an Error when a named peer cannot be run, or `only` names one that is not there. */
export function findPrograms(peers: { name: string; file: string }[], only: string[] | undefined): Program[] {
  const onPath = PROGRAM_KINDS.filter((kind) => kind !== HOLDFAST).flatMap((name) => {
    const file = findOnPath(name);
    return file === undefined || peers.some((peer) => peer.name === name) ? [] : [{ name, file }];
  });
  const candidates = [{ name: HOLDFAST, file: path.join(CHECKOUT, 'cli', 'holdfast.js') }, ...onPath, ...peers];
  const unknown = only?.find((name) => !candidates.some((candidate) => candidate.name === name));
  if (unknown !== undefined) {
    const known = candidates.map((candidate) => candidate.name).join(', ');
    throw new Error(`--only ${unknown} is no corpus, no operation, and none of the programs here: ${known}.`);
  }
  return candidates
    .filter(({ name }) => name === HOLDFAST || only === undefined || only.includes(name))
    .map(({ name, file }) => describeProgram(name, file));
}

function describeProgram(name: string, file: string): Program {
  const kind = PROGRAM_KINDS.find((each) => name === each || name.startsWith(`${each}-`));
  if (kind === undefined || !/^[\w.-]+$/.test(name)) {
    throw new Error(`--peer ${name}: a name begins with what the program is: ${PROGRAM_KINDS.join(', ')}.`);
  }
  const start: Start = kind === HOLDFAST ? [process.execPath, file] : [file];
  const [first, ...rest] = start;
  const said = run({ file: first, args: [...rest, ...KINDS[kind].version] }).split(/\n| \(/)[0] ?? '';
  const digest =
    kind === HOLDFAST ? `, sources ${digestSources(path.join(path.dirname(file), '..'), PRODUCT_FOLDERS)}` : '';
  return { name, kind, start, version: `${said.trim()}${digest}` };
}

/** Of the product's code in these folders of a checkout. */
export function digestSources(checkout: string, folders: readonly string[]): string {
  const hash = createHash('sha256');
  for (const folder of folders) {
    const names = readdirSync(path.join(checkout, folder)).filter((name) => /\.(ts|js)$/.test(name));
    for (const name of names.toSorted()) hash.update(name).update(readFileSync(path.join(checkout, folder, name)));
  }
  return hash.digest('hex').slice(0, 12);
}
