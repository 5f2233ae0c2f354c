import { chmod, lstat, mkdir, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { sync } from '../../activities/sync.ts';
import type { ActionRequest, SyncSettings } from '../../domain/action.ts';
import type { ActionOutcome, SyncFigures } from '../../domain/run-record.ts';
import { runUnprivileged } from './run-sync-child.ts';
import { syncSettings } from './sync-settings.ts';
import { openWorkbench, tick, type Workbench } from './workbench.ts';

const HOUR = 3600_000;
let bench: Workbench;
let settings: SyncSettings;

beforeEach(async () => {
  bench = await openWorkbench();
  bench.now = new Date();
  settings = syncSettings(bench, { verifyShare: 0 });
});

afterEach(async () => {
  await bench.remove();
});

/** With an RPO of two hours. */
function request(): ActionRequest {
  const made = bench.request(settings);
  made.action.objectives = { rpoSeconds: 7200, rtoSeconds: 3600 };
  return made;
}

const run = () => sync(bench.deps, request(), bench.context());
const changedAt = async (path: string) =>
  new Date(Number((await lstat(path, { bigint: true })).ctimeNs / 1_000_000n)).toISOString();
const codes = ({ findings }: ActionOutcome) => findings.map(({ code, severity }) => [code, severity]);

test('a target that has all of its source has no lag, whatever no sync copies', async () => {
  await writeFile(join(bench.source, 'a.txt'), 'a');
  execFileSync('mkfifo', [join(bench.source, 'pipe')]);
  bench.now = new Date(Date.now() + 3 * HOUR);
  const first = (await run()).figures as SyncFigures;
  expect(first).toMatchObject({ filesPending: 0, lagSeconds: 0 });
  expect(first).not.toHaveProperty('oldestPendingAt');
  settings.path = 'encrypted';
  settings.encrypt = { password: { env: 'PASSWORD' }, names: 'standard' };
  await symlink('a.txt', join(bench.source, 'link'));
  expect((await run()).figures).toMatchObject({ filesPending: 0, lagSeconds: 0 });
});

test('the oldest change that could not be brought over is told, and is a finding once it is older than the RPO', async () => {
  settings.mode = 'copy';
  for (const name of ['a', 'b']) await writeFile(join(bench.source, name), name);
  await run();
  for (const name of ['a', 'b']) await rm(join(bench.source, name));
  await mkdir(join(bench.source, 'b'));
  const oldest = await changedAt(join(bench.source, 'b'));
  await tick();
  await mkdir(join(bench.source, 'a'));
  await writeFile(join(bench.source, 'a', 'inside'), 'i');
  bench.now = new Date(Date.now() + HOUR);
  const soon = await run();
  expect(soon.figures).toMatchObject({ filesPending: 3 });
  expect((soon.figures as SyncFigures).oldestPendingAt).toBe(oldest);
  expect((soon.figures as SyncFigures).lagSeconds).toBeGreaterThanOrEqual(3600);
  expect((soon.figures as SyncFigures).lagSeconds).toBeLessThan(3700);
  expect(codes(soon)).toEqual([
    ['sync/obstructed', 'warning'],
    ['sync/obstructed', 'warning'],
  ]);
  bench.now = new Date(Date.now() + 3 * HOUR);
  const late = await run();
  expect(codes(late).at(-1)).toEqual(['objective/sync-lag', 'warning']);
  expect(late.findings.at(-1)).toMatchObject({
    subject: join(bench.source, 'b'),
    message: expect.stringMatching(/changed 3h.* ago, .* longer than the RPO of 2h$/) as string,
  });
});

test('what could not be read, and what is in a folder that could not, is behind since it was closed', async () => {
  for (const name of ['open', 'closed']) await writeFile(join(bench.source, name), name);
  await mkdir(join(bench.source, 'folder'));
  await writeFile(join(bench.source, 'folder', 'inside'), 'i');
  await run();
  await writeFile(join(bench.source, 'closed'), 'changed');
  await chmod(join(bench.source, 'closed'), 0o000);
  await chmod(join(bench.source, 'folder'), 0o000);
  const outcome = runUnprivileged(request());
  const oldest = await changedAt(join(bench.source, 'closed'));
  await chmod(join(bench.source, 'folder'), 0o700);
  expect(outcome.figures).toMatchObject({ filesPending: 2 });
  expect((outcome.figures as SyncFigures).oldestPendingAt).toBe(oldest);
});

test('a file that changes all the time is behind by its last change', async () => {
  const path = join(bench.source, 'log');
  await writeFile(path, Buffer.alloc(64 * 1024 * 1024, 1));
  let changes = 0;
  const timer = setInterval(() => void truncate(path, 64 * 1024 * 1024 - ++changes).catch(() => undefined), 3);
  const outcome = await run().finally(() => clearInterval(timer));
  expect(outcome.figures).toMatchObject({ filesPending: 1 });
  expect(Date.parse((outcome.figures as SyncFigures).oldestPendingAt!)).toBeGreaterThanOrEqual(bench.now.getTime());
});
