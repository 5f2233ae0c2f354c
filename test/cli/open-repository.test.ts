import { spawn } from 'node:child_process';
import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { addKey } from '../../repository/keys.ts';
import { createRepositoryFixture } from './repository-fixture.ts';
import { CLI, runCli } from './run-cli.ts';

test('a wrong password is exit 12, one sentence and what to do, without a stack', async () => {
  await using fixture = await createRepositoryFixture();
  writeFileSync(join(fixture.folder, 'password'), 'gehein\n');
  const { status, stdout, stderr } = await fixture.run(['snapshots']);
  expect([status, stdout]).toEqual([12, '']);
  expect(stderr.trimEnd().split('\n')).toEqual([
    `error: the password opens no key of the repository at local:${fixture.where}`,
    expect.stringMatching(/^ {2}→ /),
  ]);
  expect(stderr).not.toContain('gehein');
  const json = await fixture.run(['snapshots', '--json', '-v']);
  expect(JSON.parse(json.stdout)).toMatchObject({ error: { code: 'WrongPassword', exitStatus: 12 } });
  expect(json.stderr).toBe('');
});

test('no repository is exit 10', async () => {
  await using fixture = await createRepositoryFixture();
  mkdirSync(join(fixture.folder, 'empty'));
  for (const where of ['empty', 'not-there']) {
    const args = ['snapshots', '--repo', where, '--password-file', 'password'];
    const { status, stderr } = await runCli(args, { directory: fixture.folder });
    expect(status).toBe(10);
    expect(stderr).toBe(
      `error: there is no repository at local:${join(fixture.folder, where)}\n` +
        '  → Check the path, and of a disk that it is mounted; "holdfast init" creates a repository.\n',
    );
  }
});

test('a repository that is not named, or named twice, or of a kind that is not known, is exit 2', async () => {
  const none = await runCli(['snapshots']);
  expect([none.status, none.stderr]).toEqual([2, expect.stringContaining('no repository is named')]);
  const both = await runCli(['snapshots', '--repo', 'x', '--repository', 'y']);
  expect([both.status, both.stderr]).toEqual([2, expect.stringContaining('both --repository and --repo')]);
  const ftp = await runCli(['snapshots', '--repo', 'ftp://user@host/path', '--password-file', 'x']);
  expect([ftp.status, ftp.stderr]).toEqual([2, expect.stringContaining('ftp')]);
});

test('the password comes from a file, a command or the environment; a missing one says how to give it', async () => {
  await using fixture = await createRepositoryFixture();
  const where = ['snapshots', '--repo', fixture.where];
  const statusOf = async (args: string[], environment = {}): Promise<number | null> =>
    (await runCli([...where, ...args], { environment })).status;
  expect(await statusOf(['--password-command', 'echo geheim'])).toBe(0);
  expect(await statusOf([], { HOLDFAST_PASSWORD: 'geheim' })).toBe(0);
  expect(await statusOf([], { HOLDFAST_PASSWORD: 'other' })).toBe(12);
  expect(await statusOf(['--password-file', join(fixture.folder, 'nothing')])).toBe(2);
  const without = await runCli(where);
  expect([without.status, without.stderr]).toEqual([2, expect.stringContaining('--password-file FILE')]);
});

test('on a terminal the password is asked for, and not shown', async () => {
  await using fixture = await createRepositoryFixture();
  // script(1) gives the program a terminal of its own.
  const child = spawn('script', ['-qec', `${process.execPath} ${CLI} snapshots --repo ${fixture.where}`, '/dev/null'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  let seen = '';
  child.stdout.on('data', (chunk: Buffer) => {
    const before = seen;
    seen += chunk.toString();
    if (!before.includes('password of') && seen.includes('password of')) child.stdin.write('gehx\x7feim\r');
  });
  const status = await new Promise((done) => child.on('close', done));
  expect(seen).toContain('0 snapshots');
  expect(seen).not.toContain('geh');
  expect(status).toBe(0);
});

test('a damaged config, and damaged keys, say what to do: exit 5', async () => {
  await using fixture = await createRepositoryFixture();
  const damageEach = (folder: string): void => {
    for (const name of folder === 'config' ? [''] : readdirSync(join(fixture.where, folder))) {
      const path = join(fixture.where, folder, name);
      const content = readFileSync(path);
      content[40]! ^= 1;
      chmodSync(path, 0o600);
      writeFileSync(path, content);
    }
  };
  const told = async (): Promise<[number | null, string]> => {
    const { status, stderr } = await fixture.run(['snapshots']);
    return [status, stderr];
  };
  damageEach('config');
  expect(await told()).toEqual([5, expect.stringMatching(/config of local:.*\n {2}→ Bring the file "config" back/)]);
  damageEach('keys');
  expect(await told()).toEqual([5, expect.stringMatching(/key file [0-9a-f]{64} is.*\n {2}→ .*it is the only key/)]);
  await addKey(fixture.repository, 'another', { kdf: { N: 1024, r: 8, p: 1 }, now: new Date() });
  expect(await told()).toEqual([5, expect.stringMatching(/key file .*\n {2}→ .*the password of another key/)]);
});
