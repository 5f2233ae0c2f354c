/** What the benchmark of policies says: how long each command took for how many of them, and whether the bounds were kept. */
import { renderMachine, type Machine } from './machine.ts';
import type { Cost } from './measure-process.ts';
import type { ReportDocument } from './report-document.ts';

const MiB = 1024 * 1024;

export interface PolicyStep extends Cost {
  name: string;
  policies: number;
}

export interface PolicyVerdict {
  step: string;
  figure: 'seconds' | 'bytes';
  limit: number;
  /** undefined: not measured. */
  value: number | undefined;
}

export interface PoliciesReport {
  /** RFC 3339. */
  finished: string;
  machine: Machine;
  /** Processes that wanted a processor when it began: what else the machine did. */
  load: number;
  /** As many as were applied. */
  policies: number;
  steps: PolicyStep[];
  verdicts: PolicyVerdict[];
}

/** For 500 policies that are applied, 1,000 that are validated, on two processors. */
const LIMITS: readonly (Omit<PolicyVerdict, 'value' | 'step'> & { name: string; single?: true })[] = [
  { name: 'validate', single: true, figure: 'seconds', limit: 0.3 },
  { name: 'validate', figure: 'seconds', limit: 1.5 },
  { name: 'validate', figure: 'bytes', limit: 250 * MiB },
  { name: 'plan, nothing in force', figure: 'seconds', limit: 10 },
  { name: 'apply', figure: 'seconds', limit: 60 },
  { name: 'apply, nothing to do', figure: 'seconds', limit: 10 },
  { name: 'plan, nothing to do', figure: 'seconds', limit: 10 },
  { name: 'plan, each changed', figure: 'seconds', limit: 10 },
  { name: 'apply, each changed', figure: 'seconds', limit: 60 },
];

export function judgePolicies(steps: readonly PolicyStep[]): PolicyVerdict[] {
  return LIMITS.flatMap(({ name, single, figure, limit }): PolicyVerdict[] => {
    const step = steps.find((each) => each.name === name && (each.policies === 1) === (single === true));
    if (step === undefined) return [];
    const value = figure === 'seconds' ? step.wallSeconds : step.peakBytes;
    return [{ step: titleOf(step), figure, limit, value }];
  });
}

export function documentPolicies(report: PoliciesReport): ReportDocument {
  const { finished, machine, load, steps, verdicts } = report;
  return {
    title: 'Many policies',
    origin: `Made by \`npm run bench -- policies\`, finished ${finished.slice(0, 10)}.`,
    preface: [
      renderMachine(machine),
      `when it began, ${load.toFixed(1)} other processes wanted a processor`,
      'each policy has a backup, its retention, a restore test and an access check: four schedules',
      'each command is a process of its own, which starts the embedded engine and stops it; CPU and peak are of holdfast, not of Temporal',
    ],
    sections: [
      {
        title: 'Figures',
        table: {
          head: ['', 'policies', 'seconds', 'CPU seconds', 'peak MiB'],
          right: [1, 2, 3, 4],
          rows: steps.map(stepCells),
        },
      },
      {
        title: 'Targets',
        table: { head: ['', 'target', 'is', ''], right: [2], rows: verdicts.map(verdictCells) },
      },
    ],
  };
}

function titleOf({ name, policies }: PolicyStep): string {
  const [command, ...rest] = name.split(', ');
  return [`${command} of ${policies}`, ...rest].join(', ');
}

function stepCells({ name, policies, wallSeconds, cpuSeconds, peakBytes }: PolicyStep): string[] {
  const peak = peakBytes === undefined ? '?' : (peakBytes / MiB).toFixed(0);
  return [name, String(policies), wallSeconds.toFixed(2), cpuSeconds?.toFixed(2) ?? '?', peak];
}

function verdictCells({ step, figure, limit, value }: PolicyVerdict): string[] {
  const format = (number: number): string =>
    figure === 'seconds' ? `${number.toFixed(2)} s` : `${(number / MiB).toFixed(0)} MiB`;
  if (value === undefined) return [step, `≤ ${format(limit)}`, '?', 'not measured'];
  return [step, `≤ ${format(limit)}`, format(value), value <= limit ? 'reached' : 'MISSED'];
}
