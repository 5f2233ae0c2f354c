import { execFileSync } from 'node:child_process';
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { backup } from '../../activities/backup.ts';
import { check } from '../../activities/check.ts';
import { prune } from '../../activities/prune.ts';
import { retention } from '../../activities/retention.ts';
import type { BackupSettings, PruneSettings, RetentionSettings } from '../../domain/action.ts';
import type { BackupFigures, PruneFigures, RetentionFigures } from '../../domain/run-record.ts';
import { requirePeer } from '../peers.ts';
import { abortAfter, openWorkbench, PASSWORD, sourceSettings, type Workbench } from './workbench.ts';

const DAY_MS = 86_400_000;
let bench: Workbench;
let backupSettings: BackupSettings;
let rules: RetentionSettings;
let pruneSettings: PruneSettings;

beforeEach(async () => {
  bench = await openWorkbench();
  await bench.initRepository();
  const { repository } = bench;
  backupSettings = {
    kind: 'backup',
    source: sourceSettings([bench.source]),
    repository,
    hostname: 'app-01',
    tags: ['shop'],
    verifyShare: 1,
  };
  rules = {
    kind: 'retention',
    repository,
    policyNames: ['orders'],
    rules: { keep: { last: 2 }, proven: 1, maxForgetShare: 0.9 },
  };
  pruneSettings = { kind: 'prune', repository, maxUnusedShare: 0, afterSeconds: 7 * 86_400 };
  await writeFile(join(bench.source, 'a.txt'), 'a');
});

afterEach(async () => {
  await bench.remove();
});

const runBackup = async (changes = {}) => {
  const request = bench.request(backupSettings, changes);
  const outcome = await backup(bench.deps, request, bench.context());
  if (request.dryRun !== true) await bench.record(request, outcome);
  return outcome;
};
const runRetention = (changes = {}) => retention(bench.deps, bench.request(rules, changes), bench.context());
const runPrune = (changes = {}) => prune(bench.deps, bench.request(pruneSettings, changes), bench.context());
const snapshots = () => bench.withRepository((repository) => repository.listSnapshots());
const locks = () => readdir(join(bench.vault.local.path, 'offsite/locks')).catch(() => []);

/** A backup a day, each with other data. Returns the snapshots' ids, oldest first. */
async function backUpDaily(days: number): Promise<string[]> {
  const ids: string[] = [];
  for (let day = 0; day < days; day++) {
    bench.now = new Date(bench.now.getTime() + DAY_MS);
    await writeFile(join(bench.source, 'day.txt'), `day ${day} `.repeat(5000 + day));
    ids.push((await runBackup()).snapshot!.snapshotId);
  }
  return ids;
}

test('a backup makes a tagged snapshot, compares it with the source, and names it in its outcome', async () => {
  const outcome = await runBackup();
  const [snapshot] = await snapshots();
  expect(snapshot).toMatchObject({
    hostname: 'app-01',
    tags: ['holdfast', 'policy=orders', 'shop'],
    paths: [bench.source],
  });
  expect(Date.parse(snapshot!.time)).toBe(bench.now.getTime());
  expect(outcome.figures).toMatchObject({ filesNew: 1, filesVerified: 1, bytesProcessed: 1 });
  expect(outcome.findings).toEqual([]);
  expect(outcome.snapshot).toMatchObject({ repository: 'offsite', snapshotId: snapshot!.id });
  const again = await runBackup();
  expect(again.figures).toMatchObject({ filesNew: 0, filesUnmodified: 1 });
  // Found by its id: the clock stands still, so the order of the two snapshots says nothing.
  const second = (await snapshots()).find((each) => each.id === again.snapshot!.snapshotId);
  expect(second?.parent).toBe(snapshot!.id);
  expect(await locks()).toEqual([]);
});

