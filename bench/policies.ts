/** `npm run bench -- policies`: how long many policies take to validate, to plan and to apply, on the embedded engine. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { describeMachine } from './machine.ts';
import { findGnuTime, measureProcess, type Cost } from './measure-process.ts';
import { documentPolicies, judgePolicies, type PoliciesReport, type PolicyStep } from './policies-report.ts';
import { parseSave } from './report-document.ts';
import { runBenchmark, say } from './run-benchmark.ts';
import { isMissed } from './targets.ts';

const HELP = `npm run bench -- policies [options]

Validates one policy and twice as many as are applied; plans and applies them to an embedded engine, once with nothing in force, once
with nothing to do, once with a change of each. Each command is a process of its own, which starts the engine and stops it.
Exit status 1: something that must be reached was not.

  --policies N  how many are applied (default 500); each has a backup, its retention, a restore test and an access check
  --rounds N    of what can be repeated (default 3); the middle one counts
  --save NAME   write the report to NAME.md and NAME.json, to be committed
  --json        one JSON document instead of a table
  --help        this text
`;

const LAUNCHER = path.join(import.meta.dirname, '..', 'cli', 'holdfast.js');
const REPOSITORIES = 5;
const CLASSES = ['critical', 'high', 'normal', 'low'];

interface Options {
  policies: number;
  rounds: number;
  save: string | undefined;
  json: boolean;
  help: boolean;
}

/** The exit status is 1 when something that must be reached was not. */
export function runPoliciesBenchmark(args: string[]): Promise<void> {
  return runBenchmark(args, {
    help: HELP,
    parse: parseOptions,
    measure: measurePolicies,
    document: documentPolicies,
    isMissed: ({ verdicts }) => verdicts.some(isMissed),
  });
}

function parseOptions(args: string[]): Options {
  const { values } = parseArgs({
    args,
    options: {
      policies: { type: 'string', default: '500' },
      rounds: { type: 'string', default: '3' },
      save: { type: 'string' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const [policies, rounds] = [Number(values.policies), Number(values.rounds)];
  if (!Number.isInteger(policies) || policies < 1) throw new Error(`--policies ${values.policies} is not a number.`);
  if (!Number.isInteger(rounds) || rounds < 1) throw new Error(`--rounds ${values.rounds} is not a number.`);
  return { policies, rounds, save: parseSave(values.save), json: values.json, help: values.help };
}

function measurePolicies({ policies, rounds }: Options): PoliciesReport {
  const folder = mkdtempSync(path.join(tmpdir(), 'holdfast-policies-'));
  const load = loadavg()[0]!;
  try {
    const steps = [...measureValidation(folder, policies, rounds), ...measureEngine(folder, policies, rounds)];
    return {
      finished: new Date().toISOString(),
      machine: describeMachine(folder),
      load,
      policies,
      steps,
      verdicts: judgePolicies(steps),
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function measureValidation(folder: string, policies: number, rounds: number): PolicyStep[] {
  const [one, many] = [path.join(folder, 'one'), path.join(folder, 'many')];
  writePolicies(one, 1);
  writePolicies(many, 2 * policies);
  return [
    { name: 'validate', policies: 1, ...middle(rounds, () => holdfast(one, 'validate')) },
    { name: 'validate', policies: 2 * policies, ...middle(rounds, () => holdfast(many, 'validate')) },
  ];
}

/** What is in force then is in the folder's state; what changes it can be measured but once. */
function measureEngine(folder: string, policies: number, rounds: number): PolicyStep[] {
  const project = path.join(folder, 'project');
  writePolicies(project, policies);
  const plan = () => holdfast(project, 'plan', '--quiet');
  const apply = () => holdfast(project, 'apply', '--yes', '--allow-dirty', '--allow-weaker', '--quiet');
  // The Temporal CLI may have to be found first.
  writePolicies(path.join(folder, 'first'), 1);
  holdfast(path.join(folder, 'first'), 'apply', '--yes', '--allow-dirty', '--quiet');
  const steps: PolicyStep[] = [
    { name: 'plan, nothing in force', policies, ...middle(rounds, plan) },
    { name: 'apply', policies, ...apply() },
    { name: 'apply, nothing to do', policies, ...middle(rounds, apply) },
    { name: 'plan, nothing to do', policies, ...middle(rounds, plan) },
  ];
  writePolicies(project, policies, 'tags: [changed]');
  steps.push({ name: 'plan, each changed', policies, ...middle(rounds, plan) });
  steps.push({ name: 'apply, each changed', policies, ...apply() });
  return steps;
}

/** The one with the middle wall time; of all the highest peak. */
function middle(rounds: number, measure: () => Cost): Cost {
  const costs = Array.from({ length: rounds }, measure).toSorted((a, b) => a.wallSeconds - b.wallSeconds);
  const peaks = costs.flatMap(({ peakBytes }) => peakBytes ?? []);
  const cost = costs[Math.floor(costs.length / 2)]!;
  return peaks.length === 0 ? cost : { ...cost, peakBytes: Math.max(...peaks) };
}

function holdfast(directory: string, ...args: string[]): Cost {
  say(`${args[0]} in ${path.basename(directory)} …`);
  const environment = { BENCH_PASSWORD: 'bench' };
  return measureProcess({ file: process.execPath, args: [LAUNCHER, ...args], directory, environment }, GNU_TIME);
}

const GNU_TIME = findGnuTime();

/** One file each, as people keep them. */
function writePolicies(project: string, amount: number, backup = 'tags: [bench]'): void {
  mkdirSync(path.join(project, 'policies'), { recursive: true });
  mkdirSync(path.join(project, 'source'), { recursive: true });
  const repositories = Array.from({ length: Math.min(REPOSITORIES, amount) }, (_, index) =>
    document(
      'Repository',
      `r${index}`,
      `{ location: vault, path: r${index}, passwordFrom: { env: BENCH_PASSWORD }, prune: { every: 7d } }`,
    ),
  );
  const vault = document('Location', 'vault', '{ local: { path: ../vault } }');
  writeFileSync(path.join(project, 'policies', 'places.yaml'), [vault, ...repositories].join('---\n'));
  for (let index = 0; index < amount; index++) {
    const spec = `
  importance: ${CLASSES[index % CLASSES.length]!}
  source: { directory: ../source, exclude: ["*.tmp"] }
  backup: [{ to: r${(index % REPOSITORIES) % amount}, ${backup} }]
  retention: { keep: class }`;
    const content = document('Policy', `data-${index}`, spec);
    writeFileSync(path.join(project, 'policies', `data-${index}.yaml`), content);
  }
}

function document(kind: string, name: string, spec: string): string {
  return `apiVersion: holdfast/v1\nkind: ${kind}\nmetadata: { name: ${name} }\nspec: ${spec}\n`;
}
