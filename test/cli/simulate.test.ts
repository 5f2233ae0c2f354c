import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Simulation } from '../../domain/simulation.ts';
import { openEvidenceStore } from '../../evidence/open-evidence-store.ts';
import { openLocalStorage } from '../../storage/local.ts';
import { sampleRun } from '../evidence/sample-records.ts';
import { runCli } from './run-cli.ts';

const POLICIES = `apiVersion: holdfast/v1
kind: Location
metadata: { name: vault }
spec: { local: { path: ../vault } }
---
apiVersion: holdfast/v1
kind: Repository
metadata: { name: offsite }
spec: { location: vault, path: offsite, passwordFrom: { env: P } }
---
apiVersion: holdfast/v1
kind: Policy
metadata: { name: orders }
spec:
  source: { directory: /srv/orders }
  backup: [{ to: offsite, at: "02:30", timezone: Europe/Berlin }]
  retention: { offset: 5h, keep: class, proven: 0 }
---
apiVersion: holdfast/v1
kind: Policy
metadata: { name: mail }
spec:
  importance: critical
  source: { directory: /srv/mail }
  backup: [{ to: offsite, every: 1h, offset: 10m }]
  retention: { offset: 6h, keep: class, proven: 0 }
`;

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-simulate-'));
  mkdirSync(join(folder, 'policies'));
  writeFileSync(join(folder, 'policies', 'all.yaml'), POLICIES);
});
afterAll(() => rmSync(folder, { recursive: true }));

const simulate = (...args: string[]) => runCli(['simulate', '--from', '2027-03-01', ...args], { directory: folder });

test('shows charts, runs by kind, and for each policy what it misses and what stays', async () => {
  const { status, stdout, stderr } = await simulate('--days', '60');
  expect([status, stderr]).toEqual([0, '']);
  expect(stdout).toContain('Simulation of 60 days from 2027-03-01 in UTC: 2 policies, 9 actions. Each run takes 5m.');
  expect(stdout).toContain('The first objective is missed on 2027-03-28: RPO of orders.');
  expect(stdout).toMatch(/^snapshots {3}[▁-█]{60} {2}\d+ to \d+, last \d+$/m);
  expect(stdout).toMatch(/^backup +1499 +25 +25 +0 +0 +0$/m);
  expect(stdout).toMatch(
    /^orders +normal +1d12h +1d23h5m +RPO 2027-03-28 +offsite +\d+ +daily 7, weekly 4, monthly 3$/m,
  );
  expect(stdout).toMatch(
    /^mail +critical +2h +1h5m +never +offsite +\d+ +hourly 48, daily 30, weekly \d+, monthly \d/m,
  );
});

test('assertions decide the exit status: 7 when one is false, 2 when one cannot be read', async () => {
  const good = await simulate('--assert', 'worstRpo(mail) < 2h and overlaps == 0', '--policy', 'mail');
  expect([good.status, good.stdout.split('\n').at(-2)]).toEqual([
    0,
    'true   worstRpo(mail) < 2h and overlaps == 0  (worstRpo(mail) is 1h5m, overlaps is 0)',
  ]);
  const bad = await simulate('--assert', 'runs > 0', '--assert', 'worstRpo < 36h', '--json');
  expect(bad.status).toBe(7);
  const document = JSON.parse(bad.stdout) as Simulation & { assertions: unknown[] };
  expect(document.assertions).toEqual([
    { text: 'runs > 0', holds: true, found: [expect.stringMatching(/^runs is \d+$/)] },
    { text: 'worstRpo < 36h', holds: false, found: ['worstRpo is 1d23h5m'] },
  ]);
  expect(document.firstMiss).toMatchObject({ policy: 'orders', objective: 'rpo' });
  const malformed = await simulate('--assert', 'worstRp < 2h');
  expect([malformed.status, malformed.stdout]).toEqual([2, '']);
  expect(malformed.stderr).toContain('did you mean "worstRpo"?');
});