test('a missing or emptied source is refused, and the snapshots stay as they are', async () => {
  await runBackup();
  await rm(join(bench.source, 'a.txt'));
  await expect(runBackup()).rejects.toMatchObject({
    code: 'GuardRefused',
    hint: expect.stringMatching(/holdfast run orders backup --to \S+ --accept emptySource/),
    context: { guard: 'emptySource', finding: 'guard/empty-source' },
  });
  await rm(bench.source, { recursive: true });
  await expect(runBackup({ accept: ['emptySource'] })).rejects.toMatchObject({
    code: 'GuardRefused',
    context: { guard: 'missingSource', finding: 'source/missing' },
  });
  expect(await snapshots()).toHaveLength(1);
  await mkdir(bench.source);
  await runBackup({ accept: ['emptySource'] });
  expect(await snapshots()).toHaveLength(2);
});

test('a missing repository is NoRepository, and never created', async () => {
  await rm(bench.vault.local.path, { recursive: true });
  await expect(runBackup()).rejects.toMatchObject({ code: 'NoRepository' });
  expect((await readdir(bench.directory)).includes('vault')).toBe(false);
});

test('a dry run of a backup counts what is new and changed, and stores nothing', async () => {
  await writeFile(join(bench.source, 'b.txt'), 'b');
  await runBackup();
  await writeFile(join(bench.source, 'b.txt'), 'bb');
  await mkdir(join(bench.source, 'sub'));
  await writeFile(join(bench.source, 'sub/c.txt'), 'ccc');
  const { figures, snapshot } = await runBackup({ dryRun: true });
  expect(figures as BackupFigures).toMatchObject({ filesNew: 1, filesChanged: 1, filesUnmodified: 1, bytesAdded: 5 });
  expect(snapshot).toBeUndefined();
  expect(await snapshots()).toHaveLength(1);
});

test('an interrupted backup leaves no lock and no snapshot, and the next one succeeds', async () => {
  for (let index = 0; index < 200; index++) await writeFile(join(bench.source, `f${index}`), `${index}`.repeat(20_000));
  await expect(backup(bench.deps, bench.request(backupSettings), abortAfter(20))).rejects.toMatchObject({
    code: 'Interrupted',
  });
  expect([await snapshots(), await locks()]).toEqual([[], []]);
  expect((await runBackup()).figures).toMatchObject({ filesNew: 201 });
});

test('retention keeps what the rules and proofs keep, tells why, and leaves the snapshots of others alone', async () => {
  const ids = await backUpDaily(5);
  const request = bench.request(backupSettings);
  const others = { ...request, action: { ...request.action, policy: 'wages', id: 'policy/wages/backup/offsite' } };
  await backup(bench.deps, others, bench.context());
  const repositoryId = await bench.withRepository(async (repository) => repository.config.id);
  const proof = { repository: 'offsite', repositoryId, snapshotId: ids[1]! };
  const tested = bench.request({ ...restoreTestSettings(), kind: 'restore-test' });
  await bench.record(tested, { figures: { ...provenFigures() }, snapshot: proof });
  await bench.record(tested, {
    figures: { ...provenFigures(), proven: false },
    snapshot: { ...proof, snapshotId: ids[2]! },
  });

  const plan = await runRetention({ dryRun: true });
  expect(await snapshots()).toHaveLength(6);
  const outcome = await runRetention();
  expect(outcome.figures).toEqual(plan.figures);
  expect(outcome.figures).toMatchObject({ kept: 3, forgotten: 2, foreign: 0 });
  const decisions = (outcome.figures as RetentionFigures).decisions;
  expect(decisions.map(({ snapshot, keep }) => [snapshot, keep])).toEqual(
    ids.map((id, index) => [id, index === 1 || index > 2]),
  );
  expect(decisions[1]?.reasons[0]).toMatch(/^proven by run policy.orders.restore-test.+\/.+/);
  expect(decisions[0]?.tree).toMatch(/^[0-9a-f]{64}$/);
  expect((await snapshots()).map(({ id }) => id)).toEqual(expect.arrayContaining([ids[1], ids[3], ids[4]]));
  expect(await snapshots()).toHaveLength(4);
  expect((await runRetention()).figures).toMatchObject({ kept: 3, forgotten: 0 });
});

