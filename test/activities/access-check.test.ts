import { execFileSync } from 'node:child_process';
import { chmod, chown, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { accessCheck } from '../../activities/access-check.ts';
import type { AccessCheckSettings } from '../../domain/action.ts';
import { requirePeer } from '../peers.ts';
import { abortAfter, openWorkbench, type Workbench } from './workbench.ts';

let bench: Workbench;
let settings: AccessCheckSettings;
const isRoot = process.getuid?.() === 0;

beforeEach(async () => {
  bench = await openWorkbench();
  await bench.initRepository();
  settings = { kind: 'access-check', repositories: [bench.repository], targets: [] };
});

afterEach(async () => {
  await bench.remove();
});

const run = () => accessCheck(bench.deps, bench.request(settings), bench.context());
const codes = async () =>
  (await run()).findings.map(({ code, subject }) => `${code} ${subject.slice(bench.directory.length)}`);

test('a repository made by holdfast is accessible to its worker alone', async () => {
  const outcome = await run();
  expect(outcome.findings).toEqual([]);
  expect(outcome.figures).toMatchObject({ kind: 'access-check' });
  expect((outcome.figures as { entriesExamined: number }).entriesExamined).toBeGreaterThan(4);
});

test('a folder that others can read is found, with the command that mends it; below a closed root it is not', async () => {
  await chmod(bench.vault.local.path, 0o755);
  await chmod(join(bench.vault.local.path, 'offsite'), 0o755);
  const outcome = await run();
  expect(outcome.findings).toEqual([
    {
      code: 'access/public-read',
      severity: 'critical',
      subject: bench.vault.local.path,
      message: `every account of the machine can read ${bench.vault.local.path} (mode 0755): the access rules do not allow it`,
      hint: `Run: chmod -R o-rwx ${bench.vault.local.path}`,
    },
  ]);
  execFileSync('/bin/sh', ['-c', outcome.findings[0]!.hint!.slice('Run: '.length)]);
  expect(await codes()).toEqual([]);
});

test('sync targets are examined too, each location once, and a missing one is told', async () => {
  const standby = { name: 'standby', local: { path: join(bench.directory, 'standby') } };
  await mkdir(join(standby.local.path, 'orders/sub'), { recursive: true });
  await chmod(standby.local.path, 0o711);
  await chmod(join(standby.local.path, 'orders'), 0o711);
  await writeFile(join(standby.local.path, 'orders/sub/f'), '', { mode: 0o646 });
  await chmod(join(standby.local.path, 'orders/sub'), 0o711);
  await chmod(join(standby.local.path, 'orders/sub/f'), 0o646);
  settings.targets = [
    { location: standby, path: 'orders' },
    { location: standby, path: 'orders/sub' },
    { location: standby, path: 'later' },
  ];
  expect(await codes()).toEqual(['access/missing /standby/later', 'access/public-write /standby/orders/sub/f']);
});

test('a password file that others can read is found, unless a folder above it is closed', async () => {
  const secrets = join(bench.directory, 'secrets');
  await mkdir(secrets);
  await chmod(secrets, 0o755);
  await chmod(bench.directory, 0o755);
  await writeFile(join(secrets, 'offsite'), 'x');
  await chmod(join(secrets, 'offsite'), 0o644);
  bench.repository.password = { file: 'offsite' };
  expect(await codes()).toEqual([]);
  bench.deps.secretsDirectory = secrets;
  expect(await codes()).toEqual(['access/password-file /secrets/offsite']);
  await chmod(secrets, 0o700);
  expect(await codes()).toEqual([]);
  bench.repository.password = { file: join(secrets, 'none') };
  expect(await codes()).toEqual(['access/password-file /secrets/none']);
});

test.runIf(isRoot)('the declared accounts may, everyone else may not', async () => {
  const root = bench.vault.local.path;
  execFileSync('chown', ['-R', '65534', root]);
  await chown(join(root, 'offsite'), 0, 0);
  bench.vault.access = { admins: [], writers: [], readers: [] };
  expect((await run()).findings[0]).toMatchObject({
    code: 'access/write',
    subject: root,
    hint: `Run: chown -R root ${root}`,
  });
  bench.vault.access = { admins: [], writers: ['nobody'], readers: ['no-such-account'] };
  expect((await run()).findings.map(({ code, severity }) => `${severity} ${code}`)).toEqual([
    'notice access/unknown-account',
  ]);
});

const setfacl = requirePeer('setfacl');

setfacl.it('an ACL entry counts', async () => {
  execFileSync(setfacl.command, ['-m', 'u:65534:rx', bench.vault.local.path]);
  expect((await run()).findings[0]).toMatchObject({
    code: 'access/read',
    message: expect.stringContaining('by its ACL'),
    hint: expect.stringMatching(/setfacl -R -x u:/),
  });
});

test('an aborted check stops', async () => {
  const context = abortAfter(2);
  await expect(accessCheck(bench.deps, bench.request(settings), context)).rejects.toMatchObject({
    code: 'Interrupted',
  });
});
