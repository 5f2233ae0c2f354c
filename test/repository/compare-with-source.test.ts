import { chmodSync, mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { compareWithSource, type CompareResult } from '../../repository/compare-with-source.ts';
import type { Repository } from '../../repository/repository.ts';
import { decodeTree, encodeTree } from '../../repository/tree-node.ts';
import type { Snapshot } from '../../domain/snapshot.ts';
import { createArchiveFixture, type ArchiveFixture } from './archive-fixture.ts';
import { noise } from './odd-tree.ts';

describe('the comparison with the source', () => {
  it('finds all files equal after a backup, each in its turn', async () => {
    using fixture = await createArchiveFixture();
    fill(fixture, 200);
    writeFileSync(path.join(fixture.source, 'large'), noise(11_000_000, 'large'));
    const { snapshot } = await fixture.archive();
    const all = await compare(fixture, snapshot, 1, 0);
    expect(all).toMatchObject({ filesCompared: 201, differences: [], changed: [] });
    expect(all.bytesCompared).toBe(snapshot.summary!.total_bytes_processed);
    const turns = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];
    const counts: number[] = [];
    for (const turn of turns) counts.push((await compare(fixture, snapshot, 0.1, turn)).filesCompared);
    expect(Math.min(...counts)).toBeGreaterThan(5);
    expect(counts.reduce((sum, count) => sum + count)).toBe(201);
    expect(await compare(fixture, snapshot, 0.1, 3)).toEqual(await compare(fixture, snapshot, 0.1, 13));
    expect((await compare(fixture, snapshot, 0, 0)).filesCompared).toBe(0);
  });

  it('compares more than the share of a small snapshot', async () => {
    using fixture = await createArchiveFixture();
    fill(fixture, 15);
    const { snapshot } = await fixture.archive();
    expect((await compare(fixture, snapshot, 0.01, 5)).filesCompared).toBe(15);
  });

  it('passes over what changed or vanished since, and names it', async () => {
    using fixture = await createArchiveFixture();
    fill(fixture, 5);
    const { snapshot } = await fixture.archive();
    const at = (name: string): string => path.join(fixture.source, name);
    writeFileSync(at('file-1'), 'changed');
    rmSync(at('file-2'));
    rmSync(at('file-3'));
    mkdirSync(at('file-3'));
    chmodSync(at('file-4'), 0o600);
    const result = await compare(fixture, snapshot, 1, 0);
    expect(result.differences).toEqual([]);
    expect(result.filesCompared).toBe(1);
    expect(result.changed.map((file) => path.basename(file.path)).toSorted()).toEqual(
      [1, 2, 3, 4].map((n) => `file-${n}`),
    );
  });

  it('tells a file whose content in the snapshot is another, though nothing about the file changed', async () => {
    using fixture = await createArchiveFixture();
    fill(fixture, 3);
    const { snapshot } = await fixture.archive();
    const repository = await fixture.open();
    await repository.loadIndex();
    const forged = await exchangeContent(repository, snapshot, fixture.source);
    const result = await compareWithSource(repository, { snapshot: forged, share: 1, rotation: 0 });
    await repository.close();
    expect(result.filesCompared).toBe(3);
    expect(result.differences).toEqual([
      { path: path.join(fixture.source, 'file-1'), message: expect.stringContaining('its content is another') },
    ]);
    expect(statSync(path.join(fixture.source, 'file-1')).size).toBe(6);
  });

  it('stops when it is asked to', async () => {
    using fixture = await createArchiveFixture();
    fill(fixture, 3);
    const { snapshot } = await fixture.archive();
    const repository = await fixture.open();
    await repository.loadIndex();
    const request = { snapshot, share: 1, rotation: 0, signal: AbortSignal.abort() };
    await expect(compareWithSource(repository, request)).rejects.toMatchObject({ code: 'Interrupted' });
    await repository.close();
  });
});

function fill(fixture: ArchiveFixture, count: number): void {
  for (let index = 0; index < count; index++)
    writeFileSync(path.join(fixture.source, `file-${index}`), `file ${index}`);
}

async function compare(
  fixture: ArchiveFixture,
  snapshot: Snapshot,
  share: number,
  rotation: number,
): Promise<CompareResult> {
  const repository = await fixture.open();
  await repository.loadIndex();
  try {
    return await compareWithSource(repository, { snapshot, share, rotation });
  } finally {
    await repository.close();
  }
}

/** The same snapshot, in which the node of file-1 has the content of file-2. */
async function exchangeContent(repository: Repository, snapshot: Snapshot, folder: string): Promise<Snapshot> {
  const rewrite = async (treeId: string, names: string[]): Promise<string> => {
    const nodes = decodeTree(await repository.loadBlob('tree', treeId));
    const [name, ...rest] = names;
    const child = nodes.find((node) => node.name === name);
    if (child !== undefined) child.subtree = await rewrite(child.subtree!, rest);
    else nodes.find((node) => node.name === 'file-1')!.content = nodes.find((node) => node.name === 'file-2')!.content;
    return (await repository.saveBlob('tree', encodeTree(nodes))).id;
  };
  const tree = await rewrite(snapshot.tree, folder.split('/').slice(1));
  await repository.flush();
  return { ...snapshot, tree };
}
