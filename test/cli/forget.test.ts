import { chmodSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { deletingAccess } from '../../cli/deleting-access.ts';
import { createRepositoryFixture, type RepositoryFixture } from './repository-fixture.ts';
import { WITHOUT_ROOT_POWERS } from './run-cli.ts';

async function addDays(fixture: RepositoryFixture, days: number): Promise<string[]> {
  const ids: string[] = [];
  for (let day = 1; day <= days; day++) ids.push(await fixture.addSnapshot({ time: `2026-11-0${day}T02:00:00Z` }));
  return ids;
}

async function remaining(fixture: RepositoryFixture): Promise<string[]> {
  return (await fixture.repository.listSnapshots()).map(({ id }) => id);
}

test('without a rule nothing is forgotten: exit 2', async () => {
  await using fixture = await createRepositoryFixture();
  await fixture.addSnapshot({});
  const none = await fixture.run(['forget']);
  expect([none.status, none.stderr]).toEqual([2, expect.stringContaining('nothing says what to keep')]);
  const invalid = await fixture.run(['forget', '--keep-daily', 'x']);
  expect([invalid.status, invalid.stderr]).toEqual([2, expect.stringContaining('Give a whole number')]);
  const period = await fixture.run(['forget', '--keep-within', '6m']);
  expect([period.status, period.stderr]).toEqual([2, expect.stringContaining('mo')]);
  expect(await remaining(fixture)).toHaveLength(1);
});

test('a dry run shows each decision with its reason and forgets nothing; the real run does what it said', async () => {
  await using fixture = await createRepositoryFixture();
  const ids = await addDays(fixture, 4);
  const other = await fixture.addSnapshot({ hostname: 'nas' });
  const dry = await fixture.run(['forget', '--keep-last', '2', '--dry-run']);
  expect(dry.status).toBe(0);
  expect(dry.stdout).toContain('snapshots of host app-01, paths /srv/a');
  expect(dry.stdout).toMatch(new RegExp(`keep +${ids[3]!.slice(0, 8)} .*last snapshot`));
  expect(dry.stdout).toMatch(new RegExp(`forget +${ids[0]!.slice(0, 8)} .*no rule keeps it`));
  expect(dry.stdout).toContain('would forget 2 snapshots, would keep 3');
  expect(await remaining(fixture)).toHaveLength(5);
  const real = await fixture.run(['forget', '--keep-last', '2', '--json']);
  expect(JSON.parse(real.stdout)).toMatchObject({
    dryRun: false,
    groups: [
      {
        host: 'app-01',
        paths: ['/srv/a'],
        decisions: [{ keep: true }, { keep: true }, { keep: false }, { keep: false }],
      },
      { host: 'nas', decisions: [{ keep: true, reasons: ['last snapshot'] }] },
    ],
  });
  expect(new Set(await remaining(fixture))).toEqual(new Set([ids[2], ids[3], other]));
});

test('a dry run needs nobody who may write or delete', async () => {
  expect(deletingAccess(true)).toEqual({ role: 'reader', lock: 'reading' });
  expect(deletingAccess(false)).toEqual({ role: 'maintainer', lock: 'exclusive' });
  await using fixture = await createRepositoryFixture();
  await addDays(fixture, 2);
  const folders = readdirSync(fixture.where, { recursive: true, withFileTypes: true }).filter((it) => it.isDirectory());
  const paths = [fixture.where, ...folders.map(({ parentPath, name }) => join(parentPath, name))];
  for (const path of paths) chmodSync(path, 0o555);
  const options = { wrapper: WITHOUT_ROOT_POWERS };
  for (const command of [['forget', '--keep-last', '1'], ['prune'], ['repair', 'index'], ['repair', 'snapshots']]) {
    const { status, stderr } = await fixture.run([...command, '--dry-run'], options);
    expect([command, status, stderr]).toEqual([command, 0, '']);
  }
  expect((await fixture.run(['forget', '--keep-last', '1'], options)).status).toBe(4);
});

test('snapshots are forgotten by id too, and only those', async () => {
  await using fixture = await createRepositoryFixture();
  const [first, second, third] = await addDays(fixture, 3);
  const { status, stdout } = await fixture.run(['forget', second!.slice(0, 10)]);
  expect([status, stdout]).toEqual([0, expect.stringContaining('forgot 1 snapshot\n')]);
  expect(await remaining(fixture)).toEqual([first, third]);
  const unknown = await fixture.run(['forget', '0000000000']);
  expect(unknown.status).toBe(2);
});

test('a lock that cannot be read stays, with the way to remove it', async () => {
  await using fixture = await createRepositoryFixture();
  await fixture.repository.storage.write(`locks/${'a'.repeat(64)}`, Buffer.alloc(0));
  const { status, stdout } = await fixture.run(['unlock']);
  expect([status, stdout]).toEqual([0, expect.stringMatching(/unreadable lock a{64}\n.*--remove-all\n.*1 left\n$/)]);
  expect((await fixture.run(['unlock', '--remove-all'])).stdout).toBe('removed 1 lock, 0 left\n');
});

test('another’s lock is exit 11, naming who holds it; it is gone after the command, and unlock removes stale ones alone', async () => {
  await using fixture = await createRepositoryFixture();
  await fixture.addSnapshot({});
  const lock = await fixture.repository.lock('shared');
  const locked = await fixture.run(['forget', '--keep-last', '1']);
  expect([locked.status, locked.stderr]).toEqual([11, expect.stringContaining(String(process.pid))]);
  expect((await fixture.run(['snapshots'])).status).toBe(0);
  const kept = await fixture.run(['unlock', '--json']);
  expect(JSON.parse(kept.stdout)).toMatchObject({ removed: [], remaining: [{ exclusive: false }] });
  expect((await fixture.run(['unlock'])).stdout).toMatch(
    /^left: shared lock of .*\(PID \d+\).*\nremoved 0 locks, 1 left\n$/,
  );
  const waited = fixture.run(['forget', '--keep-last', '1', '--wait-lock', '30s']);
  await new Promise((done) => setTimeout(done, 500));
  await lock.release();
  expect((await waited).status).toBe(0);
  const left = [];
  for await (const entry of fixture.repository.storage.list('locks/')) left.push(entry.name);
  expect(left).toEqual([]);
});
