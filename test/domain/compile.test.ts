import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Action, ActionSettings } from '../../domain/action.ts';
import type { CompileResult } from '../../domain/compile.ts';
import { renderProblems } from '../../schemas/problem.ts';
import { checkFiles } from '../schemas/check-files.ts';

const BASE = `apiVersion: holdfast/v1
kind: Location
metadata: { name: vault }
spec: { local: { path: ../vault } }
---
apiVersion: holdfast/v1
kind: Repository
metadata: { name: offsite }
spec: { location: vault, path: offsite, passwordFrom: { env: OFFSITE_PASSWORD } }
---
`;

const policy = (spec: string, name = 'orders', metadata = ''): string =>
  `apiVersion: holdfast/v1\nkind: Policy\nmetadata: { name: ${name}${metadata} }\nspec:\n${spec.replaceAll(/^/gm, '  ')}\n`;

async function compileText(text: string, files: Record<string, string> = {}): Promise<CompileResult> {
  const { problems, compiled } = await checkFiles({ 'a.yaml': text, ...files });
  expect(renderProblems(problems.filter(({ severity }) => severity === 'error'))).toBe('');
  return compiled;
}

async function actionOf(text: string, id: string, files?: Record<string, string>): Promise<Action> {
  const { actions } = await compileText(text, files);
  const action = actions.find((candidate) => candidate.id === id);
  expect(action, `${id} among ${actions.map((candidate) => candidate.id).join(', ')}`).toBeDefined();
  return action!;
}

async function settingsOf<K extends ActionSettings['kind']>(
  text: string,
  id: string,
  kind: K,
): Promise<Extract<ActionSettings, { kind: K }>> {
  const { settings } = await actionOf(text, id);
  expect(settings.kind).toBe(kind);
  return settings as Extract<ActionSettings, { kind: K }>;
}

test('the demo compiles to what it always compiled to', async () => {
  const text = readFileSync(path.join(import.meta.dirname, '../../policies/demo.yaml'), 'utf8');
  const { problems, notBuilt, compiled } = await checkFiles({ 'demo.yaml': text });
  expect(problems).toEqual([]);
  expect(notBuilt).toEqual([]);
  await expect(`${JSON.stringify(compiled, undefined, 2)}\n`).toMatchFileSnapshot('demo-actions.golden');
});

describe('what runs', () => {
  const ids = async (text: string): Promise<string[]> => (await compileText(text)).actions.map(({ id }) => id);

  test('with a backup, a restore test and an access check run by class; nothing is forgotten without a retention', async () => {
    expect(await ids(BASE + policy('source: { directory: /srv }\nbackup: [{ to: offsite }]'))).toEqual([
      'policy/orders/backup/offsite',
      'policy/orders/access-check',
      'policy/orders/restore-test',
      'project/audit',
    ]);
  });

  test('a sync alone brings nothing with it, and an access check only when written', async () => {
    const spec = 'source: { directory: /srv }\nsync: [{ to: vault, path: copy, mode: copy }]';
    expect(await ids(BASE + policy(spec))).toEqual(['policy/orders/sync/vault/copy', 'project/audit']);
    expect(await ids(BASE + policy(`${spec}\naccessCheck: {}`))).toContain('policy/orders/access-check');
  });

  test('prune and check run where a repository writes them, used or not', async () => {
    const repository = BASE.replace('OFFSITE_PASSWORD }', 'OFFSITE_PASSWORD }, prune: {}, check: {}');
    expect(await ids(repository)).toEqual(['repository/offsite/prune', 'repository/offsite/check', 'project/audit']);
  });

  test('actions come by policy, then in the order of kinds, then by target; repositories and the audit last', async () => {
    const second = BASE.replace(
      '---\n',
      '---\napiVersion: holdfast/v1\nkind: Repository\nmetadata: { name: aside }\nspec: { location: vault, path: aside, passwordFrom: { env: A }, check: {} }\n---\n',
    );
    const spec = 'source: { directory: /srv }\nretention: {}\nbackup: [{ to: offsite }, { to: aside }]';
    expect(
      await ids(
        second +
          policy(spec, 'zebra') +
          '---\n' +
          policy('source: { directory: /a }\nbackup: [{ to: offsite }]', 'ant'),
      ),
    ).toEqual([
      'policy/ant/backup/offsite',
      'policy/ant/access-check',
      'policy/ant/restore-test',
      'policy/zebra/backup/aside',
      'policy/zebra/backup/offsite',
      'policy/zebra/retention/aside',
      'policy/zebra/retention/offsite',
      'policy/zebra/access-check',
      'policy/zebra/restore-test',
      'repository/aside/check',
      'project/audit',
    ]);
  });

  test('what is switched off or suspended keeps its place, and says why', async () => {
    const spec = (more: string): string =>
      BASE + policy(`source: { directory: /srv }\nbackup: [{ to: offsite }]\n${more}`);
    const off = await actionOf(
      spec('restoreTest: { disabled: { reason: no room, until: 2027-01-01 } }'),
      'policy/orders/restore-test',
    );
    expect(off.suspended).toEqual({ reason: 'no room', until: '2027-01-01' });
    const { actions } = await compileText(spec('suspend: { reason: migration }'));
    const suspended = actions.filter((action) => action.suspended?.reason === 'migration').map(({ kind }) => kind);
    expect(suspended).toEqual(['backup', 'access-check', 'restore-test']);
  });
});

