import { expect, test } from 'vitest';
import type { SyncSettings } from '../../domain/action.ts';
import { checkFiles, type Checked } from '../schemas/check-files.ts';

const WAREHOUSE = `---
apiVersion: holdfast/v1
kind: Location
metadata: { name: warehouse }
spec:
  sftp: { host: nas.example, path: PATH, hostKey: "SHA256:abc" }
  identities: { reader: { user: auditor } }
`;

/** What becomes of a policy `shop` with this spec, beside a local location `vault` and an SSH server `warehouse`. */
async function compileShop(spec: string, { path = '/srv/warehouse', local = '../vault' } = {}): Promise<Checked> {
  const text = `apiVersion: holdfast/v1
kind: Location
metadata: { name: vault }
spec: { local: { path: ${local} } }
${WAREHOUSE.replace('PATH', path)}---
apiVersion: holdfast/v1
kind: Repository
metadata: { name: offsite }
spec: { location: vault, path: offsite, passwordFrom: { env: OFFSITE_PASSWORD } }
---
apiVersion: holdfast/v1
kind: Policy
metadata: { name: shop }
spec:
${spec}`;
  const checked = await checkFiles({ 'a.yaml': text });
  expect(checked.problems.filter(({ severity }) => severity === 'error')).toEqual([]);
  return checked;
}

/** The settings of a sync with more keys: `, versions: 30d`. */
async function compileSync(more: string): Promise<SyncSettings> {
  const text = `apiVersion: holdfast/v1
kind: Location
metadata: { name: vault }
spec: { local: { path: ../vault } }
---
apiVersion: holdfast/v1
kind: Policy
metadata: { name: orders }
spec:
  source: { directory: /srv }
  sync: [{ to: vault, path: copy, mode: mirror${more} }]
`;
  const { problems, compiled } = await checkFiles({ 'a.yaml': text });
  expect(problems.filter(({ severity }) => severity === 'error')).toEqual([]);
  const settings = compiled.actions.find(({ id }) => id === 'policy/orders/sync/vault/copy')?.settings;
  expect(settings?.kind).toBe('sync');
  return settings as SyncSettings;
}

test('a sync keeps versions for the period that is written, and none without one', async () => {
  expect((await compileSync('')).versions).toBeUndefined();
  expect((await compileSync(', versions: none')).versions).toBeUndefined();
  expect((await compileSync(', versions: 1y6mo')).versions).toBe('1y6mo');
});

test('an encrypted sync names where its secrets are found, and encrypts names unless told otherwise', async () => {
  expect((await compileSync('')).encrypt).toBeUndefined();
  expect((await compileSync(', encrypt: { passwordFrom: { env: A } }')).encrypt).toEqual({
    password: { env: 'A' },
    names: 'standard',
  });
  const whole = ', encrypt: { passwordFrom: { file: keys/sync }, saltFrom: { file: keys/salt }, names: plain }';
  expect((await compileSync(whole)).encrypt).toEqual({
    password: { file: '/project/policies/keys/sync' },
    salt: { file: '/project/policies/keys/salt' },
    names: 'plain',
  });
});

const settingsIn = ({ compiled }: Checked, id: string) => compiled.actions.find((action) => action.id === id)?.settings;

test('the source of a sync may be a location: its folder is named as its server has it', async () => {
  const sync = '  sync: [{ to: vault, path: copy, mode: mirror }]\n';
  const shop = await compileShop(`  source: { location: warehouse, path: ./shop/, exclude: ["*.tmp"] }\n${sync}`);
  expect(shop.notBuilt).toEqual([]);
  expect(settingsIn(shop, 'policy/shop/sync/vault/copy')).toMatchObject({
    source: { directories: ['/srv/warehouse/shop'], exclude: ['*.tmp'] },
    from: { location: { name: 'warehouse', identities: { reader: { user: 'auditor' } } }, path: 'shop' },
    to: { name: 'vault' },
  });
  const whole = await compileShop(`  source: { location: warehouse }\n${sync}`, { path: 'warehouse' });
  expect(settingsIn(whole, 'policy/shop/sync/vault/copy')).toMatchObject({
    source: { directories: ['/~/warehouse'] },
    from: { path: '' },
  });
});

test('a local location as the source is the folder, on the disk of its host, and can be backed up', async () => {
  const spec =
    '  source: { location: vault, path: live }\n  backup: [{ to: offsite }]\n  sync: [{ to: warehouse, mode: mirror }]\n';
  const shop = await compileShop(spec, { local: '/srv/vault, host: nas-01' });
  expect(shop.notBuilt).toEqual([]);
  const source = { directories: ['/srv/vault/live'], host: 'nas-01' };
  expect(settingsIn(shop, 'policy/shop/backup/offsite')).toMatchObject({ source, hostname: 'nas-01' });
  expect(settingsIn(shop, 'policy/shop/sync/warehouse')).toMatchObject({
    source,
    from: { location: { name: 'vault' } },
  });
  expect(shop.compiled.actions.find(({ kind }) => kind === 'sync')?.host).toBe('nas-01');
});

test('a location elsewhere is not backed up, and never taken for a folder of this machine', async () => {
  const spec = `  source: { location: warehouse, path: shop, oneFileSystem: true }
  sync: [{ to: vault, path: copy, mode: mirror }]
  backup: [{ to: offsite }]
  accessCheck: { every: 1d }
`;
  const shop = await compileShop(spec);
  expect(shop.notBuilt.map(({ line, message, hint }) => [line, message, hint])).toEqual([
    [22, 'not built yet: oneFileSystem of a remote location', 'remove it, and exclude what is mounted below'],
    [
      24,
      'not built yet: a backup of a remote location',
      'only a sync reads "warehouse" over the network: back up on its host, or mount it, and write directory',
    ],
  ]);
  expect(shop.compiled.actions.filter(({ policy }) => policy === 'shop').map(({ id }) => id)).toEqual([
    'policy/shop/sync/vault/copy',
    'policy/shop/access-check',
  ]);
  expect(settingsIn(shop, 'policy/shop/access-check')).toMatchObject({
    repositories: [],
    targets: [{ location: { name: 'vault' }, path: 'copy' }],
    sources: [{ location: { name: 'warehouse' }, path: 'shop' }],
  });
});
