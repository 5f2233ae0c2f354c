/** A fresh repository with a source folder beside it, and short ways to back the one up into the other. */
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { archive, type ArchiveRequest, type ArchiveResult } from '../../repository/archive.ts';
import { initRepository } from '../../repository/init-repository.ts';
import { openRepository } from '../../repository/open-repository.ts';
import type { Repository } from '../../repository/repository.ts';
import { openLocalStorage } from '../../storage/local.ts';

export const PASSWORD = 'correct horse';

export interface ArchiveFixture extends Disposable {
  /** Of its own, removed at the end. */
  folder: string;
  source: string;
  vault: string;
  /** Names of all files of the repository. */
  files(): string[];
  /** Another instance on the same repository, as another process would have it. */
  open(): Promise<Repository>;
  /** Backs the source up (or other directories), with a freshly opened repository. */
  archive(request?: Partial<Omit<ArchiveRequest, 'source'>> & SourceChanges): Promise<ArchiveResult>;
}

export interface SourceChanges {
  directories?: string[];
  source?: Partial<ArchiveRequest['source']>;
}

/** The repository is made unless real restic is to make it. The key is cheap to open, so that a test's time is its own. */
export async function createArchiveFixture(options: { initialize?: boolean } = {}): Promise<ArchiveFixture> {
  const folder = mkdtempSync(path.join(tmpdir(), 'holdfast-archive-'));
  const source = path.join(folder, 'source');
  const vault = path.join(folder, 'vault');
  mkdirSync(source);
  if (options.initialize ?? true) {
    await (await initRepository(openLocalStorage(vault), PASSWORD, { kdf: { N: 1024, r: 8, p: 1 } })).close();
  }
  const open = (): Promise<Repository> => openRepository(openLocalStorage(vault), PASSWORD);
  return {
    folder,
    source,
    vault,
    files: () =>
      readdirSync(vault, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => path.relative(vault, path.join(entry.parentPath, entry.name)))
        .toSorted(),
    open,
    async archive({ directories = [source], source: changes = {}, ...request } = {}) {
      const repository = await open();
      const lock = await repository.lock('shared');
      try {
        const settings = { exclude: [], excludeIfPresent: [], excludeCaches: false, oneFileSystem: false };
        return await archive(repository, {
          source: { directories, ...settings, ...changes },
          hostname: 'app-01',
          tags: [],
          time: new Date(),
          ...request,
        });
      } finally {
        await lock.release();
        await repository.close();
      }
    },
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  };
}
