import { mkdtemp, readdir, readFile, rm, writeFile, chmod } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { AdoptionRecord } from '../../domain/adoption-record.ts';
import type { RunRecord } from '../../domain/run-record.ts';
import { openEvidenceStore } from '../../evidence/open-evidence-store.ts';
import { encodeSegment, runName, runPrefixes } from '../../evidence/record-names.ts';
import { openLocalStorage } from '../../storage/local.ts';
import type { Storage } from '../../storage/storage.ts';
import { sampleApply, sampleRun } from './sample-records.ts';

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'holdfast-evidence-'));
});

afterEach(async () => {
  await rm(directory, { recursive: true, force: true });
});

const open = () => openEvidenceStore(openLocalStorage(directory));

async function collect<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const collected: Item[] = [];
  for await (const item of items) collected.push(item);
  return collected;
}

test('a run record lies in the folder of the day it finished, under its percent-encoded workflow id', async () => {
  const record = sampleRun();
  await open().writeRun(record);
  const path = join(
    directory,
    'runs/2026/11/23/policy%2Forders%2Fbackup%2Foffsite-2026-11-23T01%3A00%3A00.000Z',
    `${record.runId}.json`,
  );
  expect(JSON.parse(await readFile(path, 'utf8'))).toEqual(record);
});

test('writing the same record again succeeds, and other content under its name is refused', async () => {
  const store = open();
  const record = sampleRun();
  await store.writeRun(record);
  // The order of members is no other content.
  await store.writeRun(Object.fromEntries(Object.entries(record).reverse()) as unknown as RunRecord);
  await expect(store.writeRun({ ...record, outcome: 'failed' })).rejects.toMatchObject({ code: 'Integrity' });
  expect(await collect(store.readRuns())).toEqual([record]);
});

test('two writers of the same record at the same time both succeed, and it is there once', async () => {
  const record = sampleRun();
  await Promise.all(Array.from({ length: 8 }, () => open().writeRun(record)));
  expect(await collect(open().readRuns())).toEqual([record]);
});

test('runs come ordered by the time they finished, and filtered by time, policy and action', async () => {
  const store = open();
  const late = sampleRun({ startedAt: '2026-11-23T05:00:00.000Z' });
  const early = sampleRun({ startedAt: '2026-11-22T05:00:00.000Z' });
  const other = sampleRun({ actionId: 'policy/orders-archive/backup/offsite', policy: 'orders-archive' });
  const check = sampleRun({ actionId: 'repository/offsite/check', kind: 'check', policy: undefined });
  for (const record of [late, early, other, check]) await store.writeRun(record);
  expect((await collect(store.readRuns())).map((run) => run.workflowId)).toEqual(
    [early, other, check, late].map((run) => run.workflowId),
  );
  expect(await collect(store.readRuns({ policy: 'orders' }))).toEqual([early, late]);
  expect(await collect(store.readRuns({ actionId: check.actionId }))).toHaveLength(1);
  expect(await collect(store.readRuns({ kinds: ['check', 'prune'] }))).toEqual([check]);
  expect(await collect(store.readRuns({ from: new Date('2026-11-23T00:00:00Z'), policy: 'orders' }))).toEqual([late]);
  expect(await collect(store.readRuns({ to: new Date(early.finishedAt) }))).toEqual([early]);
});

test('adoptions are written once, read in the order of their times, and nothing else is taken for one', async () => {
  const store = open();
  const adoption = (time: string): AdoptionRecord => ({
    format: 'holdfast-adoption/1',
    id: `${time.replaceAll(/[-:]/g, '')}-orders-1f2e3d4c`,
    adoptedAt: time,
    adoptedBy: 'alice@app-01',
    policy: 'orders',
    repository: 'offsite',
    repositoryId: '1f2e3d4c',
    snapshots: [{ oldId: 'a', newId: 'b', time: '2026-11-01T02:00:00Z', hostname: 'app-01', paths: ['/srv'] }],
  });
  const [late, early] = [adoption('2026-11-23T05:00:00Z'), adoption('2026-11-22T05:00:00Z')];
  for (const record of [late, early, late]) await store.writeAdoption(record);
  expect(await collect(store.readAdoptions())).toEqual([early, late]);
  await expect(store.writeAdoption({ ...late, adoptedBy: 'mallory' })).rejects.toThrow('with other content');
  await writeFile(join(directory, 'adoptions', '20261124T000000Z-x.json'), '{"format":"holdfast-adoption/1"}');
  await expect(collect(store.readAdoptions())).rejects.toThrow('20261124T000000Z-x.json');
});