describe('classes', () => {
  const spec = 'backup: [{ to: offsite }]\nretention: { keep: class }\nsource: { directory: /srv }';

  test.each([
    ['critical', 3600, 7200, 3600, 7 * 86_400, { hourly: 48, daily: 30, weekly: 12, monthly: 24 }],
    ['high', 21_600, 43_200, 14_400, 14 * 86_400, { daily: 14, weekly: 8, monthly: 12 }],
    ['normal', 86_400, 129_600, 86_400, 30 * 86_400, { daily: 7, weekly: 4, monthly: 6 }],
    ['low', 604_800, 1_209_600, 259_200, 90 * 86_400, { weekly: 4, monthly: 3 }],
  ])('%s gives its intervals, objectives and rules', async (name, every, rpo, rto, test, keep) => {
    const { actions } = await compileText(BASE + policy(`importance: ${name}\n${spec}`));
    const [backup, retention, , restoreTest] = actions;
    expect(backup).toMatchObject({
      importance: name,
      objectives: { rpoSeconds: rpo, rtoSeconds: rto },
      schedule: { timing: { kind: 'interval', everySeconds: every } },
    });
    expect(retention?.settings).toMatchObject({ rules: { keep, proven: 1, maxForgetShare: 0.5 } });
    expect(restoreTest?.settings).toMatchObject({
      everySeconds: test,
      sample: { kind: 'cover', withinSeconds: 365 * 86_400 },
    });
  });

  test('a Project changes built-in classes and adds its own, which continue normal', async () => {
    const project = `apiVersion: holdfast/v1\nkind: Project\nmetadata: { name: acme }\nspec:\n  importance:\n    critical: { restoreTest: { every: 3d } }\n    archive: { backup: { every: 30d }, objectives: { rpo: 35d }, retention: { keep: { yearly: 10 } } }\n---\n`;
    const critical = await settingsOf(
      project + BASE + policy(`importance: critical\n${spec}`),
      'policy/orders/restore-test',
      'restore-test',
    );
    expect(critical.everySeconds).toBe(3 * 86_400);
    const archive = project + BASE + policy(`importance: archive\n${spec}`);
    expect((await actionOf(archive, 'policy/orders/backup/offsite')).objectives).toEqual({
      rpoSeconds: 35 * 86_400,
      rtoSeconds: 86_400,
    });
    expect((await settingsOf(archive, 'policy/orders/retention/offsite', 'retention')).rules.keep).toEqual({
      yearly: 10,
    });
  });

  test('rules that are given replace those of the class whole, and those of one backup replace those of the policy', async () => {
    const own =
      BASE +
      policy(
        'source: { directory: /srv }\nbackup: [{ to: offsite, retention: { keep: { daily: 90 }, maxForget: 10% } }]\nretention: { keep: { last: 3 }, proven: 2 }',
      );
    expect((await settingsOf(own, 'policy/orders/retention/offsite', 'retention')).rules).toEqual({
      keep: { daily: 90 },
      proven: 1,
      maxForgetShare: 0.1,
    });
  });
});