test('when the evidence cannot be read, or is not there, nothing is forgotten', async () => {
  await backUpDaily(4);
  const evidence = join(bench.directory, 'evidence');
  const [name] = (await readdir(join(evidence, 'runs'), { recursive: true })).filter((path) => path.endsWith('.json'));
  const path = join(evidence, 'runs', name!);
  await rm(path);
  await writeFile(path, '{}');
  await expect(runRetention()).rejects.toMatchObject({ code: 'Integrity' });
  await rm(evidence, { recursive: true });
  await expect(runRetention()).rejects.toMatchObject({ code: 'StorageUnreachable' });
  expect(await snapshots()).toHaveLength(4);
});

test('what expires goes share by share, the oldest first, counted back from now, until nothing is left', async () => {
  const ids = await backUpDaily(5);
  rules = { ...rules, rules: { keep: { withinDaily: '3d' }, proven: 0, maxForgetShare: 0.5 }, expiring: true };
  // Still within three days, and a fourth snapshot that the day's bucket has left.
  expect((await runRetention()).figures).toMatchObject({ kept: 3, forgotten: 2 });
  bench.now = new Date(bench.now.getTime() + 30 * DAY_MS);
  const first = await runRetention();
  expect(first.figures).toMatchObject({ kept: 0, forgotten: 1, decisions: [{ snapshot: ids[2], keep: false }] });
  expect(first.findings).toMatchObject([{ code: 'retention/postponed' }]);
  expect((await runRetention()).figures).toMatchObject({ forgotten: 1 });
  const last = await runRetention();
  expect([last.figures, last.findings]).toMatchObject([{ kept: 0, forgotten: 1 }, []]);
  expect(await snapshots()).toEqual([]);
});

test('forgetting more than maxForget is refused with the command that accepts it', async () => {
  await backUpDaily(4);
  rules.rules.maxForgetShare = 0.25;
  await expect(runRetention()).rejects.toMatchObject({
    code: 'GuardRefused',
    hint: expect.stringMatching(/holdfast run orders retention --to \S+ --accept maxForget/),
    context: { guard: 'maxForget', forgotten: 2, snapshots: 4 },
  });
  expect(await snapshots()).toHaveLength(4);
  expect((await runRetention({ accept: ['maxForget'] })).figures).toMatchObject({ forgotten: 2 });
});

test('a hold keeps everything, and ages count from recorded times', async () => {
  await backUpDaily(4);
  rules.rules.maxAge = '1d';
  rules.hold = { until: '2036-01-01', reason: 'HGB §257', by: 'legal' };
  expect((await runRetention()).figures).toMatchObject({ kept: 4, forgotten: 0 });
  delete rules.hold;
  expect((await runRetention()).figures).toMatchObject({ kept: 2, forgotten: 2 });
});

test('snapshots of no policy are reported as a notice', async () => {
  backupSettings.tags = [];
  const request = bench.request(backupSettings);
  await backup(bench.deps, { ...request, action: { ...request.action, policy: undefined } }, bench.context());
  const outcome = await runRetention();
  expect(outcome.figures).toMatchObject({ foreign: 1, kept: 0 });
  expect(outcome.findings.map(({ code, severity }) => `${severity} ${code}`)).toEqual([
    'notice repository/foreign-snapshots',
  ]);
});

test('prune spares what was forgotten a short time ago, and frees it later', async () => {
  await backUpDaily(5);
  expect((await runRetention()).figures).toMatchObject({ forgotten: 3 });
  bench.now = new Date(bench.now.getTime() + 6 * DAY_MS);
  expect(((await runPrune()).figures as PruneFigures).bytesFreed).toBe(0);
  bench.now = new Date(bench.now.getTime() + 2 * DAY_MS);
  const planned = (await runPrune({ dryRun: true })).figures as PruneFigures;
  expect(planned.bytesFreed).toBeGreaterThan(0);
  const freed = (await runPrune()).figures as PruneFigures;
  expect(freed.bytesFreed).toBe(planned.bytesFreed);
  expect((await runCheck()).findings).toEqual([]);
});