test('folders of other days are not opened', async () => {
  const store = open();
  const record = sampleRun({ startedAt: '2026-11-23T05:00:00.000Z' });
  await store.writeRun(record);
  await store.writeRun(sampleRun({ startedAt: '2026-11-21T05:00:00.000Z' }));
  const listed: string[] = [];
  const storage = openLocalStorage(directory);
  const spying: Storage = {
    ...storage,
    list(prefix, options) {
      listed.push(prefix);
      return storage.list(prefix, options);
    },
  };
  const query = { from: new Date('2026-11-23T00:00:00Z'), to: new Date('2026-11-23T23:00:00Z') };
  expect(await collect(openEvidenceStore(spying).readRuns(query))).toEqual([record]);
  expect(listed).toEqual(['runs/2026/11/23']);
});

test('the prefixes of a period cover its days and no others', () => {
  const day = fc.date({ min: new Date('1990-01-01'), max: new Date('2060-12-31'), noInvalidDate: true });
  fc.assert(
    fc.property(fc.option(day, { nil: undefined }), fc.option(day, { nil: undefined }), day, (from, to, finished) => {
      const name = runName({ workflowId: 'w', runId: 'r', finishedAt: finished.toISOString() });
      const covering = runPrefixes(from, to).filter((prefix) => name.startsWith(prefix));
      const text = finished.toISOString().slice(0, 10);
      const inside =
        (from === undefined || from.toISOString().slice(0, 10) <= text) &&
        (to === undefined || to.toISOString().slice(0, 10) >= text);
      expect(covering).toHaveLength(inside ? 1 : 0);
    }),
    { seed: 20261123, numRuns: 300 },
  );
});

test('an encoded id is one safe path segment, and different ids stay different', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (a, b) => {
      fc.pre(a.isWellFormed() && b.isWellFormed());
      expect(encodeSegment(a)).toMatch(/^[A-Za-z0-9._%-]*$/);
      expect(decodeURIComponent(encodeSegment(a))).toBe(a);
      if (a !== b) expect(encodeSegment(a)).not.toBe(encodeSegment(b));
    }),
    { seed: 20261123 },
  );
  expect([encodeSegment('..'), encodeSegment('.')]).toEqual(['%2E%2E', '%2E']);
});

test('a record that cannot be read, or lies under another name, is an integrity error that names it', async () => {
  const store = open();
  const record = sampleRun();
  await store.writeRun(record);
  const folder = join(directory, 'runs/2026/11/23', encodeSegment(record.workflowId));
  const path = join(folder, `${record.runId}.json`);
  const original = await readFile(path, 'utf8');
  await chmod(path, 0o600);
  for (const broken of [
    '',
    '{',
    '[]',
    'null',
    original.replace('holdfast-run/1', 'holdfast-run/9'),
    original.replace('01:01:00', '01:02:00').replace(record.runId, 'another'),
    original.replace('"findings":[]', '"findings":0'),
  ]) {
    await writeFile(path, broken);
    await expect(collect(store.readRuns())).rejects.toMatchObject({
      code: 'Integrity',
      message: expect.stringContaining(record.runId),
    });
  }
});

test('a record whose workflow id does not carry its action is refused before it is written', async () => {
  await expect(open().writeRun(sampleRun({ workflowId: 'elsewhere' }))).rejects.toMatchObject({ code: 'Usage' });
  expect(await readdir(directory)).toEqual([]);
});

test('apply records come oldest first, also within one second, and the latest is found', async () => {
  const store = open();
  expect(await store.latestApply()).toBeUndefined();
  const first = sampleApply({ appliedAt: '2026-11-01T00:00:00.100Z' });
  const second = sampleApply({ appliedAt: '2026-11-01T00:00:00.200Z', id: '20261101T000000Z-00000000' });
  const third = sampleApply({ appliedAt: '2026-11-02T00:00:00.000Z' });
  for (const record of [third, second, first]) await store.writeApply(record);
  expect(await collect(store.readApplies())).toEqual([first, second, third]);
  expect(await store.latestApply()).toEqual(third);
  await expect(store.writeApply({ ...third, appliedBy: 'mallory' })).rejects.toMatchObject({ code: 'Integrity' });
});
