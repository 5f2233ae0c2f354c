import { expect, test } from 'vitest';
import type { SyncSettings } from '../../domain/action.ts';
import { checkFiles } from '../schemas/check-files.ts';

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
