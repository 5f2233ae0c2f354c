import { spawn } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, onTestFinished, test } from 'vitest';
import { runCli, WITHOUT_ROOT_POWERS } from './run-cli.ts';

const POLICIES = `apiVersion: holdfast/v1
kind: Location
metadata: { name: vault }
spec: { local: { path: ../vault } }
---
apiVersion: holdfast/v1
kind: Repository
metadata: { name: main }
spec: { location: vault, path: main, passwordFrom: { env: P } }
---
apiVersion: holdfast/v1
kind: Policy
metadata: { name: orders }
spec:
  source: { directory: ../srv/orders, exclude: [node_modules], excludeIfPresent: [.nobackup] }
  backup: [{ to: main }]
---
apiVersion: holdfast/v1
kind: Policy
metadata: { name: web }
spec:
  source: { host: web-01, directory: ../srv/web }
  sync: [{ to: vault, path: web, mode: mirror }]
`;

interface Item {
  state: string;
  kind: string;
  path: string;
  policies?: string[];
  why?: string;
  sizeBytes?: number;
  files?: number;
}

function makeFolder(files: Record<string, string>): string {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'holdfast-coverage-')));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(join(folder, dirname(name)), { recursive: true });
    writeFileSync(join(folder, name), content);
  }
  return folder;
}

const FILES = {
  'policies/all.yaml': POLICIES,
  'srv/orders/ledger.csv': '1',
  'srv/orders/app/node_modules/x.js': '12',
  'srv/orders/scratch/.nobackup': '',
  'srv/orders/scratch/big': '123',
  'srv/web/index.html': '1234',
  'srv/mail/me/inbox': '12345',
  'srv/notes': '123456',
  'cache/CACHEDIR.TAG': 'Signature: 8a477f597d28d172789f06886806bc55\n',
  'cache/object': 'x',
  'vault/main/config': 'x',
};

async function coverageOf(directory: string, args: string[]): Promise<{ status: number | null; items: Item[] }> {
  const { status, stdout } = await runCli(['coverage', ...args, '--json'], { directory });
  const { items } = JSON.parse(stdout) as { items: Item[] };
  return { status, items: items.map((item) => ({ ...item, path: item.path.replace(directory, '') })) };
}

test('folders that no policy of this host protects are told, with size and newest change; exit 7', async () => {
  const directory = makeFolder(FILES);
  const { status, items } = await coverageOf(directory, ['.']);
  expect(status).toBe(7);
  const shown = items.map(({ state, kind, path, sizeBytes, why, policies }) =>
    [
      state,
      kind,
      path,
      ...(sizeBytes === undefined ? [] : [sizeBytes]),
      ...(policies ?? []),
      ...(why === undefined ? [] : [why]),
    ].join(' '),
  );
  expect(shown.toSorted()).toEqual([
    'excluded folder /srv/orders/app/node_modules 2 orders',
    'excluded folder /srv/orders/scratch 3 orders',
    'ignored folder /cache a cache (CACHEDIR.TAG)',
    'ignored folder /vault/main the repository main',
    'partial folder  orders',
    'partial folder /srv orders',
    `unprotected files /srv 6`,
    `unprotected folder /policies ${POLICIES.length}`,
    'unprotected folder /srv/mail 5',
    'unprotected folder /srv/web 4',
  ]);
  const text = await runCli(['coverage', '.'], { directory });
  expect(text.stdout).toMatch(
    new RegExp(`5 B +1 +20\\d\\d-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\d +${directory}/srv/mail\\n`),
  );
  expect(text.stdout).toMatch(/not protected on \S+: 4 folders with /);
  expect(text.stderr).toContain('web (web-01)');
});

test('what is protected, or left out on purpose, is exit 0; --strict wants all of it', async () => {
  const directory = makeFolder(FILES);
  expect((await coverageOf(directory, ['srv/orders'])).status).toBe(0);
  expect((await coverageOf(directory, ['srv/orders', '--strict'])).status).toBe(7);
  expect((await coverageOf(directory, ['srv/web', '--host', 'web-01'])).status).toBe(0);
  expect(await coverageOf(directory, ['srv/web', 'srv/web/../web'])).toMatchObject({
    status: 7,
    items: [{ files: 1 }],
  });
  symlinkSync(join(directory, 'srv', 'orders'), join(directory, 'link'));
  expect((await coverageOf(directory, ['link'])).status).toBe(0);
});

test('SQLite databases are told by their header, with and without a name that says so', async () => {
  const directory = makeFolder({ ...FILES, 'home/fake.db': 'x'.repeat(4096) });
  for (const name of ['real.db', 'History']) {
    const database = new DatabaseSync(join(directory, 'home', name));
    database.exec('create table t (a)');
    database.close();
  }
  const { items } = await coverageOf(directory, ['home']);
  expect(items.map(({ kind, path }) => `${kind} ${path}`)).toEqual([
    'folder /home',
    'database /home/History',
    'database /home/real.db',
  ]);
});

test('without policies nothing is protected, and that is said', async () => {
  const directory = makeFolder({ 'data/a': '1' });
  const result = await runCli(['coverage', 'data'], { directory });
  expect([result.status, result.stderr]).toEqual([7, expect.stringContaining('there are no policies in policies/')]);
  expect(await runCli(['coverage', 'nowhere'], { directory })).toMatchObject({
    status: 2,
    stderr: expect.stringContaining('nowhere does not exist'),
  });
  expect((await runCli(['coverage', 'data', '--policies', 'nowhere'], { directory })).status).toBe(2);
});

test('what may not be read is said, and does not count as protected', async () => {
  const directory = makeFolder({ ...FILES, 'srv/mail/secret/a': '1' });
  chmodSync(join(directory, 'srv/mail/secret'), 0o000);
  const result = await runCli(['coverage', 'srv'], { directory, wrapper: WITHOUT_ROOT_POWERS });
  chmodSync(join(directory, 'srv/mail/secret'), 0o700);
  expect([result.status, result.stderr]).toEqual([7, expect.stringContaining(`${directory}/srv/mail/secret`)]);
});

test('a running server’s data is told: unprotected, or copied as files that change meanwhile', async () => {
  const directory = makeFolder({ ...FILES, 'srv/data/PG_VERSION': '15', 'srv/orders/pg/PG_VERSION': '15' });
  // What the kernel tells of a server is the name of its program, and where it works.
  const program = join(directory, 'postgres');
  copyFileSync('/bin/sleep', program);
  const serversOf = async (folder: string): Promise<unknown> => {
    const server = spawn(program, ['60'], { cwd: join(directory, folder), stdio: 'ignore' });
    try {
      await new Promise((resolve) => server.once('spawn', resolve));
      const { stdout } = await runCli(['coverage', 'srv', '--json'], { directory });
      const { servers } = JSON.parse(stdout) as { servers: { dataFolder?: string }[] };
      return servers.filter(({ dataFolder }) => dataFolder?.startsWith(directory));
    } finally {
      server.kill();
    }
  };
  expect(await serversOf('srv/data')).toMatchObject([{ kind: 'PostgreSQL', state: 'unprotected' }]);
  expect(await serversOf('srv/orders/pg')).toMatchObject([
    { kind: 'PostgreSQL', state: 'as-files', policies: ['orders'] },
  ]);
});
