import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readDataPart } from '../../cli/check.ts';
import { createRepositoryFixture, type RepositoryFixture } from './repository-fixture.ts';

async function fillRepository(fixture: RepositoryFixture): Promise<string[]> {
  const source = join(fixture.folder, 'notes.txt');
  writeFileSync(source, 'data of a file');
  await fixture.run(['backup', source]);
  const data = join(fixture.where, 'data');
  return readdirSync(data, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

test('a whole repository is exit 0; damage inside a pack is found by reading data alone: exit 5, the pack named', async () => {
  await using fixture = await createRepositoryFixture();
  const packs = await fillRepository(fixture);
  const whole = await fixture.run(['check', '--read-data']);
  expect([whole.status, whole.stderr]).toEqual([0, '']);
  expect(whole.stdout).toMatch(/^no problem found in 1 snapshot, .* packs read/);
  const damaged = packs.find((pack) => readFileSync(pack).length > 0)!;
  const content = readFileSync(damaged);
  content[20]! ^= 1;
  writeFileSync(damaged, content);
  const { status, stderr, stdout } = await fixture.run(['check', '--read-data']);
  expect([status, stderr]).toEqual([5, expect.stringContaining(damaged.slice(-64))]);
  expect(stdout).toMatch(/^\d problems? in /);
});

test('a missing pack is found without reading data', async () => {
  await using fixture = await createRepositoryFixture();
  const [pack] = await fillRepository(fixture);
  rmSync(pack!);
  const { status, stdout } = await fixture.run(['check', '--json']);
  expect(status).toBe(5);
  expect(JSON.parse(stdout)).toMatchObject({
    // What only that pack held is missing too, and named beside it; in which order depends on what it held.
    findings: expect.arrayContaining([
      expect.objectContaining({ severity: 'critical', subject: expect.stringContaining(pack!.slice(-64)) }),
    ]),
  });
});

test('part of the data is a share, a size or a group of m groups, and nothing else', () => {
  const part = (readDataSubset?: string) => readDataPart({ lock: true, ...(readDataSubset && { readDataSubset }) });
  expect(part()).toEqual({ kind: 'none' });
  expect(readDataPart({ lock: true, readData: true })).toEqual({ kind: 'all' });
  expect(part('2/10')).toEqual({ kind: 'group', part: 2, parts: 10 });
  expect(part('5%')).toEqual({ kind: 'random', share: 0.05 });
  expect(part('2.5%')).toEqual({ kind: 'random', share: 0.025 });
  expect(part('2G')).toEqual({ kind: 'random-bytes', bytes: 2 ** 31 });
  expect(part('512KiB')).toEqual({ kind: 'random-bytes', bytes: 2 ** 19 });
  for (const subset of ['0/3', '4/3', '1/257', '0%', '200%', '0', 'some', '-1/2', '1/2/3'])
    expect(() => part(subset)).toThrow('names no part of the data');
  expect(() => readDataPart({ lock: true, readData: true, readDataSubset: '5%' })).toThrow('are both given');
});

test('reads as many packs as the part says', async () => {
  await using fixture = await createRepositoryFixture();
  const packs = await fillRepository(fixture);
  const read = async (part: string) => {
    const { stdout } = await fixture.run(['check', '--json', '--read-data-subset', part]);
    return (JSON.parse(stdout) as { packsRead: number }).packsRead;
  };
  expect(await read('1%')).toBe(1);
  expect(await read('1G')).toBe(packs.length);
  expect((await read('1/2')) + (await read('2/2'))).toBe(packs.length);
});

test('names are escaped once: a line feed in one is shown as it is in a listing', async () => {
  await using fixture = await createRepositoryFixture();
  const source = join(fixture.folder, 'source');
  mkdirSync(source);
  writeFileSync(join(source, 'line\nfeed \\n'), 'content');
  expect((await fixture.run(['backup', source])).status).toBe(0);
  await fixture.repository.loadIndex();
  for (const { id, blobs } of fixture.repository.indexedPacks())
    if (blobs[0]!.type === 'data') rmSync(join(fixture.where, 'data', id.slice(0, 2), id));
  const listed = await fixture.run(['ls', 'latest', source]);
  expect(listed.stdout).toContain('/line\\nfeed \\\\n\n');
  const { stderr } = await fixture.run(['check']);
  expect(stderr).toContain('/line\\nfeed \\\\n of snapshot');
  const restored = await fixture.run(['restore', 'latest', '--target', 'back']);
  expect(restored.stderr).toContain('/line\\nfeed \\\\n');
});