test('prune spares trees that only the record of a retention run names', async () => {
  const ids = await backUpDaily(3);
  const { id, tree } = (await snapshots())[0]!;
  expect(id).toBe(ids[0]);
  await bench.withRepository((repository) => repository.removeSnapshot(id));
  const decision = { snapshot: id, time: '', keep: false, reasons: [], tree };
  const figures = { kind: 'retention' as const, kept: 2, forgotten: 1, foreign: 0, decisions: [decision] };
  await bench.record(bench.request(rules), { figures });
  expect(((await runPrune()).figures as PruneFigures).bytesFreed).toBe(0);
  pruneSettings.afterSeconds = 0;
  bench.now = new Date(bench.now.getTime() + 1000);
  expect(((await runPrune()).figures as PruneFigures).bytesFreed).toBeGreaterThan(0);
});

const runCheck = (readDataShare = 1) =>
  check(bench.deps, bench.request({ kind: 'check', repository: bench.repository, readDataShare }), bench.context());

test('check reads the data, and damage is a finding', async () => {
  await backUpDaily(2);
  expect(await runCheck()).toMatchObject({ findings: [], figures: { snapshots: 2, problems: 0 } });
  const data = join(bench.vault.local.path, 'offsite/data');
  const [pack] = (await readdir(data, { recursive: true })).filter((name) => name.length > 60);
  await rm(join(data, pack!));
  const damaged = await runCheck(0);
  expect(damaged.findings.map(({ code }) => code)).toContain('repository/pack-missing');
});

test('work waits for the lock of others, and stops waiting when told to', async () => {
  await bench.withRepository(async (repository) => {
    const lock = await repository.lock('exclusive');
    const controller = new AbortController();
    const phases: (string | undefined)[] = [];
    const waiting = backup(bench.deps, bench.request(backupSettings), {
      signal: controller.signal,
      progress: {
        report({ phase }) {
          phases.push(phase);
          if (phase?.startsWith('waiting') === true) controller.abort();
        },
      },
    });
    await expect(waiting).rejects.toMatchObject({ code: 'Interrupted' });
    expect(phases).toEqual(['opening offsite', expect.stringContaining('waiting for')]);
    await lock.release();
  });
  expect((await runBackup()).figures).toMatchObject({ filesNew: 1 });
});

const restic = requirePeer('restic');

restic.it('restic finds the repository sound after backups, retention and prune', async () => {
  await backUpDaily(4);
  await runRetention();
  pruneSettings.afterSeconds = 0;
  bench.now = new Date(bench.now.getTime() + 1000);
  await runPrune();
  const passwordFile = join(bench.directory, 'password');
  await writeFile(passwordFile, PASSWORD);
  const output = execFileSync(
    restic.command,
    ['-r', join(bench.vault.local.path, 'offsite'), '-p', passwordFile, '--no-cache', 'check', '--read-data'],
    { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] },
  );
  expect(output).toContain('no errors were found');
});

function restoreTestSettings() {
  return {
    kind: 'restore-test' as const,
    repositories: [bench.repository],
    policyNames: ['orders'],
    directories: [bench.source],
    snapshot: 'latest' as const,
    sample: { kind: 'all' as const },
    assertions: [],
    everySeconds: 86_400,
  };
}

function provenFigures() {
  return {
    kind: 'restore-test' as const,
    repository: 'offsite',
    snapshotTime: '',
    filesRestored: 1,
    bytesRestored: 1,
    filesCompared: 1,
    filesTotal: 1,
    bytesTotal: 1,
    restoreSeconds: 1,
    bytesPerSecond: 1,
    estimatedFullRestoreSeconds: 1,
    full: true,
    assertionsPassed: 0,
    assertionsFailed: 0,
    proven: true,
  };
}