test('the page has all in itself, and nothing of a name is taken for HTML', async () => {
  const { status, stderr } = await simulate(
    '--days',
    '10',
    '--html',
    'out.html',
    '--size',
    '10GiB',
    '--growth',
    '1%/d',
    '--assert',
    'runs > 1 or runs < 1',
  );
  expect([status, stderr]).toEqual([
    0,
    'wrote out.html\nstorage: each policy begins with 10.0 GiB, grows by 102 MiB and changes 0 B a day, as stored\n',
  ]);
  const page = readFileSync(join(folder, 'out.html'), 'utf8');
  expect(page).toMatch(/^<!doctype html>[\s\S]*<\/html>\n$/);
  expect(page.match(/<svg /g)).toHaveLength(3);
  expect(page).toContain('<code>runs &gt; 1 or runs &lt; 1</code>');
  expect(page).toContain('mail in offsite: ');
  expect(page).not.toMatch(/<script|https?:|src=|href=|url\(|@import|NaN|undefined/);
  const nowhere = await simulate('--html', 'no/such/folder.html');
  expect([nowhere.status, nowhere.stderr]).toEqual([2, expect.stringContaining('cannot be written')]);
});

test('with --measured runs take as long, and data grows as fast, as the records say', async () => {
  const evidence = openEvidenceStore(openLocalStorage(join(folder, '.holdfast', 'evidence')));
  for (const day of [3, 2, 1]) {
    const startedAt = new Date(Date.now() - day * 86_400_000);
    const figures = {
      kind: 'backup' as const,
      filesNew: 0,
      filesChanged: 0,
      filesUnmodified: 0,
      filesUnreadable: 0,
      bytesProcessed: (10 - day) * 1024 ** 3,
      bytesAdded: 1024 ** 3,
      bytesStored: 1024 ** 3,
      filesVerified: 0,
    };
    const finishedAt = new Date(startedAt.getTime() + 1_200_000).toISOString();
    await evidence.writeRun(
      sampleRun({
        startedAt: startedAt.toISOString(),
        finishedAt,
        figures,
        actionId: 'policy/mail/backup/offsite',
        policy: 'mail',
      }),
    );
  }
  await evidence.close();
  const { status, stdout } = await simulate('--days', '3', '--measured', '--policy', 'mail');
  expect(status).toBe(0);
  expect(stdout).toContain('Runs of 1 action take as long as measured, all others 5m.');
  expect(stdout).toMatch(/^mail +critical +2h +1h20m /m);
  expect(stdout).toMatch(/^storage {5}\S+ +9\.97 GiB to 12\.0 GiB, last 12\.0 GiB$/m);
});

test.each([
  [['--days', '0'], '"0" is not a number of days'],
  [['--days', '4000'], 'give 1 to 3660'],
  [['--from', '2027-02-30'], '"2027-02-30" is not a day'],
  [['--policy', 'order'], 'did you mean "orders"?'],
  [['--growth', '1%/d'], '--growth is given without --size'],
  [['--size', '1GiB', '--growth', '1%'], '"1%" is not a growth'],
  [['--run-length', '5'], '"5" is not a duration'],
])('%j is refused with a way out', async (args, message) => {
  const { status, stdout, stderr } = await simulate(...args);
  expect([status, stdout]).toEqual([2, '']);
  expect(stderr).toContain(message);
});

test('says of a retention that maxForget refuses it each time, though every objective is met', async () => {
  mkdirSync(join(folder, 'tight'));
  const tight = POLICIES.replace(
    'every: 1h, offset: 10m }]\n  retention: { offset: 6h, keep: class',
    'every: 15m, offset: 10m }]\n  retention: { offset: 6h, keep: { daily: 3 }',
  );
  expect(tight).not.toBe(POLICIES);
  writeFileSync(join(folder, 'tight', 'all.yaml'), tight);
  const { status, stdout } = await simulate('tight', '--policy', 'mail', '--days', '10');
  expect(status).toBe(0);
  expect(stdout).toContain('Every objective is met on every day.');
  expect(stdout).toContain(
    'The retention of mail in offsite never forgets anything: 10 runs would forget more than its maxForget.',
  );
});
