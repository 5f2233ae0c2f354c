import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
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

test('part of the data is a share or a place in m parts, and nothing else', () => {
  expect(readDataPart({ lock: true })).toEqual({ share: 0, rotation: 0 });
  expect(readDataPart({ lock: true, readData: true })).toEqual({ share: 1, rotation: 0 });
  expect(readDataPart({ lock: true, readDataSubset: '2/10' })).toEqual({ share: 0.1, rotation: 1 });
  expect(readDataPart({ lock: true, readDataSubset: '5%' })).toMatchObject({ share: 0.05 });
  for (const readDataSubset of ['0/3', '4/3', '0%', '200%', 'some', '-1/2'])
    expect(() => readDataPart({ lock: true, readDataSubset })).toThrow('names no part of the data');
});
