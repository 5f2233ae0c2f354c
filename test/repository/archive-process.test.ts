import { execFileSync, spawn } from 'node:child_process';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { checkRepository } from '../../repository/check-repository.ts';
import { SEAL_OVERHEAD_BYTES } from '../../repository/crypto.ts';
import { requirePeer } from '../peers.ts';
import { createArchiveFixture, PASSWORD, type ArchiveFixture } from './archive-fixture.ts';
import { noise } from './odd-tree.ts';
import { realRestic } from './real-restic.ts';

const CHILD = fileURLToPath(new URL('archive-child.ts', import.meta.url));

describe('what the account may not read', () => {
  it('is named and left out, and all else is backed up', async () => {
    using fixture = await createArchiveFixture();
    const at = (name: string): string => path.join(fixture.source, name);
    for (const name of ['open', 'closed-folder', 'search-only']) mkdirSync(at(name));
    for (const name of ['open/file', 'closed', 'closed-large', 'closed-folder/inner', 'search-only/inner', 'plain']) {
      writeFileSync(at(name), name.endsWith('large') ? noise(5_000_000, 'x') : name);
    }
    for (const name of ['closed', 'closed-large', 'closed-folder']) chmodSync(at(name), 0);
    chmodSync(at('search-only'), 0o311);
    const result = runUnprivileged(fixture, [fixture.source]);
    expect(result.unreadable.map((entry) => entry.path).toSorted()).toEqual(
      ['closed', 'closed-folder', 'closed-large', 'search-only'].map((name) => at(name)),
    );
    for (const { message } of result.unreadable) expect(message).toBe('permission denied');
    expect(result.figures).toMatchObject({ filesNew: 2, filesUnreadable: 4 });
  });

  it('is an error when it is the whole source', async () => {
    using fixture = await createArchiveFixture();
    chmodSync(fixture.source, 0);
    expect(runUnprivileged(fixture, [fixture.source])).toMatchObject({ error: { code: 'AccessDenied' } });
    expect(fixture.files().some((name) => name.startsWith('snapshots/'))).toBe(false);
  });
});

describe('a backup whose process is killed', () => {
  const restic = requirePeer('restic');
  restic.it('leaves a repository that restic finds sound, and the next backup finishes the work', async () => {
    using fixture = await createArchiveFixture();
    for (let index = 0; index < 8; index++) {
      writeFileSync(path.join(fixture.source, `large-${index}`), noise(25_000_000, String(index)));
    }
    const child = spawn(process.execPath, [CHILD, '-', fixture.vault, PASSWORD, fixture.source], { stdio: 'ignore' });
    const ended = new Promise((resolve) => child.once('exit', (_, signal) => resolve(signal)));
    while (countFiles(fixture, 'data/') < 4 && child.exitCode === null) await delay(5);
    child.kill('SIGKILL');
    expect(await ended).toBe('SIGKILL');
    const peer = realRestic(restic.command, fixture.folder);
    peer.run(['unlock']);
    peer.run(['check', '--read-data']);
    const { figures } = await fixture.archive();
    expect(figures).toMatchObject({ filesNew: 8, bytesProcessed: 200_000_000 });
    peer.run(['check', '--read-data']);
  });
});

describe('a backup whose process is killed after it wrote an index', () => {
  it('has stored what the next one uses: nothing that the index named is stored again', async () => {
    using fixture = await createArchiveFixture();
    for (let index = 0; index < 12; index++) {
      writeFileSync(path.join(fixture.source, `large-${index}`), noise(25_000_000, String(index)));
    }
    const child = spawn(process.execPath, [CHILD, '40', fixture.vault, PASSWORD, fixture.source], { stdio: 'ignore' });
    const ended = new Promise((resolve) => child.once('exit', (_, signal) => resolve(signal)));
    while (countFiles(fixture, 'index/') < 2 && child.exitCode === null) await delay(5);
    child.kill('SIGKILL');
    expect(await ended).toBe('SIGKILL');
    expect(countFiles(fixture, 'snapshots/')).toBe(0);
    const named = await indexedData(fixture);
    expect(named.size).toBeGreaterThan(10);
    const packs = new Set(fixture.files().filter((name) => name.startsWith('data/')));
    const { figures, snapshot } = await fixture.archive();
    const namedBytes = [...named.values()].reduce((sum, bytes) => sum + bytes, 0);
    expect(figures.bytesProcessed).toBe(300_000_000);
    expect(snapshot.summary!.data_blobs).toBe((await indexedData(fixture)).size - named.size);
    // The rest, and the trees.
    expect(figures.bytesAdded).toBeLessThan(300_000_000 - namedBytes + 100_000);
    // Packs are only added: nobody may remove what another backup could be using.
    for (const pack of packs) expect(fixture.files()).toContain(pack);
    const repository = await fixture.open();
    const { problems } = await checkRepository(repository, { readData: { kind: 'all' } });
    await repository.close();
    // Packs that were on their way when the process died, which no index names, wait for prune.
    expect(problems.filter(({ severity }) => severity !== 'notice')).toEqual([]);
  });
});

/** Plain sizes of the data blobs that index files name. Every blob is named once. */
async function indexedData(fixture: ArchiveFixture): Promise<Map<string, number>> {
  const repository = await fixture.open();
  await repository.loadIndex();
  const blobs = [...repository.indexedPacks()].flatMap((pack) => pack.blobs).filter(({ type }) => type === 'data');
  await repository.close();
  const sizes = new Map(blobs.map((blob) => [blob.id, blob.uncompressedLength ?? blob.length - SEAL_OVERHEAD_BYTES]));
  expect(sizes.size).toBe(blobs.length);
  return sizes;
}

interface ChildResult {
  figures: Record<string, number>;
  unreadable: { path: string; message: string }[];
}

/** Root, who may read everything, gives up just that right: the checkout may lie where no other account may look. */
function runUnprivileged(fixture: ArchiveFixture, directories: string[]): ChildResult {
  const command = [process.execPath, CHILD, '-', fixture.vault, PASSWORD, ...directories];
  if (process.getuid?.() === 0) command.unshift('setpriv', '--bounding-set=-dac_override,-dac_read_search');
  return JSON.parse(execFileSync(command[0]!, command.slice(1), { encoding: 'utf8' })) as ChildResult;
}

function countFiles(fixture: ArchiveFixture, prefix: string): number {
  return fixture.files().filter((name) => name.startsWith(prefix)).length;
}
