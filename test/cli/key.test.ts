import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { removeKey } from '../../repository/keys.ts';
import { openRepository } from '../../repository/open-repository.ts';
import { openLocalStorage } from '../../storage/local.ts';
import { requirePeer } from '../peers.ts';
import { createRepositoryFixture, type RepositoryFixture } from './repository-fixture.ts';

const restic = requirePeer('restic');

interface Key {
  id: string;
  current: boolean;
  userName?: string;
  created?: string;
}

function writePassword(fixture: RepositoryFixture, name: string, password: string): string {
  writeFileSync(join(fixture.folder, name), `${password}\n`, { mode: 0o600 });
  return join(fixture.folder, name);
}

/** As somebody with that password file. */
function runAs(fixture: RepositoryFixture, file: string, args: string[]): ReturnType<RepositoryFixture['run']> {
  return fixture.run([...args, '--password-file', file]);
}

async function listKeys(fixture: RepositoryFixture, file: string): Promise<Key[]> {
  const { status, stdout } = await runAs(fixture, file, ['key', 'list', '--json']);
  expect(status).toBe(0);
  return JSON.parse(stdout) as Key[];
}

restic.it(
  'restic opens with an added key, not with a removed one, and its own keys are listed, too',
  async () => {
    await using fixture = await createRepositoryFixture();
    const [old, added, theirs] = [
      join(fixture.folder, 'password'),
      writePassword(fixture, 'added', 'zweites'),
      writePassword(fixture, 'theirs', 'drittes'),
    ];
    const tryRestic = (file: string, ...args: string[]): number | null =>
      spawnSync(restic.command, ['-r', fixture.where, '--password-file', file, '--no-cache', '-q', ...args]).status;
    expect(tryRestic(added!, 'snapshots')).not.toBe(0);
    const first = await fixture.run(['key', 'add', '--new-password-file', 'added']);
    expect([first.status, first.stderr, first.stdout]).toEqual([
      0,
      '',
      expect.stringMatching(/^added key [0-9a-f]{8}\n$/),
    ]);
    for (const file of [old!, added!]) expect(tryRestic(file, 'snapshots')).toBe(0);
    expect(tryRestic(added!, 'key', 'add', '--new-password-file', theirs!)).toBe(0);
    const keys = await listKeys(fixture, theirs!);
    expect(keys.map(({ current }) => current)).toEqual([false, false, true]);
    expect(new Set(keys.map(({ userName }) => userName)).size).toBe(1);
    const removed = await runAs(fixture, theirs!, ['key', 'remove', keys[1]!.id.slice(0, 16), '--json']);
    expect([removed.status, JSON.parse(removed.stdout)]).toEqual([0, { removed: keys[1]!.id }]);
    expect(tryRestic(added!, 'snapshots')).not.toBe(0);
    expect((await runAs(fixture, added!, ['snapshots'])).status).toBe(12);
    for (const file of [old!, theirs!]) expect(tryRestic(file, 'snapshots')).toBe(0);
    const changed = await runAs(fixture, theirs!, ['key', 'passwd', '--new-password-command', `cat ${added!}`]);
    expect([changed.status, changed.stdout]).toEqual([
      0,
      expect.stringMatching(/^added key \w{8}, removed key \w{8}\n$/),
    ]);
    expect(tryRestic(theirs!, 'snapshots')).not.toBe(0);
    expect(tryRestic(added!, 'check')).toBe(0);
  },
  60_000,
);

test('the key in use is never removed, nor is one when the key in use is gone', async () => {
  await using fixture = await createRepositoryFixture();
  const added = writePassword(fixture, 'added', 'zweites');
  await fixture.run(['key', 'add', '--new-password-file', 'added']);
  const keys = await listKeys(fixture, added);
  const own = keys.find(({ current }) => current)!.id;
  const other = keys.find(({ current }) => !current)!.id;
  const refused = await runAs(fixture, added, ['key', 'remove', own]);
  expect([refused.status, refused.stderr]).toEqual([8, expect.stringContaining('is in use')]);
  const late = await openRepository(openLocalStorage(fixture.where), 'zweites');
  expect((await fixture.run(['key', 'remove', own])).status).toBe(0);
  await expect(removeKey(late, other, late.keyId)).rejects.toThrow('was removed meanwhile');
  await late.close();
  expect(readdirSync(join(fixture.where, 'keys'))).toEqual([other]);
  expect((await fixture.run(['snapshots'])).status).toBe(0);
});

test('while somebody else works on the repository no key is removed: exit 11', async () => {
  await using fixture = await createRepositoryFixture();
  writePassword(fixture, 'added', 'zweites');
  const lock = await fixture.repository.lock('shared');
  expect((await fixture.run(['key', 'passwd', '--new-password-file', 'added'])).status).toBe(11);
  await lock.release();
  expect(await listKeys(fixture, join(fixture.folder, 'password'))).toHaveLength(1);
});

test('a password is never an argument, and what is missing or wrong is said without it', async () => {
  await using fixture = await createRepositoryFixture();
  writePassword(fixture, 'empty', '');
  const cases: [string[], string][] = [
    [['add'], 'no new password is given'],
    [['add', 'zweites'], 'takes no id'],
    [['add', '--new-password', 'zweites'], 'unknown option'],
    [['add', '--new-password-file', 'empty'], 'is empty'],
    [['add', '--new-password-file', 'nowhere'], 'does not exist'],
    [['add', '--new-password-file', 'password', '--new-password-command', 'true'], 'both'],
    [['remove'], 'no key is named'],
    [['remove', 'xyz'], 'no key has an id'],
    [['remove', ''], 'no key has an id'],
    [['burn'], 'burn'],
  ];
  for (const [args, message] of cases) {
    const { status, stdout, stderr } = await fixture.run(['key', ...args]);
    expect([args, status, stdout, stderr]).toEqual([args, 2, '', expect.stringContaining(message)]);
    expect(stderr).not.toContain('geheim');
  }
  expect(readdirSync(join(fixture.where, 'keys'))).toHaveLength(1);
}, 60_000);

test('a damaged key file is listed as such, and can be removed', async () => {
  await using fixture = await createRepositoryFixture();
  const id = 'ab'.repeat(32);
  mkdirSync(join(fixture.where, 'keys'), { recursive: true });
  writeFileSync(join(fixture.where, 'keys', id), '{}');
  const { stdout } = await fixture.run(['key', 'list']);
  expect(stdout).toMatch(/^ +ID +User +Host +Created\n/);
  expect(stdout).toMatch(/abababab {2}\(damaged\)/);
  expect(stdout).toMatch(/^\* +[0-9a-f]{8}/m);
  expect((await fixture.run(['key', 'remove', 'abab'])).status).toBe(0);
  expect(existsSync(join(fixture.where, 'keys', id))).toBe(false);
  rmSync(join(fixture.folder, 'password'));
});
