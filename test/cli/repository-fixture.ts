/** A repository on disk with a password file beside it, for tests of the commands that work on one. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Snapshot } from '../../domain/snapshot.ts';
import { initRepository } from '../../repository/init-repository.ts';
import type { Repository } from '../../repository/repository.ts';
import { openLocalStorage } from '../../storage/local.ts';
import { runCli, type CliResult, type RunOptions } from './run-cli.ts';

export interface RepositoryFixture extends AsyncDisposable {
  /** A fresh folder of its own; the repository is `vault` in it. */
  folder: string;
  where: string;
  /** `--repo … --password-file …`. */
  options: string[];
  repository: Repository;
  /** Saves a snapshot of an empty folder. */
  addSnapshot(snapshot: Partial<Snapshot>): Promise<string>;
  run(args: string[], options?: RunOptions): Promise<CliResult>;
}

/** The key is cheap to open, so that a test's time is its own. */
export async function createRepositoryFixture(): Promise<RepositoryFixture> {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-cli-'));
  const where = join(folder, 'vault');
  writeFileSync(join(folder, 'password'), 'geheim\n', { mode: 0o600 });
  const repository = await initRepository(openLocalStorage(where), 'geheim', { kdf: { N: 1024, r: 8, p: 1 } });
  const options = ['--repo', where, '--password-file', join(folder, 'password')];
  return {
    folder,
    where,
    options,
    repository,
    async addSnapshot(snapshot) {
      const tree = (await repository.saveBlob('tree', Buffer.from('{"nodes":[]}\n'))).id;
      await repository.flush();
      await repository.saveIndex();
      const time = '2026-11-20T02:00:00.123456789+01:00';
      return repository.saveSnapshot({
        time,
        tree,
        paths: ['/srv/a'],
        hostname: 'app-01',
        username: 'root',
        ...snapshot,
      });
    },
    run: ([command = '', ...args], runOptions) =>
      runCli([command, ...options, ...args], { directory: folder, ...runOptions }),
    async [Symbol.asyncDispose]() {
      await repository.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
