import type { ChildProcess } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { requirePeer } from '../peers.ts';
import { runCommand } from '../run-command.ts';
import { createRepositoryFixture, type RepositoryFixture } from './repository-fixture.ts';
import { WITHOUT_ROOT_POWERS } from './run-cli.ts';

const restic = requirePeer('restic');

function writeSource(fixture: RepositoryFixture): string {
  const source = join(fixture.folder, 'source');
  mkdirSync(join(source, 'deep'), { recursive: true });
  writeFileSync(join(source, 'a.txt'), 'alpha');
  writeFileSync(join(source, 'deep', 'b.tmp'), 'beta');
  writeFileSync(join(source, 'deep', 'c.txt'), 'c'.repeat(5000));
  symlinkSync('/etc', join(source, 'link'));
  return source;
}

test('a backup says what it did, and the next one only adds what has changed', async () => {
  await using fixture = await createRepositoryFixture();
  const source = writeSource(fixture);
  const first = await fixture.run(['backup', source, '--tag', 'a,b', '--tag', 'c', '--host', 'app-01']);
  expect([first.status, first.stderr]).toEqual([0, '']);
  expect(first.stdout).toMatch(/^3 new files, 0 changed, 0 unchanged; /);
  writeFileSync(join(source, 'a.txt'), 'changed');
  const second = await fixture.run(['backup', source, '--host', 'app-01', '--exclude', '*.tmp', '--json']);
  expect(JSON.parse(second.stdout)).toMatchObject({ filesNew: 0, filesChanged: 1, filesUnmodified: 1, unreadable: [] });
  const snapshots = await fixture.repository.listSnapshots();
  expect(snapshots).toMatchObject([
    { hostname: 'app-01', paths: [source], tags: ['a', 'b', 'c'] },
    { hostname: 'app-01', parent: snapshots[0]!.id },
  ]);
});

test('a dry run tells the figures and leaves the repository as it was', async () => {
  await using fixture = await createRepositoryFixture();
  const source = writeSource(fixture);
  const objects = async (): Promise<string[]> => {
    const names = [];
    for await (const entry of fixture.repository.storage.list('')) names.push(entry.name);
    return names;
  };
  const before = await objects();
  const { status, stdout } = await fixture.run(['backup', source, '--dry-run']);
  expect([status, stdout]).toEqual([0, expect.stringContaining('3 new files')]);
  expect(stdout).toContain('nothing was written');
  expect(await objects()).toEqual(before);
});

test('a source that is not there, or is empty where it was not, is refused: exit 8', async () => {
  await using fixture = await createRepositoryFixture();
  const source = writeSource(fixture);
  const absent = await fixture.run(['backup', join(fixture.folder, 'nowhere')]);
  expect([absent.status, absent.stderr]).toEqual([8, expect.stringContaining('nowhere does not exist')]);
  await fixture.run(['backup', source]);
  rmSync(source, { recursive: true });
  mkdirSync(source);
  const empty = await fixture.run(['backup', source]);
  expect([empty.status, empty.stderr]).toEqual([8, expect.stringContaining('is empty')]);
  expect(await fixture.repository.listSnapshots()).toHaveLength(1);
  expect((await fixture.run(['backup', source, '--accept-empty'])).status).toBe(0);
});

test('an unreadable file is named, the rest is backed up: exit 3', async () => {
  await using fixture = await createRepositoryFixture();
  const source = writeSource(fixture);
  chmodSync(join(source, 'a.txt'), 0);
  const { status, stdout, stderr } = await fixture.run(['backup', source], { wrapper: WITHOUT_ROOT_POWERS });
  expect([status, stderr]).toEqual([3, expect.any(String)]);
  expect(stderr).toContain(`not backed up: ${source}/a.txt`);
  expect(stdout).toContain('2 new files');
});

test('Ctrl-C ends a backup with 130, at once, and leaves no lock and a sound repository', async () => {
  await using fixture = await createRepositoryFixture();
  const source = writeSource(fixture);
  for (let file = 0; file < 300; file++)
    writeFileSync(join(source, `big-${file}`), Buffer.alloc(1_000_000, Math.random().toString()));
  let asked = 0;
  // Its lock shows that it has begun, on a slow machine as on a fast one.
  const interruptOnceLocked = async (child: ChildProcess): Promise<void> => {
    const locks = join(fixture.where, 'locks');
    while (!existsSync(locks) || readdirSync(locks).length === 0) await delay(5);
    asked = performance.now();
    child.kill('SIGINT');
  };
  let interrupting: Promise<void> | undefined;
  const { status, stderr } = await fixture.run(['backup', source], {
    onStart: (child) => void (interrupting = interruptOnceLocked(child)),
  });
  await interrupting;
  expect(performance.now() - asked).toBeLessThan(2500);
  expect([status, stderr]).toEqual([130, expect.stringContaining('error: interrupted')]);
  const check = await fixture.run(['check', '--read-data', '--json']);
  expect([check.status, JSON.parse(check.stdout)]).toEqual([0, expect.objectContaining({ snapshots: 0 })]);
  for await (const entry of fixture.repository.storage.list('locks/')) expect.unreachable(entry.name);
  expect((await fixture.run(['backup', source])).status).toBe(0);
});

restic.it('what the commands made, restic accepts', async () => {
  await using fixture = await createRepositoryFixture();
  const source = writeSource(fixture);
  await fixture.run(['backup', source]);
  writeFileSync(join(source, 'a.txt'), 'again');
  await fixture.run(['backup', source]);
  await fixture.run(['forget', '--keep-last', '1']);
  await fixture.run(['prune', '--max-unused', '0%']);
  const password = join(fixture.folder, 'password');
  const checked = await runCommand(
    restic.command,
    ['-r', fixture.where, '-p', password, '--no-cache', 'check', '--read-data'],
    { cwd: fixture.folder },
  );
  expect(checked.stdout).toContain('no errors were found');
});