describe('places', () => {
  const text =
    BASE +
    policy(
      'source:\n  directories: [./data, /srv]\n  exclude: [../data/cache, "!./data/keep", "*.tmp", /srv/tmp]\nbackup: [{ to: offsite }]',
    );

  test('paths start at the folder of the file that names them, exclude patterns with ./ and ../ too', async () => {
    const backup = await settingsOf(text, 'policy/orders/backup/offsite', 'backup');
    expect(backup.source.directories).toEqual(['/project/policies/data', '/srv']);
    expect(backup.source.exclude).toEqual(['/project/data/cache', '!/project/policies/data/keep', '*.tmp', '/srv/tmp']);
    expect(backup.repository.location.local?.path).toBe('/project/vault');
  });

  test('files of secrets start at the policy folder with the embedded engine, and stay as they are with another', async () => {
    const secret = text.replace('{ env: OFFSITE_PASSWORD }', '{ file: keys/offsite }');
    const engine = `apiVersion: holdfast/v1\nkind: Project\nmetadata: { name: acme }\nspec: { engine: { address: "temporal:7233", tls: { ca: ca.pem } } }\n---\n`;
    expect((await compileText(secret)).repositories[0]?.password).toEqual({ file: '/project/policies/keys/offsite' });
    const remote = await compileText(engine + secret);
    expect(remote.repositories[0]?.password).toEqual({ file: 'keys/offsite' });
    expect(remote.engine).toEqual({
      kind: 'address',
      address: 'temporal:7233',
      namespace: 'default',
      tls: { caPath: '/project/policies/ca.pem' },
    });
  });

  test('the host of the source reads it, the host of a disk works on it, runOn tests', async () => {
    const disk = BASE.replace('path: ../vault', 'path: /mnt/vault, host: nas-01');
    const { actions } = await compileText(
      disk + policy('source: { directory: /srv }\nbackup: [{ to: offsite }]\nretention: {}'),
    );
    expect(actions.map(({ host }) => host)).toEqual(['nas-01', 'nas-01', 'nas-01', 'nas-01', undefined]);
    const source = await compileText(
      BASE +
        policy(
          'source: { host: app-01, directory: /srv }\nbackup: [{ to: offsite }]\nrestoreTest: { runOn: drill-01 }',
        ),
    );
    expect(source.actions.map(({ host }) => host)).toEqual(['app-01', undefined, 'drill-01', undefined]);
    expect(source.actions[0]?.settings).toMatchObject({ hostname: 'app-01' });
  });

  test('evidence is kept in the state folder unless the Project names a location', async () => {
    expect((await compileText(text)).evidence).toEqual({
      location: { name: 'evidence', local: { path: '/project/.holdfast/evidence' } },
      path: '',
    });
    const project = `apiVersion: holdfast/v1\nkind: Project\nmetadata: { name: acme }\nspec: { evidence: { location: vault, path: ./evidence } }\n---\n`;
    expect((await compileText(project + text)).evidence).toEqual({
      location: { name: 'vault', local: { path: '/project/vault' } },
      path: 'evidence',
    });
  });
});

describe('a copy', () => {
  const SECOND = `apiVersion: holdfast/v1
kind: Repository
metadata: { name: second-site }
spec: { location: vault, path: second-site, passwordFrom: { env: SECOND_PASSWORD } }
---
`;
  const spec = 'source: { directory: /srv }\nbackup: [{ to: offsite }]\ncopy: [{ from: offsite, to: second-site }]';

  test('runs as often as the class backs up, between backup and retention, and brings tests of the second place', async () => {
    const text = BASE + SECOND + policy(`importance: high\n${spec}\nretention: { keep: { daily: 7 } }`);
    const { actions } = await compileText(text);
    expect(actions.map(({ id }) => id)).toEqual([
      'policy/orders/backup/offsite',
      'policy/orders/copy/second-site',
      'policy/orders/retention/offsite',
      'policy/orders/retention/second-site',
      'policy/orders/access-check',
      'policy/orders/restore-test',
      'project/audit',
    ]);
    const [, copy, , retention, access, restoreTest] = actions;
    expect(copy).toMatchObject({ target: 'second-site', schedule: { timing: { everySeconds: 6 * 3600 } } });
    expect(copy!.settings).toMatchObject({
      from: { name: 'offsite' },
      to: { name: 'second-site' },
      policyNames: ['orders'],
      rules: { keep: { daily: 7 } },
    });
    expect(retention!.settings).toMatchObject({ repository: { name: 'second-site' }, rules: { keep: { daily: 7 } } });
    for (const { target } of [access!, restoreTest!]) expect(target).toBe('offsite, second-site');
  });

  test('has no rules, and no retention, where the policy has none for all places', async () => {
    const own = spec.replace('to: offsite }]', 'to: offsite, retention: { keep: { last: 3 } } }]');
    const { actions } = await compileText(
      BASE + SECOND + policy(`${own}\nhold: { until: 2036-01-01, reason: x, by: y }`),
    );
    expect(actions.map(({ id }) => id)).not.toContain('policy/orders/retention/second-site');
    const { settings } = actions.find(({ kind }) => kind === 'copy')!;
    expect(Object.keys(settings)).toEqual(['kind', 'from', 'to', 'policyNames']);
  });

  test('runs on the host of the disk, and is refused by name between the disks of two hosts', async () => {
    const disks = (first: string, other: string): string =>
      BASE.replace('path: ../vault', `path: /mnt/vault${first}`) +
      `apiVersion: holdfast/v1\nkind: Location\nmetadata: { name: other }\nspec: { local: { path: /mnt/other${other} } }\n---\n` +
      SECOND.replace('location: vault', 'location: other') +
      policy(spec);
    for (const text of [disks(', host: nas-01', ''), disks('', ', host: nas-01')])
      expect((await actionOf(text, 'policy/orders/copy/second-site')).host).toBe('nas-01');
    const { notBuilt } = await checkFiles({ 'a.yaml': disks(', host: nas-01', ', host: nas-02') });
    expect(notBuilt.map(({ message }) => message)).toEqual([
      'not built yet: a restore test of disks on several hosts',
      'not built yet: an access check of disks on several hosts',
      'not built yet: a copy between the disks of two hosts',
    ]);
  });
});

