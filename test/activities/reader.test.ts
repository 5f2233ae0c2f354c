import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { initRepository } from '../../repository/init-repository.ts';
import { openLocalStorage } from '../../storage/local.ts';
import { createDependencies } from '../../worker.ts';

it('who reads a repository may write nothing in it but its lock, whatever goes wrong in the program', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-reader-'));
  try {
    await writeFile(join(folder, 'password'), 'geheim');
    const kdf = { N: 1024, r: 8, p: 1 };
    await (await initRepository(openLocalStorage(join(folder, 'vault')), 'geheim', { kdf })).close();
    const dependencies = createDependencies({
      environment: {},
      hostname: 'vm',
      secretsDirectory: folder,
      scratchDirectory: folder,
      allowCommands: false,
    });
    const location = { name: 'disk', local: { path: folder } };
    const password = { file: 'password' };
    const settings = { name: 'vault', location, path: 'vault', password, compression: 'auto' as const };
    const reader = await dependencies.openRepository(settings, 'reader');
    const lock = await reader.lock('shared', { signal: AbortSignal.timeout(30_000), waitSeconds: 0 });
    await expect(reader.storage.write('data/aa/object', Buffer.from('x'))).rejects.toMatchObject({
      code: 'AccessDenied',
    });
    await expect(reader.storage.remove('config')).rejects.toMatchObject({ code: 'AccessDenied' });
    await lock.release();
    // Threads read the packs by themselves.
    expect(reader.storage.capabilities.localDirectory).toBe(join(folder, 'vault'));
    await reader.close();
  } finally {
    await rm(folder, { recursive: true });
  }
});
