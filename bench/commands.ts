/** `npm run bench [commands]`: what the commands cost that people wait for, against their targets; exits 1 when one is beyond. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { initRepository } from '../repository/init-repository.ts';
import { openLocalStorage } from '../storage/local.ts';

const ROUNDS = 9;
const LAUNCHER = path.join(import.meta.dirname, '..', 'cli', 'holdfast.js');
const POLICIES = path.join(import.meta.dirname, '..', 'policies');

/** What a simulation is measured with: so many policies of each class. */
const CLASSES = { critical: 10, high: 20, normal: 50, low: 20 };

/** scrypt at this cost takes a few milliseconds, so that the rest of the command is what is measured. */
const CHEAP_KEY = { N: 1024, r: 8, p: 1 };

interface Measurement {
  name: string;
  arguments: string[];
  /** Wall seconds on two cores. */
  target: number;
}

const folder = mkdtempSync(path.join(tmpdir(), 'holdfast-bench-'));
try {
  await createSmallRepository(folder);
  const repository = ['--repo', path.join(folder, 'repository'), '--password-file', path.join(folder, 'password')];
  const rows = measure([
    { name: 'validate policies/', arguments: ['validate', POLICIES], target: 0.4 },
    { name: 'snapshots (beyond scrypt)', arguments: ['snapshots', ...repository], target: 0.3 },
    { name: 'version', arguments: ['version'], target: 0.2 },
    {
      name: 'simulate 100 policies a year',
      arguments: ['simulate', writeManyPolicies(folder), '--days', '365', '--size', '100GiB', '--change', '1%/d'],
      target: 5,
    },
  ]);
  for (const row of rows) process.stdout.write(`${row.text}\n`);
  process.exitCode = rows.every((row) => row.met) ? 0 : 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}

/** Ten snapshots, as after ten days of backups. */
async function createSmallRepository(directory: string): Promise<void> {
  mkdirSync(path.join(directory, 'repository'));
  writeFileSync(path.join(directory, 'password'), 'bench\n', { mode: 0o600 });
  const storage = openLocalStorage(path.join(directory, 'repository'));
  const repository = await initRepository(storage, 'bench', { kdf: CHEAP_KEY });
  for (let day = 1; day <= 10; day++) {
    await repository.saveSnapshot({
      time: `2026-11-${String(day).padStart(2, '0')}T02:30:00Z`,
      tree: '0'.repeat(64),
      paths: ['/srv/orders'],
      hostname: 'app-01',
      username: 'holdfast',
      tags: ['holdfast', 'policy=orders'],
    });
  }
  await repository.close();
}

/** With all that runs by class: syncs, backups, retention, restore tests, access checks. */
function writeManyPolicies(directory: string): string {
  const file = path.join(directory, 'many.yaml');
  const head = 'apiVersion: holdfast/v1';
  const documents = [`${head}\nkind: Location\nmetadata: { name: vault }\nspec: { local: { path: /srv/vault } }\n`];
  for (const [importance, count] of Object.entries(CLASSES)) {
    for (let index = 0; index < count; index++) {
      const name = `${importance}-${index}`;
      documents.push(
        `${head}\nkind: Repository\nmetadata: { name: ${name} }\nspec: { location: vault, path: ${name}, passwordFrom: { env: P } }\n`,
        `${head}\nkind: Policy\nmetadata: { name: ${name} }\nspec:\n  importance: ${importance}\n  source: { directory: /srv/data/${name} }\n` +
          `  sync: [{ to: vault, path: synced/${name}, mode: mirror }]\n  backup: [{ to: ${name} }]\n  retention: { keep: class }\n`,
      );
    }
  }
  writeFileSync(file, documents.join('---\n'));
  return file;
}

/** In turn, so that what else the machine does falls on all alike; the first round warms the caches and does not count. */
function measure(measurements: Measurement[]): { text: string; met: boolean }[] {
  const seconds = measurements.map((): number[] => []);
  for (let round = 0; round <= ROUNDS; round++) {
    for (const [index, { arguments: args }] of measurements.entries()) {
      const elapsed = runOnce(args);
      if (round > 0) seconds[index]?.push(elapsed);
    }
  }
  return measurements.map(({ name, target }, index) => {
    const sorted = (seconds[index] ?? []).toSorted((a, b) => a - b);
    const median = sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
    const met = median <= target;
    const numbers = `median ${median.toFixed(3)} s, best ${sorted[0]?.toFixed(3)} s, target ${target.toFixed(1)} s`;
    return { met, text: `${name.padEnd(28)}${numbers}  ${met ? 'met' : 'MISSED'}` };
  });
}

function runOnce(args: string[]): number {
  const start = performance.now();
  const { status, stderr } = spawnSync(process.execPath, [LAUNCHER, ...args], { encoding: 'utf8' });
  const elapsed = (performance.now() - start) / 1000;
  if (status !== 0) throw new Error(`holdfast ${args.join(' ')} ended with ${status}: ${stderr}`);
  return elapsed;
}