test('what policies share tolerates only as much silence as the strictest of them', async () => {
  const shared = BASE.replace('OFFSITE_PASSWORD }', 'OFFSITE_PASSWORD }, prune: {}');
  const laptop = policy(
    'source: { directory: /home, offline: { tolerate: 14d } }\nbackup: [{ to: offsite }]',
    'laptop',
  );
  const tolerance = async (text: string, id: string): Promise<number> =>
    (await actionOf(text, id)).offlineToleranceSeconds;
  expect(await tolerance(shared + laptop, 'repository/offsite/prune')).toBe(14 * 86_400);
  expect(await tolerance(shared + laptop, 'project/audit')).toBe(14 * 86_400);
  const server = policy('source: { directory: /srv }\nbackup: [{ to: offsite }]', 'server');
  expect(await tolerance(`${shared}${laptop}---\n${server}`, 'repository/offsite/prune')).toBe(0);
  expect(await tolerance(`${shared}${laptop}---\n${server}`, 'policy/laptop/backup/offsite')).toBe(14 * 86_400);
});

test('a former name keeps its snapshots', async () => {
  const text =
    BASE +
    policy('source: { directory: /srv }\nbackup: [{ to: offsite }]\nretention: {}', 'orders', ', formerly: [shop]');
  expect((await settingsOf(text, 'policy/orders/retention/offsite', 'retention')).policyNames).toEqual([
    'orders',
    'shop',
  ]);
  expect((await settingsOf(text, 'policy/orders/restore-test', 'restore-test')).policyNames).toEqual([
    'orders',
    'shop',
  ]);
});

describe('digests', () => {
  const text =
    BASE +
    policy('source: { directory: /srv }\nbackup: [{ to: offsite }]\nrestoreTest: { assert: [{ script: verify.sh }] }');
  const digests = async (given: string, script: string): Promise<Record<string, string>> =>
    Object.fromEntries(
      (await compileText(given, { 'verify.sh': script })).actions.map(({ id, digest }) => [id, digest]),
    );

  test('are the same for the same meaning, however it is written', async () => {
    const other = text.replace('backup: [{ to: offsite }]', 'backup:\n    - every: 24h\n      to: "offsite" # nightly');
    expect(await digests(other, 'exit 0')).toEqual(await digests(text, 'exit 0'));
  });

  test('change with the text of a script, for the action that runs it alone', async () => {
    const [before, after] = [await digests(text, 'exit 0'), await digests(text, 'exit 1')];
    const changed = Object.keys(before).filter((id) => before[id] !== after[id]);
    expect(changed).toEqual(['policy/orders/restore-test']);
  });
});

describe('files of patterns', () => {
  const text =
    BASE +
    policy('source: { directory: /srv, exclude: ["*.a"], excludeFile: [lists/x.txt] }\nbackup: [{ to: offsite }]');
  const id = 'policy/orders/backup/offsite';

  test('add their patterns behind those of the policy, and their text to the digest', async () => {
    const file = '\ufeff# logs\r\n*.log\r\n  !keep.log \n\n./here\na$$b\n$\n';
    const { settings, digest } = await actionOf(text, id, { 'lists/x.txt': file });
    expect(settings).toMatchObject({
      source: { exclude: ['*.a', '*.log', '!keep.log', '/project/policies/lists/here', 'a$b', '$'] },
    });
    expect((await actionOf(text, id, { 'lists/x.txt': '*.log\n' })).digest).not.toBe(digest);
  });

  test.each([
    ['*.log\n$HOME/x\n', 'line 2 of this file names a variable'],
    ['a[\n', 'line 1 of this file is no valid pattern'],
  ])('are refused with %j in them', async (file, message) => {
    const { problems } = await checkFiles({ 'a.yaml': text, 'lists/x.txt': file });
    expect(problems).toMatchObject([{ severity: 'error', message, file: 'policies/a.yaml' }]);
  });

  test('must be there', async () => {
    const { problems } = await checkFiles({ 'a.yaml': text });
    expect(problems).toMatchObject([
      { code: 'exclude-file-unreadable', message: expect.stringContaining('does not exist') },
    ]);
  });
});
