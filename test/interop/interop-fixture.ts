/** A repository that one program has made and filled, copied anew for each test, with what its snapshots must restore to. */
import { createHash } from 'node:crypto';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'vitest';
import { createKeyFile } from '../../repository/key-file.ts';
import { openRepository } from '../../repository/open-repository.ts';
import { openLocalStorage } from '../../storage/local.ts';
import type { Repository } from '../../repository/repository.ts';
import type { Snapshot } from '../../domain/snapshot.ts';
import { describeTree, makeOddTree, noise } from '../repository/odd-tree.ts';
import type { BackupProgram, Vault } from './programs.ts';

const PASSWORD = 'correct horse';

export interface Workplace extends Disposable {
  folder: string;
  source: string;
  passwordFile: string;
  /** A place for a repository that is not there yet. */
  freshVault(): Vault;
  /** A copy of a repository. */
  copyOf(vault: Vault): Vault;
  /** A fresh folder. */
  freshFolder(): string;
}

export function createWorkplace(): Workplace {
  const folder = mkdtempSync(path.join(tmpdir(), 'holdfast-interop-'));
  const passwordFile = path.join(folder, 'password');
  writeFileSync(passwordFile, `${PASSWORD}\n`, { mode: 0o600 });
  let count = 0;
  const freshFolder = (): string => path.join(folder, String(++count));
  const freshVault = (): Vault => ({ directory: freshFolder(), passwordFile });
  return {
    folder,
    source: path.join(folder, 'source'),
    passwordFile,
    freshFolder,
    freshVault,
    copyOf(vault) {
      const copy = freshVault();
      cpSync(vault.directory, copy.directory, { recursive: true, preserveTimestamps: true });
      return copy;
    },
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** A repository with two snapshots of the source, which changes in between: a new large file, one that goes. */
export interface FilledVault {
  vault: Vault;
  writer: BackupProgram;
  /** Oldest first. */
  ids: [string, string];
  /** What the source was at each snapshot (`describeTree`). */
  states: [string[], string[]];
}

export async function fillVault(place: Workplace, writer: BackupProgram): Promise<FilledVault> {
  const vault = place.freshVault();
  await writer.init(vault);
  await makeKeyCheap(vault);
  makeOddTree(place.source);
  writeFileSync(path.join(place.source, 'leaving'), noise(1_500_000, 'leaving'));
  const before = describeTree(place.source);
  await writer.backup(vault, place.source);
  rmSync(path.join(place.source, 'leaving'));
  mkdirSync(path.join(place.source, 'joining'));
  writeFileSync(path.join(place.source, 'joining', 'file'), noise(2_500_000, 'joining'));
  const after = describeTree(place.source);
  await writer.backup(vault, place.source);
  const [first, second] = await snapshotsOf(vault);
  return { vault, writer, ids: [first!.id, second!.id], states: [before, after] };
}

/** Opening the key that a program has made takes half a second, which a test with many steps has no use for. */
async function makeKeyCheap(vault: Vault): Promise<void> {
  await withRepository(vault, async ({ storage, key, keyId }) => {
    const kdf = { N: 1024, r: 8, p: 1 };
    const { id, content } = await createKeyFile(key, PASSWORD, { kdf, username: 'u', hostname: 'h', now: new Date() });
    await storage.write(`keys/${id}`, content);
    await storage.remove(`keys/${keyId!}`);
  });
}

export async function withRepository<Result>(
  vault: Vault,
  use: (repository: Repository) => Promise<Result>,
): Promise<Result> {
  const repository = await openRepository(openLocalStorage(vault.directory), PASSWORD);
  try {
    await repository.loadIndex();
    return await use(repository);
  } finally {
    await repository.close();
  }
}

/** Oldest first. */
export function snapshotsOf(vault: Vault): Promise<Snapshot[]> {
  return withRepository(vault, (repository) => repository.listSnapshots());
}

/** Ids of all data blobs that any index names, each once. */
export function dataBlobsOf(vault: Vault): Promise<string[]> {
  return withRepository(vault, async (repository) => {
    const blobs = [...repository.indexedPacks()].flatMap((pack) => pack.blobs);
    return [...new Set(blobs.filter(({ type }) => type === 'data').map(({ id }) => id))].toSorted();
  });
}

/** Restores the source with the program, and compares it with what it was when `writer` backed it up. */
export async function expectRestores(
  program: BackupProgram,
  place: Workplace,
  snapshot: { vault: Vault; id: string; state: string[]; writer: BackupProgram },
): Promise<void> {
  const target = place.freshFolder();
  await program.restore(snapshot.vault, snapshot.id, target);
  const kept = (line: string): boolean =>
    !snapshot.writer.loses.backup?.test(line) && !program.loses.restore?.test(line);
  const restored = describeTree(path.join(target, place.source));
  expect(restored.filter(kept)).toEqual(snapshot.state.filter(kept));
  rmSync(target, { recursive: true });
}

/** As `expectRestores` wants it. */
export function snapshotOf(filled: FilledVault, number: 0 | 1, vault = filled.vault) {
  return { vault, id: filled.ids[number], state: filled.states[number], writer: filled.writer };
}

/** A further password, in a file. */
export function writePassword(place: Workplace, password: string): string {
  const file = path.join(place.folder, `password-${createHash('sha256').update(password).digest('hex').slice(0, 8)}`);
  writeFileSync(file, `${password}\n`, { mode: 0o600 });
  return file;
}

export function keyIdsOf(vault: Vault): string[] {
  return readdirSync(path.join(vault.directory, 'keys'));
}
