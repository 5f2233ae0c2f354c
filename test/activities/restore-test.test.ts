import { randomBytes } from 'node:crypto';
import { chmod, mkdir, readdir, readFile, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { backup } from '../../activities/backup.ts';
import { compareRestored } from '../../activities/restore-comparison.ts';
import { restoreTest } from '../../activities/restore-test.ts';
import type { BackupSettings, RestoreTestSettings } from '../../domain/action.ts';
import { createFindingList } from '../../domain/findings.ts';
import type { RestoreTestFigures } from '../../domain/run-record.ts';
import { restore } from '../../repository/restore.ts';
import { abortAfter, openWorkbench, sourceSettings, type Workbench } from './workbench.ts';

const DAY_MS = 86_400_000;
let bench: Workbench;
let settings: RestoreTestSettings;

beforeEach(async () => {
  bench = await openWorkbench();
  await bench.initRepository();
  settings = {
    kind: 'restore-test',
    repositories: [bench.repository],
    policyNames: ['orders'],
    directories: [bench.source],
    snapshot: 'latest',
    sample: { kind: 'all' },
    assertions: [],
    everySeconds: 86_400,
  };
  await mkdir(join(bench.source, 'invoices/2026'), { recursive: true });
  await mkdir(join(bench.source, 'hollow'), { mode: 0o500 });
  await writeFile(join(bench.source, 'ledger.csv'), 'a;b\n'.repeat(500));
  await writeFile(join(bench.source, 'invoices/2026/1.pdf'), Buffer.alloc(3_000_000, 'invoice'));
  await writeFile(join(bench.source, 'empty'), '');
  await chmod(join(bench.source, 'ledger.csv'), 0o640);
  await symlink('invoices/2026/1.pdf', join(bench.source, 'link'));
});

afterEach(async () => {
  await chmod(join(bench.source, 'hollow'), 0o700).catch(() => undefined);
  await bench.remove();
});

async function makeSnapshot(): Promise<string> {
  const { repository } = bench;
  const source = sourceSettings([bench.source]);
  const backupSettings: BackupSettings = {
    kind: 'backup',
    source,
    repository,
    hostname: 'app-01',
    tags: [],
    verifyShare: 0,
  };
  return (await backup(bench.deps, bench.request(backupSettings), bench.context())).snapshot!.snapshotId;
}

const request = (changes = {}) => bench.request(settings, changes);
const run = (changes = {}) => restoreTest(bench.deps, request(changes), bench.context());
const scratch = () => readdir(bench.deps.scratchDirectory).catch(() => []);

test('a restore that is equal in every byte proves the snapshot, and leaves nothing behind', async () => {
  const snapshotId = await makeSnapshot();
  settings.assertions = [
    { kind: 'exists', path: 'invoices/2026' },
    { kind: 'file', path: 'ledger.csv', minSizeBytes: 1000, newerThanSeconds: 10 * 365 * 86_400 },
    { kind: 'script', path: 'tests/verify.sh', content: 'test "$(wc -l < ledger.csv)" -eq 500', timeoutSeconds: 10 },
  ];
  const outcome = await run();
  expect(outcome.findings).toEqual([]);
  expect(outcome.snapshot).toMatchObject({ repository: 'offsite', snapshotId });
  expect(outcome.figures).toMatchObject({
    filesRestored: 4,
    filesCompared: 4,
    filesTotal: 4,
    bytesTotal: 3_002_000,
    bytesRestored: 3_002_000,
    full: true,
    assertionsPassed: 3,
    assertionsFailed: 0,
    proven: true,
  });
  const { restoreSeconds, estimatedFullRestoreSeconds } = outcome.figures as RestoreTestFigures;
  expect(restoreSeconds).toBeGreaterThan(0);
  expect(estimatedFullRestoreSeconds).toBe(restoreSeconds);
  expect(await scratch()).toEqual([]);
});

test('assertions that do not hold are findings, and nothing is proven', async () => {
  await utimes(join(bench.source, 'ledger.csv'), new Date(1e12), new Date(1e12));
  await makeSnapshot();
  settings.assertions = [
    { kind: 'exists', path: 'invoices/1999' },
    { kind: 'file', path: 'ledger.csv', newerThanSeconds: 2 * 86_400 },
    { kind: 'file', path: 'empty', minSizeBytes: 1 },
    { kind: 'file', path: 'invoices', minSizeBytes: 1 },
    { kind: 'script', path: 'fails.sh', content: '#!/bin/sh\necho rows are missing; exit 3', timeoutSeconds: 10 },
    { kind: 'script', path: 'hangs.sh', content: 'sleep 60 & sleep 60', timeoutSeconds: 1 },
    {
      kind: 'script',
      path: 'env.sh',
      content: 'test -z "$OFFSITE_PASSWORD$TEMPORAL_ADDRESS" && test "$HOLDFAST_SAMPLE" = all',
      timeoutSeconds: 5,
    },
  ];
  const outcome = await run();
  expect(outcome.figures).toMatchObject({ assertionsPassed: 1, assertionsFailed: 6, proven: false });
  expect(outcome.snapshot).toBeUndefined();
  expect(outcome.findings.map(({ code, subject }) => `${code} ${subject}`)).toEqual([
    'assertion/failed invoices/1999',
    'assertion/failed ledger.csv',
    'assertion/failed empty',
    'assertion/failed invoices',
    'assertion/failed fails.sh',
    'assertion/failed hangs.sh',
  ]);
  expect(outcome.findings[4]?.message).toContain('status 3; its output ended: rows are missing');
  expect(outcome.findings[5]?.message).toContain('did not end within 1s');
});

test('without --allow-commands no script runs, and its assertion does not hold', async () => {
  await makeSnapshot();
  bench.deps.allowCommands = false;
  const mark = join(bench.directory, 'ran');
  settings.assertions = [{ kind: 'script', path: 'a.sh', content: `touch ${mark}`, timeoutSeconds: 5 }];
  const outcome = await run();
  expect(outcome.figures).toMatchObject({ assertionsFailed: 1, proven: false });
  await expect(readFile(mark)).rejects.toMatchObject({ code: 'ENOENT' });
});

test('in the time that the policy promises every file is tested, each test a part, assertions in all of them', async () => {
  for (let index = 0; index < 200; index++) await writeFile(join(bench.source, `file-${index}`), `content ${index}`);
  await makeSnapshot();
  settings.sample = { kind: 'cover', withinSeconds: 5 * 86_400 };
  settings.assertions = [{ kind: 'exists', path: 'ledger.csv' }];
  const restored = new Set<string>();
  const parts: number[] = [];
  for (let day = 0; day < 4; day++) {
    bench.now = new Date(bench.now.getTime() + DAY_MS);
    const seen = new Set<string>();
    settings.assertions[1] = {
      kind: 'script',
      path: 'list.sh',
      content: `find . -type f -o -type l > ${join(bench.directory, 'list')}`,
      timeoutSeconds: 10,
    };
    const outcome = await run();
    expect(outcome.figures).toMatchObject({ full: false, proven: true, filesTotal: 204 });
    for (const line of (await readFile(join(bench.directory, 'list'), 'utf8')).trim().split('\n')) seen.add(line);
    expect(seen.has('./ledger.csv')).toBe(true);
    parts.push(seen.size);
    for (const line of seen) restored.add(line);
  }
  expect(restored.size).toBe(204);
  expect(Math.max(...parts)).toBeLessThan(120);
});

test('a full test comes when none was within its time', async () => {
  for (let index = 0; index < 100; index++) await writeFile(join(bench.source, `file-${index}`), `content ${index}`);
  await makeSnapshot();
  settings.sample = { kind: 'files', count: 30 };
  settings.fullEverySeconds = 30 * 86_400;
  const first = await run();
  expect(first.figures).toMatchObject({ full: true });
  // One that proved nothing is due again.
  await bench.record(request(), { ...first, figures: { ...first.figures, proven: false } as RestoreTestFigures });
  bench.now = new Date(bench.now.getTime() + DAY_MS);
  const second = await run();
  expect(second.figures).toMatchObject({ full: true });
  await bench.record(request(), second);
  bench.now = new Date(bench.now.getTime() + 29 * DAY_MS);
  expect((await run()).figures).toMatchObject({ full: false });
  bench.now = new Date(bench.now.getTime() + 2 * DAY_MS);
  expect((await run()).figures).toMatchObject({ full: true });
});

/** Changes one byte of each pack that is larger, or not larger, than a limit. */
async function damagePacks(wanted: (sizeBytes: number) => boolean): Promise<void> {
  const data = join(bench.vault.local.path, 'offsite/data');
  for (const name of (await readdir(data, { recursive: true })).filter((path) => path.length > 60)) {
    const content = await readFile(join(data, name));
    if (!wanted(content.length)) continue;
    content[100]! ^= 1;
    await rm(join(data, name));
    await writeFile(join(data, name), content);
  }
}

test('damaged data is found, and proves nothing', async () => {
  await writeFile(join(bench.source, 'noise'), randomBytes(500_000));
  await makeSnapshot();
  await damagePacks((sizeBytes) => sizeBytes > 400_000);
  const outcome = await run();
  expect(outcome.figures).toMatchObject({ proven: false });
  expect(outcome.findings.map(({ code }) => code)).toEqual(
    expect.arrayContaining(['restore/damaged', 'restore/mismatch']),
  );
  expect(await scratch()).toEqual([]);
});

test('a damaged tree is found, and proves nothing', async () => {
  await writeFile(join(bench.source, 'noise'), randomBytes(500_000));
  await makeSnapshot();
  await damagePacks((sizeBytes) => sizeBytes < 400_000);
  const outcome = await run();
  expect(outcome.figures).toMatchObject({ proven: false });
  expect(outcome.findings.map(({ code }) => code)).toContain('restore/damaged');
  expect(await scratch()).toEqual([]);
});

test('the comparison finds every difference of a restored file by itself', async () => {
  await makeSnapshot();
  const target = join(bench.directory, 'restored');
  await bench.withRepository(async (repository) => {
    const [snapshot] = await repository.listSnapshots();
    await restore(repository, { snapshot: snapshot!, target });
    const compare = async () => {
      const findings = createFindingList();
      const compared = await compareRestored(repository, {
        treeId: snapshot!.tree,
        target,
        isSelected: () => true,
        full: true,
        findings,
        ...bench.context(),
      });
      return [compared, ...findings.all().map(({ message }) => message.replace(/^.*: /, ''))];
    };
    const at = (name: string): string => join(target, bench.source, name);
    expect(await compare()).toEqual([4]);
    const content = await readFile(at('invoices/2026/1.pdf'));
    content[2_999_999]! ^= 1;
    const { mtime } = await import('node:fs/promises').then(({ stat }) => stat(at('invoices/2026/1.pdf')));
    await writeFile(at('invoices/2026/1.pdf'), content);
    await utimes(at('invoices/2026/1.pdf'), mtime, mtime);
    await chmod(at('ledger.csv'), 0o600);
    await rm(at('empty'));
    await rm(at('link'));
    await symlink('elsewhere', at('link'));
    await chmod(at('hollow'), 0o700);
    const differences = await compare();
    expect(differences).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/^its content differs at byte \d+$/),
        'its mode is 600, not 640',
        'its mode is 700, not 500',
        'it is missing',
        'it links elsewhere',
      ]),
    );
  });
});

