/** A policy folder in which all is written that a plan has words for, and what it compiles to after a replacement. */
import { expect } from 'vitest';
import type { Action } from '../../domain/action.ts';
import { checkFiles } from '../schemas/check-files.ts';

/** All that the language has a word for, so that each kind of field is there. */
const POLICIES = `apiVersion: holdfast/v1
kind: Location
metadata: { name: vault }
spec:
  sftp: { host: vault.example, port: 22, path: /srv/vault, hostKey: "SHA256:abc" }
  identities: { writer: { user: holdfast, privateKeyFrom: { file: keys/writer }, passphraseFrom: { command: [pass, show, vault] } } }
  limits: { upload: 50MiB/s, connections: 8, times: [{ from: "08:00", to: "18:00", upload: 2MiB/s }] }
  access: { admins: [root], writers: [holdfast] }
---
apiVersion: holdfast/v1
kind: Repository
metadata: { name: offsite }
spec: { location: vault, path: offsite, passwordFrom: { env: OFFSITE_PASSWORD }, prune: { every: 7d }, check: { every: 7d, readData: 5% } }
---
apiVersion: holdfast/v1
kind: Repository
metadata: { name: second }
spec: { location: vault, path: second, passwordFrom: { env: SECOND_PASSWORD } }
---
apiVersion: holdfast/v1
kind: Policy
metadata: { name: orders, formerly: [shop] }
spec:
  importance: critical
  objectives: { rpo: 3h, rto: 30m }
  source: { directories: [/srv/orders], exclude: ["*.tmp"], excludeLargerThan: 20GiB, offline: { tolerate: 14d } }
  sync: [{ to: vault, path: orders, mode: mirror, every: 15m, versions: 30d, encrypt: { passwordFrom: { env: CRYPT } } }]
  backup: [{ to: offsite, every: 1h, verify: { content: 1% } }]
  copy: [{ from: offsite, to: second, every: 1d }]
  retention: { keep: { daily: 7, within: 7d, tags: [release] }, maxAge: 15y }
  hold: { until: 2036-01-01, reason: law, by: legal }
  restoreTest: { every: 7d, sample: { coverWithin: 365d }, full: { every: 90d }, scratch: { path: /scratch, max: 200GiB }, assert: [{ exists: a }, { file: b, minSize: 1KiB }, { script: verify.sh }] }
`;

export async function compiled(replace: [string, string][] = [], script = 'exit 0'): Promise<Action[]> {
  let text = POLICIES;
  for (const [from, to] of replace) {
    expect(text).toContain(from);
    text = text.replace(from, to);
  }
  const { problems, compiled } = await checkFiles({ 'a.yaml': text, 'verify.sh': script });
  expect(problems.filter(({ severity }) => severity === 'error')).toEqual([]);
  return compiled.actions;
}
