import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import { readSavedPlan, savePlan } from '../../cli/plan-file.ts';
import { runCli } from './run-cli.ts';

const PLAN = {
  plannedAt: '2026-12-01T00:00:00.000Z',
  plannedBy: 'alice',
  paths: [],
  basis: { policies: 'a', commit: { hash: undefined, dirty: true }, applyId: '', schedules: 'b' },
  plan: { changes: [] },
} as never;
const AGAIN = 'plan again: holdfast plan --out';

let directory: string;
let file: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'holdfast-plan-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  file = join(directory, 'plan.json');
});

async function refusal(name: string): Promise<string> {
  const { status, stderr } = await runCli(['apply', '--yes', name], { directory });
  expect(status).toBe(2);
  return stderr;
}

test('a plan is read as it was saved, also laid out anew', async () => {
  await savePlan(file, PLAN);
  const saved = await readSavedPlan(directory, ['plan.json']);
  expect(saved).toMatchObject({ format: 'holdfast-plan/1', plannedBy: 'alice', basis: { policies: 'a' } });
  writeFileSync(file, JSON.stringify(JSON.parse(readFileSync(file, 'utf8'))));
  expect(await readSavedPlan(directory, ['plan.json'])).toEqual(saved);
});

test('one that is cut off, edited or of another version is told as that, never as YAML', async () => {
  await savePlan(file, PLAN);
  const text = readFileSync(file, 'utf8');
  for (const damaged of [text.slice(0, -40), text.replace('alice', 'mallory'), text.replace('"basis"', '"bas?s"')]) {
    writeFileSync(file, damaged);
    const said = await refusal('plan.json');
    expect(said).toContain('plan.json is a saved plan, but it is damaged or was edited');
    expect(said).toContain(`${AGAIN} plan.json`);
  }
  writeFileSync(file, text.replace('holdfast-plan/1', 'holdfast-plan/2'));
  expect(await refusal('plan.json')).toContain('saved by another version of holdfast (holdfast-plan/2)');
});

test('one whose beginning is gone, and any other file, is told as no plan and no policies', async () => {
  await savePlan(file, PLAN);
  for (const text of [readFileSync(file, 'utf8').slice(60), '', '\0\0\0', '{}', 'hello: world\n']) {
    writeFileSync(file, text);
    const said = await refusal('plan.json');
    expect(said).toContain('plan.json is neither a saved plan nor a file of policies');
    expect(said).toContain(`${AGAIN} plan.json`);
  }
});

test('a file of policies is none, whatever its name', async () => {
  writeFileSync(file, '{ "apiVersion": "holdfast/v1", "kind": "Policy" }');
  expect(await readSavedPlan(directory, ['plan.json'])).toBeUndefined();
  writeFileSync(join(directory, 'a.yaml'), 'hello: world\n');
  expect(await readSavedPlan(directory, ['a.yaml'])).toBeUndefined();
  expect(await readSavedPlan(directory, ['.'])).toBeUndefined();
  expect(await readSavedPlan(directory, ['plan.json', 'a.yaml'])).toBeUndefined();
});
