import { mkdirSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { execFileSync, spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { createRepositoryFixture, type RepositoryFixture } from './repository-fixture.ts';
import { CLI, WITHOUT_ROOT_POWERS } from './run-cli.ts';

async function backUpSource(fixture: RepositoryFixture): Promise<string> {
  const source = join(fixture.folder, 'source');
  mkdirSync(join(source, 'deep'), { recursive: true, mode: 0o755 });
  writeFileSync(join(source, 'a.txt'), 'alpha', { mode: 0o640 });
  writeFileSync(Buffer.concat([Buffer.from(join(source, 'deep/')), Buffer.from([0x66, 0xff, 0x0a])]), 'odd');
  symlinkSync('/etc/passwd', join(source, 'link'));
  utimesSync(join(source, 'a.txt'), 1_700_000_000, 1_700_000_000);
  expect((await fixture.run(['backup', source])).status).toBe(0);
  return source;
}

test('lists a snapshot, a folder of it, or one file; a path that is not there is exit 2', async () => {
  await using fixture = await createRepositoryFixture();
  const source = await backUpSource(fixture);
  const all = await fixture.run(['ls', 'latest', '-q']);
  expect(all.status).toBe(0);
  expect(all.stdout.split('\n').filter((line) => line.startsWith(source))).toEqual([
    source,
    `${source}/a.txt`,
    `${source}/deep`,
    `${source}/deep/f\\xff\\n`,
    `${source}/link`,
  ]);
  const folder = await fixture.run(['ls', 'latest', `${source}/deep/`]);
  expect(folder.stdout).toBe(`${source}/deep\n${source}/deep/f\\xff\\n\n`);
  expect(folder.stderr).toMatch(/^[0-9a-f]{8} of .*source, made .* on /);
  const file = await fixture.run(['ls', `latest:${source}/a.txt`, '-q']);
  expect(file.stdout).toBe(`${source}/a.txt\n`);
  const absent = await fixture.run(['ls', 'latest', '/nowhere']);
  expect([absent.status, absent.stderr]).toEqual([2, expect.stringContaining('has no /nowhere')]);
});

test('the long form has mode, owner, size, time and target; JSON has the bytes of odd names', async () => {
  await using fixture = await createRepositoryFixture();
  const source = await backUpSource(fixture);
  const long = await fixture.run(['ls', 'latest', source, '-lq'], { environment: { TZ: 'UTC' } });
  expect(long.stderr).toBe('');
  expect(long.stdout).toMatch(/^-rw-r----- \S+ +\S+ +5 2023-11-14 22:13:20 .*a\.txt$/m);
  expect(long.stdout).toMatch(/^lrwxrwxrwx .*link -> \/etc\/passwd$/m);
  const { stdout } = await fixture.run(['ls', 'latest', '--json']);
  const lines = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(lines[0]).toMatchObject({ message_type: 'snapshot', paths: [source] });
  const raw = Buffer.concat([Buffer.from(`${source}/deep/`), Buffer.from([0x66, 0xff, 0x0a])]).toString('base64');
  expect(lines).toContainEqual(expect.objectContaining({ path_raw: raw, type: 'file', size: 3 }));
});

test('a snapshot that is not there, or a prefix of two, or a bare "latest" of two sources, says what to type', async () => {
  await using fixture = await createRepositoryFixture();
  await fixture.addSnapshot({ hostname: 'a' });
  await fixture.addSnapshot({ hostname: 'b' });
  const ambiguous = await fixture.run(['ls', 'latest']);
  expect([ambiguous.status, ambiguous.stderr]).toEqual([2, expect.stringContaining('--host a --path /srv/a')]);
  expect((await fixture.run(['ls', 'latest', '--host', 'b'])).status).toBe(0);
  expect((await fixture.run(['ls', '0123456789'])).status).toBe(2);
  expect((await fixture.run(['ls'])).stderr).toContain('no snapshot is named');
  const early = await fixture.run(['ls', '--at', '2020-01-01', '--host', 'a']);
  expect([early.status, early.stderr]).toEqual([2, expect.stringContaining('no snapshot')]);
  const invalid = await fixture.run(['ls', '--at', '2026-02-30']);
  expect([invalid.status, invalid.stderr]).toEqual([2, expect.stringContaining('"2026-02-30" is not a time')]);
});

test('a repository that another is pruning, or whose holder died, can still be read', async () => {
  await using fixture = await createRepositoryFixture();
  const source = await backUpSource(fixture);
  const lock = await fixture.repository.lock('exclusive');
  const { status, stdout, stderr } = await fixture.run(['ls', 'latest', source]);
  await lock.release();
  expect([status, stdout]).toEqual([0, expect.stringContaining('a.txt')]);
  expect(stderr).toContain('reading without a lock');
});

test('a repository that this account may only read can be listed, checked and restored', async () => {
  await using fixture = await createRepositoryFixture();
  const source = await backUpSource(fixture);
  execFileSync('chmod', ['-R', 'a-w', fixture.where]);
  try {
    const options = { wrapper: WITHOUT_ROOT_POWERS };
    const listed = await fixture.run(['ls', 'latest', source, '-q'], options);
    expect([listed.status, listed.stderr]).toEqual([0, '']);
    expect((await fixture.run(['check', '--read-data'], options)).status).toBe(0);
    expect((await fixture.run(['restore', 'latest', '--target', 'back'], options)).status).toBe(0);
    const refused = await fixture.run(['backup', source], options);
    expect(refused.status).toBe(4);
  } finally {
    execFileSync('chmod', ['-R', 'u+w', fixture.where]);
  }
});

test('trees that are missing are damage, not a wrong question: exit 5, with what can be listed', async () => {
  await using fixture = await createRepositoryFixture();
  await backUpSource(fixture);
  rmSync(join(fixture.where, 'data'), { recursive: true });
  const listed = await fixture.run(['ls', 'latest']);
  expect(listed.status).toBe(5);
  expect(listed.stderr).toContain('/ cannot be listed: the tree of / is missing');
});

test('a listing whose reader goes away ends quietly and takes its lock along', async () => {
  await using fixture = await createRepositoryFixture();
  const source = join(fixture.folder, 'many');
  mkdirSync(source);
  for (let file = 0; file < 3000; file++) writeFileSync(join(source, `a-file-with-a-rather-long-name-${file}`), '');
  await fixture.run(['backup', source]);
  const command = [process.execPath, CLI, 'ls', ...fixture.options, 'latest', '-q'].join(' ');
  const { stdout, stderr } = spawnSync('bash', ['-c', `${command} | head -1; echo "\${PIPESTATUS[0]}"`], {
    encoding: 'utf8',
  });
  expect([stdout.trimEnd().split('\n').at(-1), stderr]).toEqual(['0', '']);
  for await (const entry of fixture.repository.storage.list('locks/')) expect.unreachable(entry.name);
});