test('an RTO that the measured pace cannot keep is a finding', async () => {
  await makeSnapshot();
  const tested = request();
  tested.action.objectives = { rpoSeconds: 1, rtoSeconds: 0.000001 };
  const outcome = await restoreTest(bench.deps, tested, bench.context());
  expect(outcome.findings.map(({ code }) => code)).toEqual(['objective/rto']);
  expect(outcome.figures).toMatchObject({ proven: true });
});

test('an empty repository is a finding, and proves nothing', async () => {
  const outcome = await run();
  expect(outcome.findings.map(({ code, severity }) => `${severity} ${code}`)).toEqual(['warning restore/no-snapshot']);
  expect(outcome.figures).toMatchObject({ proven: false, filesTotal: 0 });
});

test('what does not fit into the scratch space is told, and the rest is tested', async () => {
  await makeSnapshot();
  settings.scratchMaxBytes = 100_000;
  const outcome = await run();
  expect(outcome.findings.map(({ code }) => code)).toEqual(['restore/scratch-too-small']);
  expect(outcome.figures).toMatchObject({ filesRestored: 3, full: false, proven: false });
});

test('an aborted test removes its folder, and what a dead attempt left is removed by the next', async () => {
  for (let index = 0; index < 300; index++) await writeFile(join(bench.source, `file-${index}`), `content ${index}`);
  await makeSnapshot();
  // Past the counting of files, in the middle of the restore.
  await expect(restoreTest(bench.deps, request(), abortAfter(310))).rejects.toMatchObject({ code: 'Interrupted' });
  expect(await scratch()).toEqual([]);
  settings.assertions = [
    {
      kind: 'script',
      path: 'crash.sh',
      content: `cp -a "$HOLDFAST_RESTORED/hollow" ${bench.directory}/kept; basename "$(dirname "$PWD")" > /dev/null; ls ${bench.deps.scratchDirectory} > ${bench.directory}/names`,
      timeoutSeconds: 10,
    },
  ];
  await run();
  const [name = ''] = (await readFile(join(bench.directory, 'names'), 'utf8')).trim().split('\n');
  await mkdir(join(bench.deps.scratchDirectory, name, 'closed'), { recursive: true });
  await writeFile(join(bench.deps.scratchDirectory, name, 'closed/f'), '');
  await chmod(join(bench.deps.scratchDirectory, name, 'closed'), 0o500);
  await run();
  expect(await scratch()).toEqual([]);
});

test('a dry run chooses, and restores nothing', async () => {
  await makeSnapshot();
  const outcome = await run({ dryRun: true });
  expect(outcome.figures).toMatchObject({ filesTotal: 4, filesRestored: 0, proven: false, full: true });
  expect(outcome.snapshot).toBeUndefined();
  expect(await scratch()).toEqual([]);
});
